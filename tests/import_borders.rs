//! The invariants of docs/architecture.md that a look at the sources can hold.

use std::fs;
use std::path::{Path, PathBuf};

/// Every source file of the package, with its path below `src/`.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a source folder can be listed") {
            let path: PathBuf = entry.expect("a source folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name =
                    path.strip_prefix(&root).expect("it is below the root").to_string_lossy().into_owned();
                files.push((name, fs::read_to_string(&path).expect("a source file is text")));
            }
        }
    }
    assert!(files.len() > 50, "the sources were found");
    files
}

/// Lines of code: comments and what stands after `mod tests` are left out.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("mod tests"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line))
}

fn violations(applies: impl Fn(&str) -> bool, forbidden: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| applies(name)) {
        for (number, line) in code(text) {
            for word in forbidden.iter().filter(|word| line.contains(**word)) {
                found.push(format!("src/{name}:{number} has {word:?}: {}", line.trim()));
            }
        }
    }
    found
}

fn outside(folders: &[&str]) -> impl Fn(&str) -> bool {
    let folders: Vec<String> = folders.iter().map(|folder| folder.to_string()).collect();
    move |name| !folders.iter().any(|folder| name.starts_with(folder.as_str()))
}

fn inside(folders: &[&str]) -> impl Fn(&str) -> bool {
    let outside = outside(folders);
    move |name| !outside(name)
}

#[test]
fn no_aws_sdk_type_leaves_the_aws_folder() {
    let sdk = ["aws_sdk_", "aws_config", "aws_smithy", "aws_sigv4", "aws_types", "aws_credential_types"];
    assert_eq!(violations(outside(&["aws/"]), &sdk), Vec::<String>::new());
}

#[test]
fn only_the_command_line_knows_clap_the_environment_and_home() {
    let edge = ["clap::", "clap_", "env::var", "home_dir"];
    assert_eq!(violations(outside(&["cli/", "aws/", "main.rs"]), &edge), Vec::<String>::new());
}

#[test]
fn pure_parts_do_no_io_and_read_no_clock() {
    let folders = inside(&[
        "policy/",
        "permission/",
        "advice/",
        "doctor/",
        "config/",
        "preflight/",
        "plan/",
        "function/",
        "lambroll/",
        "name/",
        "release/",
        "prune/",
        "status/",
        "terraform/",
        "init/",
        "diff/",
    ]);
    let asking = ["doctor/probe.rs", "release/drive/", "prune/drive/", "status/gather.rs", "init/gather.rs"];
    let pure = |name: &str| folders(name) && !asking.iter().any(|part| name.starts_with(part));
    let effects = [
        "tokio::",
        "reqwest",
        "std::fs",
        "TcpStream",
        "UdpSocket",
        "Instant::now",
        "SystemTime::now",
        "async fn",
        ".await",
    ];
    assert_eq!(violations(pure, &effects), Vec::<String>::new());
}

#[test]
fn only_apply_and_the_drivers_of_release_and_prune_hold_writers() {
    let writers = ["EcrWriter", "LambdaWriter", "CodeDeployWriter"];
    // `cloud` defines them and `aws` implements them; the command line hands them to `apply` without naming them.
    assert_eq!(
        violations(outside(&["apply/", "release/drive/", "prune/drive/", "cloud/", "aws/"]), &writers),
        Vec::<String>::new()
    );
}

#[test]
fn only_output_prints() {
    let printing = ["println!", "eprintln!", "print!(", "eprint!(", "io::stdout(", "io::stderr("];
    let terminal_questions = |line: &String| !line.contains("is_terminal") && !line.contains("Lines::new");
    let found: Vec<String> =
        violations(outside(&["output/"]), &printing).into_iter().filter(terminal_questions).collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn domain_types_do_not_serialise_themselves() {
    // The stages of a sandbox speak JSON to each other.
    let domain =
        outside(&["output/", "aws/", "registry/", "layer/", "image/", "policy/", "function/", "sandbox/"]);
    assert_eq!(violations(domain, &["Serialize"]), Vec::<String>::new());
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|(_, text)| text.lines().count() > 600)
        .map(|(name, text)| format!("src/{name}: {} lines", text.lines().count()))
        .collect();
    assert_eq!(long, Vec::<String>::new());
}
