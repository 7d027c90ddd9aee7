//! What opening an image may need beside its name.

use super::{DaemonSettings, RemoteAccess};

/// The surroundings of a source: how daemons and registries are reached, and where things are kept meanwhile. Which part
/// is used depends on the source; images in files need none of it.
#[derive(Debug, Clone, Default)]
pub struct SourceAccess {
    /// For `docker-daemon:`.
    pub daemon: DaemonSettings,
    /// For `docker://`.
    pub remote: RemoteAccess,
}
