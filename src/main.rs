//! Parse, run, exit.

use std::process::ExitCode;

use clap::Parser as _;
use lambda_lift::cli::{Cli, run};

fn main() -> ExitCode {
    run(Cli::parse()).into()
}
