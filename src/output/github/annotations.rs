//! What is wrong, at the place in the repository that is the cause: workflow commands that GitHub turns into annotations.
//!
//! Commands are written line by line and everything in them is escaped, so no text of others begins another command. To stop commands
//! around foreign text (`::stop-commands::`) is not needed: every line that we print has been made harmless (`printable`).

use std::path::{Component, Path, PathBuf};

use crate::output::document;
use crate::output::printable::one_line;
use crate::preflight::{Finding, Severity};
use crate::report::{Failure, Report, TargetReport};

/// How many annotations of one kind GitHub shows of a step.
const MOST: usize = 10;
/// How many characters of a message are shown.
const LONGEST: usize = 4000;

/// How much an annotation matters, in GitHub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Error,
    Warning,
    Notice,
}

/// Where in a file something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    file: String,
    line: usize,
    column: usize,
}

/// An annotation before it is written.
#[derive(Debug)]
struct Annotation {
    level: Level,
    title: String,
    place: Option<Place>,
    message: String,
}

/// The commands for a report, a line each. Files are named from `workspace`; a report names them from `folder`.
pub(super) fn annotations(report: &Report, folder: &Path, workspace: Option<&Path>) -> String {
    let mut all = Vec::new();
    if let Some(failure) = &report.error {
        all.extend(of_failure(report.command, failure));
    }
    // A refusal that ended a step is its error, too.
    let findings = report.findings.iter().filter(|finding| !is_error(report, &finding.message));
    all.extend(findings.map(of_finding));
    for target in &report.targets {
        all.extend(of_target(report, target));
    }
    let mut lines = String::new();
    for level in [Level::Error, Level::Warning, Level::Notice] {
        let mut of_level: Vec<_> = all.iter().filter(|annotation| annotation.level == level).collect();
        // GitHub would drop what is too much without a word.
        let more = of_level.len().saturating_sub(MOST);
        of_level.truncate(if more > 0 { MOST - 1 } else { MOST });
        lines.extend(of_level.iter().map(|annotation| annotation.command(folder, workspace)));
        if more > 0 {
            let message = format!("{} more are in the log and in the summary of this step", more + 1);
            let rest = Annotation { level, title: "lambda-lift".to_owned(), place: None, message };
            lines.push_str(&rest.command(folder, workspace));
        }
    }
    lines
}

/// Whether a report's own error says this.
fn is_error(report: &Report, message: &str) -> bool {
    report.error.as_ref().is_some_and(|failure| failure.message == message)
}

/// What is said of one of many targets, where it is configured, unless it is said of the whole.
fn of_target(whole: &Report, target: &TargetReport) -> Vec<Annotation> {
    let failures = target.report.error.iter().filter(|failure| !is_error(whole, &failure.message));
    let failures = failures.flat_map(|failure| of_failure(whole.command, failure));
    let findings = target.report.findings.iter().filter(|finding| !whole.findings.contains(finding));
    let mut told: Vec<Annotation> = failures.chain(findings.map(of_finding)).collect();
    for annotation in &mut told {
        annotation.title = format!("{} [{}]", annotation.title, target.name);
        if annotation.place.is_none() {
            annotation.place = placed(&format!("{}: ", target.place)).0;
        }
    }
    told
}

fn of_finding(finding: &Finding) -> Annotation {
    let level = match finding.severity {
        Severity::Refuse => Level::Error,
        Severity::Warn | Severity::Unknown => Level::Warning,
        Severity::Info => Level::Notice,
    };
    let title = format!("lambda-lift: {} ({})", finding.check, document::severity(finding.severity));
    let (place, message) = placed(&finding.message);
    let place = place.or_else(|| mentioned(&finding.message, finding.hint.as_deref()));
    Annotation { level, title, place, message: with_hint(message, finding.hint.as_deref()) }
}

/// An error; one annotation for each place that it names.
fn of_failure(command: &str, failure: &Failure) -> Vec<Annotation> {
    let title = format!("lambda-lift {command}: {}", failure.kind.replace('_', " "));
    let annotation = |(place, message): (Option<Place>, &str)| Annotation {
        level: Level::Error,
        title: title.clone(),
        place: place.or_else(|| mentioned(&failure.message, failure.hint.as_deref())),
        message: with_hint(message, failure.hint.as_deref()),
    };
    // Several mistakes in a file stand on a line each, below a line that names the file alone.
    let several: Vec<_> = failure.message.lines().map(|line| placed(line.trim_start())).collect();
    let several: Vec<_> = several.into_iter().filter(|(place, _)| place.is_some()).collect();
    match several.len() {
        0 | 1 => vec![annotation(placed(&failure.message))],
        _ => several.into_iter().map(annotation).collect(),
    }
}

fn with_hint(message: &str, hint: Option<&str>) -> String {
    let shown: String = message.chars().take(LONGEST).collect();
    match hint {
        Some(hint) => format!("{shown}\nhint: {hint}"),
        None => shown,
    }
}

/// The place that a message begins with, as compilers write it: `FILE:LINE:COLUMN: …`; or `FILE: … at line LINE, column COLUMN: …`.
/// What follows is the message itself.
fn placed(message: &str) -> (Option<Place>, &str) {
    let first = message.lines().next().unwrap_or_default();
    compiler_place(first)
        .map(|(place, length)| (Some(place), &message[length..]))
        .or_else(|| worded_place(first).map(|place| (Some(place), message)))
        .unwrap_or((None, message))
}

/// The first place that is mentioned anywhere in what is told: `tags is set at lambda-lift.toml:3:1`.
fn mentioned(message: &str, hint: Option<&str>) -> Option<Place> {
    let words = message.split_whitespace().chain(hint.into_iter().flat_map(str::split_whitespace));
    words.map(|word| word.trim_matches(['(', ')', ',', ';', '.'])).find_map(|word| {
        let (place, _) = compiler_place(&format!("{word}: "))?;
        // A time or an address has numbers between colons, too.
        let name = place.file.rsplit('/').next().unwrap_or_default();
        let is_file = name.contains('.') && name.contains(|one: char| one.is_ascii_alphabetic());
        (is_file && !place.file.contains("://")).then_some(place)
    })
}

fn compiler_place(line: &str) -> Option<(Place, usize)> {
    let (head, _) = line.split_once(": ")?;
    let (rest, column) = head.rsplit_once(':')?;
    let (file, line_number) = rest.rsplit_once(':')?;
    let place = Place { file: file.to_owned(), line: number(line_number)?, column: number(column)? };
    (!file.is_empty()).then_some((place, head.len() + 2))
}

fn worded_place(line: &str) -> Option<Place> {
    let (file, rest) = line.split_once(": ")?;
    let (_, rest) = rest.split_once(" at line ")?;
    let (line_number, rest) = rest.split_once(", column ")?;
    let column = rest.split(|character: char| !character.is_ascii_digit()).next()?;
    Some(Place { file: file.to_owned(), line: number(line_number)?, column: number(column)? })
}

fn number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| *number > 0 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

impl Annotation {
    /// `::error file=lambda-lift.toml,line=3,col=1,title=…::…`
    fn command(&self, folder: &Path, workspace: Option<&Path>) -> String {
        let word = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
        };
        let place = self.place.as_ref().map(|place| {
            let file = property(&in_workspace(&place.file, folder, workspace));
            format!("file={file},line={},col={},", place.line, place.column)
        });
        let lines: Vec<String> = self.message.lines().map(one_line).collect();
        let (place, title) = (place.unwrap_or_default(), property(&self.title));
        format!("::{word} {place}title={title}::{}\n", data(&lines.join("\n")))
    }
}

/// A file's path from the workspace; as it is where it lies elsewhere.
fn in_workspace(file: &str, folder: &Path, workspace: Option<&Path>) -> String {
    let path = without_detours(&folder.join(file));
    let inside = workspace.and_then(|workspace| path.strip_prefix(without_detours(workspace)).ok());
    // GitHub writes paths with slashes on every platform.
    inside.map_or_else(|| file.to_owned(), |path| path.to_string_lossy().replace('\\', "/"))
}

/// The path without `.` and `..`, by its text alone.
fn without_detours(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                straight.pop();
            }
            other => straight.push(other),
        }
    }
    straight
}

/// A command's message as GitHub's runner reads it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value as GitHub's runner reads it.
fn property(text: &str) -> String {
    data(&one_line(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Stage;

    fn failed(message: &str, hint: Option<&str>) -> Report {
        let error = Failure {
            kind: "config",
            stage: Stage::Usage,
            message: message.to_owned(),
            hint: hint.map(str::to_owned),
        };
        Report { error: Some(error), ..Report::new("deploy") }
    }

    fn told(report: &Report) -> String {
        annotations(report, Path::new("/home/repository/service"), Some(Path::new("/home/repository")))
    }

    #[test]
    fn an_error_stands_where_its_cause_is() {
        let table = [
            (
                "lambda-lift.toml:3:12: region: no",
                "file=service/lambda-lift.toml,line=3,col=12,title=lambda-lift deploy%3A config::region: no",
            ),
            (
                "../lambda-lift.toml:3:12: region: no",
                "file=lambda-lift.toml,line=3,col=12,title=lambda-lift deploy%3A config::region: no",
            ),
            (
                "/etc/a,b.toml:3:12: no",
                "file=/etc/a%2Cb.toml,line=3,col=12,title=lambda-lift deploy%3A config::no",
            ),
            (
                "function.json: the function file is not valid JSON at line 4, column 7: no",
                "file=service/function.json,line=4,col=7,title=lambda-lift deploy%3A config::function.json: the function file is not \
                 valid JSON at line 4, column 7: no",
            ),
            ("nobody knows where: no", "title=lambda-lift deploy%3A config::nobody knows where: no"),
            ("a:0:1: no", "title=lambda-lift deploy%3A config::a:0:1: no"),
            (":1:1: no", "title=lambda-lift deploy%3A config:::1:1: no"),
            ("", "title=lambda-lift deploy%3A config::"),
        ];
        for (message, expected) in table {
            assert_eq!(told(&failed(message, None)), format!("::error {expected}\n"), "{message}");
        }
    }

    #[test]
    fn a_place_that_is_only_mentioned_is_found_too() {
        let table = [
            (
                "no --repository",
                Some("tags is set at lambda-lift.toml:3:1; create-repository at it needs it"),
                "3",
            ),
            ("function.json: no (lambda-lift.toml:7:2 names it)", None, "7"),
            ("at 12:30:45 sha256:1:2 http://a.b:80:90", Some("wait"), ""),
        ];
        for (message, hint, line) in table {
            let place = if line.is_empty() {
                String::new()
            } else {
                format!("file=service/lambda-lift.toml,line={line},")
            };
            let told = told(&failed(message, hint));
            assert!(told.starts_with(&format!("::error {place}")), "{told}");
            assert_eq!(told.contains(",line="), !line.is_empty(), "{told}");
        }
    }

    #[test]
    fn each_mistake_in_a_file_has_an_annotation_of_its_own() {
        let message =
            "lambda-lift.toml cannot be used:\n  lambda-lift.toml:1:1: a (do b)\n  lambda-lift.toml:9:2: c";
        let title = "title=lambda-lift deploy%3A config";
        let expected = format!(
            "::error file=service/lambda-lift.toml,line=1,col=1,{title}::a (do b)\n\
             ::error file=service/lambda-lift.toml,line=9,col=2,{title}::c\n"
        );
        assert_eq!(told(&failed(message, None)), expected);
    }

    #[test]
    fn no_text_of_others_is_a_command() {
        let hostile = "100%\r\n::error::x\n##[error]y\u{1b}[2J\u{2028}z";
        let expected = "::error title=lambda-lift deploy%3A config::100%25\\r%0A::error::x%0A##[error]y\\u{1b}[2J\\u{2028}z%0A\
                        hint: do%0A::add-mask::e\n";
        // A carriage return before a line feed belongs to the line break.
        let told = told(&failed(hostile, Some("do\n::add-mask::e")));
        assert_eq!(told, expected.replace("\\r%0A::error", "%0A::error"));
        assert_eq!(told.lines().count(), 1);
    }

    #[test]
    fn findings_matter_as_much_as_they_say_and_too_many_are_counted() {
        let mut report = Report::new("deploy");
        report.findings = vec![
            Finding::info("a", "one"),
            Finding::warn("b", "two", "do"),
            Finding::unknown("c", "three", "look"),
            Finding::refuse("d", "four", "mend"),
        ];
        let expected = "::error title=lambda-lift%3A d (refuse)::four%0Ahint: mend\n\
                        ::warning title=lambda-lift%3A b (warn)::two%0Ahint: do\n\
                        ::warning title=lambda-lift%3A c (unknown)::three%0Ahint: look\n\
                        ::notice title=lambda-lift%3A a (info)::one\n";
        assert_eq!(told(&report), expected);
        report.findings = (0..12).map(|number| Finding::info("a", number.to_string())).collect();
        let told = told(&report);
        assert_eq!(told.lines().count(), MOST);
        assert!(
            told.ends_with(
                "::8\n::notice title=lambda-lift::3 more are in the log and in the summary of this step\n"
            ),
            "{told}"
        );
    }
}
