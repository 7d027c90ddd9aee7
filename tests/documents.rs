//! The pages in `docs/` that a test can hold to the truth.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::Parser as _;
use clap::error::ErrorKind;
use lambda_lift::cli::Cli;

/// A file of this repository.
fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The names in a manifest's tables of dependencies.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut within = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            within = line.trim_end_matches(']').ends_with("dependencies");
        } else if let Some((name, _)) = line.split_once('=').filter(|_| within) {
            names.insert(name.split('.').next().unwrap().trim().to_owned());
        }
    }
    names
}

#[test]
fn every_direct_dependency_has_its_line_and_no_line_is_left_over() {
    let used: BTreeSet<_> = [
        "Cargo.toml",
        "benches/kernels/Cargo.toml",
        "localstack/Cargo.toml",
        "example/function/Cargo.toml",
        "example/packer/Cargo.toml",
        "tests/rig/Cargo.toml",
    ]
    .iter()
    .flat_map(|manifest| dependencies(&read(manifest)))
    .collect();
    let described: BTreeSet<_> = read("docs/dependencies.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned))
        .collect();
    assert!(used.contains("serde_json"), "the manifests were not understood: {used:?}");
    assert_eq!(
        described, used,
        "docs/dependencies.md (left) and the manifests (right) must name the same crates"
    );
}

/// Every page of this repository, by its path.
fn pages() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".md") {
                pages.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    pages.sort();
    pages
}

/// The lines of fenced and indented code blocks; lines that a backslash continues are joined.
fn code_lines(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut lines: Vec<String> = Vec::new();
    let mut continued = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            let (text, more) =
                line.trim().strip_suffix('\\').map_or((line.trim(), false), |text| (text, true));
            match lines.last_mut().filter(|_| continued) {
                Some(last) => last.push_str(text),
                None => lines.push(text.to_owned()),
            }
            continued = more;
        }
    }
    lines
}

/// The arguments of a line that runs lambda-lift, perhaps behind a prompt or YAML's `run:`. What a page leaves out
/// (`…`) is left out, and what comes behind the command (a comment, a pipe, another file) is not the command's.
fn command_line(line: &str) -> Option<Vec<String>> {
    let line = ["$ ", "- run: ", "run: "].iter().fold(line, |line, prompt| line.trim_start_matches(prompt));
    let words: Vec<&str> = line.split_whitespace().collect();
    let (first, rest) = words.split_first()?;
    if *first != "lambda-lift" || rest.is_empty() {
        return None;
    }
    let end =
        rest.iter().position(|word| ["#", "|", ">", ">>", "&&", "||"].contains(word)).unwrap_or(rest.len());
    let given =
        rest[..end].iter().filter(|word| **word != "…").map(|word| word.trim_matches(['"', '\'']).to_owned());
    Some(std::iter::once("lambda-lift".to_owned()).chain(given).collect())
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        let text = read(&page);
        for (_, after) in text.match_indices("](").map(|(at, mark)| text.split_at(at + mark.len())) {
            let target = after.split(')').next().unwrap().split('#').next().unwrap();
            let elsewhere = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(&page).parent().unwrap().to_path_buf();
            if !elsewhere && !folder.join(target).exists() {
                dead.push(format!("{page}: {target}"));
            }
        }
    }
    assert_eq!(dead, Vec::<String>::new());
}

/// Whether what a line lacks is elsewhere: left out (`…`), or in the configuration file that the page is about.
fn leaves_out(page: &str, line: &str) -> bool {
    let about_the_file = ["guide/configuration.md", "guide/init.md", "guide/diff.md"];
    let is_about = about_the_file.iter().any(|name| page.ends_with(name));
    line.contains('…') || ["--env-name", "--target"].iter().any(|flag| line.contains(flag)) || is_about
}

#[test]
fn every_command_line_in_the_pages_is_understood() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for page in pages() {
        for line in code_lines(&read(&page)) {
            let Some(arguments) = command_line(&line) else { continue };
            seen += 1;
            if let Err(error) = Cli::try_parse_from(&arguments)
                && !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
                && !(leaves_out(&page, &line) && error.kind() == ErrorKind::MissingRequiredArgument)
            {
                wrong.push(format!("{page}: {line}\n{error}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 20, "only {seen} command lines were found");
}
