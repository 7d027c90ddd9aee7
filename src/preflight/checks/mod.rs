//! The checks, one file each, and the table that lists them in the order in which they are reported.

mod account;
mod alias;
mod architecture;
mod compression;
mod definition;
mod entrypoint;
mod fips;
mod function_architecture;
mod function_state;
mod image_size;
mod layers;
mod mount;
mod operating_system;
mod package_type;
mod platform;
mod policy;
mod region;
mod repository;
mod role;
mod tag;

use super::Check;

/// Every check there is.
pub const CHECKS: &[Check] = &[
    region::CHECK,
    fips::CHECK,
    operating_system::CHECK,
    architecture::CHECK,
    platform::CHECK,
    layers::CHECK,
    compression::CHECK,
    image_size::CHECK,
    entrypoint::CHECK,
    account::CHECK,
    repository::CHECK,
    mount::CHECK,
    tag::CHECK,
    policy::CHECK,
    package_type::CHECK,
    function_architecture::CHECK,
    function_state::CHECK,
    definition::CHECK,
    role::CHECK,
    alias::CHECK,
];
