//! The pages in `docs/` that a test can hold to the truth.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
