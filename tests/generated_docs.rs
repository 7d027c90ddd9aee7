//! The generated pages of the documentation are current. `LAMBDA_LIFT_WRITE_DOCS=1 cargo test --test generated_docs`
//! makes them anew.

use std::fmt::Write as _;
use std::path::Path;

use clap::CommandFactory as _;
use lambda_lift::advice::{EXITS, lessons};
use lambda_lift::cli::Cli;
use lambda_lift::preflight::{CHECKS, Judge};
use serde_json::Value;

/// Compares a page with what it should be, or writes it.
fn hold(page: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    if std::env::var_os("LAMBDA_LIFT_WRITE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a page is in a folder"))
            .expect("the folder can be made");
        std::fs::write(&path, expected).expect("the page can be written");
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/{page} is not current; run: LAMBDA_LIFT_WRITE_DOCS=1 cargo test --test generated_docs"
    );
}

#[test]
fn the_page_of_checks_is_current() {
    let mut page = String::from(
        "# Checks\n\n\
         Generated from `src/preflight/checks/`; do not edit.\n\n\
         A finding carries the id of its check and a severity: `refuse` (it cannot work; nothing is changed, exit 3), \
         `warn` (it works now and may hurt later), `unknown` (it could not be decided, and is not claimed to hold), \
         `info`.\n\n\
         `check` reads all layers. `deploy` and `push` judge what is in the layers as they read them to send them, after the last one and \
         before the manifest is put: no layer is read twice, none is downloaded. What is remembered of a layer by its diff id counts as read, and \
         when all of it is remembered an unfit image is refused before anything is sent. `plan` judges what is remembered, and what it reads to compute digests.\n\n\
         `--allow CHECK` (`check`, `plan`, `deploy`, `push`; `allow` in `lambda-lift.toml`) lets a person answer for a check: what it finds is still told, as \
         `info` with `\"allowed\": true`, and refuses nothing, under `check --strict` neither. It is for what AWS, or the function when it runs, has the last \
         word on, and for `run`, the findings of `--run`. A check that keeps something else than the new image from harm, or without which this tool could not \
         go on, cannot be allowed; each says so below.\n",
    );
    for check in CHECKS {
        let when = match check.judge {
            Judge::Arguments(_) => "from the arguments alone, before AWS is asked anything",
            Judge::Image(_) => "from the local image alone (`check`, `plan`, `deploy`, `push`)",
            Judge::Files(_) => {
                "from the file system that all layers make (`check`; `deploy`, `push` and `plan` where all of them are known)"
            }
            Judge::Entries(_) => {
                "from what is in the layers, in those above an unread one, too (`check`, `plan`, `deploy`, `push`)"
            }
            Judge::Facts(_) => "from both sides (`plan`, `deploy`, `push`)",
        };
        write!(
            page,
            "\n## `{}`\n\n**Requirement.** {}\n\n**How it is known.** {}\n\n**When.** Judged {when}.\n\n**What to do.** {}\n\n**May be allowed.** {}.\n",
            check.id,
            check.requirement,
            check.evidence,
            check.remedy,
            if check.may_be_allowed { "Yes" } else { "No" }
        )
        .expect("a string takes any text");
    }
    hold("checks.md", &page);
}

#[test]
fn the_page_of_errors_is_current() {
    let mut page = String::from(
        "# Errors\n\n\
         Generated from `src/advice/`; do not edit.\n\n\
         An error ends with its code in brackets, and the JSON document has it as `error.code`. `lambda-lift --explain CODE` tells what stands \
         here; it knows [the checks](../checks.md) and the reason codes of Lambda, too.\n",
    );
    for lesson in lessons() {
        write!(page, "\n## `{}`\n\n{}.\n", lesson.code, lesson.title).expect("a string takes any text");
        let texts: Vec<String> = lesson.texts.iter().map(|text| format!("`{text}`")).collect();
        let said = if texts.is_empty() { String::new() } else { format!("Said as {}.", texts.join(", ")) };
        let more = [
            ("", said.as_str()),
            ("**Why.** ", lesson.cause),
            ("**How to see it.** ", lesson.see),
            ("**What to do.** ", lesson.remedy),
            ("", lesson.more),
        ];
        for (heading, text) in more.iter().filter(|(_, text)| !text.is_empty()) {
            let end = if text.ends_with(['.', '}']) { "" } else { "." };
            write!(page, "\n{heading}{}{end}\n", escaped(text)).expect("a string takes any text");
        }
        if !lesson.related.is_empty() {
            let related: Vec<String> = lesson.related.iter().map(|code| format!("`{code}`")).collect();
            write!(page, "\n**Related.** {}\n", related.join(", ")).expect("a string takes any text");
        }
    }
    page.push_str("\n## Exit codes\n\n| code | how the world is | what to do |\n|---|---|---|\n");
    for exit in EXITS {
        writeln!(page, "| `exit-{}` | {} | {} |", exit.code, exit.meaning, exit.remedy)
            .expect("a string takes any text");
    }
    hold("reference/errors.md", &page);
}

/// Text in which Markdown sees nothing of its own.
fn escaped(text: &str) -> String {
    if text.starts_with("Said as ") { text.to_owned() } else { text.replace('<', "&lt;").replace('*', "\\*") }
}

#[test]
fn the_reference_of_commands_is_current() {
    let mut page =
        String::from("# Commands\n\nGenerated from the command line's own definition; do not edit.\n");
    let mut command = Cli::command().term_width(100);
    command.build();
    describe(&mut command, "lambda-lift", &mut page);
    hold("reference/commands.md", &page);
}

#[test]
fn the_schema_of_the_configuration_file_is_current() {
    let schema = serde_json::to_string_pretty(&lambda_lift::config::json_schema()).expect("a schema is JSON");
    hold("reference/lambda-lift.schema.json", &format!("{schema}\n"));
}

#[test]
fn the_reference_of_the_configuration_file_is_current() {
    let schema = lambda_lift::config::json_schema();
    let mut page = String::from(
        "# The keys of lambda-lift.toml\n\n\
         Generated from the schema of the configuration file; do not edit. [The guide](../guide/configuration.md) says how they work \
         together.\n",
    );
    let (tables, plain): (Vec<_>, Vec<_>) = properties(&schema)
        .into_iter()
        .partition(|(_, value)| !properties(resolved(value, &schema)).is_empty());
    write_keys("At the top", &plain, &schema, &mut page);
    for (name, table) in tables {
        let table = resolved(table, &schema);
        write!(page, "\n## `[{name}]`\n\n{}\n", description(table)).expect("a string takes any text");
        write_rows("", table, &schema, &mut page);
    }
    hold("reference/configuration.md", &page);
}

#[test]
fn the_page_of_events_is_current() {
    let mut page = String::from(
        "# Events\n\n\
         Generated from `src/event.rs`; do not edit.\n\n\
         What happens is told as it happens. On a terminal it moves bars and lines; elsewhere each event that is told is a line on stderr, which begins with its word: `start:`, \
         `done:`, `wait:`, `retry:`, `resume:`, `layer:`, `log:`, `note:`, or the severity of a finding. `-q` leaves findings alone, `-v` tells every layer. No event carries a \
         secret. They are for people: programs read [the JSON document](json.md).\n\n\
         | event | when | what it tells |\n|---|---|---|\n",
    );
    for (name, text, fields) in variants(include_str!("../src/event.rs"), "Event") {
        writeln!(page, "| `{name}` | {text} | {} |", fields.join("; ")).expect("a string takes any text");
    }
    hold("reference/events.md", &page);
}

/// The variants of an enum in a source text: name, comment, and the comments of the fields.
fn variants(source: &str, name: &str) -> Vec<(String, String, Vec<String>)> {
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).expect("the enum is there");
    let body = body.split("\n}\n").next().unwrap_or_default();
    let mut found: Vec<(String, String, Vec<String>)> = Vec::new();
    let mut comment = Vec::new();
    for line in body.lines() {
        let (indent, text) = (line.len() - line.trim_start().len(), line.trim());
        if let Some(said) = text.strip_prefix("///") {
            comment.push(said.trim());
            continue;
        }
        let said = comment.join(" ").trim_end_matches('.').to_owned();
        let word = text.split([' ', '(', ',', ':', '{']).next().unwrap_or_default();
        match (indent, found.last_mut()) {
            (4, _) if !comment.is_empty() => found.push((word.to_owned(), said, Vec::new())),
            (8, Some((_, _, fields))) if !comment.is_empty() => fields.push(format!("`{word}`: {said}")),
            _ => {}
        }
        comment.clear();
    }
    assert!(found.len() > 5, "{name} was not understood");
    found
}

#[test]
fn the_page_of_exit_codes_has_every_code_and_no_other() {
    let source = include_str!("../src/cli/exit.rs");
    let (_, body) = source.split_once("pub enum ExitCondition {").expect("the enum is there");
    let body = body.split("\n}\n").next().unwrap_or_default();
    let defined: Vec<&str> = body
        .lines()
        .filter_map(|line| line.trim().strip_prefix("/// ")?.split_once(": ").map(|(code, _)| code))
        .collect();
    let page = include_str!("../docs/reference/exit-codes.md");
    let told: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    assert_eq!(told, defined);
}

/// The keys of an object of the schema.
fn properties(schema: &Value) -> Vec<(&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten().collect()
}

/// What a reference stands for.
fn resolved<'a>(value: &'a Value, root: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(value)
}

fn description(value: &Value) -> String {
    let text = value["description"].as_str().unwrap_or_default().trim_end_matches('.');
    text.replace('|', "\\|").replace('<', "&lt;")
}

fn write_keys(title: &str, keys: &[(&String, &Value)], root: &Value, page: &mut String) {
    write!(page, "\n## {title}\n\n| key | value | |\n|---|---|---|\n").expect("a string takes any text");
    for (name, value) in keys {
        write_row(name, resolved(value, root), page);
    }
}

/// The keys of a table and of the tables in it.
fn write_rows(prefix: &str, table: &Value, root: &Value, page: &mut String) {
    if prefix.is_empty() {
        page.push_str("\n| key | value | |\n|---|---|---|\n");
    }
    for (name, value) in properties(table) {
        let (name, value) = (format!("{prefix}{name}"), resolved(value, root));
        write_row(&name, value, page);
        write_rows(&format!("{name}."), value, root, page);
    }
}

fn write_row(name: &str, value: &Value, page: &mut String) {
    writeln!(page, "| `{name}` | {} | {} |", kind(value), description(value))
        .expect("a string takes any text");
}

/// What may stand there, in words.
fn kind(value: &Value) -> String {
    if let Some(options) = value["enum"].as_array() {
        let options: Vec<String> =
            options.iter().map(|one| format!("`{}`", one.as_str().unwrap_or_default())).collect();
        return options.join(", ");
    }
    // Templates may stand everywhere, and are not worth a word each time.
    let choices = value["anyOf"].as_array().or(value["oneOf"].as_array());
    if let Some(first) = choices.and_then(|choices| choices.first()) {
        return kind(first);
    }
    let types = match &value["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect::<Vec<_>>(),
    };
    let word = |name: &str| {
        match name {
            "string" => "text",
            "boolean" => "true or false",
            "integer" => "whole number",
            "array" => "list",
            "object" => "table",
            other => return other.to_owned(),
        }
        .to_owned()
    };
    types.into_iter().map(word).collect::<Vec<_>>().join(" or ")
}

/// The commands that the action runs.
const OF_THE_ACTION: [&str; 8] =
    ["deploy", "plan", "push", "release", "rollback", "status", "prune", "check"];
/// Flags that are no inputs, or not by this rule: what says something at a terminal only, and what takes a value a line.
const BY_HAND: [&str; 7] =
    ["COLOR", "WATCH", "INTERVAL", "COMMAND", "ALARM", "ALLOW_FIRING_ALARM", "ENTRYPOINT"];

/// The flags of the commands that the action runs: the name of the variable behind its prefix, and what it is for.
fn flags() -> Vec<(String, String)> {
    let mut root = Cli::command();
    root.build();
    let mut found: Vec<(String, String)> = Vec::new();
    for command in OF_THE_ACTION.iter().filter_map(|name| root.find_subcommand(name)) {
        for argument in command.get_arguments() {
            let variable = argument.get_env().and_then(|name| name.to_str()?.strip_prefix("LAMBDA_LIFT_"));
            let Some(name) = variable.filter(|name| !BY_HAND.contains(name)) else { continue };
            if !found.iter().any(|(known, _)| known == name) {
                found.push((
                    name.to_owned(),
                    argument.get_help().map(ToString::to_string).unwrap_or_default(),
                ));
            }
        }
    }
    found
}

/// A text with what stands between two marks replaced.
fn between(text: &str, begin: &str, end: &str, content: &str) -> String {
    let (before, rest) = text.split_once(begin).expect("the beginning is marked");
    let (_, after) = rest.split_once(end).expect("the end is marked");
    format!("{before}{begin}{content}{end}{after}")
}

#[test]
fn every_flag_is_an_input_of_the_action() {
    let (mut inputs, mut variables, mut names) = (String::new(), String::new(), String::new());
    for (name, help) in flags() {
        let input = name.to_lowercase().replace('_', "-");
        let help = help.replace('\n', " ").replace('\'', "\'\'");
        write!(inputs, "  {input}:\n    description: '{help}'\n    required: false\n")
            .expect("a string takes any text");
        writeln!(variables, "        INPUT_{name}: ${{{{ inputs.{input} }}}}")
            .expect("a string takes any text");
        let width = names.lines().last().unwrap_or_default().len() + name.len();
        names.push_str(if names.is_empty() {
            ""
        } else if width > 118 {
            "\n    "
        } else {
            " "
        });
        names.push_str(&name);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect("the file is there");
    let action = read("action.yml");
    let action = between(&action, "by their names (generated).\n", "  # The same, where", &inputs);
    let action = between(&action, "# Flags (generated).\n", "        # Others.", &variables);
    hold("../action.yml", &action);
    hold("../action/run.sh", &between(&read("action/run.sh"), "\nsame='", "'\n", &names));
}

fn describe(command: &mut clap::Command, path: &str, page: &mut String) {
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    write!(page, "\n## {path}\n\n```text\n{}\n```\n", help.join("\n").trim_end())
        .expect("a string takes any text");
    for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
        let path = format!("{path} {}", below.get_name());
        describe(below, &path, page);
    }
}

#[test]
fn every_check_has_an_id_of_its_own_and_every_text() {
    let mut ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), CHECKS.len());
    for check in CHECKS {
        assert!(!check.requirement.is_empty() && !check.evidence.is_empty() && !check.remedy.is_empty());
    }
}
