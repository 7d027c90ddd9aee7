//! What can keep the stand-in from starting, or from keeping its state.

use std::path::PathBuf;

/// Why the stand-in could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or may not be used.
    #[error("cannot listen on 127.0.0.1:{port}; choose another port, or 0 for a free one")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The state folder or the log cannot be read or written.
    #[error("cannot use {path}", path = .path.display())]
    File {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of the state folder is not what the stand-in wrote.
    #[error("{path} is not a state file of this version; remove it, or use another folder", path = .path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        #[source]
        source: serde_json::Error,
    },
    /// Another process uses the folder.
    #[error("{path} is in use by another stand-in; stop that one, or use another folder", path = .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// An account in the settings is not one.
    #[error("{account} is not an account id; it has to be 12 digits")]
    Account {
        /// The text.
        account: String,
    },
}
