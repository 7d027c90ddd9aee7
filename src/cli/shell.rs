//! Completion scripts and the manual page, generated from the command line's own definition.

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::output;

use super::{Cli, ExitCondition};

/// Prints the completion script for `shell`.
pub(super) fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCondition> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lambda-lift", &mut script);
    Ok(print(&script))
}

/// Prints the manual page.
pub(super) fn man() -> anyhow::Result<ExitCondition> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page).context("the manual page could not be made")?;
    Ok(print(&page))
}

fn print(text: &[u8]) -> ExitCondition {
    if output::print_result(&String::from_utf8_lossy(text)) {
        ExitCondition::Done
    } else {
        ExitCondition::Failed
    }
}
