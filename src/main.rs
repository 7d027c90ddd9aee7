//! Parse, run, exit.

use std::process::ExitCode;

use lambda_lift::cli::{Cli, ExitCondition, run};
use lambda_lift::output::print_message;

fn main() -> ExitCode {
    let cli = match Cli::of_process() {
        Ok(cli) => cli,
        Err(misuse) => return misuse.tell().into(),
    };
    match run(cli) {
        Ok(condition) => condition.into(),
        Err(error) => {
            print_message(&format!("error: {error:#}"));
            ExitCondition::Failed.into()
        }
    }
}
