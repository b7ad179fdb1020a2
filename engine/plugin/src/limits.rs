use serde::{Deserialize, Serialize};
use wasmtime::ResourceLimiter;

/// What a plugin may use, per call where nothing else is said.
///
/// The defaults hold for interpreted guests too: Python used 7 million units of fuel and JavaScript 28 million for 64
/// requests; 10^9 units are some 0.1 s of straight code, and up to some seconds of the worst that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Fuel for `describe`.
    pub describe_fuel: u64,
    /// Fuel for `start`.
    pub start_fuel: u64,
    /// Fuel for `ask` and `tell`, plus [`item_fuel`](Self::item_fuel) for every place of the room or outcome; four times this
    /// at most.
    pub call_fuel: u64,
    /// Fuel for each place of the room in `ask`, and each outcome in `tell`.
    pub item_fuel: u64,
    /// Fuel for `recommend` and for `save`.
    pub end_fuel: u64,
    /// Bytes of linear memory, all memories together, over the whole search.
    pub memory_bytes: u64,
    /// Elements of tables, all tables together.
    pub table_elements: u64,
    /// Bytes that the guest hands to the host in one piece: an answer, or the arguments of an engine call.
    pub payload_bytes: u64,
    /// Bytes of log text; every message counts as at least 64.
    pub log_bytes: u64,
    /// Genotypes that the engine handles: those given, those wanted, those found; every engine call counts as at least 10, one
    /// that builds networks or predicts as more for each genotype, one that fits a predictor as 10,000.
    pub engine_genotypes: u64,
    /// Bytes that one engine call answers, about.
    pub answer_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            describe_fuel: 500_000_000,
            start_fuel: 2_000_000_000,
            call_fuel: 1_000_000_000,
            item_fuel: 10_000_000,
            end_fuel: 2_000_000_000,
            memory_bytes: 256 << 20,
            table_elements: 1 << 20,
            payload_bytes: 16 << 20,
            log_bytes: 64 << 10,
            engine_genotypes: 400_000,
            answer_bytes: 16 << 20,
        }
    }
}

impl Limits {
    /// The fuel for a call about this many requests or outcomes.
    pub(crate) fn fuel_for(&self, items: usize) -> u64 {
        let items = self.item_fuel.saturating_mul(items as u64);
        self.call_fuel.saturating_add(items).min(self.call_fuel.saturating_mul(4))
    }
}

/// A growth that was refused.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refused {
    Memory { wanted: u64 },
    Table { wanted: u64 },
}

/// Counts the memory of a store, and traps where it grows beyond its limit.
///
/// A trap rather than a failed growth: a guest that goes on after a failure would go on differently by machine.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_bytes: u64,
    table_elements: u64,
    used: u64,
    elements: u64,
    pub refused: Option<Refused>,
}

impl Limiter {
    pub fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: limits.memory_bytes,
            table_elements: limits.table_elements,
            used: 0,
            elements: 0,
            refused: None,
        }
    }

    /// Bytes of all memories. They never shrink, so this is the peak too.
    pub fn used(&self) -> u64 {
        self.used
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false); // beyond what the guest declared: fails alike everywhere
        }
        let wanted = self.used.saturating_add((desired - current) as u64);
        if wanted > self.memory_bytes {
            self.refused = Some(Refused::Memory { wanted });
            return Err(wasmtime::Error::msg("the memory limit"));
        }
        self.used = wanted;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let wanted = self.elements.saturating_add((desired - current) as u64);
        if wanted > self.table_elements {
            self.refused = Some(Refused::Table { wanted });
            return Err(wasmtime::Error::msg("the table limit"));
        }
        self.elements = wanted;
        Ok(true)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn instances(&self) -> usize {
        100
    }

    fn tables(&self) -> usize {
        100
    }

    fn memories(&self) -> usize {
        10
    }
}
