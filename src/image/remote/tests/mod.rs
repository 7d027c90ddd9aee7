//! Images read from a small registry over real HTTP: logins, choices, faults, lies.

mod layers;
mod logins;
mod model;
mod opening;
