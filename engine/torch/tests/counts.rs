//! What the space counts is what libtorch holds.

use pleach_space::{Space, View};
use pleach_spec::Decide;
use pleach_torch::Model;
use std::sync::Arc;

fn view(name: &str) -> View {
    let path = format!("{}/../../specs/spaces/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let section = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let space = Arc::new(Space::compile(&section, "", None).0.unwrap());
    let base = space.defaults();
    View::new(space, Decide::All, base)
}

#[test]
fn live_parameters_are_libtorchs_own_count_also_where_operations_are_dead() {
    for (name, count) in [
        ("nas-bench-201", 6),
        ("nas-bench-macro", 2),
        ("darts-8", 2),
        ("mobilenet-v3", 1),
        ("autoformer-tiny-32", 3),
        ("conv-transformer", 5),
    ] {
        let view = view(name);
        let mut genotypes = view.sample(count, 3);
        if name == "nas-bench-201" {
            // The convolution 0→1 reaches nothing; in the second nothing reaches the output.
            genotypes.push(vec![3.0, 1.0, 0.0, 1.0, 0.0, 3.0]);
            genotypes.push(vec![3.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        }
        for genotype in genotypes {
            let built = view.build(&genotype).unwrap();
            let model = Model::initialize(&built.network, 1, tch::Device::Cpu).unwrap();
            assert_eq!(model.parameters(), built.costs.live_parameters, "{name} {genotype:?}");
        }
    }
}
