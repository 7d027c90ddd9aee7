//! The generated pages of the documentation are current. `LAMBDA_LIFT_WRITE_DOCS=1 cargo test --test generated_docs`
//! makes them anew.

use std::fmt::Write as _;
use std::path::Path;

use clap::CommandFactory as _;
use lambda_lift::cli::Cli;
use lambda_lift::preflight::{CHECKS, Judge};

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
         `info`.\n",
    );
    for check in CHECKS {
        let when = match check.judge {
            Judge::Arguments(_) => "from the arguments alone, before AWS is asked anything",
            Judge::Image(_) => "from the local image alone (`check`, `plan`, `deploy`, `push`)",
            Judge::Files(_) => "from what is in the layers, read in the one pass over them (`check`)",
            Judge::Facts(_) => "from both sides (`plan`, `deploy`, `push`)",
        };
        write!(
            page,
            "\n## `{}`\n\n**Requirement.** {}\n\n**How it is known.** {}\n\n**When.** Judged {when}.\n\n**What to do.** {}\n",
            check.id, check.requirement, check.evidence, check.remedy
        )
        .expect("a string takes any text");
    }
    hold("checks.md", &page);
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
