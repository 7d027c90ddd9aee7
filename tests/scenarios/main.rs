//! Scenarios through the real binary against the stand-in for AWS: the exit code, the document, and the calls.
//!
//! Each test starts a stand-in of its own inside its process, and runs the binary as a user would. What is said is
//! searched for secrets every time ([`account::Account::run`]).

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod account;
mod alarms;
mod cache;
mod codedeploy;
mod codedeploy_faults;
mod codedeploy_others;
mod config;
mod config_input;
mod daemon;
mod deploy;
mod diff;
mod faults;
mod hostile;
mod image;
mod impostor;
mod init;
mod interrupted;
mod invoke;
mod mounts;
mod observer;
mod policy;
mod prune;
mod prune_answers;
mod prune_faults;
mod prune_scene;
mod push_faults;
mod refusals;
mod registries;
mod release;
mod remote;
mod reuse;
mod rollback;
mod status;
mod status_watch;
mod targets;
mod targets_at_once;
mod threat;
mod uploads;
mod usage;
mod waiting;
mod watching;
