//! `lambda-lift --explain CODE`.

use std::ffi::OsString;

use clap::CommandFactory as _;

use crate::advice;
use crate::output;

use super::{Cli, ExitCondition};

/// The code whose story is asked for, none for the list of them; none at all where a command is asked for.
#[expect(clippy::option_option, reason = "the flag may be absent, and so may its value")]
pub(super) fn wanted(arguments: &[OsString]) -> Option<Option<String>> {
    let is_flag = |argument: &OsString| argument.to_string_lossy().starts_with("--explain");
    if !arguments.iter().any(is_flag) {
        return None;
    }
    let command = Cli::command().subcommand_required(false).arg_required_else_help(false);
    // What is wrong with the rest is told where the command is read.
    let matches = command.try_get_matches_from(arguments).ok()?;
    matches.contains_id("explain").then(|| matches.get_one::<String>("explain").cloned())
}

/// Tells it.
pub(super) fn tell(code: Option<&str>) -> ExitCondition {
    let text = match code {
        None => advice::list(),
        Some(code) => match advice::explain(code) {
            Some(explained) => explained.text(),
            None => return unknown(code),
        },
    };
    if output::print_result(&text) { ExitCondition::Done } else { ExitCondition::Failed }
}

fn unknown(code: &str) -> ExitCondition {
    output::print_message(&format!("error: there is no code {code:?} [usage]"));
    output::print_message(&match advice::nearest_code(code) {
        Some(meant) => format!("  hint: did you mean {meant}? lambda-lift --explain lists them all"),
        None => "  hint: lambda-lift --explain lists them all".to_owned(),
    });
    ExitCondition::Usage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_is_asked_for_before_any_command() {
        let words = |line: &str| line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        for (line, expected) in [
            ("lambda-lift --explain tag", Some(Some("tag".to_owned()))),
            ("lambda-lift --explain=exit-4", Some(Some("exit-4".to_owned()))),
            ("lambda-lift --explain", Some(None)),
            ("lambda-lift deploy --image x", None),
            ("lambda-lift deploy --command --explain", None),
        ] {
            assert_eq!(wanted(&words(line)), expected, "{line}");
        }
    }

    #[test]
    fn every_exit_code_has_a_story() {
        let all = [
            ExitCondition::Done,
            ExitCondition::Failed,
            ExitCondition::Usage,
            ExitCondition::Refused,
            ExitCondition::StoppedBeforeTraffic,
            ExitCondition::MovedBack,
            ExitCondition::AliasNeedsPerson,
            ExitCondition::ChangesPending,
        ];
        for condition in all {
            let code = condition.code();
            assert!(advice::EXITS.iter().any(|exit| exit.code == code), "{code}");
        }
        assert_eq!(advice::EXITS.len(), all.len());
    }
}
