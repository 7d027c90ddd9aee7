//! A command line that is none, or a configuration file that cannot be used: told as clap tells it, and as the one JSON document where
//! that was asked for.

use crate::output;
use crate::report::{Failure, Report, Stage};

use super::github::github_job;
use super::{ExitCondition, explanation};

/// What came of the arguments and the configuration file instead of a command. A wish for help or the version is among it.
#[derive(Debug)]
pub struct Misuse {
    what: What,
    hint: Option<String>,
    arguments: Vec<String>,
}

#[derive(Debug)]
enum What {
    /// Clap did not understand the arguments.
    Arguments(clap::Error),
    /// The configuration file cannot be used.
    File(Failure),
    /// Nothing is wrong: the story of a code was asked for, or the list of them.
    Explain(Option<String>),
}

/// The commands that answer with a document, as it names them; longer ones before those that they end in.
const COMMANDS: [&str; 16] = [
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
    "doctor",
    "permissions",
    "check",
    "diff",
    "init",
    "invoke",
];

impl Misuse {
    pub(super) fn of_process(error: clap::Error) -> Self {
        Self { what: What::Arguments(error), hint: None, arguments: typed() }
    }

    /// A configuration file that cannot be used.
    pub(super) fn of_file(failure: Failure) -> Self {
        Self { hint: failure.hint.clone(), what: What::File(failure), arguments: typed() }
    }

    /// The same, said of one target among several.
    pub(super) fn about(self, target: &str) -> Self {
        let what = match self.what {
            What::File(failure) => {
                What::File(Failure { message: format!("{target}: {}", failure.message), ..failure })
            }
            What::Arguments(error) => What::File(Failure {
                kind: "usage",
                stage: Stage::Usage,
                message: format!("{target}: {}", told(&error)),
                hint: self.hint.clone(),
            }),
            What::Explain(code) => What::Explain(code),
        };
        Self { what, ..self }
    }

    /// The story of a code, or all codes.
    pub(super) fn explain(code: Option<String>) -> Self {
        Self { what: What::Explain(code), hint: None, arguments: Vec::new() }
    }

    /// With what the user can do about it, or has to know.
    pub(super) fn hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }

    /// Tells the user, and says how the world is: as it was.
    pub fn tell(&self) -> ExitCondition {
        let job = github_job();
        match &self.what {
            // What was typed may be somebody's text, which must not give the job a command.
            What::Arguments(error) if job.is_some() && error.use_stderr() => {
                output::print_message(error.to_string().trim_end());
            }
            What::Arguments(error) => {
                // A reader that went away is not worth another message.
                let _ = error.print();
                if !error.use_stderr() {
                    return ExitCondition::Done;
                }
            }
            What::Explain(code) => return explanation::tell(code.as_deref()),
            What::File(failure) => {
                output::print_message(&format!("error: {} [{}]", failure.message, failure.code()));
            }
        }
        if let Some(hint) = &self.hint {
            output::print_message(&format!("  hint: {hint}"));
        }
        let environment = std::env::var("LAMBDA_LIFT_OUTPUT").unwrap_or_default();
        if wants_document(&self.arguments, &environment) {
            output::print_result(&output::document(&self.report()));
        }
        if let Some(job) = job {
            job.tell(&self.report());
        }
        ExitCondition::Usage
    }

    fn report(&self) -> Report {
        let typed = |word: &str| self.arguments.iter().any(|argument| argument == word);
        let command = COMMANDS.iter().find(|command| command.split(' ').all(typed));
        let failure = match &self.what {
            What::File(failure) => failure.clone(),
            What::Explain(_) => return Report::new(""),
            What::Arguments(error) => Failure {
                kind: "usage",
                stage: Stage::Usage,
                message: told(error),
                hint: self.hint.clone().or_else(|| Some("see lambda-lift --help".to_owned())),
            },
        };
        Report { error: Some(failure), ..Report::new(command.unwrap_or(&"")) }
    }
}

/// This process's arguments, as far as they are text.
fn typed() -> Vec<String> {
    std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()
}

/// What clap says, in one line.
fn told(error: &clap::Error) -> String {
    let text = error.to_string();
    let told = text.lines().map(str::trim).filter(|line| !line.is_empty());
    // What follows is the usage line and a pointer to --help, which a program has no use for.
    let told: Vec<_> = told.take_while(|line| !line.starts_with("Usage:")).collect();
    told.join(" ").trim_start_matches("error: ").to_owned()
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
            let report = Misuse { what: What::Arguments(error), hint: None, arguments: words(line) }.report();
            let failure = report.error.unwrap();
            assert_eq!((report.command, failure.stage), (command, Stage::Usage), "{line}");
            assert!(failure.message.contains(part) && !failure.message.contains('\n'), "{}", failure.message);
        }
    }
}
