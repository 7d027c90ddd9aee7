//! Parse, run, exit.

use std::process::ExitCode;

use lambda_lift::cli::{ExitCondition, Invocation, listen_for_interrupts, run};
use lambda_lift::output::print_message;
use lambda_lift::sandbox::run_stage;

fn main() -> ExitCode {
    // A sandbox is made of processes of this program; they must not have threads, or anything else of the command line.
    if let Some(ended) = run_stage() {
        return ended;
    }
    let interrupt = listen_for_interrupts();
    let invocation = match Invocation::of_process() {
        Ok(invocation) => invocation,
        Err(misuse) => return misuse.tell().into(),
    };
    match run(invocation, interrupt) {
        Ok(condition) => condition.into(),
        Err(error) => {
            print_message(&format!("error: {error:#}"));
            ExitCondition::Failed.into()
        }
    }
}
