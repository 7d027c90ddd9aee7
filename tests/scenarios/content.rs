//! What is in the image is judged in the pass that sends it: before the manifest is put, without a second read, and by a download only where nothing else speaks for a layer.

use std::fs;

use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, REGION};
use crate::image::{Image, add_entry, gzip_layout, layer};

/// An image whose entry point is no file in it.
fn without_program(note: &str) -> Image {
    let layers = vec![layer("opt/other", b"#!/bin/sh\n"), layer("var/task/note", note.as_bytes())];
    Image { layers, ..Image::small(note) }
}

/// A small image with one more layer, in which nobody may start the program.
fn with_closed_program(note: &str) -> Image {
    let mut image = Image::small(note);
    let mut archive = tar::Builder::new(Vec::new());
    let program = b"\x7fELF\x02\x01";
    add_entry(&mut archive, "var/task/bootstrap", tar::EntryType::Regular, 0o644, "", program);
    image.layers.push(archive.into_inner().unwrap());
    image
}

/// The findings of this check: severity and message.
fn found<'a>(document: &'a Value, check: &str) -> Vec<(&'a str, &'a str)> {
    let findings = document["findings"].as_array().unwrap().iter();
    let text = |finding: &'a Value, key: &str| finding[key].as_str().unwrap();
    findings
        .filter(|finding| finding["check"] == check)
        .map(|finding| (text(finding, "severity"), text(finding, "message")))
        .collect()
}

/// Refused for what is in the image: exit 3, said once, and nothing on the wire that would publish or run it.
fn assert_unpublished(account: &Account, run: &Run, check: &str) {
    let document = run.expect(3);
    assert_eq!(document["outcome"], "refused", "{document:#}");
    let [("refuse", message)] = found(document, check)[..] else { panic!("one refusal: {document:#}") };
    assert!(document["error"].is_null() || document["error"]["message"] == message, "{document:#}");
    let changing = ["PutManifest", "CreateFunction", "UpdateFunctionCode", "PublishVersion", "UpdateAlias"];
    let operations = account.operations();
    assert!(!operations.iter().any(|name| changing.contains(&name.as_str())), "{operations:?}");
    assert_no_layer_downloaded(account);
}

/// The configuration of the image that runs is all that is ever downloaded: it says which layers that has.
fn assert_no_layer_downloaded(account: &Account) {
    let operations = account.operations();
    let downloads = operations.iter().filter(|name| name.starts_with("Download")).count();
    assert!(downloads <= 1, "{operations:?}");
    assert_eq!(downloads, operations.iter().filter(|name| *name == "GetBlob").count(), "{operations:?}");
}

fn on_a_fresh_machine(account: &mut Account, name: &str) {
    let cache = account.path(name);
    account.lambda_lift.set("LAMBDA_LIFT_CACHE_DIR", &cache.display().to_string());
}

/// Forgets what is in layers, and nothing else.
fn forget_contents(account: &Account) {
    fs::remove_dir_all(account.path("cache").join("lambda-lift/layers/listings")).unwrap();
}

#[test]
fn a_refusal_of_what_is_in_the_image_comes_before_its_manifest() {
    let account = Account::new();
    let image = account.image("bad", &without_program("bad"));
    let run = account.deploy(&image);
    assert_unpublished(&account, &run, "entrypoint-file");
    assert_eq!(run.document["error"]["kind"], "refused");
    assert!(run.document["error"]["message"].as_str().unwrap().contains("/var/task/bootstrap"));
    assert_eq!(run.document["steps"][1]["status"], "failed", "{:#}", run.document);
    let push = account.run(&["push", "--image", &image, "--repository", "other", "--create-repository"]);
    assert_unpublished(&account, &push, "entrypoint-file");
    assert_eq!(account.image_ids("hello"), []);
}

#[test]
fn an_image_that_was_refused_is_refused_again_before_anything_is_sent() {
    let account = Account::new();
    let image = account.image("bad", &without_program("bad"));
    account.deploy(&image).expect(3);
    account.stand.clear_calls();
    let run = account.deploy(&image);
    assert_unpublished(&account, &run, "entrypoint-file");
    assert_eq!(account.writes(), Vec::<String>::new());
    assert_eq!((&run.document["steps"], &run.document["error"]), (&json!([]), &Value::Null));
    // Whatever is remembered of it, and however it is written down.
    let layout = gzip_layout(&account.path("bad"), &without_program("bad"));
    assert_unpublished(&account, &account.deploy(&layout), "entrypoint-file");
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn what_is_remembered_of_reused_layers_counts_as_read() {
    let (account, _) = Account::deployed(|account| account.small_image("one"));
    let run = account.deploy(&account.image("closed", &with_closed_program("one")));
    assert_unpublished(&account, &run, "entrypoint-file");
    let run = account.deploy(&account.small_image("two"));
    assert_eq!(found(run.expect(0), "unread-layers"), []);
    assert_eq!(run.document["image"]["layers"][0]["action"], "reused");
}

#[test]
fn where_the_base_was_not_read_what_lies_above_it_is_judged_and_the_rest_is_said_once() {
    let (mut account, _) = Account::deployed(|account| account.small_image("one"));
    on_a_fresh_machine(&mut account, "fresh");
    let run = account.deploy(&account.image("closed", &with_closed_program("one")));
    assert_unpublished(&account, &run, "entrypoint-file");
    on_a_fresh_machine(&mut account, "fresher");
    let run = account.deploy(&account.small_image("two"));
    let [("info", message)] = found(run.expect(0), "unread-layers")[..] else { panic!("{:#}", run.document) };
    for words in
        ["was not read in this run", "the image that runs now has it", "judged only by the layers above"]
    {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(run.document["image"]["layers"][0]["action"], "reused");
}

#[test]
fn a_deploy_with_nothing_to_do_says_and_reads_nothing() {
    let (mut account, image) = Account::deployed(|account| account.small_image("one"));
    on_a_fresh_machine(&mut account, "fresh");
    let document = account.deploy(&image).expect(0).clone();
    assert_eq!((&document["outcome"], &document["findings"]), (&json!("unchanged"), &json!([])));
    assert!(!account.path("fresh").join("layers").exists());
}

#[test]
fn a_refused_image_is_refused_again_where_nothing_is_remembered_of_it() {
    // What was sent of it the first time is in the repository now.
    let mut account = Account::new();
    let layout = gzip_layout(&account.path("bad"), &without_program("bad"));
    assert_unpublished(&account, &account.deploy(&layout), "entrypoint-file");
    on_a_fresh_machine(&mut account, "fresh");
    account.stand.clear_calls();
    assert_unpublished(&account, &account.deploy(&layout), "entrypoint-file");
    assert_eq!(account.writes(), Vec::<String>::new());
    let push = ["push", "--image", &layout, "--repository", "hello", "--no-cache"];
    assert_unpublished(&account, &account.run(&push), "entrypoint-file");

    // Above a base that runs, and that nobody reads.
    let (mut account, _) = Account::deployed(|account| account.small_image("one"));
    let closed = gzip_layout(&account.path("closed"), &with_closed_program("one"));
    for machine in ["fresh", "fresher"] {
        on_a_fresh_machine(&mut account, machine);
        account.stand.clear_calls();
        assert_unpublished(&account, &account.deploy(&closed), "entrypoint-file");
    }
}

#[test]
fn layers_of_a_published_image_of_a_registry_are_not_brought_here_and_are_unknown() {
    let mut account = Account::new();
    let image = account.small_image("one");
    let push = ["push", "--image", &image, "--repository", "hello", "--tag", "v1", "--create-repository"];
    account.run(&push).expect(0);
    on_a_fresh_machine(&mut account, "fresh");
    account.stand.clear_calls();
    let source = format!("docker://{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/hello:v1");
    let endpoint = account.stand.url();
    let run = account.deploy_with(&source, &["--source-endpoint", &endpoint]);
    let [("unknown", message)] = found(run.expect(0), "unread-layers")[..] else {
        panic!("{:#}", run.document)
    };
    assert!(
        message.contains("2 layers (sha256:") && message.contains("the repository has them"),
        "{message}"
    );
    assert_no_layer_downloaded(&account);
}

#[test]
fn a_verified_layer_whose_content_was_forgotten_is_looked_into_as_it_is_sent() {
    let account = Account::new();
    let image = gzip_layout(&account.path("bad"), &without_program("bad"));
    let push = |repository, more: &[&str]| {
        let push = ["push", "--image", &image, "--create-repository", "--repository", repository];
        account.run(&[&push[..], more].concat())
    };
    push("one", &["--allow", "entrypoint-file"]).expect(0);
    forget_contents(&account);
    account.stand.clear_calls();
    let run = push("two", &[]);
    assert_unpublished(&account, &run, "entrypoint-file");
    assert!(account.writes().iter().any(|name| name == "FinishUpload"));
}

#[test]
fn a_plan_judges_what_it_knows_and_what_it_reads_anyway() {
    let account = Account::new();
    let role = account.role();
    let plan = |image: &str, more: &[&str]| {
        let mut arguments = crate::account::deploy_arguments(image, &role);
        arguments[0] = "plan";
        account.run(&[&arguments[..], more].concat())
    };
    // Layers that are not compressed are read to know their digests.
    let archive = account.image("bad", &without_program("bad"));
    for more in [&["--no-cache"][..], &[]] {
        assert_unpublished(&account, &plan(&archive, more), "entrypoint-file");
    }
    // Those that are compressed are not.
    let layout = gzip_layout(&account.path("other"), &without_program("other"));
    let run = plan(&layout, &["--no-cache"]);
    let [("info", message)] = found(run.expect(0), "unread-layers")[..] else { panic!("{:#}", run.document) };
    assert!(message.contains("are read when a deploy sends them"), "{message}");
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn a_check_that_is_allowed_is_told_and_refuses_nothing() {
    let account = Account::new();
    let image = account.image("bad", &without_program("bad"));
    let run = account.deploy_with(&image, &["--allow", "entrypoint-file"]);
    assert_eq!(run.expect(0)["outcome"], "deployed");
    let findings = run.document["findings"].as_array().unwrap();
    let allowed: Vec<_> = findings.iter().filter(|finding| finding["allowed"] == true).collect();
    assert_eq!(allowed.len(), 1, "{findings:#?}");
    assert_eq!((&allowed[0]["check"], &allowed[0]["severity"]), (&json!("entrypoint-file"), &json!("info")));
    // `check` weighs it in the same way, --strict or not, and so does the configuration file.
    account.run(&["check", &image]).expect(3);
    account.run(&["check", &image, "--allow", "entrypoint-file"]).expect(0);
    fs::write(account.path("lambda-lift.toml"), "allow = [\"entrypoint-file\"]\n").unwrap();
    account.run(&["check", &image, "--strict"]).expect(0);
}

#[test]
fn what_cannot_be_allowed_is_a_usage_error_that_helps() {
    let account = Account::new();
    let image = account.small_image("one");
    for (check, words) in [
        ("entrypoint_file", "did you mean entrypoint-file?"),
        ("package-type", "what it refuses can never work"),
        ("nonsense", "these can be allowed: "),
    ] {
        for run in [
            account.deploy_with(&image, &["--allow", check]),
            account.run(&["check", &image, "--allow", check]),
            account.run(&["push", "--image", &image, "--repository", "hello", "--allow", check]),
        ] {
            let error = &run.expect(2)["error"];
            let said = format!("{} {}", error["message"], error["hint"]);
            assert!(said.contains(check) && said.contains(words), "{said}");
        }
    }
    assert_eq!(account.operations(), Vec::<String>::new());
}

#[test]
fn the_entry_point_that_the_function_has_already_is_the_one_that_is_judged() {
    let (account, _) = Account::deployed(|account| account.small_image("one"));
    let settings = json!({ "ImageConfig": { "EntryPoint": ["/opt/missing"] } });
    account.lambda("PUT", "/hello/configuration", settings);
    account.settled_function("hello");
    account.stand.clear_calls();
    let run = account.deploy(&account.small_image("two"));
    assert_unpublished(&account, &run, "entrypoint-file");
    assert!(run.refusals().contains("/opt/missing"), "{}", run.refusals());
    // A declaration goes before what is there.
    account.deploy_with(&account.small_image("two"), &["--entrypoint", "/var/task/bootstrap"]).expect(0);
}

const TARGETS: &str = r#"
image = "image.tar"
repository = "shop"
create-repository = true

[function]
Role = "arn:aws:iam::123456789012:role/shop"

[[target]]
name = "one"
function = "one"

[[target]]
name = "two"
function = "two"
function.ImageConfig.EntryPoint = ["/opt/other"]
"#;

#[test]
fn each_of_many_targets_judges_the_image_for_itself_and_one_pass_serves_all() {
    let account = Account::new();
    let layers = [without_program("x").layers, vec![layer("bin/sh", &Image::small("").layers[0])]].concat();
    account.image("image", &Image { layers, ..Image::small("x") });
    // A key may be written in one way only.
    let targets = TARGETS.replace("function = \"two\"\n", "function.FunctionName = \"two\"\n");
    fs::write(account.path("lambda-lift.toml"), targets).unwrap();
    let run = account.run(&["deploy", "--target", "*", "--allow", "runtime-client", "--keep-going"]);
    let document = run.expect(3);
    let target = |name: &str| {
        let targets = document["targets"].as_array().unwrap();
        targets.iter().find(|target| target["name"] == name).unwrap()
    };
    assert_eq!((&target("one")["outcome"], &target("one")["exit"]), (&json!("refused"), &json!(3)));
    let [("refuse", message)] = found(target("one"), "entrypoint-file")[..] else { panic!("{document:#}") };
    assert!(message.contains("/var/task/bootstrap"), "{message}");
    assert_eq!(target("two")["outcome"], "deployed", "{document:#}");
    let operations = account.operations();
    let count = |name: &str| operations.iter().filter(|called| *called == name).count();
    assert_eq!((count("PutManifest"), count("CreateFunction")), (1, 1), "{operations:?}");
    assert_eq!(
        account.settled_function("two")["FunctionArn"].as_str().unwrap().split(':').nth(4),
        Some(ACCOUNT)
    );

    // Where all of them refuse it, it is not published.
    account.image("image", &without_program("y"));
    let text = TARGETS.split("[[target]]\nname = \"two\"").next().unwrap().to_owned();
    let third = text.replace("name = \"one\"\nfunction = \"one\"", "name = \"three\"\nfunction = \"three\"");
    let both = format!("{third}\n[[target]]\nname = \"four\"\nfunction = \"four\"\n");
    fs::write(account.path("lambda-lift.toml"), both.replace("\"shop\"\n", "\"store\"\n")).unwrap();
    account.stand.clear_calls();
    let run = account.run(&["deploy", "--target", "*"]);
    let document = run.expect(3);
    for target in document["targets"].as_array().unwrap() {
        assert_eq!((&target["outcome"], &target["exit"]), (&json!("refused"), &json!(3)), "{document:#}");
        assert_eq!(found(target, "entrypoint-file").len(), 1, "{document:#}");
    }
    let operations = account.operations();
    assert!(
        !operations.iter().any(|name| name == "PutManifest" || name == "CreateFunction"),
        "{operations:?}"
    );
}

#[test]
fn a_github_job_gets_the_refusal_once() {
    let mut account = Account::new();
    account.lambda_lift.set("GITHUB_ACTIONS", "true");
    let summary = account.path("summary.md");
    account.lambda_lift.set("GITHUB_STEP_SUMMARY", &summary.display().to_string());
    let run = account.deploy(&account.image("bad", &without_program("bad")));
    run.code.map_or_else(|| panic!("{}", run.stderr), |code| assert_eq!(code, 3));
    let errors: Vec<_> =
        run.stdout.lines().chain(run.stderr.lines()).filter(|line| line.starts_with("::error")).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("/var/task/bootstrap does not exist"), "{errors:?}");
    let page = fs::read_to_string(summary).unwrap();
    assert!(page.contains("/var/task/bootstrap does not exist"), "{page}");
}
