//! Arguments, settings and exit codes: the edge where the environment, files and the user meet the pipeline.
//!
//! No clap type, environment variable or home directory is known outside of here (credential lookup in `aws/` excepted).

mod arguments;
mod check;
mod configuration_file;
mod configured;
mod deploy;
mod diff;
mod docker;
mod doctor;
mod doors;
mod engine;
mod exit;
mod explanation;
mod fleet;
mod github;
mod init;
mod invoke;
mod lambroll;
mod misuse;
mod new_file;
mod permissions;
mod permissions_check;
mod policy;
mod proof;
mod prune;
mod reach;
mod release;
mod remote;
mod rollback;
mod run;
mod serve;
mod session;
mod settings;
mod shell;
mod status;
mod targets;
mod traffic;
mod typed;
mod values;

pub use arguments::Cli;
pub use configured::{Chosen, Invocation};
pub use exit::ExitCondition;
pub use misuse::Misuse;
pub use run::{listen_for_interrupts, run};
