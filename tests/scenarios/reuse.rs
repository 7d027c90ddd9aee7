//! Nothing is done twice: what is asked in how many waves, what is read, what is sent.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lambda_lift_localstack::{Effect, ErrorAnswer, FaultRule, Turn};
use serde_json::{Value, json};

use crate::account::Account;
use crate::image::{Image, gzip_layout, layer, oci_layout, together};

/// A base layer of two mebibytes that do not compress, and a small one on top.
fn image(note: &str) -> Image {
    let bulk = Image::with_bulk("base", 2).layers;
    let base = together(&bulk[0], &bulk[1]);
    Image { layers: vec![base, layer("var/task/note", note.as_bytes())], ..Image::small(note) }
}

/// Whoever reads the layer in the archive finds other bytes than its diff id promises, and fails.
fn make_unreadable(archive: &Path, layer: &[u8]) {
    let mut bytes = fs::read(archive).unwrap();
    let at = bytes.windows(layer.len()).position(|window| window == layer).unwrap();
    bytes[at + 512..at + layer.len()].fill(0xee);
    fs::write(archive, bytes).unwrap();
}

/// Forgets everything that earlier runs found out, as a fresh CI runner has.
fn on_a_fresh_machine(account: &mut Account) {
    let cache = account.path("fresh");
    assert!(!cache.exists());
    account.lambda_lift.set("LAMBDA_LIFT_CACHE_DIR", &cache.display().to_string());
}

fn actions(document: &Value) -> Vec<&str> {
    let layers = document["image"]["layers"].as_array().unwrap();
    layers.iter().map(|layer| layer["action"].as_str().unwrap()).collect()
}

fn count(account: &Account, operation: &str) -> usize {
    account.operations().iter().filter(|called| *called == operation).count()
}

/// Holds the calls of each wave until all of it are there. A run that asks for one thing after the other where it could
/// ask at once never gets an answer.
fn hold_in_waves(account: &Account, waves: &[usize]) {
    let mut before = 0;
    let rules = waves.iter().rev().map(|calls| {
        let earlier: usize = waves.iter().sum::<usize>() - before - calls;
        before += calls;
        let turn = Turn::After(earlier as u64);
        FaultRule { operation: "*".to_owned(), calls: turn, together: Some(*calls), ..FaultRule::default() }
    });
    // The first rule that fits decides, so the last wave's stands first.
    account.stand.set_faults(rules.collect());
}

#[test]
fn a_deploy_with_nothing_to_do_asks_in_two_waves_and_reads_no_layer() {
    let (mut account, _) = Account::deployed(|account| account.image("app", &image("one")));
    let archive = account.path("app.tar");
    for layer in &image("one").layers {
        make_unreadable(&archive, layer);
    }
    let source = format!("docker-archive:{}", archive.display());
    for fresh in [false, true] {
        if fresh {
            on_a_fresh_machine(&mut account);
        }
        account.stand.clear_calls();
        hold_in_waves(&account, &[7, 3]);
        assert_eq!(account.deploy(&source).expect(0)["outcome"], "unchanged");
        account.clear_faults();
        let mut operations = account.operations();
        let mut second = operations.split_off(7);
        operations.sort();
        second.sort();
        let first = [
            "DescribeRepositories",
            "GetAlias",
            "GetAuthorizationToken",
            "GetCallerIdentity",
            "GetFunction",
            "GetFunction",
            "GetRepositoryPolicy",
        ];
        assert_eq!(operations, first, "fresh: {fresh}");
        assert_eq!(second, ["BatchCheckLayerAvailability", "GetManifest", "HeadManifest"], "fresh: {fresh}");
        let registry = account.calls().into_iter().filter(|call| call.service == "registry");
        assert_eq!(registry.map(|call| call.request_bytes).sum::<u64>(), 0);
    }
}

#[test]
fn a_push_of_what_is_there_asks_in_two_waves_too() {
    let account = Account::new();
    let source = oci_layout(&account.path("layout"), &[image("one")]);
    let push = ["push", "--image", &source, "--repository", "hello", "--create-repository"];
    account.run(&push).expect(0);
    account.stand.clear_calls();
    hold_in_waves(&account, &[4, 3]);
    assert_eq!(account.run(&push).expect(0)["outcome"], "unchanged");
    assert_eq!(account.operations().len(), 7, "{:?}", account.operations());
}

#[test]
fn on_a_fresh_machine_a_changed_top_layer_is_all_that_is_read_and_sent() {
    let (mut account, _) = Account::deployed(|account| account.image("one", &image("one")));
    on_a_fresh_machine(&mut account);
    let changed = image("two");
    let source = account.image("two", &changed);
    make_unreadable(&account.path("two.tar"), &changed.layers[0]);
    let document = account.deploy(&source).expect(0).clone();
    assert_eq!((&document["outcome"], actions(&document)), (&json!("deployed"), vec!["reused", "uploaded"]));
    let sent: u64 =
        account.calls().iter().filter(|call| call.service == "registry").map(|call| call.request_bytes).sum();
    let allowed = changed.layers[1].len() as u64 + (64 << 10);
    assert!(sent <= allowed, "{sent} bytes were sent, {allowed} are allowed");
    // The configuration was asked for with the first questions about the image; the base layer with none.
    assert_eq!(count(&account, "BatchCheckLayerAvailability"), 1);
    account.end_state();
}

#[test]
fn many_layers_with_known_digests_are_looked_for_in_one_call() {
    let account = Account::new();
    account.create_repository("hello");
    let layers = |from: u32| (from..from + 60).map(|number| layer("var/task/n", &number.to_le_bytes()));
    // Layers that are compressed already have their digests before anything is read.
    let layout = |name: &str, from| {
        let small = Image::small("x");
        let plain: Vec<Vec<u8>> = small.layers[..1].iter().cloned().chain(layers(from)).collect();
        let image = Image { layers: plain, ..small };
        gzip_layout(&account.path(name), &image)
    };
    let push =
        |source: &str| account.run(&["push", "--image", source, "--repository", "hello"]).expect(0).clone();
    push(&layout("one", 0));
    account.stand.clear_calls();
    // The same layers but one.
    let document = push(&layout("two", 1));
    let uploaded = actions(&document).into_iter().filter(|action| *action == "uploaded").count();
    assert_eq!((uploaded, actions(&document)[0]), (1, "exists"));
    assert_eq!(count(&account, "BatchCheckLayerAvailability"), 1);
    let heads = count(&account, "HeadBlob");
    assert!(heads <= 1, "{heads} blobs were asked for one by one");
}

#[test]
fn where_blobs_cannot_be_asked_for_at_once_they_are_one_by_one_and_that_is_told_once() {
    let html = ErrorAnswer {
        status: 500,
        code: String::new(),
        message: String::new(),
        headers: BTreeMap::new(),
        body: Some("<html>not implemented</html>".to_owned()),
    };
    for effect in [Effect::Deny, Effect::Throttle, Effect::Error(html), Effect::HalfResponse] {
        let (account, _) = Account::deployed(|account| account.image("one", &image("one")));
        account.fault("BatchCheckLayerAvailability", Turn::Every, effect.clone());
        let run = account.deploy_with(&account.image("two", &image("two")), &["--verbose"]);
        let document = run.expect(0);
        assert_eq!(actions(document), ["reused", "uploaded"], "{effect:?}");
        assert_eq!(count(&account, "BatchCheckLayerAvailability"), 1, "{effect:?}");
        assert_eq!(run.stderr.matches("one by one").count(), 1, "{}", run.stderr);
        account.clear_faults();
        account.end_state();
    }
}

#[test]
fn what_is_said_to_be_missing_is_sent() {
    let (account, _) = Account::deployed(|account| account.image("one", &image("one")));
    // A second repository has none of it, whatever the cache knows.
    let source = account.image("one", &image("one"));
    let push = ["push", "--image", &source, "--repository", "other", "--create-repository"];
    let document = account.run(&push).expect(0).clone();
    assert_eq!(actions(&document), ["uploaded", "uploaded"]);
    account.assert_stored("other", document["image"]["digest"].as_str().unwrap());
}
