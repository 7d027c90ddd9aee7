//! Layers that the CNCF registry takes over from another repository.

use lambda_lift_rig::skopeo;

use crate::account::{Account, images};

#[test]
fn a_layer_of_another_repository_is_mounted_and_what_arrives_is_whole() {
    let account = Account::new();
    let (one, two) = (images().skopeo_layout("one").source, images().skopeo_layout("two").source);
    let push = |source: &str, repository: &str, more: &[&str]| {
        let arguments =
            ["push", "--image", source, "--repository", repository, "--create-repository", "--no-cache"];
        account.lambda_lift.run(&[&arguments[..], more].concat())
    };
    push(&one, "base", &[]).expect(0);
    // moto does not know the account setting for mounting, so it is tried.
    let before = account.cloud.mark();
    let run = push(&two, "hello", &["--mount-from", "base", "--verbose"]);
    let document = run.expect(0);
    let actions: Vec<_> = document["image"]["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["mounted", "uploaded"], "{document:#}");
    let posts = account
        .cloud
        .writes_since(before)
        .into_iter()
        .filter(|call| call == "registry POST /v2/hello/blobs/uploads/")
        .count();
    assert_eq!(posts, 3, "one for each layer and one for the configuration");
    let digest = document["image"]["digest"].as_str().unwrap();
    let pushed = skopeo::inspect_pushed(&account.cloud.registry, &format!("hello@{digest}"));
    assert_eq!(pushed.digest, digest);
    assert_eq!(pushed.diff_ids, skopeo::inspect_local(&two).diff_ids);
}
