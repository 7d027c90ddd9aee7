//! Parse, run, exit.

use std::process::ExitCode;

use clap::Parser as _;
use lambda_lift::cli::{Cli, ExitCondition, run};
use lambda_lift::output::print_message;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(condition) => condition.into(),
        Err(error) => {
            print_message(&format!("error: {error:#}"));
            ExitCondition::Failed.into()
        }
    }
}
