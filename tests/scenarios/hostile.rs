//! A registry that lies: the push ends with a clear error and publishes nothing, or was not misled.
//!
//! Whatever is answered, the binary does not panic, holds no more than it must, and tells no secret.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use lambda_lift_localstack::Settings;
use lambda_lift_rig::Run;

use crate::account::Account;
use crate::impostor::{Asked, Impostor, Lie, Script};

/// What the process may hold at its peak, however much is sent to it.
const MOST_MEMORY: u64 = 150 << 20;

/// What a lie comes to.
enum End {
    /// The image arrives all the same.
    Arrives,
    /// The push fails and says something like this; no image is there.
    Fails(&'static str),
}

struct Case {
    name: &'static str,
    script: Box<Script>,
    end: End,
}

fn case(
    name: &'static str,
    end: End,
    script: impl Fn(&Asked) -> Option<Lie> + Send + Sync + 'static,
) -> Case {
    Case { name, script: Box::new(script), end }
}

/// The same lie to every request of this method with this in its target.
fn always(name: &'static str, (method, target): (&'static str, &'static str), lie: Lie, end: End) -> Case {
    case(name, end, move |asked| asked.is(method, target).then(|| lie.clone()))
}

/// The same, but only to the first such request.
fn once(name: &'static str, (method, target): (&'static str, &'static str), lie: Lie, end: End) -> Case {
    let told = AtomicU64::new(0);
    case(name, end, move |asked| {
        (asked.is(method, target) && told.fetch_add(1, Ordering::Relaxed) == 0).then(|| lie.clone())
    })
}

const START: (&str, &str) = ("POST", "/blobs/uploads/");
const FINISH: (&str, &str) = ("PUT", "/blobs/uploads/");
const LOOK: (&str, &str) = ("HEAD", "/blobs/");
const LOOK_AT_TAG: (&str, &str) = ("HEAD", "/manifests/v1");
const PUT: (&str, &str) = ("PUT", "/manifests/");
const READ: (&str, &str) = ("GET", "/manifests/");

fn opened_at(location: &str) -> Lie {
    Lie::answer("202 Accepted", &format!("Location: {location}\r\n"), "")
}

fn endless(head: &str) -> Lie {
    Lie::Endless(format!("HTTP/1.1 {head}\r\n\r\n").into_bytes(), vec![b'x'; 64 << 10])
}

/// Pushes a small image through an impostor with this script.
fn push(account: &Account, impostor: &Impostor) -> Run {
    let image = account.small_image("one");
    let push = ["push", "--image", &image, "--repository", "hello", "--create-repository", "--tag", "v1"];
    let endpoint = ["--registry-endpoint", &impostor.url, "--stall-timeout", "1s"];
    let child = account.start(&[&push[..], &endpoint].concat());
    let status = format!("/proc/{}/status", child.id());
    let watch = thread::spawn(move || peak_memory(&status));
    let run = Account::finish(child);
    let peak = watch.join().unwrap();
    assert!(peak < MOST_MEMORY, "it held {} MB", peak >> 20);
    run
}

/// The most memory that a process has had at once, read until it has ended (`VmHWM` only grows).
pub(crate) fn peak_memory(status: &str) -> u64 {
    let mut peak = 0;
    // A process that has ended but was not waited for has a status without this line.
    while let Some(kilobytes) = std::fs::read_to_string(status).ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    }) {
        peak = kilobytes << 10;
        thread::sleep(Duration::from_millis(10));
    }
    peak
}

fn play(case: Case) -> Result<(), String> {
    let account = Account::without_registry_endpoint(Settings::default());
    let impostor = Impostor::start(&account.stand.url(), case.script);
    let run = push(&account, &impostor);
    let images = account.image_ids("hello");
    match case.end {
        End::Arrives => {
            let digest = run.document["image"]["digest"].as_str().unwrap_or_default();
            if run.code != Some(0) {
                return Err(format!("ends with {:?}: {}", run.code, run.document["error"]));
            }
            account.stored("hello", digest)?;
        }
        End::Fails(words) => {
            let error = &run.document["error"];
            let message = error["message"].as_str().unwrap_or_default();
            if run.code != Some(1) || !message.contains(words) {
                return Err(format!("ends with {:?}: {error}", run.code));
            }
        }
    }
    for (digest, _) in images {
        account.stored("hello", &digest).map_err(|why| format!("an image that is not whole: {why}"))?;
    }
    if impostor.lies() == 0 {
        return Err("no lie was told".to_owned());
    }
    Ok(())
}

/// Plays all of them, each against a stand-in of its own and all at once: most of their time is spent waiting.
fn play_all(cases: Vec<Case>) {
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| {
                let name = case.name;
                if let Err(why) = play(case) {
                    failures.lock().unwrap().push(format!("{name}: {why}"));
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn answers_without_end_are_given_up() {
    play_all(vec![
        always("an endless refusal", START, endless("403 Forbidden"), End::Fails("403")),
        always("an endless success", START, endless("202 Accepted"), End::Fails("more than")),
        always("an endless manifest", READ, endless("200 OK"), End::Fails("more than")),
        always(
            "an endless head",
            START,
            Lie::Endless(
                b"HTTP/1.1 202 Accepted\r\n".to_vec(),
                b"X-Filler: 0123456789abcdef\r\n".repeat(999),
            ),
            End::Fails("got no answer"),
        ),
        always(
            "endless promises of an answer",
            START,
            Lie::Trickle(b"HTTP/1.1 100 Continue\r\n\r\n".repeat(999), Duration::from_millis(5)),
            End::Fails("nothing moved"),
        ),
        always(
            "a manifest that unpacks without end",
            READ,
            Lie::answer("200 OK", "Content-Encoding: gzip\r\n", "\u{1f}\u{8b} not what was put"),
            End::Fails("digest"),
        ),
    ]);
}

#[test]
fn answers_that_are_cut_short_or_run_over_are_no_success() {
    let cut = b"HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\nhalf".to_vec();
    let over = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".to_vec();
    let two_lengths = b"HTTP/1.1 202 Accepted\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec();
    play_all(vec![
        once("a body shorter than announced", START, Lie::Raw(cut), End::Arrives),
        once("a second answer behind the first", LOOK, Lie::Raw(over), End::Arrives),
        once("two lengths", START, Lie::Raw(two_lengths), End::Arrives),
        once("no HTTP at all", START, Lie::Raw(b"SSH-2.0-OpenSSH_9.7\r\n".to_vec()), End::Arrives),
        once("nothing", FINISH, Lie::Raw(Vec::new()), End::Arrives),
        once(
            "a head of two megabytes",
            START,
            Lie::answer("202 Accepted", &format!("X-Filler: {}\r\n", "x".repeat(2 << 20)), ""),
            End::Arrives,
        ),
        once(
            "an answer byte by byte",
            START,
            Lie::Trickle(
                b"HTTP/1.1 503 Slow\r\nContent-Length: 2\r\n\r\nok".to_vec(),
                Duration::from_millis(10),
            ),
            End::Arrives,
        ),
    ]);
}

#[test]
fn an_upload_is_opened_only_where_it_may_be() {
    play_all(vec![
        always("no location", START, Lie::answer("202 Accepted", "", ""), End::Fails("without a Location")),
        always(
            "created, and no location",
            START,
            Lie::answer("201 Created", "", ""),
            End::Fails("without a Location"),
        ),
        always("an empty scheme", START, opened_at("http://"), End::Fails("without a Location")),
        always(
            "plain http elsewhere",
            START,
            opened_at("http://192.0.2.1/x?sig=Signature="),
            End::Fails("plain http"),
        ),
        always("a file", START, opened_at("file:///etc/passwd"), End::Fails("file:///etc/passwd")),
        always("a script", START, opened_at("javascript:alert(1)"), End::Fails("javascript:")),
        always(
            "a redirect of the upload",
            START,
            Lie::answer("307 Temporary Redirect", "Location: /v2/other/blobs/uploads/\r\n", ""),
            End::Fails("redirect"),
        ),
        always(
            "a redirect of the end",
            FINISH,
            Lie::answer("307 Temporary Redirect", "Location: /v2/other/blobs/uploads/\r\n", ""),
            End::Fails("redirect"),
        ),
        always(
            "manifests that redirect in a circle",
            READ,
            Lie::answer("302 Found", "Location: /v2/hello/manifests/round\r\n", ""),
            End::Fails("too many redirects"),
        ),
    ]);
}

#[test]
fn what_is_said_of_content_is_not_believed() {
    let other = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let digest = format!("Docker-Content-Digest: {other}\r\n");
    let refused = r#"{"errors":[{"code":"BLOB_UNKNOWN","message":"not there"}]}"#;
    play_all(vec![
        always(
            "a blob stored as another",
            FINISH,
            Lie::answer("201 Created", &digest, ""),
            End::Fails(other),
        ),
        always(
            "a digest that is none",
            LOOK_AT_TAG,
            Lie::answer("200 OK", "Docker-Content-Digest: md5:1\r\n", ""),
            End::Fails("digest"),
        ),
        always("a tag that is there already", LOOK_AT_TAG, Lie::answer("200 OK", &digest, ""), End::Arrives),
        always("blobs that are not there", LOOK, Lie::answer("200 OK", "", ""), End::Fails("BLOB_UNKNOWN")),
        always(
            "a login page for every question",
            LOOK,
            Lie::answer("302 Found", "Location: http://portal.example/\r\n", ""),
            End::Fails(""),
        ),
        always(
            "a manifest refused for ever",
            PUT,
            Lie::answer("404 Not Found", "", refused),
            End::Fails("BLOB_UNKNOWN"),
        ),
        always("a manifest that was never put", PUT, Lie::answer("201 Created", "", ""), End::Fails("")),
        always(
            "another manifest",
            READ,
            Lie::answer("200 OK", "", r#"{"schemaVersion":2}"#),
            End::Fails("digest"),
        ),
    ]);
}

#[test]
fn absurd_wishes_are_not_granted() {
    let later = |value: &str| Lie::answer("429 Too Many Requests", &format!("Retry-After: {value}\r\n"), "");
    let nested = "[".repeat(60_000);
    play_all(vec![
        once("negative", START, later("-1"), End::Arrives),
        once("beyond all numbers", START, later("1000000000000000000000000000000"), End::Arrives),
        once("in the past", START, later("Thu, 01 Jan 1970 00:00:00 GMT"), End::Arrives),
        once("no number", START, later("\u{7f}\u{1b}[31m"), End::Arrives),
        once("two wishes", START, later("0\r\nRetry-After: 1000000"), End::Arrives),
        once(
            "a range beyond all numbers",
            FINISH,
            Lie::answer("416 Range", "Range: 0-18446744073709551615\r\n", ""),
            End::Arrives,
        ),
        once(
            "an offset beyond all numbers",
            FINISH,
            Lie::answer("416 Range", "", "First byte of the layer part is 0 instead of 18446744073709551615"),
            End::Arrives,
        ),
        once("JSON without bottom", START, Lie::answer("503 Busy", "", &nested), End::Arrives),
        always(
            "colours for the terminal",
            START,
            Lie::answer("400 Bad Request", "", "\u{1b}[31mred\u{7}\n::error::forged"),
            End::Fails("[31mred ::error::forged"),
        ),
    ]);
}

#[test]
fn no_challenge_takes_the_credentials_elsewhere() {
    let account = Account::without_registry_endpoint(Settings::default());
    let other =
        Impostor::start(&account.stand.url(), |_| Some(Lie::answer("200 OK", "", r#"{"token":"t"}"#)));
    let realm = format!("WWW-Authenticate: Bearer realm=\"{}/token\",service=\"s\"\r\n", other.url);
    let impostor = Impostor::start(&account.stand.url(), move |asked| {
        asked.is("GET", "/v2/").then(|| Lie::answer("401 Unauthorized", &realm, ""))
    });
    push(&account, &impostor).expect(1);
    assert!(other.asked().is_empty(), "{:?}", other.asked());
}

#[test]
fn credentials_stay_with_the_registry() {
    let account = Account::without_registry_endpoint(Settings::default());
    // Another port is another origin.
    let other = Impostor::start(&account.stand.url(), |_| Some(Lie::answer("403 Forbidden", "", "")));
    let elsewhere = other.url.clone();
    let impostor = Impostor::start(&account.stand.url(), move |asked| {
        let upload = opened_at(&format!("{elsewhere}/upload"));
        let redirect = Lie::answer("307 There", &format!("Location: {elsewhere}/blob\r\n"), "");
        match asked.method.as_str() {
            "POST" => Some(upload),
            "GET" => Some(redirect),
            _ => None,
        }
    });
    push(&account, &impostor).expect(1);
    assert!(impostor.asked().iter().all(|asked| asked.has_credentials));
    let asked = other.asked();
    assert!(!asked.is_empty() && asked.iter().all(|asked| !asked.has_credentials), "{asked:?}");
}
