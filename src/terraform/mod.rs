//! Terraform's state (version 4, as Terraform from 0.12 on and OpenTofu write it): what an address such as `aws_iam_role.app.arn` or
//! `module.net.aws_subnet.main["a"].id` stands for in it.
//!
//! Pure. Addresses are those of Terraform itself and of fujiwara/tfstate-lookup, which lambroll uses. What is found may be secret, and never
//! enters an error or a `Debug` output; addresses and the names of attributes do.

mod address;
mod backend;
mod lookup;
mod state;

pub use backend::Backend;
pub use lookup::{Found, LookupError};
pub use state::{Parsed, State, StateError};
