//! Whoever may push to the repository must not be able to choose what is deployed: tags and foreign images are never asked
//! which compressed layer has our content.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::account::Account;
use crate::image::{Image, digest, gzip, layer};

/// An image whose configuration claims the diff ids of `honest` for bytes of the attacker's own, under all of `tags` and
/// as the newest image. Answers the digest of the layer that stands in the place of the top one.
fn attack(account: &Account, honest: &Image, tags: &[&str]) -> String {
    let config = account.put_blob("hello", &honest.config());
    let evil: Vec<Value> = (0..honest.layers.len())
        .map(|index| {
            let bytes = gzip(&layer("var/task/bootstrap", format!("evil {index}").as_bytes()));
            json!({ "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": bytes.len(),
                    "digest": account.put_blob("hello", &bytes) })
        })
        .collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": { "mediaType": "application/vnd.docker.container.image.v1+json", "digest": config,
                    "size": honest.config().len() },
        "layers": evil,
    });
    for tag in tags {
        let input =
            json!({ "repositoryName": "hello", "imageManifest": manifest.to_string(), "imageTag": tag });
        account.ecr("PutImage", input);
    }
    evil.last().unwrap()["digest"].as_str().unwrap().to_owned()
}

/// The content of each layer that the function runs.
fn running_content(account: &Account) -> Vec<Vec<u8>> {
    let code = account.settled_function("hello")["CodeSha256"].as_str().unwrap().to_owned();
    let stored =
        account.stand.images().find(&account.id, crate::account::REGION, "hello", &format!("sha256:{code}"));
    let manifest: Value = serde_json::from_slice(&stored.unwrap().manifest).unwrap();
    let content = |descriptor: &Value| {
        let bytes = account.blob("hello", descriptor["digest"].as_str().unwrap());
        let mut content = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut content).unwrap();
        content
    };
    manifest["layers"].as_array().unwrap().iter().map(content).collect()
}

#[test]
fn a_foreign_image_that_claims_our_content_is_not_believed_and_what_runs_is() {
    for remembers in [true, false] {
        let (account, _) = Account::deployed(|account| account.small_image("one"));
        let honest = Image::small("two");
        let source = account.image("two", &honest);
        let role = account.role();
        let mut plan = crate::account::deploy_arguments(&source, &role);
        plan[0] = "plan";
        if !remembers {
            plan.push("--no-cache");
        }
        // What the image will be called is no secret: the attacker is there first, under every name.
        let planned = account.run(&plan).expect(0).clone();
        let own = format!("sha256-{}", &planned["image"]["digest"].as_str().unwrap()[7..19]);
        let evil = attack(&account, &honest, &["latest", "live", "v2", "hello", &own]);

        let more: &[&str] = if remembers { &[] } else { &["--no-cache"] };
        let document = account.deploy_with(&source, more).expect(0).clone();
        let layers = document["image"]["layers"].as_array().unwrap();
        let actions: Vec<_> = layers.iter().map(|layer| layer["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["reused", "uploaded"], "remembers: {remembers}");
        assert!(layers.iter().all(|layer| layer["digest"] != evil.as_str()));
        assert_eq!(document["image"]["digest"], planned["image"]["digest"]);
        let content = running_content(&account);
        assert_eq!(content, honest.layers, "the function runs what was built");
        let diff_ids: Vec<_> = content.iter().map(|content| digest(content)).collect();
        assert_eq!(diff_ids, honest.diff_ids());
    }
}

#[test]
fn nor_is_it_when_the_wanted_tag_names_it_or_nothing_runs_yet() {
    let account = Account::new();
    account.create_repository("hello");
    let honest = Image::small("one");
    let evil = attack(&account, &honest, &["v1", "latest"]);
    let source = account.image("one", &honest);
    let document = account.deploy_with(&source, &["--tag", "v1"]).expect(0).clone();
    let layers = document["image"]["layers"].as_array().unwrap();
    assert!(layers.iter().all(|layer| layer["action"] == "uploaded" && layer["digest"] != evil.as_str()));
    assert_eq!(running_content(&account), honest.layers);
}
