//! What can be expected of running a run again where it is run now.

use pleach_evaluate::protocol::Hello;
use pleach_store::{DigestHolds, LockFile};
use serde::Serialize;

/// How far metrics may lie apart where bits cannot be promised, unless told: of accuracies five points in a hundred.
const TOLERANCE: f64 = 0.05;

/// What is expected, and why not more.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Promise {
    /// How far a metric at the end of a trial may lie from the recorded one: as it is up to 1, as a share of the value above. None
    /// where every metric at every epoch must have the same bits.
    pub tolerance: Option<f64>,
    /// Whether a search must ask for the same; else a trial is compared with the one that had the same request.
    pub same_requests: bool,
    /// Why bits, or requests, cannot be promised here.
    pub because: Vec<String>,
    /// Metrics that are measured otherwise each time, which are not compared.
    pub not_compared: Vec<String>,
}

impl Promise {
    /// What a lock promises for these workers (none where nothing is trained) and this version of the search; `tolerance` where the
    /// user wants one.
    pub fn of(lock: &LockFile, hello: Option<&Hello>, tolerance: Option<f64>) -> Promise {
        let mut because = Vec::new();
        let mut differs = |what: &str, recorded: Option<&str>, now: &str| match recorded {
            Some(recorded) if recorded == now => {}
            Some(recorded) => because.push(format!("{what} is {now}, was {recorded}")),
            None => because.push(format!("{what} is {now}; the lock does not say what it was")),
        };
        let version = |name: &str| lock.versions.get(name).map(String::as_str);
        if let Some(hello) = hello {
            let device = Some(lock.device.as_str()).filter(|device| *device != "none");
            differs("the device class", device, &hello.device);
            differs("the device", lock.device_name.as_deref(), &hello.device_name);
            differs("libtorch", version("libtorch"), &hello.libtorch);
            let semantics = hello.training_semantics.to_string();
            differs("the version of training semantics", version("training_semantics"), &semantics);
        }
        if let Some(hello) = hello.filter(|hello| hello.device != "cpu") {
            because.push(format!("some kernels of a GPU ({}) do not repeat themselves", hello.device));
        }
        let bits = because.is_empty();
        let semantics = pleach_plan::SEARCH_SEMANTICS.to_string();
        let before = version("search_semantics");
        let same_loop = before.is_none_or(|before| before == semantics);
        if !same_loop {
            because.push(format!("the search loop has version {semantics}, had {}", before.unwrap_or_default()));
        }
        let led = lock.digest_holds == DigestHolds::ThisRun;
        if led {
            because.extend(lock.because.iter().cloned());
        }
        because.dedup();
        Promise {
            tolerance: tolerance.or((!bits).then_some(TOLERANCE)),
            same_requests: bits && same_loop && !led && tolerance.is_none(),
            because,
            not_compared: lock.unrepeatable.clone(),
        }
    }

    /// Whether all must be the same to the bit.
    pub fn is_exact(&self) -> bool {
        self.tolerance.is_none() && self.same_requests
    }

    /// Whether two values of a metric at the end of a trial agree.
    pub(super) fn agree(&self, one: f64, other: f64) -> bool {
        // The record keeps one NaN.
        if one.to_bits() == other.to_bits() || (one.is_nan() && other.is_nan()) {
            return true;
        }
        match self.tolerance {
            None => false,
            Some(tolerance) => (one - other).abs() <= tolerance * one.abs().max(other.abs()).max(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        Hello {
            protocol: 2,
            libtorch: "2.11.0".into(),
            device: "cpu".into(),
            device_name: "one (AVX2)".into(),
            training_semantics: 1,
        }
    }

    fn lock() -> LockFile {
        let mut lock = LockFile::default();
        crate::lock::trained_by(&mut lock, &hello());
        lock
    }

    #[test]
    fn bits_are_promised_where_all_is_the_same() {
        assert!(Promise::of(&lock(), Some(&hello()), None).is_exact());
        assert!(Promise::of(&LockFile::default(), None, None).is_exact(), "nothing is trained");
        let elsewhere = Promise::of(&lock(), Some(&Hello { device_name: "other (AVX-512)".into(), ..hello() }), None);
        assert_eq!((elsewhere.tolerance, elsewhere.same_requests), (Some(TOLERANCE), false));
        assert_eq!(elsewhere.because, ["the device is other (AVX-512), was one (AVX2)"]);
        let unknown = Promise::of(&LockFile { device_name: None, ..lock() }, Some(&hello()), Some(0.1));
        assert_eq!(unknown.tolerance, Some(0.1));
        assert!(unknown.because[0].contains("the lock does not say"), "{:?}", unknown.because);
    }

    #[test]
    fn a_search_that_a_clock_led_keeps_its_bits_but_not_its_way() {
        let because = vec!["`latency(1)` leads the search, and is measured otherwise each time".to_owned()];
        let led = LockFile { digest_holds: DigestHolds::ThisRun, because: because.clone(), ..lock() };
        let promise = Promise::of(&led, Some(&hello()), None);
        assert_eq!((promise.tolerance, promise.same_requests, promise.because), (None, false, because));
    }

    #[test]
    fn a_tolerance_is_absolute_up_to_one_and_a_share_above() {
        let promise = Promise::of(&lock(), Some(&hello()), Some(0.02));
        assert!(promise.agree(0.90, 0.9199) && !promise.agree(0.90, 0.9201));
        assert!(promise.agree(100.0, 101.9) && !promise.agree(100.0, 103.0));
        assert!(promise.agree(f64::NAN, f64::NAN) && !promise.agree(f64::NAN, 1.0));
        let exact = Promise::of(&lock(), Some(&hello()), None);
        assert!(exact.agree(0.1, 0.1) && !exact.agree(0.1, 0.1 + 1e-17 + f64::EPSILON) && !exact.agree(0.0, -0.0));
    }
}
