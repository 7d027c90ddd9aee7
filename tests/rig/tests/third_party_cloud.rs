//! The two servers make one account: what moto hands out, the registry takes.

use lambda_lift_rig::{Images, ThirdPartyCloud, skopeo};
use serde_json::json;

#[test]
fn an_image_pushed_with_motos_token_is_read_back_and_every_call_is_remembered() {
    let cloud = ThirdPartyCloud::start();
    let image = Images::in_folder(env!("CARGO_TARGET_TMPDIR")).packed("one");
    let start = cloud.mark();
    cloud.boto3().call("ecr", "get_authorization_token", json!({}));
    assert!(cloud.writes_since(start).is_empty());

    let pushed = skopeo::push(&cloud.registry, &image.source, "hello:v1");
    let read = skopeo::inspect_pushed(&cloud.registry, "hello:v1");
    assert_eq!(read.digest, pushed);
    assert_eq!(read.diff_ids, skopeo::inspect_local(&image.source).diff_ids);

    let writes = cloud.writes_since(start);
    assert_eq!(writes.last().map(String::as_str), Some("registry PUT /v2/hello/manifests/v1"));
    let calls: Vec<_> = cloud.calls_since(start).iter().map(ToString::to_string).collect();
    assert_eq!(calls.first().map(String::as_str), Some("ecr GetAuthorizationToken"));
}

#[test]
fn each_account_has_its_own_repositories() {
    let cloud = ThirdPartyCloud::start();
    let other = cloud.boto3().in_account("111111111111");
    other.call("ecr", "create_repository", json!({ "repositoryName": "hello" }));
    let missing =
        cloud.boto3().try_call("ecr", "describe_repositories", json!({ "repositoryNames": ["hello"] }));
    assert_eq!(missing, Err("RepositoryNotFoundException".to_owned()));
    assert_eq!(other.repository_policy("hello"), None);
}
