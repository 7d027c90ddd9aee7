//! A command line that is none: told as clap tells it, and as the one JSON document where that was asked for.

use crate::output;
use crate::report::{Failure, Report, Stage};

use super::ExitCondition;

/// What clap made of the arguments instead of a command. A wish for help or the version is among it.
#[derive(Debug)]
pub struct Misuse {
    error: clap::Error,
    arguments: Vec<String>,
}

/// The commands that answer with a document, as it names them; longer ones before those that they end in.
const COMMANDS: [&str; 11] = [
    "policy show",
    "policy check",
    "policy ensure",
    "deploy",
    "plan",
    "push",
    "release",
    "rollback",
    "status",
    "prune",
    "check",
];

impl Misuse {
    pub(super) fn of_process(error: clap::Error) -> Self {
        let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
        Self { error, arguments: arguments.collect() }
    }

    /// Tells the user, and says how the world is: as it was.
    pub fn tell(&self) -> ExitCondition {
        // A reader that went away is not worth another message.
        let _ = self.error.print();
        if !self.error.use_stderr() {
            return ExitCondition::Done;
        }
        let environment = std::env::var("LAMBDA_LIFT_OUTPUT").unwrap_or_default();
        if wants_document(&self.arguments, &environment) {
            output::print_result(&output::document(&self.report()));
        }
        ExitCondition::Usage
    }

    fn report(&self) -> Report {
        let typed = |word: &str| self.arguments.iter().any(|argument| argument == word);
        let command = COMMANDS.iter().find(|command| command.split(' ').all(typed));
        let text = self.error.to_string();
        let told = text.lines().map(str::trim).filter(|line| !line.is_empty());
        // What follows is the usage line and a pointer to --help, which a program has no use for.
        let told: Vec<_> = told.take_while(|line| !line.starts_with("Usage:")).collect();
        let failure = Failure {
            kind: "usage",
            stage: Stage::Usage,
            message: told.join(" ").trim_start_matches("error: ").to_owned(),
            hint: Some("see lambda-lift --help".to_owned()),
        };
        Report { error: Some(failure), ..Report::new(command.unwrap_or(&"")) }
    }
}

/// Whether `--output json` was typed, or stands in the environment and nothing else was typed. The last one counts.
fn wants_document(arguments: &[String], environment: &str) -> bool {
    let mut typed = arguments.iter().enumerate().filter_map(|(index, argument)| match argument.as_str() {
        "--output" => arguments.get(index + 1).map(String::as_str),
        argument => argument.strip_prefix("--output="),
    });
    typed.next_back().unwrap_or(environment) == "json"
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_document_is_wanted_where_it_was_asked_for() {
        for (line, environment, wanted) in [
            ("deploy --output json", "", true),
            ("--output=json deploy", "", true),
            ("deploy", "json", true),
            ("deploy --output human", "json", false),
            ("deploy --output json --output human", "", false),
            ("deploy --output", "", false),
            ("deploy", "", false),
        ] {
            assert_eq!(wants_document(&words(line), environment), wanted, "{line:?} {environment:?}");
        }
    }

    #[test]
    fn the_document_names_the_command_and_what_is_wrong() {
        for (line, command, part) in [
            ("deploy --imgae x", "deploy", "--imgae"),
            ("push", "push", "--image"),
            ("launch", "", "launch"),
            ("plan --jobs many", "plan", "many"),
            ("policy check --foo", "policy check", "--foo"),
        ] {
            let error =
                Cli::try_parse_from([vec!["lambda-lift".to_owned()], words(line)].concat()).unwrap_err();
            let report = Misuse { error, arguments: words(line) }.report();
            let failure = report.error.unwrap();
            assert_eq!((report.command, failure.stage), (command, Stage::Usage), "{line}");
            assert!(failure.message.contains(part) && !failure.message.contains('\n'), "{}", failure.message);
        }
    }
}
