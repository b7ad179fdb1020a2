//! The bits of trainings, pinned.

use crate::networks::{adam, digits_network, job, random_network, recipe, sgd, train};
use pleach_evaluate::protocol::TrainJob;
use pleach_spec::{Augment, Constant, Optimizer, Schedule};
use pleach_torch::{TRAINING_SEMANTICS, cpu_capability, libtorch_version};
use std::fs;

/// Digests of the three trainings by processor. Kernels are chosen by instruction set and sizes of caches, so each processor
/// may have bits of its own: on others than those listed only two runs are compared.
///
/// Where a change gives other digests, raise [`TRAINING_SEMANTICS`] and put the new ones here: results that are kept from
/// before must not be mixed with new ones. On a processor that is not listed, `PLEACH_PIN=1` makes the test fail with its line.
const PINS: [(&str, u32, [&str; 3]); 1] = [(
    "AuthenticAMD 26 2 1024 KB AVX512",
    1,
    [
        "e980f25d57cbdb94007c99a54ad8efed8d31a25b76d3a14b884cd8913c0f3641",
        "59b74c4dba62935b50b604ffcbd2e5303212b2613019644a7ce9c1d1d9a4bce7",
        "65c135046b126770fd6c59c3cb46873401bfe3c4ec9aa862ce8aea4e8a736267",
    ],
)];

/// What tells processors apart that may compute other bits.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name));
        line.and_then(|line| line.split(':').nth(1)).unwrap_or("?").trim()
    };
    let fields = ["vendor_id", "cpu family", "model", "cache size"].map(field).join(" ");
    format!("{fields} {}", cpu_capability())
}

fn trainings() -> [TrainJob; 3] {
    let mut plain = job(digits_network(), recipe(1, sgd(0.1)));
    plain.data.split.limit = Some(200);
    let mut augmented = job(random_network(), recipe(2, Optimizer::Adam(adam(0.01))));
    augmented.data.split.limit = Some(130);
    augmented.recipe.augment = Augment { crop: 1, flip: true, cutout: 3, mixup: 0.5 };
    let mut clipped = job(random_network(), recipe(1, Optimizer::Adamw(adam(0.01))));
    clipped.data.split.limit = Some(200);
    clipped.recipe.clip = Some(0.5);
    clipped.recipe.label_smoothing = 0.1;
    clipped.recipe.schedule = Schedule::Constant(Constant { warm_up: 0.5 });
    [plain, augmented, clipped]
}

#[test]
fn bits_stay_as_they_are() {
    let digests = trainings().map(|job| {
        let digest = train(&job).digest;
        assert_eq!(digest, train(&job).digest, "two runs agree");
        digest
    });
    let (name, version) = (processor(), libtorch_version());
    let pinned = PINS.iter().find(|(processor, semantics, _)| (*processor, *semantics) == (&*name, TRAINING_SEMANTICS));
    match pinned {
        Some((_, _, expected)) if version == "2.11.0" => {
            assert_eq!(digests, *expected, "bits changed on {name}: raise TRAINING_SEMANTICS");
        }
        _ if std::env::var_os("PLEACH_PIN").is_some() => panic!("({name:?}, {TRAINING_SEMANTICS}, {digests:#?}),"),
        _ => {}
    }
}
