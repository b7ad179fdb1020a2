//! What the calls of all searches used.

use pleach_plugin::Strategy;

use crate::report::CallFuel;

const CALLS: [&str; 5] = ["start", "ask", "tell", "recommend", "save"];

/// Fuel used and allowed, by the kind of call, and the peak of memory.
#[derive(Debug, Default)]
pub(crate) struct Usages {
    calls: [Vec<(u64, u64)>; CALLS.len()],
    pub peak_memory: u64,
}

impl Usages {
    /// Takes note of the call that a strategy has just answered.
    pub fn note(&mut self, call: &str, strategy: &Strategy) {
        let index = CALLS.iter().position(|known| *known == call).expect("the contract has this call");
        let usage = strategy.last_usage();
        self.calls[index].push((usage.fuel, usage.fuel_limit));
        self.peak_memory = self.peak_memory.max(strategy.peak_memory());
    }

    /// The same in few numbers.
    pub fn fuel(&self) -> Vec<CallFuel> {
        let summary = |(call, used): (&&'static str, &Vec<(u64, u64)>)| {
            let mut fuel: Vec<u64> = used.iter().map(|(fuel, _)| *fuel).collect();
            fuel.sort_unstable();
            Some(CallFuel {
                call,
                calls: fuel.len(),
                median: fuel[fuel.len().checked_sub(1)? / 2],
                largest: *fuel.last()?,
                share: used.iter().map(|(fuel, limit)| *fuel as f64 / *limit as f64).fold(0.0, f64::max),
            })
        };
        CALLS.iter().zip(&self.calls).filter_map(summary).collect()
    }
}
