//! The pages in `docs/` that a test can hold to the truth.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser as _;
use clap::error::ErrorKind;
use lambda_lift::cli::Cli;
use serde_json::Value;

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
        "fuzz/Cargo.toml",
        "tests/functions/Cargo.toml",
        "tests/rig/Cargo.toml",
        "tracee/Cargo.toml",
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
    let line = ["$ ", "- run: ", "run: ", "- command: ", "- "]
        .iter()
        .fold(line, |line, prompt| line.trim_start_matches(prompt));
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
    // The book's own list of pages leads to what is laid among them when it is made; that test follows it.
    for page in pages().into_iter().filter(|page| page != "docs/SUMMARY.md") {
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
    let of_a_file = ["--env-name", "--config ", "--target"].iter().any(|flag| line.contains(flag));
    line.contains('…') || of_a_file || is_about
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

#[test]
fn every_input_of_the_action_reaches_a_script_as_a_variable() {
    let action = read("action.yml");
    let scripts = read("action/install.sh") + &read("action/run.sh");
    let words: BTreeSet<_> = scripts.split(|one: char| !one.is_ascii_alphanumeric() && one != '_').collect();
    let declared: BTreeSet<_> = action
        .split("\noutputs:")
        .next()
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| !name.starts_with([' ', '#']))
        .map(|name| name.to_uppercase().replace('-', "_"))
        .collect();
    assert!(declared.len() > 100, "action.yml was not understood: {declared:?}");
    for name in &declared {
        let input = format!("INPUT_{name}: ${{{{ inputs.{} }}}}", name.to_lowercase().replace('_', "-"));
        assert!(action.contains(&input), "action.yml does not hand {name} on");
        let known = words.contains(name.as_str()) || words.contains(format!("INPUT_{name}").as_str());
        assert!(known, "no script of the action knows {name}");
    }
    let runs = action.split("\nruns:").nth(1).unwrap();
    for line in runs.lines().filter(|line| line.contains("run: ")) {
        assert!(!line.contains("${{"), "an input would become a part of a script: {line}");
    }
}

/// What a program writes to stdout; it must succeed.
fn output(command: &mut Command) -> String {
    let output =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; run tests/run --install"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The targets of a page's links, and the names that links into it can have.
fn links_and_anchors(html: &str) -> (Vec<String>, BTreeSet<String>) {
    let values = |attribute: &str| {
        let mark = format!(" {attribute}=\"");
        let found =
            html.match_indices(&mark).map(|(at, _)| html[at + mark.len()..].split('"').next().unwrap());
        found.map(|value| value.replace("&amp;", "&")).collect::<Vec<_>>()
    };
    (values("href"), values("id").into_iter().collect())
}

#[test]
fn the_book_has_every_page_and_no_dead_link() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    output(Command::new(root.join("docs/build")).arg(folder.path()));
    let mut pages = BTreeMap::new();
    let mut folders = vec![folder.path().to_path_buf()];
    while let Some(inside) = folders.pop() {
        for path in fs::read_dir(inside).unwrap().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html") {
                pages.insert(path.clone(), links_and_anchors(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(pages.len() > 25, "{:?}", pages.keys());
    let mut dead = Vec::new();
    // What is for printing, for a frame and for a wrong address has the links of other pages.
    let own =
        |page: &&PathBuf| !["print.html", "toc.html", "404.html"].iter().any(|name| page.ends_with(name));
    for page in pages.keys().filter(own) {
        for link in pages[page].0.iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
        {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let Ok(target) = target.canonicalize() else {
                dead.push(format!("{}: {link}", page.display()));
                continue;
            };
            let anchors = pages.get(&target).map(|(_, anchors)| anchors);
            if !anchor.is_empty() && anchors.is_some_and(|anchors| !anchors.contains(anchor)) {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert_eq!(dead, Vec::<String>::new());
}

#[test]
fn every_page_is_in_the_book_and_in_the_list_of_pages() {
    let listed = |list: &str| {
        let text = read(list);
        let targets = text
            .match_indices("](")
            .map(|(at, _)| text[at + 2..].split([')', '#']).next().unwrap().to_owned());
        targets.collect::<BTreeSet<_>>()
    };
    let (book, list) = (listed("docs/SUMMARY.md"), listed("docs/README.md"));
    for page in pages().iter().filter_map(|page| page.strip_prefix("docs/")) {
        assert!(book.contains(page) || page == "SUMMARY.md", "{page} is not in docs/SUMMARY.md");
        assert!(
            list.contains(page) || ["README.md", "SUMMARY.md"].contains(&page),
            "{page} is not in docs/README.md"
        );
    }
}

/// The blocks of YAML in the pages, by page, as JSON.
fn yaml_blocks() -> Vec<(String, Value)> {
    let python = std::env::var_os("LAMBDA_LIFT_TEST_PYTHON").expect("tests/run sets LAMBDA_LIFT_TEST_PYTHON");
    let mut blocks = Vec::new();
    for page in pages() {
        for block in read(&page).split("```yaml\n").skip(1) {
            blocks.push((page.clone(), block.split("\n```").next().unwrap().to_owned()));
        }
    }
    let script = "import json, sys, textwrap, yaml\n\
                  class Plain(yaml.SafeLoader): pass\n\
                  Plain.yaml_implicit_resolvers = {}\n\
                  blocks = json.load(open(sys.argv[1]))\n\
                  print(json.dumps([[page, yaml.load(textwrap.dedent(text), Plain)] for page, text in blocks]))";
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), serde_json::to_string(&blocks).unwrap()).unwrap();
    serde_json::from_str(&output(Command::new(python).args(["-c", script]).arg(file.path()))).unwrap()
}

/// Every mapping in a value.
fn mappings<'a>(value: &'a Value, found: &mut Vec<&'a serde_json::Map<String, Value>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| mappings(item, found)),
        Value::Object(entries) => {
            found.push(entries);
            entries.values().for_each(|entry| mappings(entry, found));
        }
        _ => {}
    }
}

#[test]
fn every_example_of_a_pipeline_is_yaml_and_gives_the_action_inputs_that_it_has() {
    let action = read("action.yml");
    let blocks = yaml_blocks();
    let mut used = 0;
    for (page, block) in &blocks {
        let mut found = Vec::new();
        mappings(block, &mut found);
        for step in found
            .iter()
            .filter(|step| step.get("uses").is_some_and(|uses| uses.to_string().contains("/lambda-lift@")))
        {
            used += 1;
            for name in step["with"].as_object().unwrap().keys() {
                assert!(
                    action.contains(&format!("\n  {name}:\n    description: ")),
                    "{page}: the action has no input {name}"
                );
            }
        }
    }
    assert!(used > 3, "only {used} steps use the action");
    let of_ci: Vec<_> =
        blocks.iter().filter(|(page, _)| page == "docs/guide/ci.md").map(|(_, block)| block).collect();
    let (gitlab, buildkite) = (of_ci[0], of_ci[1]);
    assert!(gitlab["deploy"]["script"].is_array() && gitlab["rollback"]["when"] == "manual");
    assert!(buildkite["steps"].as_array().is_some_and(|steps| steps.len() == 3));
}
