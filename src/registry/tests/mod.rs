//! The wire steps and the push over real HTTP, against a small registry that misbehaves on demand.

mod crowding;
mod faults;
mod image;
mod inventory;
mod model;
mod mounts;
mod push;
mod resume;
mod round_trips;
mod wire;

pub(super) use image::layer;
