//! What opening an image may need beside its name.

use std::sync::Arc;

use super::{DaemonSettings, RemoteAccess};
use crate::event::{Reporter, Silence};

/// The surroundings of a source: how daemons and registries are reached, and where things are kept meanwhile. Which part
/// is used depends on the source; images in files need none of it.
#[derive(Clone)]
pub struct SourceAccess {
    /// For `docker-daemon:`.
    pub daemon: DaemonSettings,
    /// For `docker://`.
    pub remote: RemoteAccess,
    /// Where it is told what is waited for.
    pub reporter: Arc<dyn Reporter>,
}

impl Default for SourceAccess {
    fn default() -> Self {
        Self {
            daemon: DaemonSettings::default(),
            remote: RemoteAccess::default(),
            reporter: Arc::new(Silence),
        }
    }
}

impl std::fmt::Debug for SourceAccess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SourceAccess")
            .field("daemon", &self.daemon)
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}
