use wasmtime::{Store, Trap, WasmBacktrace};

use crate::contract::generated::exports::pleach::strategy::strategy::Manifest as Described;
use crate::contract::generated::{StrategyPlugin, StrategyPluginPre};
use crate::contract::{Answer, Context, Genotype, Outcome};
use crate::imports::State;
use crate::limits::Refused;
use crate::rules::Rules;
use crate::{Call, EngineServices, Fault, Limits, Manifest, PluginError};

/// How many functions of a guest's backtrace an error shows.
const FRAMES: usize = 8;

/// The text with which wasmtime refuses to copy more than `Store::set_hostcall_fuel` allows; its error has no public type.
/// A test holds it.
const PAYLOAD_REFUSAL: &str = "fuel allocated for hostcalls has been exhausted";

/// What one call used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Units of fuel: the same on every machine.
    pub fuel: u64,
    /// What was allowed.
    pub fuel_limit: u64,
    /// Genotypes that the engine handled.
    pub engine_genotypes: u64,
    /// Bytes of log text, as counted.
    pub log_bytes: u64,
}

/// A running search of a plugin.
pub struct Strategy {
    name: String,
    stack_bytes: usize,
    store: Store<State>,
    guest: StrategyPlugin,
    rules: Option<Rules>,
    failed: bool,
    asks: u64,
    tells: u64,
    last: Usage,
    total_fuel: u64,
}

impl std::fmt::Debug for Strategy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Strategy")
            .field("name", &self.name)
            .field("asks", &self.asks)
            .field("tells", &self.tells)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// Asks a component, in an instance of its own, to describe itself.
pub(crate) fn describe(
    pre: &StrategyPluginPre<State>,
    name: &str,
    stack_bytes: usize,
) -> Result<Described, PluginError> {
    let store = Store::new(pre.engine(), State::new(Limits::default()));
    Strategy::instantiate(pre, store, name, stack_bytes)?.describe()
}

impl Strategy {
    pub(crate) fn instantiate(
        pre: &StrategyPluginPre<State>,
        mut store: Store<State>,
        name: &str,
        stack_bytes: usize,
    ) -> Result<Self, PluginError> {
        let limits = store.data().limits;
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(usize::try_from(limits.payload_bytes).unwrap_or(usize::MAX));
        // Instantiation can run a guest's start functions.
        store.set_fuel(limits.describe_fuel).expect("the host's engine counts fuel");
        store.data_mut().begin_call();
        let instantiated = pre.instantiate(&mut store);
        let guest = instantiated.map_err(|error| PluginError::Call {
            plugin: name.to_owned(),
            call: Call::Describe,
            fault: Box::new(fault_of(&error, &mut store, limits.describe_fuel, stack_bytes)),
        })?;
        Ok(Self {
            name: name.to_owned(),
            stack_bytes,
            store,
            guest,
            rules: None,
            failed: false,
            asks: 0,
            tells: 0,
            last: Usage::default(),
            total_fuel: 0,
        })
    }

    pub(crate) fn describe(&mut self) -> Result<Described, PluginError> {
        let fuel = self.store.data().limits.describe_fuel;
        self.call(Call::Describe, fuel, |guest, store| guest.pleach_strategy_strategy().call_describe(store))
    }

    pub(crate) fn start(
        &mut self,
        services: Box<dyn EngineServices>,
        context: &Context,
        manifest: &Manifest,
    ) -> Result<(), PluginError> {
        let state = self.store.data_mut();
        state.services = Some(services);
        state.decisions = context.decisions.len();
        self.rules = Some(Rules::new(context, manifest));
        let fuel = self.store.data().limits.start_fuel;
        let started =
            self.call(Call::Start, fuel, |guest, store| guest.pleach_strategy_strategy().call_start(store, context))?;
        self.accept(Call::Start, started.map_err(|message| Fault::Refused { message }))
    }

    /// The next requests, checked against the contract: at least one and at most `room`, or `wait`, or `finished`. Without
    /// room the plugin is not called and the answer is `wait`.
    ///
    /// # Errors
    /// What the plugin did wrong; it cannot be called again.
    pub fn ask(&mut self, room: u32) -> Result<Answer, PluginError> {
        if room == 0 {
            return Ok(Answer::Wait);
        }
        self.asks += 1;
        let call = Call::Ask { number: self.asks, room };
        let fuel = self.store.data().limits.fuel_for(room as usize);
        let answered = self.call(call, fuel, |guest, store| guest.pleach_strategy_strategy().call_ask(store, room))?;
        let checked = answered.map_err(|message| Fault::Refused { message }).and_then(|answer| {
            let services = self.store.data().services.as_deref().expect("a strategy is handed out started");
            let rules = self.rules.as_mut().expect("a strategy is handed out started");
            rules.asked(&answer, room, &|genotype| services.check_genotype(genotype))?;
            Ok(answer)
        });
        self.accept(call, checked)
    }

    /// Tells outcomes: all that end at one instant of the virtual clock, in the order asked.
    ///
    /// # Errors
    /// What the plugin did wrong; it cannot be called again. Also where an outcome's request is not in flight.
    pub fn tell(&mut self, outcomes: &[Outcome]) -> Result<(), PluginError> {
        self.tells += 1;
        let call = Call::Tell { number: self.tells, outcomes: outcomes.len() };
        let noted = self.rules.as_mut().expect("a strategy is handed out started").told(outcomes);
        self.accept(call, noted)?;
        let fuel = self.store.data().limits.fuel_for(outcomes.len());
        let told = self.call(call, fuel, |guest, store| guest.pleach_strategy_strategy().call_tell(store, outcomes))?;
        self.accept(call, told.map_err(|message| Fault::Refused { message }))
    }

    /// What the strategy recommends at its end, best or front first; empty: the best measured.
    ///
    /// # Errors
    /// What the plugin did wrong; it cannot be called again.
    pub fn recommend(&mut self) -> Result<Vec<Genotype>, PluginError> {
        let fuel = self.store.data().limits.end_fuel;
        let recommended =
            self.call(Call::Recommend, fuel, |guest, store| guest.pleach_strategy_strategy().call_recommend(store))?;
        let services = self.store.data().services.as_deref().expect("a strategy is handed out started");
        let rules = self.rules.as_ref().expect("a strategy is handed out started");
        let checked = rules.recommended(&recommended, &|genotype| services.check_genotype(genotype));
        self.accept(Call::Recommend, checked.map(|()| recommended))
    }

    /// What a later search with this plugin can begin from; empty: nothing.
    ///
    /// # Errors
    /// What the plugin did wrong; it cannot be called again.
    pub fn save(&mut self) -> Result<Vec<u8>, PluginError> {
        let fuel = self.store.data().limits.end_fuel;
        self.call(Call::Save, fuel, |guest, store| guest.pleach_strategy_strategy().call_save(store))
    }

    /// The plugin's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the last call used.
    pub fn last_usage(&self) -> Usage {
        self.last
    }

    /// The fuel of all calls so far.
    pub fn total_fuel(&self) -> u64 {
        self.total_fuel
    }

    /// The most memory that the guest had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.store.data().limiter.used()
    }

    /// The engine's side, as handed over at the start.
    pub fn services(&mut self) -> &mut dyn EngineServices {
        self.store.data_mut().services.as_deref_mut().expect("a strategy is handed out started")
    }

    fn call<T>(
        &mut self,
        call: Call,
        fuel: u64,
        run: impl FnOnce(&StrategyPlugin, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, PluginError> {
        if self.failed {
            return self.accept(call, Err(Fault::AfterFailure));
        }
        self.store.set_fuel(fuel).expect("the host's engine counts fuel");
        self.store.data_mut().begin_call();
        let result = run(&self.guest, &mut self.store);
        let left = self.store.get_fuel().expect("the host's engine counts fuel");
        let state = self.store.data();
        self.last = Usage {
            fuel: fuel - left,
            fuel_limit: fuel,
            engine_genotypes: state.limits.engine_genotypes - state.genotypes_left,
            log_bytes: state.limits.log_bytes - state.log_left,
        };
        self.total_fuel += self.last.fuel;
        let checked = result.map_err(|error| fault_of(&error, &mut self.store, fuel, self.stack_bytes));
        self.accept(call, checked)
    }

    /// Turns a fault into the error of this plugin and call, and remembers that the search is over.
    fn accept<T>(&mut self, call: Call, result: Result<T, Fault>) -> Result<T, PluginError> {
        result.map_err(|fault| {
            self.failed = true;
            PluginError::Call { plugin: self.name.clone(), call, fault: Box::new(fault) }
        })
    }
}

/// Why a call ended, from the most exact source that knows it.
fn fault_of(error: &wasmtime::Error, store: &mut Store<State>, fuel: u64, stack_bytes: usize) -> Fault {
    let frames = frames_of(error);
    let state = store.data_mut();
    if let Some(fault) = state.fault.take() {
        return fault;
    }
    match state.limiter.refused {
        Some(Refused::Memory { wanted }) => {
            return Fault::Memory { wanted, limit: state.limits.memory_bytes, frames };
        }
        Some(Refused::Table { wanted }) => return Fault::Table { wanted, limit: state.limits.table_elements },
        None => {}
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => return Fault::Fuel { limit: fuel, frames },
        Some(Trap::StackOverflow) => return Fault::Stack { limit: stack_bytes as u64, frames },
        _ => {}
    }
    if let Some((message, location)) = state.panicked.take() {
        return Fault::Panicked { message, location, frames };
    }
    let reason = error.downcast_ref::<Trap>().map_or_else(|| error.root_cause().to_string(), ToString::to_string);
    if reason.contains(PAYLOAD_REFUSAL) {
        return Fault::Payload { limit: state.limits.payload_bytes };
    }
    Fault::Trapped { reason, frames }
}

/// The guest's functions where it stopped, innermost first, without the panic's own.
fn frames_of(error: &wasmtime::Error) -> Vec<String> {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let names = trace.frames().iter().map(|frame| {
        let name = frame.func_name();
        // Alternate form: without the hash at the end of Rust's names.
        name.map_or_else(
            || format!("function {}", frame.func_index()),
            |name| format!("{:#}", rustc_demangle::demangle(name)),
        )
    });
    let own = |name: &String| {
        !["std::", "core::", "alloc::", "<std::", "<core::", "<alloc::", "__rust", "rust_", "abort"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    names.filter(own).take(FRAMES).collect()
}
