//! The configuration files in the guide are such that the program and its JSON Schema take them.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

/// Validates TOML texts against a JSON Schema; prints what is wrong, a line each.
const VALIDATE: &str = r#"
import json, sys, tomllib, jsonschema
given = json.load(open(sys.argv[1]))
validator = jsonschema.validators.validator_for(given["schema"])(given["schema"])
for page, text in given["examples"]:
    for error in validator.iter_errors(tomllib.loads(text)):
        print(page, error.json_path, error.message)
"#;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The README and the pages of the guide.
fn pages() -> Vec<PathBuf> {
    let guide = fs::read_dir(root().join("docs/guide")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = guide.chain([root().join("README.md")]).collect();
    pages.sort();
    pages
}

/// The blocks of TOML that are a configuration file. Those of Cargo and of other programs have other tables.
fn examples() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("\n```").next().unwrap();
            // What is left out (`…`) cannot be judged.
            if ["…", "[package", "[dependencies"].iter().any(|other| block.contains(other)) {
                continue;
            }
            // A piece of a file may build on an environment that stands in another piece.
            let is_piece = block.contains("extends = \"prod\"") && !block.contains("[env.prod");
            let rest = if is_piece { "\n[env.prod]\n" } else { "" };
            found.push((page.display().to_string(), format!("{block}{rest}")));
        }
    }
    assert!(found.len() > 3, "only {} examples were found", found.len());
    found
}

#[test]
fn the_program_reads_every_configuration_file_in_the_guide() {
    let read = |(page, text): (String, String)| {
        lambda_lift::config::Configuration::new(Path::new(&page), text.as_bytes(), None).err()
    };
    let wrong: Vec<String> = examples().into_iter().filter_map(read).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_configuration_file_in_the_guide_fits_the_schema() {
    let python = std::env::var_os("LAMBDA_LIFT_TEST_PYTHON").expect("tests/run sets LAMBDA_LIFT_TEST_PYTHON");
    let schema = fs::read_to_string(root().join("docs/reference/lambda-lift.schema.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    // One that breaks it shows that it is looked at.
    let spoilt = ("spoilt".to_owned(), "regoin = 1".to_owned());
    let examples: Vec<_> = examples().into_iter().chain([spoilt]).collect();
    let mut given = tempfile::NamedTempFile::new().unwrap();
    write!(given, "{}", json!({ "schema": schema, "examples": examples })).unwrap();
    let output = Command::new(python).args(["-c", VALIDATE]).arg(given.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let (spoilt, wrong): (Vec<&str>, Vec<&str>) = told.lines().partition(|line| line.starts_with("spoilt "));
    assert_eq!(spoilt.len(), 1, "{told}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
