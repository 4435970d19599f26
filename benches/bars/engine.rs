//! Our part: the engine of the command line and the daemon, put together for a repository and a registry of the bench.

use std::path::Path;

use headwater::cli::engine::{Engine, Opening};
use headwater::config::Settings;
use headwater::config::registry::RegistryEntry;
use headwater::model::Timestamp;
use tokio::runtime::Runtime;

use crate::corpus::BEGIN;

/// An engine with its runtime.
pub(crate) struct Ours {
    /// As in the program.
    pub(crate) runtime: Runtime,
    /// As in the program.
    pub(crate) engine: Engine,
}

impl Ours {
    /// For the repository in a folder, through a private mirror, with `registry.example` at an address.
    pub(crate) fn open(bare: &Path, cache: &Path, registry: &str) -> Self {
        let mut settings = Settings::default();
        settings.git.cache_dir = cache.to_owned();
        settings.registry.use_docker_config = false;
        settings.registry.registries.push(RegistryEntry {
            host: "registry.example".to_owned(),
            mirror: Some(format!("http://{registry}")),
            plain_http: true,
            skip_verify: false,
            ca_file: None,
            concurrency: None,
            token_realms: Vec::new(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let opening = Opening {
            location: format!("file://{}", bare.display()),
            ..Opening::default()
        };
        let engine = Engine::assemble(&settings, opening).unwrap();
        Self { runtime, engine }
    }

    /// One pass at a minute after the beginning; whether it did nothing and has nothing to tell.
    pub(crate) fn pass(&self, minute: usize) -> bool {
        let pass = self
            .runtime
            .block_on(self.engine.reconciler.pass(at(minute)));
        let pass = pass.unwrap();
        assert!(pass.receipt.refused.is_empty(), "{:?}", pass.receipt);
        let holds = &pass.plan.holds;
        assert!(holds.is_empty(), "{:?}", &holds[..holds.len().min(3)]);
        pass.receipt.done.is_empty()
    }
}

/// So many minutes after the repository began.
pub(crate) fn at(minute: usize) -> Timestamp {
    Timestamp::from_second(BEGIN + 60 * i64::try_from(minute).unwrap()).unwrap()
}
