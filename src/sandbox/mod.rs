//! Proof by running: the image's merged file system is run on this machine under Lambda's constraints, without Docker.
//!
//! - `order` is what is to be run, as image and function say together; pure.
//! - `runtime_api` is Lambda's side of the conversation: a pure state machine, and its server.
//! - `stage` is what runs inside the namespaces; `host` is the tool's side of that; `wire` is what they say to each other.
//! - `environment` starts runtime and extensions, and invokes; `local_function` begins anew after accidents; `run` plays a whole check.
//! - `invoke_api` is Lambda's Invoke, for whoever is on this machine: `serve` keeps a function up for it.
//! - `explain` says what the usual failures mean, `lambda_words` what a caller of Lambda is told of them; both pure.
//!
//! It knows nothing of AWS, of the command line, or of how a report is shown. On systems other than Linux all of it says
//! that it is unavailable.

#[cfg(target_os = "linux")]
mod connections;
mod delivery;
#[cfg(target_os = "linux")]
mod environment;
#[cfg(target_os = "linux")]
mod explain;
#[cfg(target_os = "linux")]
mod foreign;
#[cfg(target_os = "linux")]
mod host;
#[cfg(target_os = "linux")]
mod invoke_api;
#[cfg(target_os = "linux")]
mod lambda_words;
#[cfg(target_os = "linux")]
mod local_function;
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing is run there"))]
mod order;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod runtime_api;
#[cfg(target_os = "linux")]
mod serve;
mod serving;
#[cfg(target_os = "linux")]
mod stage;
#[cfg(target_os = "linux")]
mod wire;

#[cfg(not(target_os = "linux"))]
mod elsewhere;

pub use delivery::{Answered, Delivery, Unanswered, Unbuilt, client_context, request_id};
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{LocalFunction, run_image, run_stage, serve_image};
#[cfg(target_os = "linux")]
pub use local_function::LocalFunction;
pub use order::RunOrder;
#[cfg(target_os = "linux")]
pub use run::run_image;
#[cfg(target_os = "linux")]
pub use serve::serve_image;
pub use serving::Serving;
#[cfg(target_os = "linux")]
pub use stage::run_stage;
