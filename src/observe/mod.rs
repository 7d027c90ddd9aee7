//! Gathers facts from both sides. Holds readers only, so it cannot change anything.
//!
//! What does not depend on each other is asked for at the same time: a deploy that has nothing to do needs two waves
//! of requests.

mod contents;
mod error;
mod facts;
mod layers;
mod matching;
mod mounts;
mod observer;
mod questions;

pub use contents::SeenContents;
pub use error::ObserveError;
pub use facts::{
    Facts, FunctionFacts, ImageFacts, KnownLayer, LayerFacts, LayerOrigin, MountFacts, PolicyFacts,
    RepositoryFacts,
};
pub(crate) use observer::registry_host;
pub use observer::{FunctionSight, Observation, Observer};
