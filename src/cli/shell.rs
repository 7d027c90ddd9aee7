//! Completion scripts and the manual page, generated from the command line's own definition.

use clap::CommandFactory as _;

use crate::output;

use super::{Cli, ExitCondition};

/// Prints the completion script for `shell`.
pub(super) fn completions(shell: clap_complete::Shell) -> ExitCondition {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lambda-lift", &mut script);
    print(&script)
}

/// Prints the manual page.
pub(super) fn man() -> ExitCondition {
    let mut page = Vec::new();
    match clap_mangen::Man::new(Cli::command()).render(&mut page) {
        Ok(()) => print(&page),
        Err(error) => {
            output::print_message(&format!("error: the manual page could not be written: {error}"));
            ExitCondition::Failed
        }
    }
}

fn print(text: &[u8]) -> ExitCondition {
    output::print_result(&String::from_utf8_lossy(text));
    ExitCondition::Done
}
