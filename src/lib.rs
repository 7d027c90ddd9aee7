//! lambda-lift takes a container image from this machine to a live AWS Lambda function.
//!
//! The tour of the pipeline, in the order in which data flows (one way only):
//!
//! 1. [`cli`] turns arguments, environment and files into a [`plan::DeploySpec`].
//! 2. [`image`] opens the local image as an immutable view; [`cloud`] names what we ask of AWS and
//!    [`aws`] is the one place that answers with the AWS SDK.
//! 3. [`observe`] reads both sides into `Facts`; it holds readers only.
//! 4. [`preflight`] turns facts into findings, [`plan`] turns them into a list of steps. Both are pure.
//! 5. [`apply`] carries the steps out, and is the only one that holds writers. It uses [`layer`] and
//!    [`registry`] to move bytes, [`policy`] for the repository policy, [`function`] for what the user
//!    declared.
//! 6. [`release`] moves traffic and remembers what an alias ran; [`status`] shows how a function stands, with readers only.
//! 7. [`sandbox`] proves that an image is fit by running it here, as Lambda would.
//! 8. Everything says what happens as an [`event::Event`]; [`output`] is the only one that prints.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail loudly"))]
#![cfg_attr(fuzzing, allow(dead_code, reason = "the fuzzer leaves out what uses it"))]

pub mod advice;
pub mod apply;
#[cfg(not(fuzzing))]
pub mod aws;
#[cfg(not(fuzzing))]
pub mod cli;
pub mod cloud;
pub mod config;
pub mod diff;
pub mod doctor;
pub mod event;
pub mod fleet;
pub mod function;
mod http;
pub mod image;
pub mod init;
pub mod invoke;
pub mod lambroll;
pub mod layer;
pub mod memory;
pub mod name;
pub mod observe;
pub mod output;
pub mod permission;
pub mod plan;
pub mod policy;
pub mod preflight;
pub mod private_folder;
pub mod prune;
pub mod registry;
pub mod release;
pub mod report;
pub mod rootfs;
#[cfg(test)]
mod samples;
pub mod sandbox;
mod spelling;
pub mod stand_runner;
pub mod status;
pub mod terraform;
pub mod values;
