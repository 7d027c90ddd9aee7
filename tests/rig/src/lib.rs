//! What the tests of lambda-lift are run against, none of it (but one daemon) written by whoever wrote lambda-lift.
//!
//! - [`ThirdPartyCloud`] is an AWS account made of [moto][] (the control planes of ECR, Lambda, IAM and STS) and the
//!   CNCF distribution registry (Debian's `docker-registry`), joined by moto's registry token. It remembers every
//!   call, so that a test can say that no write call was made.
//! - [`Images`] has one small image made by each real producer: `docker save`, podman, buildah, skopeo.
//! - [`skopeo`] and [`Boto3`] say what is in a registry and in an account, in somebody else's words.
//! - [`Proxy`] stands in front of a server and bites: it cuts, stalls, delays and slows down.
//! - [`LambdaLift`] runs the binary under test with an environment of its own.
//! - [`ActionRunner`] runs the GitHub Action of this repository as GitHub's runner does.
//! - [`Functions`] has what real functions are made of (a Debian root, AWS's runtime clients for Python, Node.js and Rust, the Web
//!   Adapter), and [`FunctionImage`] puts images together from it. [`Emulator`] is AWS's own runtime interface emulator.
//! - [`Remains`] is what a run of an image could leave behind.
//! - [`VirtualMachine`] has a kernel of its own, in QEMU.
//! - [`Dockerd`] and [`PodmanService`] are daemons with stores of their own; [`RecordingSocket`] stands before one and
//!   notes what is asked. [`scripted_daemon`] is the exception that was written here: a daemon with any fault.
//!
//! The programs come from `tests/run`, which installs them. A program that is not there fails the test: nothing
//! is skipped. Everything that is started ends with the value that started it, and with the test's process.
//!
//! Whatever cannot be done here is a failed test, so these functions panic instead of returning errors.
//!
//! [moto]: https://docs.getmoto.org

mod boto3;
mod calls;
mod certificates;
mod composite_action;
mod docker;
mod emulator;
mod functions;
mod images;
mod kept;
mod lambda_lift;
mod moto;
mod podman;
mod proxy;
mod recording_socket;
mod registry;
mod remains;
pub mod scripted_daemon;
mod server;
pub mod skopeo;
mod third_party_cloud;
mod tool;
mod virtual_machine;

pub use boto3::Boto3;
pub use calls::{Call, Mark};
pub use composite_action::{ActionRun, ActionRunner};
pub use docker::Dockerd;
pub use emulator::{Emulated, Emulator};
pub use functions::{FunctionImage, Functions, Layer};
pub use images::{Images, LocalImage};
pub use lambda_lift::{LambdaLift, Run};
pub use moto::Moto;
pub use podman::PodmanService;
pub use proxy::{Bite, Bitten, Cut, Ending, Harm, Line, Proxy};
pub use recording_socket::RecordingSocket;
pub use registry::Registry;
pub use remains::Remains;
pub use third_party_cloud::ThirdPartyCloud;
pub use virtual_machine::VirtualMachine;
