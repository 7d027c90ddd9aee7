//! Completion scripts and the manual page, generated from the command line's own definition.

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::output;

use super::{Cli, ExitCondition};

/// Prints the completion script for `shell`.
pub(super) fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCondition> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lambda-lift", &mut script);
    let script = String::from_utf8(script).context("the script is not UTF-8")?;
    Ok(print(match shell {
        // clap_complete 4.6 names the cases of a program with a hyphen in one way and looks for them in another: nothing below the
        // first word would be completed.
        clap_complete::Shell::Bash => script.replace("lambda__subcmd__lift", "lambda__lift"),
        _ => script,
    }))
}

/// Prints the manual page.
pub(super) fn man() -> anyhow::Result<ExitCondition> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page).context("the manual page could not be made")?;
    Ok(print(String::from_utf8(page).context("the manual page is not UTF-8")?))
}

fn print(text: String) -> ExitCondition {
    if output::print_result(&text) { ExitCondition::Done } else { ExitCondition::Failed }
}
