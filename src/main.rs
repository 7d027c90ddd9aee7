//! Parse, run, exit.

use std::process::ExitCode;

use lambda_lift::cli::{Cli, run};

fn main() -> ExitCode {
    run(Cli::of_process()).into()
}
