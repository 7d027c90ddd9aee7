//! Parse, run, exit.

use std::process::ExitCode;

use lambda_lift::cli::{ExitCondition, Invocation, run};
use lambda_lift::output::print_message;

fn main() -> ExitCode {
    let invocation = match Invocation::of_process() {
        Ok(invocation) => invocation,
        Err(misuse) => return misuse.tell().into(),
    };
    match run(invocation) {
        Ok(condition) => condition.into(),
        Err(error) => {
            print_message(&format!("error: {error:#}"));
            ExitCondition::Failed.into()
        }
    }
}
