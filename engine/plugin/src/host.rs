use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, Store, WasmBacktraceDetails};

use crate::cache::{Cache, CacheUse};
use crate::compile::{Uncompiled, compile};
use crate::contract::generated::{StrategyPlugin, StrategyPluginPre};
use crate::contract::{Context, PACKAGE, VERSION};
use crate::extent::check_extent;
use crate::fuel::costs;
use crate::imports::State;
use crate::manifest::without_manifest;
use crate::{Call, EngineServices, Limits, Manifest, PluginError, Strategy, read_manifest};

/// How plugins are loaded.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// The folder of compiled components, private to its user; none compiles at every load.
    pub cache: Option<PathBuf>,
    /// Bytes of stack that a guest may use. The calling thread's stack must be at least as large again.
    pub stack_bytes: usize,
    /// Bytes that a component may have.
    pub component_bytes: usize,
    /// How long compiling may take; none is without limit. What comes from the cache is not compiled.
    pub compile_limit: Option<Duration>,
}

/// Bytes that a component may have unless told otherwise. Interpreters of Python and JavaScript have 12 to 18 MB.
pub const COMPONENT_BYTES: usize = 64 << 20;
/// What plugins of Rust, which compile in a tenth of it, leave room for on a slow machine.
const COMPILE_LIMIT: Duration = Duration::from_secs(8);

impl Default for HostOptions {
    fn default() -> Self {
        Self { cache: None, stack_bytes: 1 << 20, component_bytes: COMPONENT_BYTES, compile_limit: Some(COMPILE_LIMIT) }
    }
}

/// Compiles and loads plugins. Make one per process and share it between threads.
pub struct Host {
    engine: Engine,
    linker: Linker<State>,
    cache: Option<Result<Cache, String>>,
    options: HostOptions,
}

impl Host {
    /// A host with these options. A cache that cannot be used is no error: [`Plugin::cache_use`] tells.
    ///
    /// # Errors
    /// Where the machine cannot run WebAssembly as the contract needs it.
    pub fn new(options: HostOptions) -> Result<Self, PluginError> {
        let refused = |error: wasmtime::Error| PluginError::NotStrategy {
            origin: "this machine's engine".to_owned(),
            detail: format!("{error:#}"),
        };
        // Threads need a feature of wasmtime that is not compiled in; fuel makes a clock unnecessary (see the crate's docs).
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            .consume_fuel(true)
            .operator_cost(costs())
            .max_wasm_stack(options.stack_bytes)
            .cranelift_nan_canonicalization(true)
            .relaxed_simd_deterministic(true)
            .wasm_backtrace_details(WasmBacktraceDetails::Disable);
        let engine = Engine::new(&config).map_err(refused)?;
        let mut linker = Linker::new(&engine);
        StrategyPlugin::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state).map_err(refused)?;
        let cache = options.cache.as_deref().map(|folder| Cache::open(folder).map_err(|error| error.to_string()));
        Ok(Self { engine, linker, cache, options })
    }

    /// Compiles a plugin, or takes it from the cache, and checks that it asks for nothing but the contract. `origin` names
    /// it in errors.
    ///
    /// # Errors
    /// Where it is no component, has no valid manifest, imports something else, or was built for another contract.
    pub fn load(&self, bytes: &[u8], origin: &str) -> Result<Plugin, PluginError> {
        let manifest = read_manifest(bytes, origin)?;
        let (pre, cache_use) = self.prepare(without_manifest(bytes), origin)?;
        let digest = blake3::hash(bytes).to_hex().to_string();
        Ok(Plugin { pre, manifest: Arc::new(manifest), digest, cache_use, stack_bytes: self.options.stack_bytes })
    }

    /// Asks a component that has no manifest section yet to describe itself.
    pub(crate) fn describe(&self, bytes: &[u8], origin: &str) -> Result<Manifest, PluginError> {
        let (pre, _) = self.prepare(bytes, origin)?;
        let described = crate::strategy::describe(&pre, origin, self.options.stack_bytes)?;
        let invalid = |detail| PluginError::InvalidManifest { origin: origin.to_owned(), detail };
        Manifest::from_described(described).map_err(invalid)
    }

    fn prepare(&self, bytes: &[u8], origin: &str) -> Result<(StrategyPluginPre<State>, CacheUse), PluginError> {
        let (component, cache_use) = self.compile(bytes, origin)?;
        check_names(&self.engine, &component, origin)?;
        let pre = self.linker.instantiate_pre(&component).and_then(StrategyPluginPre::new);
        let pre =
            pre.map_err(|error| PluginError::NotStrategy { origin: origin.to_owned(), detail: format!("{error:#}") })?;
        Ok((pre, cache_use))
    }

    fn compile(&self, bytes: &[u8], origin: &str) -> Result<(Component, CacheUse), PluginError> {
        let too_large = |detail| PluginError::TooLarge { origin: origin.to_owned(), detail };
        if bytes.len() > self.options.component_bytes {
            let limit = self.options.component_bytes;
            return Err(too_large(format!("it has {} bytes where {limit} are allowed", bytes.len())));
        }
        check_extent(bytes).map_err(too_large)?;
        let compiled = || compile(&self.engine, bytes, self.options.compile_limit);
        let result = match &self.cache {
            None => compiled().map(|component| (component, CacheUse::Off)),
            Some(Ok(cache)) => cache.load(&self.engine, bytes, compiled),
            Some(Err(reason)) => compiled().map(|component| (component, CacheUse::Unusable { reason: reason.clone() })),
        };
        result.map_err(|error| match error {
            Uncompiled::Invalid(detail) => PluginError::NotComponent { origin: origin.to_owned(), detail },
            Uncompiled::TooLarge(detail) => too_large(detail),
        })
    }
}

/// Reads from the names of imports and exports what a component wants, so that errors need not be guessed from messages.
fn check_names(engine: &Engine, component: &Component, origin: &str) -> Result<(), PluginError> {
    let origin = || origin.to_owned();
    let types = component.component_type();
    for (import, _) in types.imports(engine) {
        let Some(version) = contract_version(import) else {
            return Err(PluginError::ForbiddenImport {
                origin: origin(),
                import: import.to_owned(),
                help: help_for(import),
            });
        };
        if version != VERSION {
            return Err(PluginError::ContractVersion { origin: origin(), built_for: version.to_owned() });
        }
    }
    let versions: Vec<&str> = types.exports(engine).filter_map(|(export, _)| contract_version(export)).collect();
    match versions[..] {
        [] => {
            let detail = format!("it exports no `{PACKAGE}/strategy@{VERSION}`");
            Err(PluginError::NotStrategy { origin: origin(), detail })
        }
        _ if versions.contains(&VERSION) => Ok(()),
        [other, ..] => Err(PluginError::ContractVersion { origin: origin(), built_for: other.to_owned() }),
    }
}

/// The version in a name such as `pleach:strategy/engine@0.1.0`; none for another package.
fn contract_version(name: &str) -> Option<&str> {
    let interface = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    Some(interface.split_once('@').map_or("no version", |(_, version)| version))
}

fn help_for(import: &str) -> &'static str {
    if import.starts_with("wasi:random/") {
        "a strategy's only source of chance is the seed in its context; build Rust for wasm32-unknown-unknown, Python with \
         `componentize-py --stub-wasi`, JavaScript with `disableFeatures: ['random', 'stdio', 'clocks', 'http', \
         'fetch-event']`"
    } else if import.starts_with("wasi:") {
        "there are no files, clocks, network or environment; build Rust for wasm32-unknown-unknown, Python with \
         `componentize-py --stub-wasi`, JavaScript with `disableFeatures: ['random', 'stdio', 'clocks', 'http', \
         'fetch-event']`"
    } else {
        "remove what needs it, and use the functions of `pleach:strategy/engine` instead"
    }
}

/// A loaded plugin, which can start any number of searches, also at once.
#[derive(Clone)]
pub struct Plugin {
    pre: StrategyPluginPre<State>,
    manifest: Arc<Manifest>,
    digest: String,
    cache_use: CacheUse,
    stack_bytes: usize,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.manifest.name)
            .field("digest", &self.digest)
            .field("cache_use", &self.cache_use)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    /// What the plugin says of itself, as stored in its file.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The BLAKE3 digest of the file, as 64 hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the cache of compiled components did for this load.
    pub fn cache_use(&self) -> &CacheUse {
        &self.cache_use
    }

    /// The names that the component imports: all that it can do.
    pub fn imports(&self) -> Vec<String> {
        let component = self.pre.instance_pre().component();
        component.component_type().imports(self.pre.engine()).map(|(name, _)| name.to_owned()).collect()
    }

    /// Starts a search in an instance of its own.
    ///
    /// # Errors
    /// [`PluginError::ManifestDiffers`] where the component describes itself otherwise than its file, else what the call
    /// did wrong.
    pub fn start(
        &self,
        services: Box<dyn EngineServices>,
        context: &Context,
        limits: Limits,
    ) -> Result<Strategy, PluginError> {
        let store = Store::new(self.pre.engine(), State::new(limits));
        let mut strategy = Strategy::instantiate(&self.pre, store, &self.manifest.name, self.stack_bytes)?;
        let described =
            Manifest::from_described(strategy.describe()?).map_err(|detail| PluginError::InvalidManifest {
                origin: format!("plugin `{}`, {}", self.manifest.name, Call::Describe),
                detail,
            })?;
        if let Some((field, embedded, described)) = self.manifest.difference(&described) {
            let plugin = self.manifest.name.clone();
            return Err(PluginError::ManifestDiffers { plugin, field, embedded, described });
        }
        strategy.start(services, context, &self.manifest)?;
        Ok(strategy)
    }
}
