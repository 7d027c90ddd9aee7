//! How a function stands, as moto tells it.

use std::io::{Read as _, Write as _};

use lambda_lift_rig::skopeo;
use serde_json::{Value, json};

use crate::account::{Account, images};

/// Makes moto's own ECR know the image that the function was given: the registry that has it is another server.
fn describe_to_moto(account: &Account, digest: &str) {
    let manifest = skopeo::manifest(&account.cloud.registry, &format!("{}@{digest}", account.name));
    let put = json!({ "repositoryName": account.name, "imageManifest": manifest, "imageDigest": digest, "imageTag": "shown" });
    account.boto3.call("ecr", "put_image", put);
}

fn status(account: &Account) -> Value {
    account.lambda_lift.run(&["status", "--function", &account.name]).expect(0).clone()
}

/// Each version, and whether its image is there.
fn images_of(document: &Value) -> Value {
    let versions = document["status"]["versions"].as_array().unwrap();
    versions.iter().map(|version| json!([version["version"], version["image"]["stored"]])).collect()
}

#[test]
fn a_function_its_alias_and_its_versions_are_told_by_reading_only() {
    let account = Account::new();
    account.deploy(&images().packed("one")).expect(0);
    account.deploy(&images().packed("two")).expect(0);
    let digest = account.function_digest();
    let mark = account.cloud.mark();
    // The registry that was pushed to is another server: moto's ECR knows no image.
    let document = status(&account);
    assert_eq!(images_of(&document), json!([["$LATEST", "deleted"], ["2", "deleted"], ["1", "deleted"]]));
    assert_eq!(account.cloud.writes_since(mark), Vec::<String>::new());
    assert_eq!((&document["outcome"], &document["error"]), (&json!("checked"), &Value::Null));
    let told = &document["status"];
    assert_eq!(told["function"]["state"]["state"], "Active");
    let alias = &told["aliases"][0];
    assert_eq!(
        (&alias["name"], &alias["version"], &alias["standing"]),
        (&json!("live"), &json!("2"), &json!("still"))
    );
    assert_eq!((&alias["moves"][0]["from"], &alias["moves"][0]["to"]), (&json!("1"), &json!("2")));
    assert!(told["versions"][1]["modified"].is_string(), "{document:#}");

    describe_to_moto(&account, &digest);
    let document = status(&account);
    // moto lets every version have the image that was given last.
    assert_eq!(images_of(&document), json!([["$LATEST", "yes"], ["2", "yes"], ["1", "yes"]]));
    let image = &document["status"]["versions"][0]["image"];
    assert_eq!(
        (&image["digest"], &image["tags"], &image["pull"]),
        (&json!(digest), &json!(["shown"]), &json!("granted"))
    );

    account.boto3.call("ecr", "delete_repository_policy", json!({ "repositoryName": account.name }));
    let document = status(&account);
    assert_eq!(document["status"]["versions"][0]["image"]["pull"], "missing");
    account.lambda_lift.run(&["status", "--function", "goodbye"]).expect(3);
}

/// To the upper left corner.
const HOME: &str = "\u{1b}[H";

#[test]
fn on_a_terminal_a_watch_draws_in_place_until_somebody_types_ctrl_c() {
    let mut account = Account::new();
    account.deploy(&images().packed("one")).expect(0);
    account.lambda_lift.for_people();
    let arguments = ["status", "--function", &account.name, "--watch", "--interval", "1s"];
    let mut child = account.lambda_lift.start_on_terminal(&arguments);
    let mut screen = child.stdout.take().unwrap();
    let (mut shown, mut bytes) = (Vec::new(), [0; 4096]);
    // Drawn three times: the second one is whole then.
    while String::from_utf8_lossy(&shown).matches(HOME).count() < 3 {
        let length = screen.read(&mut bytes).unwrap();
        assert_ne!(length, 0, "it ended: {}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&bytes[..length]);
    }
    child.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    screen.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let shown = String::from_utf8_lossy(&shown).into_owned();
    let drawn: Vec<&str> = shown.split(HOME).collect();
    for page in &drawn[1..3] {
        assert!(page.starts_with("\u{1b}[J") && page.contains("function\u{1b}[0m hello"), "{page:?}");
        // In colour: moto's ECR does not have the image.
        assert!(page.contains("\u{1b}[1;31mdeleted\u{1b}[0m"), "{page:?}");
    }
}
