//! Parse, run, exit.

use std::process::ExitCode;

use lambda_lift::cli::{Cli, ExitCondition, run};
use lambda_lift::output::print_message;
use lambda_lift::sandbox::run_stage;

fn main() -> ExitCode {
    // A sandbox is made of processes of this program; they must not have threads, or anything else of the command line.
    if let Some(ended) = run_stage() {
        return ended;
    }
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
