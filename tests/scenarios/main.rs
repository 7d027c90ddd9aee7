//! Scenarios through the real binary against the stand-in for AWS: the exit code, the document, and the calls.
//!
//! Each test starts a stand-in of its own inside its process, and runs the binary as a user would. What is said is
//! searched for secrets every time ([`account::Account::run`]).

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod account;
mod action;
mod action_install;
mod advice;
mod alarms;
mod cache;
#[cfg(target_os = "linux")]
mod check_run;
mod codedeploy;
mod codedeploy_faults;
mod codedeploy_others;
mod completions;
mod config;
mod config_input;
mod content;
mod control_groups;
mod daemon;
mod deploy;
#[cfg(target_os = "linux")]
mod deploy_run;
mod diff;
mod faults;
mod github;
mod hostile;
mod image;
mod impostor;
mod init;
mod interrupted;
mod invoke;
#[cfg(target_os = "linux")]
mod invoke_local;
mod lambroll;
mod layers_hostile;
mod mounts;
mod observer;
mod permissions;
mod permissions_values;
mod policy;
mod prune;
mod prune_answers;
mod prune_faults;
mod prune_scene;
mod push_faults;
mod refusals;
mod registries;
mod release;
mod release_archive;
mod remote;
mod reuse;
mod rollback;
mod sarif;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod shell_function;
mod status;
mod status_watch;
mod targets;
mod targets_at_once;
mod targets_prune;
mod targets_sources;
mod threat;
#[cfg(target_os = "linux")]
mod unprivileged;
mod uploads;
mod usage;
mod values;
mod waiting;
mod watching;
