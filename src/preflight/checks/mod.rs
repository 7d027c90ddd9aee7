//! The checks, one file each, and the table that lists them in the order in which they are reported.

mod account;
mod alias;
mod architecture;
mod base_runtime;
mod compression;
mod content_size;
mod definition;
mod entrypoint;
mod entrypoint_architecture;
mod entrypoint_file;
mod entrypoint_libraries;
mod environment_size;
mod fips;
mod function_architecture;
mod function_state;
mod handler_file;
mod ignored_instructions;
mod image_size;
mod layer_entries;
mod layers;
mod mount;
mod operating_system;
mod package_type;
mod platform;
mod policy;
mod privileges;
mod readable;
mod region;
mod repository;
mod role;
mod runtime_client;
mod secrets;
mod settings_size;
mod tag;
mod unread_layers;
mod working_directory;

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
    settings_size::CHECK,
    environment_size::CHECK,
    ignored_instructions::CHECK,
    unread_layers::CHECK,
    content_size::CHECK,
    layer_entries::CHECK,
    entrypoint_file::CHECK,
    entrypoint_architecture::CHECK,
    entrypoint_libraries::CHECK,
    working_directory::CHECK,
    readable::CHECK,
    runtime_client::CHECK,
    handler_file::CHECK,
    base_runtime::CHECK,
    secrets::CHECK,
    privileges::CHECK,
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
