//! The wire steps and the push over real HTTP, against a small registry that misbehaves on demand.

mod faults;
mod image;
mod inventory;
mod model;
mod mounts;
mod push;
mod wire;
