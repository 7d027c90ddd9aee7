//! A configuration file that cannot be used ends with 2, one document, the place of what is wrong, and no call.

use std::fs;
use std::process::Command;

use lambda_lift_rig::Run;

use crate::account::Account;

const SECRET: &str = "hunter2 hunter2";

/// What a run that was refused says, once it is sure that nobody was asked and nothing was told that is secret.
fn refusal(account: &Account, run: &Run) -> String {
    let error = &run.expect(2)["error"];
    assert_eq!(error["kind"], "config", "{error}");
    assert_eq!(account.operations(), Vec::<String>::new());
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("hunter2"), "{}", run.stderr);
    let message = error["message"].as_str().unwrap();
    assert!(run.stderr.contains(message.lines().next().unwrap()), "{}", run.stderr);
    message.to_owned()
}

#[test]
fn what_is_wrong_in_the_file_is_told_with_line_and_column() {
    let mut account = Account::new();
    let image = account.small_image("one");
    account.lambda_lift.set("SECRET", SECRET).set("LINES", "a\nhunter2");
    for (text, place, part) in [
        ("imgae = \"x\"", "1:1", "imgae: there is no such key"),
        ("[function]\nMemroySize = 512", "2:1", "function.MemroySize: there is no such key"),
        ("[function]\nMemorySize = \"much\"", "2:1", "a text is given where a whole number is expected"),
        ("region = 1", "1:10", "region: a number stands where a text in quotes is expected"),
        ("create-repository = \"yes\"", "1:21", "true or false is expected"),
        ("[release]\nstrategy = \"sometimes\"", "2:12", "release.strategy"),
        ("[release]\nbake = \"soon\"", "2:8", "\"soon\" is not a duration"),
        ("tags = [\"v1\",\n\"v 2\"]", "2:1", "tags: "),
        ("region = \"a\"\nregion = \"b\"", "2:1", "duplicate key"),
        ("region = \"eu-west-1", "1:20", "this is not valid TOML"),
        ("profile = \"${env:NOT_THERE}\"", "1:11", "NOT_THERE is not set"),
        ("profile = \"${env:A:-${env:B}}\"", "1:11", "a template stands inside another"),
        ("profile = \"${ssm:/a}\"", "1:11", "its own cannot be asked for there"),
        ("profile = \"${vault:/a}\"", "1:11", "${vault:/a} is no template"),
        ("profile = \"${env:LINES}\"", "1:11", "stands for cannot be used here"),
        ("region = \"${env:SECRET}\"", "1:10", "stands for cannot be used here"),
        ("tags = [\"${file:token.txt}\"]", "1:9", "token.txt cannot be read"),
        ("tags = [\"${file:}\"]", "1:9", "names no file"),
        ("[function]\nRole = \"${env:SECRET}\"", "2:1", "function.Role: what its template stands for"),
        (
            "[function.Environment.Variables]\nA-B = \"${env:SECRET}\"",
            "2:1",
            "function.Environment.Variables.A-B",
        ),
        ("[env.a]\nextends = \"b\"\n[env.b]\nextends = \"a\"", "2:11", "extend each other"),
        ("[env.a]\nextends = \"c\"", "2:11", "there is no environment \"c\""),
        ("[env.a.push]\njobs = 0", "2:8", "0 is not within 1 to 64"),
    ] {
        fs::write(account.path("lambda-lift.toml"), text).unwrap();
        let run = account.run(&["deploy", "--image", &image, "--repository", "hello", "--function", "hello"]);
        let message = refusal(&account, &run);
        let first = message.lines().find(|line| line.contains(&format!("lambda-lift.toml:{place}: ")));
        assert!(first.is_some() && message.contains(part), "{text}: {message}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let account = Account::new();
    fs::write(account.path("lambda-lift.toml"), "imgae = 1\n[push]\njobs = 0\n[function]\nTimeout = 0\n")
        .unwrap();
    let message = refusal(&account, &account.run(&["status"]));
    let places = ["1:1: imgae", "3:8: push.jobs", "5:1: function.Timeout"];
    assert!(places.iter().all(|place| message.contains(&format!("lambda-lift.toml:{place}"))), "{message}");
    for arguments in [&["completions", "bash"][..], &["man"], &["--help"], &["deploy", "--help"]] {
        assert_eq!(account.run(arguments).code, Some(0), "{arguments:?} does not read the file");
    }
}

#[test]
fn what_is_no_plain_file_of_text_is_refused_by_its_name() {
    let account = Account::new();
    fs::create_dir(account.path("folder")).unwrap();
    fs::write(account.path("binary.toml"), b"region = \"\xff\"").unwrap();
    fs::File::create(account.path("large.toml")).unwrap().set_len(1 << 30).unwrap();
    let pipe = account.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::write(account.path("points.toml"), "profile = \"${file:pipe}\"").unwrap();
    fs::write(account.path("large.txt.toml"), "profile = \"${file:large.toml}\"").unwrap();
    for (file, part) in [
        ("missing.toml", "missing.toml cannot be read"),
        ("folder", "folder is a directory, not a plain file"),
        ("pipe", "pipe is a pipe or a device, not a plain file"),
        ("large.toml", "large.toml has more than 1048576 bytes"),
        ("binary.toml", "binary.toml:1:11: this is not UTF-8"),
        ("points.toml", "points.toml:1:11: profile: pipe is a pipe or a device"),
        ("large.txt.toml", "large.toml has more than 1048576 bytes"),
    ] {
        let message = refusal(&account, &account.run(&["status", "--config", file, "--function", "hello"]));
        assert!(message.contains(part), "{file}: {message}");
    }
}
