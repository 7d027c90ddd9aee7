//! What is remembered between runs, where, and how layers are compressed. Whatever is wrong with the cache, a push works.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::account::Account;
use crate::image::{Image, digest, oci_layout};

fn actions(document: &Value) -> Vec<&str> {
    let layers = document["image"]["layers"].as_array().unwrap();
    layers.iter().map(|layer| layer["action"].as_str().unwrap()).collect()
}

fn push<'a>(source: &'a str, cache: &'a str) -> Vec<&'a str> {
    vec!["push", "--image", source, "--repository", "hello", "--create-repository", "--cache-dir", cache]
}

/// What becomes of a file.
type Spoil<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_cache_is_kept_where_it_is_wanted_and_nowhere_when_it_is_not() {
    let account = Account::new();
    let source = account.small_image("one");
    let cache = account.path("kept");
    let wanted = cache.display().to_string();
    account.run(&[&push(&source, &wanted)[..], &["--no-cache"]].concat()).expect(0);
    assert_eq!((files(&cache).len(), cache.exists(), account.path("cache").exists()), (0, false, false));
    account.run(&push(&source, &wanted)).expect(0);
    let other = account.small_image("two");
    account.run(&push(&other, &wanted)).expect(0);
    let kept: Vec<_> =
        files(&cache).iter().map(|path| path.parent().unwrap().file_name().unwrap().to_owned()).collect();
    assert_eq!(kept.iter().filter(|folder| *folder == "layers").count(), 3, "{kept:?}");
    assert!(!account.path("cache").exists(), "not in the user's own");
}

#[cfg(unix)]
#[test]
fn a_cache_that_others_can_write_is_told_of_and_neither_read_nor_written() {
    use std::os::unix::fs::PermissionsExt as _;
    let account = Account::new();
    let source = account.small_image("one");
    let cache = account.path("kept");
    let wanted = cache.display().to_string();
    account.run(&push(&source, &wanted)).expect(0);
    for place in [cache.clone(), cache.join("layers"), cache.join("origins")] {
        let before = fs::metadata(&place).unwrap().permissions();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).unwrap();
        let count = files(&cache).len();
        let other = account.small_image(&format!("two of {}", place.file_name().unwrap().display()));
        let document = account.run(&push(&other, &wanted)).expect(0).clone();
        let findings = document["findings"].as_array().unwrap();
        let told = findings.iter().find(|finding| finding["check"] == "cache").unwrap();
        assert_eq!(told["severity"], "warn");
        assert!(
            told["hint"].as_str().unwrap().contains(&format!("chmod go-w {}", place.display())),
            "{told}"
        );
        assert_eq!(files(&cache).len(), count, "nothing was written");
        fs::set_permissions(&place, before).unwrap();
    }
}

#[test]
fn a_cache_that_cannot_be_made_or_is_damaged_or_lies_never_fails_a_push() {
    let account = Account::new();
    let file = account.path("file");
    fs::write(&file, "in the way").unwrap();
    for (place, number) in [(file.display().to_string(), 1), ("/proc/lambda-lift".to_owned(), 2)] {
        let source = account.small_image(&format!("image {number}"));
        account.run(&push(&source, &place)).expect(0);
    }

    let cache = account.path("kept").display().to_string();
    let image = Image::small("honest");
    let source = account.image("honest", &image);
    let first = account.run(&push(&source, &cache)).expect(0)["image"]["digest"].clone();
    let entries = files(Path::new(&cache));
    let good: Vec<Vec<u8>> = entries.iter().map(|path| fs::read(path).unwrap()).collect();
    let zeros = "0".repeat(64);
    let spoil: [Spoil<'_>; 4] = [
        &|_| Vec::new(),
        &|good| good[..good.len() / 2].to_vec(),
        &|_| b"\xff{}".to_vec(),
        // An entry that is well formed, and names a blob that nobody has.
        &|good| {
            // What is known of a layer's files is not JSON, and cannot lie about a blob.
            let Ok(mut entry) = serde_json::from_slice::<Value>(good) else { return good.to_vec() };
            if entry.get("diff_id").is_some() {
                entry["digest"] = json!(format!("sha256:{zeros}"));
            }
            entry.to_string().into_bytes()
        },
    ];
    for (number, spoil) in spoil.iter().enumerate() {
        for (path, good) in entries.iter().zip(&good) {
            fs::write(path, spoil(good)).unwrap();
        }
        let repository = format!("other{number}");
        let push = [
            "push",
            "--image",
            &source,
            "--repository",
            &repository,
            "--create-repository",
            "--cache-dir",
            &cache,
        ];
        let document = account.run(&push).expect(0).clone();
        assert_eq!(
            (&document["image"]["digest"], actions(&document)),
            (&first, vec!["uploaded", "uploaded"])
        );
        let tag = format!("sha256-{}", &first.as_str().unwrap()[7..19]);
        assert_eq!(document["image"]["tags"], json!([tag]), "the tag of the digest that it has");
        account.assert_stored(&repository, first.as_str().unwrap());
    }
}

#[test]
fn two_runs_at_once_share_a_cache() {
    let account = Account::new();
    account.create_repository("hello");
    let cache = account.path("kept").display().to_string();
    let source = account.image("one", &Image::with_bulk("one", 3));
    let running: Vec<_> = (0..3).map(|_| account.start(&push(&source, &cache))).collect();
    let digests: Vec<_> = running
        .into_iter()
        .map(|child| Account::finish(child).expect(0)["image"]["digest"].clone())
        .collect();
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    assert!(files(Path::new(&cache)).iter().all(|path| path.extension().unwrap() != "tmp"));
    account.stand.clear_calls();
    assert_eq!(account.run(&push(&source, &cache)).expect(0)["outcome"], "unchanged");
}

#[test]
fn the_level_counts_for_what_is_sent_and_what_runs_stays_reusable() {
    let (account, _) = Account::deployed(|account| account.image("one", &Image::with_bulk("one", 1)));
    let base = Image::with_bulk("one", 1);
    let changed = Image { layers: vec![base.layers[1].clone(), base.layers[0].repeat(50)], ..base };
    let source = account.image("two", &changed);
    let role = account.role();
    let arguments = |verb, level| {
        let mut arguments = crate::account::deploy_arguments(&source, &role);
        arguments[0] = verb;
        [&arguments[..], &["--compression", level]].concat()
    };
    let fast = account.run(&arguments("plan", "1")).expect(0)["image"].clone();
    let planned = account.run(&arguments("plan", "9")).expect(0)["image"].clone();
    assert_ne!(fast["digest"], planned["digest"]);
    assert_eq!(fast["layers"][0], planned["layers"][0], "it runs already, as it is");
    let document = account.run(&arguments("deploy", "9")).expect(0).clone();
    assert_eq!(document["image"]["digest"], planned["digest"]);
    assert_eq!(actions(&document), ["reused", "uploaded"]);
    assert!(document["image"]["layers"][1]["size"].as_u64() < fast["layers"][1]["size"].as_u64());
    account.stand.clear_calls();
    for level in ["9", "3"] {
        let document = account.run(&arguments("deploy", level)).expect(0).clone();
        assert_eq!(document["outcome"], "unchanged", "what runs is not compressed again for level {level}");
    }
}

#[test]
fn what_is_kept_as_it_is_stored_is_warned_of_or_refused() {
    let account = Account::new();
    let image = Image::small("one");
    let keep = |source: &str, more: &[&str]| {
        let arguments = [
            "push",
            "--image",
            source,
            "--repository",
            "hello",
            "--create-repository",
            "--compression",
            "keep",
        ];
        account.run(&[&arguments[..], more].concat())
    };
    let refused = keep(&account.image("one", &image), &[]);
    refused.expect(3);
    assert!(refused.refusals().contains("Docker manifest"), "{}", refused.refusals());
    assert!(account.writes().is_empty());

    let layout = oci_layout(&account.path("layout"), std::slice::from_ref(&image));
    let document = keep(&layout, &[]).expect(0).clone();
    let warned = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .any(|finding| finding["check"] == "compression" && finding["severity"] == "warn");
    assert!(warned, "{document:#}");
    let digests: Vec<_> =
        document["image"]["layers"].as_array().unwrap().iter().map(|layer| layer["digest"].clone()).collect();
    assert_eq!(digests, image.layers.iter().map(|layer| json!(digest(layer))).collect::<Vec<_>>());
    account.assert_stored("hello", document["image"]["digest"].as_str().unwrap());
    account.stand.clear_calls();
    assert_eq!(keep(&layout, &[]).expect(0)["outcome"], "unchanged");

    let wrong = account.run(&["push", "--image", &layout, "--repository", "hello", "--compression", "best"]);
    assert!(wrong.expect(2)["error"]["hint"].as_str().unwrap().contains("keep"));
}
