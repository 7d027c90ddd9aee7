//! Parse, run, exit.

use std::process::ExitCode;

use lambda_lift::cli::{Cli, ExitCondition, run};
use lambda_lift::output::print_message;

fn main() -> ExitCode {
    match run(Cli::of_process()) {
        Ok(condition) => condition.into(),
        Err(error) => {
            print_message(&format!("error: {error:#}"));
            ExitCondition::Failed.into()
        }
    }
}
