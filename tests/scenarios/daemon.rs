//! Images of a Docker daemon that answers as it is told: what it is asked, and how a run ends when it does not answer.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use lambda_lift_rig::Run;
use lambda_lift_rig::scripted_daemon::{Act, ScriptedDaemon, export, export_begun, json};

use crate::account::{Account, deploy_arguments};
use crate::image::Image;
use crate::interrupted::interrupt;

/// What `--image` names throughout.
const IMAGE: &str = "docker-daemon:hello:latest";

/// An image as a daemon has it: its id, and its export.
struct Exported {
    id: String,
    archive: Vec<u8>,
}

impl Exported {
    fn of(image: &Image, folder: &Path) -> Self {
        let path = folder.join("exported.tar");
        image.docker_archive(&path);
        let archive = fs::read(path).unwrap();
        let mut tar = tar::Archive::new(&archive[..]);
        let names = tar.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
        let config = names.into_iter().find(|name| name.len() == 64 + ".json".len()).unwrap();
        Self { id: format!("sha256:{}", config.trim_end_matches(".json")), archive }
    }

    fn described(&self) -> Vec<Act> {
        json(200, &format!(r#"{{"Id":"{}"}}"#, self.id))
    }

    /// A daemon whose exports are made by `acts`, which is told how many there were before.
    fn daemon(self, acts: impl Fn(&Self, usize) -> Vec<Act> + Send + Sync + 'static) -> ScriptedDaemon {
        ScriptedDaemon::start(
            move |path, before| {
                if path.ends_with("/get") { acts(&self, before) } else { self.described() }
            },
        )
    }
}

fn whole(exported: &Exported, _: usize) -> Vec<Act> {
    export(&exported.archive)
}

/// An account whose environment names this daemon.
fn account_beside(make: impl FnOnce(Exported) -> ScriptedDaemon) -> (Account, ScriptedDaemon) {
    let mut account = Account::new();
    let daemon = make(Exported::of(&Image::with_bulk("one", 3), account.lambda_lift.home()));
    account.lambda_lift.set("DOCKER_HOST", &daemon.host());
    (account, daemon)
}

fn exports(daemon: &ScriptedDaemon) -> usize {
    daemon.take_requests().iter().filter(|path| path.ends_with("/get")).count()
}

#[test]
fn a_deploy_of_an_unchanged_image_asks_for_its_id_and_exports_nothing() {
    let (account, daemon) = account_beside(|exported| exported.daemon(whole));
    let role = account.role();
    account.run(&deploy_arguments(IMAGE, &role)).expect(0);
    assert_eq!(exports(&daemon), 1);
    let state = account.end_state();

    let again = account.run(&deploy_arguments(IMAGE, &role));
    assert_eq!(again.expect(0)["outcome"], "unchanged");
    assert_eq!(daemon.take_requests(), ["/images/hello:latest/json"]);
    assert_eq!(account.end_state(), state);
    // The same image from a file is the same image.
    let archive = account.image("saved", &Image::with_bulk("one", 3));
    assert_eq!(account.run(&deploy_arguments(&archive, &role)).expect(0)["outcome"], "unchanged");
}

#[test]
fn a_remembered_image_is_exported_once_when_its_layers_are_needed() {
    let (account, daemon) = account_beside(|exported| exported.daemon(whole));
    account.run(&["check", IMAGE]).expect(0);
    assert_eq!(exports(&daemon), 1);
    account.run(&["check", IMAGE]).expect(0);
    assert_eq!(exports(&daemon), 0);
    let pushed = account.run(&["push", "--image", IMAGE, "--repository", "hello", "--create-repository"]);
    assert_eq!(pushed.expect(0)["outcome"], "pushed");
    assert_eq!(exports(&daemon), 1);
    account.assert_stored("hello", pushed.document["image"]["digest"].as_str().unwrap());
}

#[test]
fn what_is_remembered_of_an_image_lies_where_it_is_wanted_or_nowhere() {
    let (account, daemon) = account_beside(|exported| exported.daemon(whole));
    let usual = account.lambda_lift.home().join("cache/lambda-lift");
    let elsewhere = account.lambda_lift.home().join("elsewhere");
    for _ in 0..2 {
        account.run(&["check", IMAGE, "--no-cache"]).expect(0);
        assert_eq!(exports(&daemon), 1);
    }
    let folder = elsewhere.display().to_string();
    for exported in [1, 0] {
        account.run(&["check", IMAGE, "--cache-dir", &folder]).expect(0);
        assert_eq!(exports(&daemon), exported);
    }
    let files = |folder: &Path| fs::read_dir(folder.join("exports")).map_or(0, Iterator::count);
    assert_eq!((files(&usual), files(&elsewhere)), (0, 1));
}

#[test]
fn a_plan_reads_layers_once_and_the_deploy_after_it_only_what_it_sends() {
    let (account, daemon) = account_beside(|exported| exported.daemon(whole));
    account.run(&["check", IMAGE]).expect(0);
    let role = account.role();
    let plan = [&["plan"], &deploy_arguments(IMAGE, &role)[1..]].concat();
    daemon.take_requests();
    let planned = account.run(&plan);
    assert_eq!(planned.expect(0)["outcome"], "planned");
    assert_eq!(exports(&daemon), 1);
    account.run(&plan).expect(0);
    assert_eq!(exports(&daemon), 0, "the digests are known now");
    let deployed = account.run(&deploy_arguments(IMAGE, &role));
    assert_eq!(deployed.expect(0)["image"]["digest"], planned.document["image"]["digest"]);
    assert_eq!(exports(&daemon), 1);
}

#[test]
fn a_daemon_that_dies_in_the_middle_of_an_export_ends_the_run_before_any_change() {
    // At the opening, and then where a layer is read for the push.
    for remembered in [false, true] {
        let (account, daemon) = account_beside(|exported| {
            exported.daemon(move |exported, before| match before {
                0 if remembered => export(&exported.archive),
                _ => [export_begun(&exported.archive[..1 << 20]), vec![Act::Close]].concat(),
            })
        });
        if remembered {
            account.run(&["check", IMAGE]).expect(0);
        }
        let run = account.run(&deploy_arguments(IMAGE, &account.role()));
        let error = &run.expect(1)["error"];
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("ended its export of the image early"), "{message}");
        assert!(error["hint"].as_str().unwrap().contains("journalctl"), "{error}");
        assert!(
            !account
                .operations()
                .iter()
                .any(|operation| operation.contains("Function") && operation.starts_with("Create"))
        );
        assert_eq!(exports(&daemon), 2 + usize::from(remembered), "it was tried again once");
    }
}

#[test]
fn an_export_that_is_interrupted_ends_within_two_seconds() {
    for (signal, remembered) in [("INT", false), ("TERM", false), ("INT", true), ("TERM", true)] {
        let (account, daemon) = account_beside(|exported| {
            exported.daemon(move |exported, before| match before {
                0 if remembered => export(&exported.archive),
                _ => [export_begun(&exported.archive[..1 << 20]), vec![Act::WaitUntilGone]].concat(),
            })
        });
        if remembered {
            account.run(&["check", IMAGE]).expect(0);
            daemon.take_requests();
        }
        let child = account.start(&deploy_arguments(IMAGE, &account.role()));
        assert!(daemon.saw(|path| path.ends_with("/get")));
        std::thread::sleep(Duration::from_millis(200));
        let run = interrupt(child, signal);
        assert_eq!(run.expect(1)["error"]["kind"], "interrupted");
        assert!(daemon.saw(|noted| noted == "gone"));
        assert_nothing_left(&account);
    }
}

#[test]
fn a_run_that_is_killed_in_an_export_leaves_no_part_of_it() {
    let (account, daemon) = account_beside(|exported| {
        exported.daemon(|exported, _| {
            [export_begun(&exported.archive[..2 << 20]), vec![Act::WaitUntilGone]].concat()
        })
    });
    let mut child: Child = account.start(&["check", IMAGE]);
    assert!(daemon.saw(|path| path.ends_with("/get")));
    std::thread::sleep(Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_nothing_left(&account);
}

/// No bytes of an export are in the cache folder.
fn assert_nothing_left(account: &Account) {
    let Ok(files) = fs::read_dir(account.lambda_lift.home().join("cache/lambda-lift/exports")) else {
        return;
    };
    for file in files {
        let length = file.unwrap().metadata().unwrap().len();
        assert!(length < 64 << 10, "{length} bytes are left");
    }
}

#[test]
fn what_is_wrong_with_the_name_the_daemon_or_the_way_to_it_says_what_to_do() {
    let mut account = Account::new();
    let absent = ScriptedDaemon::start(|_, _| json(404, r#"{"message":"No such image: hello:latest"}"#));
    let home = account.lambda_lift.home().to_owned();
    let check = |account: &Account, more: &[&str]| account.run(&[&["check", IMAGE], more].concat());
    let expect = |run: &Run, code: i32, says: &str, hint: &str| {
        let error = &run.expect(code)["error"];
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
        assert!(error["hint"].as_str().unwrap().contains(hint), "{error}");
    };
    expect(
        &check(&account, &["--docker-host", &absent.host()]),
        2,
        "has no image hello:latest",
        "docker image ls",
    );
    let nowhere = format!("unix://{}", home.join("nowhere").display());
    expect(&check(&account, &["--docker-host", &nowhere]), 1, "there is no such socket", "docker save");
    account.lambda_lift.set("DOCKER_HOST", "ssh://me@host");
    expect(&check(&account, &[]), 2, "ssh://", "ssh -nNT -L");
    // The flag's own variable goes before Docker's.
    account.lambda_lift.set("LAMBDA_LIFT_DOCKER_HOST", &absent.host());
    expect(&check(&account, &[]), 2, "has no image", "docker image ls");
    account.lambda_lift.unset("LAMBDA_LIFT_DOCKER_HOST").unset("DOCKER_HOST");
    // The configuration is in the home folder, or where DOCKER_CONFIG says.
    for (folder, variable) in [(home.join(".docker"), None), (home.join("elsewhere"), Some("DOCKER_CONFIG"))]
    {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.json"), r#"{"currentContext":"work"}"#).unwrap();
        if let Some(variable) = variable {
            account.lambda_lift.set(variable, &folder.display().to_string());
        }
        expect(&check(&account, &[]), 2, "the Docker context \"work\"", "docker context ls");
    }
    account.lambda_lift.set("DOCKER_CONTEXT", "other");
    expect(&check(&account, &[]), 2, "the Docker context \"other\" (DOCKER_CONTEXT)", "docker context ls");
}
