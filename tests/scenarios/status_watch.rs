//! Where a watch draws, and how it ends when nobody reads it: also what becomes of an answer that cannot be written.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, Stdio};

use lambda_lift_rig::Run;
use serde_json::json;

use crate::status::{STATUS, two_versions};

const WATCH: [&str; 3] = ["--watch", "--interval", "1s"];
/// To the other screen and back.
const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";
/// How a frame begins.
const HOME: &str = "\u{1b}[H";

/// Reads what a terminal shows until it has shown this so many times.
fn read_until(screen: &mut impl Read, part: &str, times: usize) -> String {
    let (mut shown, mut bytes) = (Vec::new(), [0; 4096]);
    while String::from_utf8_lossy(&shown).matches(part).count() < times {
        let length = screen.read(&mut bytes).unwrap();
        assert_ne!(length, 0, "it ended: {}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&bytes[..length]);
    }
    String::from_utf8_lossy(&shown).into_owned()
}

fn rest(mut child: Child, screen: &mut impl Read, code: i32) -> String {
    let mut rest = String::new();
    screen.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(code), "{rest}");
    rest
}

#[test]
fn on_a_low_terminal_aliases_are_seen_and_only_the_last_page_stays_after_ctrl_c() {
    let mut account = two_versions();
    // A third one that is published, so that there are more rows than room.
    account.deploy(&account.small_image("three")).expect(0);
    account.lambda_lift.for_people();
    let arguments = [&STATUS[..], &WATCH].concat();
    let mut child = account.lambda_lift.start_on_terminal_of(16, 100, &arguments);
    let mut screen = child.stdout.take().unwrap();
    let mut shown = read_until(&mut screen, HOME, 3);
    child.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    shown.push_str(&rest(child, &mut screen, 0));
    let (before, drawn) = shown.split_once(ENTER).unwrap();
    let (drawn, after) = drawn.split_once(LEAVE).unwrap();
    assert_eq!(before, "");
    let frame = drawn.split(HOME).nth(2).unwrap();
    assert!(frame.matches('\n').count() < 16, "it scrolls:\n{frame}");
    for part in ["ALIAS", "live", "100%", "more versions: the terminal is not high enough"] {
        assert!(frame.contains(part), "{part} is not in:\n{frame}");
    }
    assert!(after.contains("ROLE") && !after.contains("high enough") && !after.contains(HOME), "{after}");
}

#[test]
fn a_watch_that_fails_gives_the_terminal_back_and_a_dumb_one_gets_lines() {
    let mut account = two_versions();
    account.lambda_lift.for_people();
    let arguments = [&STATUS[..], &WATCH].concat();
    let mut child = account.lambda_lift.start_on_terminal_of(30, 100, &arguments);
    let mut screen = child.stdout.take().unwrap();
    read_until(&mut screen, HOME, 1);
    account.lambda("DELETE", "/hello", serde_json::Value::Null);
    let end = rest(child, &mut screen, 3);
    let (_, after) = end.split_once(LEAVE).unwrap();
    assert!(after.contains("ALIAS") && after.contains("function hello does not exist"), "{after}");

    let mut account = two_versions();
    account.lambda_lift.for_people().set("TERM", "dumb");
    let mut child = account.lambda_lift.start_on_terminal(&[&arguments[..], &["--color", "never"]].concat());
    let mut screen = child.stdout.take().unwrap();
    let mut shown = read_until(&mut screen, "version 2: Active", 1);
    child.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    shown.push_str(&rest(child, &mut screen, 0));
    assert!(shown.contains("alias live: 100% version 2") && !shown.contains(HOME), "{shown}");
    assert!(!shown.contains(ENTER), "{shown}");
}

#[test]
fn a_watch_ends_when_its_reader_has_gone_even_when_nothing_changes() {
    let mut account = two_versions();
    account.lambda_lift.for_people();
    let mut child = account.start(&[&STATUS[..], &WATCH].concat());
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!((child.wait().unwrap().code(), told.as_str()), (Some(0), ""), "{line}");
}

#[test]
fn an_answer_that_cannot_be_written_is_no_success_of_what_only_looks() {
    let mut account = two_versions();
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let run = |account: &crate::account::Account, arguments: &[&str]| -> Run {
        Run::of(account.lambda_lift.start_writing_to(full(), arguments).wait_with_output().unwrap())
    };
    let policy = account.path("policy.json");
    std::fs::write(&policy, json!({ "Statement": [] }).to_string()).unwrap();
    for looking in [&STATUS[..], &["policy", "show", "--repository", "hello"]] {
        let run = run(&account, looking);
        assert_eq!(run.code, Some(1), "{looking:?}: {}", run.stderr);
        assert!(run.stderr.contains("could not be written to standard output: No space"), "{}", run.stderr);
    }
    // What changed something says how the world is.
    let back = run(&account, &["rollback", "--function", "hello", "--alias", "live"]);
    assert_eq!(back.code, Some(0), "{}", back.stderr);
    assert!(back.stderr.contains("could not be written"), "{}", back.stderr);
    account.lambda_lift.for_people();
    let watch = run(&account, &[&STATUS[..], &WATCH].concat());
    assert_eq!(watch.code, Some(1), "{}", watch.stderr);
    assert_eq!(watch.stderr.matches("No space").count(), 1, "{}", watch.stderr);
}

#[test]
fn sigterm_gives_the_terminal_back() {
    let mut account = two_versions();
    account.lambda_lift.for_people();
    let mut child = account.lambda_lift.start_on_terminal_of(30, 100, &[&STATUS[..], &WATCH].concat());
    let mut screen = child.stdout.take().unwrap();
    let shown = read_until(&mut screen, HOME, 1);
    assert!(shown.contains(ENTER), "{shown}");
    // To what runs on the terminal, not to `script`, which gave it that.
    let id = child.id();
    let own = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    assert!(Command::new("kill").args(["-TERM", own.trim()]).status().unwrap().success());
    let end = rest(child, &mut screen, 0);
    assert_eq!(end.matches(LEAVE).count(), 1, "{end}");
}
