//! The completions, installed as the guide says, in the shells themselves.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A line as it is typed, `\t` being the key, and the words that it becomes.
const LINES: [(&str, &[&str]); 8] = [
    ("lambda-lift dep\\t", &["lambda-lift", "deploy"]),
    ("lambda-lift roll\\t", &["lambda-lift", "rollback"]),
    ("lambda-lift policy ens\\t", &["lambda-lift", "policy", "ensure"]),
    ("lambda-lift deploy --create-r\\t", &["lambda-lift", "deploy", "--create-repository"]),
    ("lambda-lift deploy --arch ar\\t", &["lambda-lift", "deploy", "--arch", "arm64"]),
    ("lambda-lift deploy --engine code\\t", &["lambda-lift", "deploy", "--engine", "codedeploy"]),
    ("lambda-lift release --strategy all\\t", &["lambda-lift", "release", "--strategy", "all-at-once"]),
    ("lambda-lift deploy --image app.t\\t", &["lambda-lift", "deploy", "--image", "app.tar"]),
];

/// The blocks of shell below a heading of the guide.
fn blocks(shell: &str) -> Vec<String> {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide/completions.md")).unwrap();
    let (_, section) = page.split_once(&format!("\n**{shell}")).unwrap();
    let section = section.split("\n**").next().unwrap();
    section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// Installs the completions of a shell in a home of its own, and types every line.
fn completes(shell: &str) {
    let home = tempfile::tempdir().unwrap();
    let programs = home.path().join("programs");
    fs::create_dir(&programs).unwrap();
    fs::write(home.path().join("app.tar"), "").unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_lambda-lift"), programs.join("lambda-lift")).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let within = |command: &mut Command| {
        command.env_clear().envs([
            ("HOME", home.path().as_os_str()),
            ("PATH", path.as_ref()),
            ("LANG", "C.UTF-8".as_ref()),
        ]);
        command.current_dir(home.path());
        let output =
            command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; run tests/run --install"));
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let mut install = blocks(shell);
    match shell {
        // Debian's own ~/.bashrc does that.
        "bash" => {
            fs::write(home.path().join(".bashrc"), ". /usr/share/bash-completion/bash_completion\n").unwrap()
        }
        // Their first block is the configuration. An editor of vi's kind would have other keys.
        "zsh" => fs::write(home.path().join(".zshrc"), format!("{}bindkey -e\n", install.remove(0))).unwrap(),
        _ => {}
    }
    assert_eq!(install.len(), 1, "{install:?}");
    within(Command::new("sh").args(["-ec", &install[0]]));
    let python = std::env::var_os("LAMBDA_LIFT_TEST_PYTHON").expect("tests/run sets LAMBDA_LIFT_TEST_PYTHON");
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shells/complete.py");
    let typed = LINES.iter().map(|(typed, _)| *typed);
    let said = within(Command::new(python).arg(driver).arg(shell).args(typed));
    let words: Vec<Vec<String>> = serde_json::from_str(&said).unwrap();
    for ((typed, expected), words) in LINES.iter().zip(&words) {
        assert_eq!(words, expected, "{shell}: {typed}");
    }
}

#[test]
fn bash_completes_commands_flags_values_and_files() {
    completes("bash");
}

#[test]
fn zsh_completes_commands_flags_values_and_files() {
    completes("zsh");
}

#[test]
fn fish_completes_commands_flags_values_and_files() {
    completes("fish");
}
