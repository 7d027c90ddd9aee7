//! What a GitHub job gets: outputs, a summary, annotations and a group. Summaries are compared with those in `snapshots/`;
//! `LAMBDA_LIFT_WRITE_SNAPSHOTS=1` writes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lambda_lift_localstack::{Effect, ErrorAnswer, Turn};
use lambda_lift_rig::Run;

use crate::account::{ACCOUNT, Account, ENVIRONMENT_VALUE, REGION, deploy_arguments};

/// An account whose runs are steps of a job.
struct Job {
    account: Account,
}

impl Job {
    fn new() -> Self {
        let mut account = Account::new();
        let home = account.path("").display().to_string();
        account.lambda_lift.set("GITHUB_ACTIONS", "true").set("GITHUB_WORKSPACE", &home);
        for (name, file) in [("GITHUB_OUTPUT", "outputs"), ("GITHUB_STEP_SUMMARY", "summary")] {
            let path = account.path(file).display().to_string();
            account.lambda_lift.set(name, &path);
        }
        Self { account }
    }

    /// Begins a step: its files are its own.
    fn step(&self) {
        for file in ["outputs", "summary"] {
            fs::write(self.account.path(file), "").unwrap();
        }
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.account.path(file)).unwrap_or_default()
    }

    fn deploy(&self, note: &str, more: &[&str]) -> Run {
        self.step();
        self.account.deploy_with(&self.account.small_image(note), more)
    }

    fn outputs(&self) -> BTreeMap<String, String> {
        outputs(&self.read("outputs"))
    }
}

/// The outputs in a file, as the runner reads them.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut lines = text.lines();
    let mut found = BTreeMap::new();
    while let Some(line) = lines.next() {
        match line.split_once("<<").filter(|(name, _)| !name.contains('=')) {
            Some((name, mark)) => {
                let value: Vec<_> = lines.by_ref().take_while(|line| *line != mark).collect();
                found.insert(name.to_owned(), value.join("\n"));
            }
            None => {
                let (name, value) = line.split_once('=').unwrap();
                found.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    found
}

/// The workflow commands of a log; every line that the runner takes for one.
fn commands(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.trim_start().starts_with("::") || line.contains("##[")).collect()
}

/// Without what differs from run to run: times, digests, the port of the stand-in.
fn normalised(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        for (before, after) in [("(", ")"), (" :done, ", "ms"), (" :crit, ", "ms")] {
            line = without_time(&line, before, after);
        }
        out.push_str(&without_digests(&line));
        out.push('\n');
    }
    out
}

fn without_time(line: &str, before: &str, after: &str) -> String {
    let Some((head, rest)) = line.split_once(before) else { return line.to_owned() };
    let Some((time, tail)) = rest.split_once(after) else { return line.to_owned() };
    let is_time = time.starts_with(|first: char| first.is_ascii_digit())
        && time.chars().all(|one| one.is_ascii_digit() || "-:., minms".contains(one));
    if is_time { format!("{head}{before}TIME{after}{tail}") } else { line.to_owned() }
}

/// Runs of at least twelve hexadecimal digits that are no account id become their length.
fn without_digests(line: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for character in line.chars().chain(['\n']) {
        if character.is_ascii_hexdigit() {
            run.push(character);
            continue;
        }
        match run.len() {
            0..12 => out.push_str(&run),
            _ if run == ACCOUNT => out.push_str(&run),
            length => out.push_str(&format!("<{length} digits>")),
        }
        run.clear();
        if character != '\n' {
            out.push(character);
        }
    }
    out
}

fn assert_snapshot(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/snapshots").join(name);
    if std::env::var_os("LAMBDA_LIFT_WRITE_SNAPSHOTS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{} is another:\n{text}", path.display());
}

#[test]
fn the_summaries_and_outputs_of_a_scripted_run_are_as_they_were() {
    let job = Job::new();
    job.deploy("one", &["--memory", "256"]).expect(0);
    assert_snapshot("first_deploy.md", &normalised(&job.read("summary")));
    job.deploy("two", &["--memory", "512", "--env", "LEVEL=debug", "--timeout", "9"]).expect(0);
    assert_snapshot("second_deploy.md", &normalised(&job.read("summary")));
    assert_snapshot("second_deploy.outputs", &normalised(&job.read("outputs")));
    job.deploy("two", &[]).expect(0);
    assert_snapshot("unchanged.md", &normalised(&job.read("summary")));

    job.step();
    let (image, role) = (job.account.small_image("three"), job.account.role());
    let mut arguments = deploy_arguments(&image, &role);
    arguments[0] = "plan";
    job.account.run(&arguments).expect(0);
    assert_snapshot("plan.md", &normalised(&job.read("summary")));

    job.step();
    job.account.run(&["rollback", "--function", "hello", "--alias", "live"]).expect(0);
    assert_snapshot("rollback.md", &normalised(&job.read("summary")));
    assert_eq!(job.outputs()["outcome"], "rolled_back");

    job.deploy("three", &["--arch", "arm64"]).expect(3);
    assert_snapshot("refused.md", &normalised(&job.read("summary")));
}

#[test]
fn what_prune_looked_at_is_in_its_summary() {
    let job = Job::new();
    for note in ["one", "two", "three"] {
        job.deploy(note, &[]).expect(0);
    }
    job.step();
    job.account.run(&["prune", "--function", "hello", "--keep", "1"]).expect(0);
    let summary = job.read("summary");
    assert!(summary.contains("### lambda-lift prune: planned"), "{summary}");
    assert!(summary.contains("\n```text\nfunction hello: "), "{summary}");
}

#[test]
fn the_way_back_in_the_summary_is_a_command_that_goes_there() {
    let job = Job::new();
    job.deploy("one", &[]).expect(0);
    assert!(!job.read("summary").contains("To go back"), "there is nothing to go back to");
    job.deploy("two", &[]).expect(0);
    let summary = job.read("summary");
    let (_, after) = summary.split_once("**To go back** to version <code>1</code>:\n\n```sh\n").unwrap();
    let command: Vec<_> = after.lines().next().unwrap().split(' ').collect();
    assert_eq!(command[0], "lambda-lift");
    let document = job.account.run(&command[1..]).expect(0).clone();
    assert_eq!(document["alias"]["to"], "1");
}

/// GitHub drops an output that holds anything masked when it is handed to another job.
#[test]
fn a_masked_account_id_does_not_lose_the_image() {
    let job = Job::new();
    let document = job.deploy("one", &[]).expect(0).clone();
    let outputs = job.outputs();
    let masked = [ACCOUNT];
    let kept: BTreeMap<_, _> =
        outputs.iter().filter(|(_, value)| !masked.iter().any(|secret| value.contains(secret))).collect();
    let digest = document["image"]["digest"].as_str().unwrap();
    assert_eq!(kept[&"image".to_owned()], &format!("hello@{digest}"));
    for name in ["outcome", "digest", "function-name", "version", "alias", "pushed-bytes"] {
        assert!(kept.contains_key(&name.to_owned()), "{name} is lost: {outputs:?}");
    }
    let lost: Vec<_> = outputs.keys().filter(|name| !kept.contains_key(name)).collect();
    assert_eq!(lost, ["function-arn", "image-uri"], "those that must name the account");
    // What was left is enough to name the image again.
    let host = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com");
    assert_eq!(format!("{host}/{}", outputs["image"]), outputs["image-uri"]);
}

#[test]
fn the_log_is_in_a_group_and_the_one_document_is_whole() {
    let job = Job::new();
    let run = job.deploy("one", &[]);
    run.expect(0);
    let log = commands(&run.stderr);
    assert_eq!((log.first(), log[1]), (Some(&"::group::lambda-lift: progress"), "::endgroup::"), "{log:?}");
    assert!(log[2..].iter().all(|line| line.starts_with("::notice ")), "{log:?}");
    let (_, grouped) = run.stderr.split_once("::group::").unwrap();
    assert!(grouped.split_once("::endgroup::").unwrap().0.contains("done: push hello"), "{}", run.stderr);
    assert_eq!(commands(&run.stdout), Vec::<&str>::new(), "the document alone is there");

    let quiet = job.deploy("one", &["--quiet"]);
    assert_eq!(commands(&quiet.stderr), Vec::<&str>::new(), "nothing to tell, nothing to group");
}

#[test]
fn a_mistake_in_the_file_is_annotated_where_it_is() {
    let mut job = Job::new();
    fs::create_dir(job.account.path("service")).unwrap();
    fs::write(job.account.path("service/lambda-lift.toml"), "image = 1\n\n[function]\nMemroySize = 5\n")
        .unwrap();
    let folder = job.account.path("service");
    job.account.lambda_lift.work_in(&folder);
    job.step();
    let run = job.account.run(&["deploy"]);
    run.expect(2);
    let told = commands(&run.stderr);
    let title = "title=lambda-lift deploy%3A config";
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with(&format!("::error file=service/lambda-lift.toml,line=1,col=9,{title}::image: "))
    );
    assert!(
        told[1]
            .starts_with(&format!("::error file=service/lambda-lift.toml,line=4,col=1,{title}::function."))
    );
    assert_eq!(job.outputs()["outcome"], "failed");
    assert!(job.read("summary").contains("**Error** (config): lambda-lift.toml cannot be used"));
}

#[test]
fn what_is_typed_gives_the_job_no_command() {
    let job = Job::new();
    job.step();
    for hostile in ["--x\n::add-mask::e", "a\n##[error]b", "\n  ::stop-commands::t"] {
        let run = job.account.run(&["deploy", hostile]);
        run.expect(2);
        let told = commands(&run.stderr);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("::error title=lambda-lift deploy%3A usage::"), "{told:?}");
    }
    let hostile = "x</code></td><script>alert(1)</script>|[a](b)\n# heading\n```\n::error::y";
    job.step();
    job.deploy("one", &["--description", hostile]).expect(0);
    let summary = job.read("summary");
    // It stands in a block, which it cannot end.
    let (_, block) = summary.split_once("   ````\n").unwrap();
    let (block, rest) = block.split_once("   ````\n").unwrap();
    assert!(block.contains(&hostile.replace('\n', "\n   ")), "{summary}");
    assert!(!rest.contains("<script"), "{summary}");
}

#[test]
fn no_value_of_a_variable_is_in_a_summary() {
    let job = Job::new();
    let variable = format!("TOKEN={ENVIRONMENT_VALUE}");
    job.deploy("one", &["--env", &variable]).expect(0);
    let summary = job.read("summary");
    assert!(summary.contains("TOKEN") && !summary.contains(ENVIRONMENT_VALUE), "{summary}");
}

#[test]
fn a_full_summary_is_left_alone_and_an_empty_variable_means_none() {
    let mut job = Job::new();
    job.step();
    fs::write(job.account.path("summary"), vec![b'x'; 1 << 20]).unwrap();
    let image = job.account.small_image("one");
    let run = job.account.deploy(&image);
    run.expect(0);
    assert_eq!(job.read("summary").len(), 1 << 20);
    assert!(
        run.stderr.contains("warning: the summary could not be written to $GITHUB_STEP_SUMMARY"),
        "{}",
        run.stderr
    );

    job.step();
    job.account.lambda_lift.set("GITHUB_STEP_SUMMARY", "");
    let run = job.account.deploy(&image);
    run.expect(0);
    assert!(!run.stderr.contains("warning") && job.read("summary").is_empty(), "{}", run.stderr);
}

#[test]
fn a_failure_half_way_says_how_the_world_is() {
    let job = Job::new();
    job.deploy("one", &[]).expect(0);
    let refusal = ErrorAnswer::new(403, "AccessDeniedException", "not for you\n::error::forged");
    job.account.fault("PublishVersion", Turn::Every, Effect::Error(refusal));
    let run = job.deploy("two", &[]);
    run.expect(4);
    assert_snapshot("failed.md", &normalised(&job.read("summary")));
    let errors: Vec<_> =
        commands(&run.stderr).into_iter().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("not for you"), "{errors:?}");
}
