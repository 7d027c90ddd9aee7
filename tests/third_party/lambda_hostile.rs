//! Programs that mean ill: what becomes of a run with them, that it ends in time with bounded memory, that nothing gets out and nothing stays.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::{Duration, Instant};

use lambda_lift_rig::{FunctionImage, Remains, Run};
use serde_json::{Value, json};

use crate::lambda_scene::{Scene, functions, on_debian};

/// The most memory that the tool may take, whatever a program does. It is built without optimisation here.
const MOST_MEMORY: u64 = 192 << 20;
/// How long a run may take: a start and an event, and time to spare for a busy machine.
const PATIENCE: Duration = Duration::from_secs(100);

fn hostile(name: &str, mark: &str) -> FunctionImage {
    let code = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/functions/hostile.py");
    let program = std::fs::read(code).unwrap();
    FunctionImage::new(&[functions().debian()], &["/usr/bin/python3", "/var/task/hostile.py"])
        .file("/var/task/hostile.py", 0o644, program)
        .with("Cmd", json!([name, mark]))
        .with("WorkingDir", json!("/var/task"))
}

/// Runs the program with these events; answers the part of the document that is about the run.
fn play(name: &str, events: &[Value]) -> Value {
    let mark = format!("mark-of-{name}-{}", std::process::id());
    let scene = Scene::new();
    let image = scene.image(hostile(name, &mark));
    play_in(&scene, &image, &scene.remains(&mark), events)
}

fn play_in(scene: &Scene, image: &str, remains: &Remains, events: &[Value]) -> Value {
    let files: Vec<String> = events.iter().map(|event| scene.file(event)).collect();
    let events: Vec<&str> = files.iter().flat_map(|file| ["--event", file]).collect();
    let begun = Instant::now();
    let arguments = [&["check", image, "--run", "--metadata-only", "--timeout", "5"], &events[..]].concat();
    let child = scene.lambda_lift.start_recorded(&arguments);
    let number = child.id();
    let watch = std::thread::spawn(move || peak_memory(number));
    let run = Run::of(child.wait_with_output().unwrap());
    assert!(begun.elapsed() < PATIENCE, "it took {:?}", begun.elapsed());
    assert!(matches!(run.code, Some(0 | 3)), "{:?}: {}", run.code, run.stderr);
    let peak = watch.join().unwrap();
    assert!(peak < MOST_MEMORY, "the tool held {} MB", peak >> 20);
    remains.assert_none_but(0);
    assert_eq!(remains.control_groups(number), Vec::<std::path::PathBuf>::new());
    run.document["run"].clone()
}

/// The most memory that a process has had at once, read until it has ended (`VmHWM` only grows).
fn peak_memory(process: u32) -> u64 {
    let mut peak = 0;
    while let Some(kilobytes) =
        std::fs::read_to_string(format!("/proc/{process}/status")).ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        })
    {
        peak = kilobytes << 10;
        std::thread::sleep(Duration::from_millis(10));
    }
    peak
}

fn reason(run: &Value) -> &str {
    run["reason"].as_str().unwrap_or_default()
}

fn event() -> Value {
    json!({})
}

#[test]
fn a_fork_bomb_is_not_ready_in_time_and_all_of_it_goes() {
    let run = play("fork_bomb", &[]);
    assert_ne!(run["status"], "ok", "{run:#}");
    assert!(!reason(&run).is_empty());
}

#[test]
fn a_listener_never_asks_for_an_event() {
    let run = play("listener", &[]);
    assert_eq!(run["status"], "timeout");
    assert!(reason(&run).contains("never asked the runtime API"), "{run:#}");
}

#[test]
fn a_program_that_ignores_every_signal_answers_and_is_ended() {
    let run = play("stubborn", &[event()]);
    assert_eq!(
        (&run["status"], &run["invocations"][0]["payload"]),
        (&json!("ok"), &json!("here")),
        "{run:#}"
    );
}

#[test]
fn a_flood_of_log_is_read_and_only_its_end_is_kept() {
    let run = play("log_flood", &[event()]);
    assert_eq!(run["status"], "timeout", "{run:#}");
    assert!(run["log"].as_str().unwrap().len() < 32 << 10);
}

#[test]
fn a_flood_of_open_files_ends_at_lambdas_limit() {
    let run = play("file_flood", &[event()]);
    let held = run["invocations"][0]["payload"][0].as_u64().unwrap();
    assert!((900..1024).contains(&held), "{run:#}");
    assert_eq!(run["invocations"][0]["payload"][1], 24, "EMFILE");
}

#[test]
fn a_process_that_leaves_its_session_goes_with_the_others() {
    let run = play("daemon", &[event(), event()]);
    assert_eq!(run["status"], "ok", "{run:#}");
}

#[test]
fn requests_that_no_client_should_make_are_refused_and_the_function_goes_on() {
    let run = play("api_flood", &[event(), event()]);
    let statuses = &run["invocations"][0]["payload"];
    for (name, status) in [("wrong id", 400), ("no event left", 403), ("method", 405), ("path", 404)] {
        assert_eq!(statuses[name], status, "{run:#}");
    }
    for name in ["garbage", "header", "headers", "length"] {
        let said = statuses[name].as_str().unwrap();
        assert!(!said.contains(" 200 ") && !said.contains(" 202 "), "{name}: {said}");
    }
    assert_eq!(run["invocations"][1]["payload"], "goes on", "{run:#}");
}

#[test]
fn an_answer_of_a_gigabyte_is_too_large_and_is_not_held() {
    let run = play("large_body", &[event(), event()]);
    assert_eq!(run["invocations"][0]["error"]["type"], "Function.ResponseSizeTooLarge", "{run:#}");
    assert_eq!(run["invocations"][1]["payload"], "goes on", "{run:#}");
}

#[test]
fn answers_that_never_end_are_ended_by_the_clock() {
    let run = play("slow_bodies", &[event()]);
    assert_eq!(run["status"], "timeout", "{run:#}");
}

#[test]
fn a_program_that_kills_all_that_it_can_kills_itself() {
    let run = play("kills_all", &[event(), event()]);
    assert!(reason(&run).contains("Runtime.ExitError") && reason(&run).contains("SIGKILL"), "{run:#}");
    assert_eq!(run["invocations"].as_array().unwrap().len(), 2);
}

#[test]
fn a_program_that_fills_the_temporary_folder_gets_what_is_declared_and_no_more() {
    let run = play("fills_temporary", &[event()]);
    let payload = &run["invocations"][0]["payload"];
    assert_eq!(payload[1], 28, "ENOSPC: {run:#}");
    let written = payload[0].as_u64().unwrap();
    assert!((510 << 20..=512 << 20).contains(&written), "{written}");
}

#[test]
fn nothing_gets_out() {
    let scene = Scene::new();
    let secret = scene.file(&json!("a file of the host"));
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("lambda-lift-hostile-{}", std::process::id());
    let socket = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let mark = format!("mark-of-escapes-{}", std::process::id());
    let image = scene.image(hostile("escapes", &mark));
    let event = json!({
        "port": server.local_addr().unwrap().port(), "socket": name, "file": secret, "tool": std::process::id(),
    });
    let run = play_in(&scene, &image, &scene.remains(&mark), &[event]);
    assert_eq!(run["invocations"][0]["payload"], json!([]), "{run:#}");
    server.set_nonblocking(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    assert!(server.accept().is_err() && socket.accept().is_err(), "nobody came");
}

/// When a tool is stopped: while it unpacks the image, and while the program runs.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Unpacking,
    Running,
}

#[test]
fn a_tool_that_is_stopped_takes_everything_with_it() {
    // One that was killed leaves its empty folder, which the next run removes.
    for (signal, folders, code) in [("INT", 0, Some(1)), ("TERM", 0, Some(1)), ("KILL", 1, None)] {
        for moment in [Moment::Unpacking, Moment::Running] {
            let mark = format!("mark-of-{signal}-{}", std::process::id());
            let scene = Scene::new();
            // It never becomes ready, for which it has ten seconds.
            let image = scene.image(hostile("listener", &mark));
            let remains = scene.remains(&mark);
            let mut child = scene.lambda_lift.start(&["check", &image, "--run", "--metadata-only"]);
            let begun = Instant::now();
            let has_come = || match moment {
                Moment::Unpacking => !remains.files().is_empty(),
                Moment::Running => remains.processes().iter().any(|process| process.contains("hostile.py")),
            };
            while !has_come() {
                assert!(
                    begun.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(),
                    "it does not start"
                );
                std::thread::sleep(Duration::from_millis(2));
            }
            let number = child.id();
            let sent = std::process::Command::new("kill").args(["-s", signal, &number.to_string()]).status();
            assert!(sent.unwrap().success());
            assert_eq!(child.wait().unwrap().code(), code, "{signal} while {moment:?}");
            remains.assert_none_but(folders);
            if folders > 0 {
                let fit = scene.image(on_debian("/var/task/bootstrap", &functions().rust_function()));
                scene.run(&fit, &[json!({})], &[]).expect(0);
            }
            assert_eq!(
                remains.control_groups(number),
                Vec::<std::path::PathBuf>::new(),
                "{signal} while {moment:?}"
            );
        }
    }
}
