//! What is sent about images, and how the answers are read.

use serde_json::{Value, json};

use super::*;
use crate::aws::Ecr;
use crate::aws::replay::{Answer, Replay, json as answer};
use crate::cloud::{CloudErrorKind, EcrReader as _, EcrWriter as _};

fn ecr(answers: impl IntoIterator<Item = Answer>) -> (Replay, Ecr) {
    let replay = Replay::new(answers);
    let ecr = Ecr::new(Client::new(&replay.config()));
    (replay, ecr)
}

fn names() -> (AccountId, RepositoryName) {
    ("123456789012".parse().unwrap(), "team/shop".parse().unwrap())
}

fn digest(number: u8) -> Digest {
    Digest::of(&[number])
}

fn id(number: u8) -> Value {
    json!({"imageDigest": digest(number).to_string()})
}

#[tokio::test]
async fn images_of_all_pages_are_read_and_none_is_left_out() {
    let index = "application/vnd.oci.image.index.v1+json";
    let (replay, ecr) = ecr([
        answer(
            200,
            json!({"nextToken": "t", "imageDetails": [
                {"imageDigest": digest(1).to_string(), "imageTags": ["v1", "latest"], "imageSizeInBytes": 7,
                 "imagePushedAt": 1_700_000_000.5, "imageManifestMediaType": index}]}),
        ),
        answer(
            200,
            json!({"imageDetails": [{"imageDigest": digest(2).to_string(), "subjectManifestDigest": digest(1).to_string()}]}),
        ),
        answer(200, json!({"imageDetails": [{"imageDigest": "nonsense"}]})),
        answer(400, json!({"__type": "RepositoryNotFoundException"})),
    ]);
    let (registry, name) = names();
    let images = ecr.images(Some(&registry), &name).await.unwrap().unwrap();
    let first = StoredImage {
        digest: digest(1),
        tags: vec!["v1".to_owned(), "latest".to_owned()],
        size: 7,
        pushed: Some(1_700_000_000),
        media_type: Some(index.to_owned()),
        subject: None,
    };
    let second = StoredImage {
        digest: digest(2),
        tags: Vec::new(),
        size: 0,
        pushed: None,
        media_type: None,
        subject: Some(digest(1)),
    };
    assert_eq!(images, [first, second]);
    let sent = json!({"registryId": "123456789012", "repositoryName": "team/shop", "maxResults": 1000});
    assert_eq!(replay.bodies()[0], sent);
    assert_eq!(replay.bodies()[1]["nextToken"], "t");
    let error = ecr.images(Some(&registry), &name).await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::Unexpected);
    assert_eq!(ecr.images(None, &name).await.unwrap(), None);
}

#[tokio::test]
async fn manifests_that_are_gone_are_left_out_and_unreadable_ones_are_an_error() {
    let failure = |code: &str| json!({"imageId": id(2), "failureCode": code, "failureReason": "why"});
    let images = json!([{"imageId": id(1), "imageManifest": "{}"}]);
    let (replay, ecr) = ecr([
        answer(200, json!({"images": images, "failures": [failure("ImageNotFound")]})),
        answer(200, json!({"images": images, "failures": [failure("KmsError")]})),
        answer(200, json!({"images": [{"imageId": id(1)}]})),
        answer(200, json!({"images": images})),
        answer(200, json!({})),
    ]);
    let (registry, name) = names();
    let asked = [digest(1), digest(2)];
    let read = ecr.manifests(Some(&registry), &name, &asked).await.unwrap();
    assert_eq!(read, [(digest(1), "{}".to_owned())]);
    assert_eq!(replay.bodies()[0]["imageIds"], json!([id(1), id(2)]));
    let untold = |number: u8| format!("does not tell of the manifest {}", digest(number));
    for part in ["why (KmsError)", "no manifest", &untold(2), &untold(1)] {
        let error = ecr.manifests(Some(&registry), &name, &asked).await.unwrap_err();
        assert!(error.message.contains(part), "{error}");
    }
}

#[tokio::test]
async fn images_are_deleted_by_digest_and_each_failure_is_told() {
    let failure =
        |number: u8, code: &str| json!({"imageId": id(number), "failureCode": code, "failureReason": "why"});
    let tagged = |tag: &str| json!({"imageDigest": digest(1).to_string(), "imageTag": tag});
    let (replay, ecr) = ecr([answer(
        200,
        json!({
            "imageIds": [tagged("v1"), tagged("v2")],
            "failures": [failure(2, "ImageNotFound"), failure(3, "ImageReferencedByManifestList"), failure(4, "KmsError")],
        }),
    )]);
    let (registry, name) = names();
    let asked: Vec<Digest> = (1..=5).map(digest).collect();
    let became = ecr.delete_images(Some(&registry), &name, &asked).await.unwrap();
    use ImageDeletion::{Gone, Refused, StillListed, Unsaid};
    let listed = StillListed("why (ImageReferencedByManifestList)".to_owned());
    assert_eq!(became, [Gone, Gone, listed, Refused("why (KmsError)".to_owned()), Unsaid]);
    let ids: Vec<Value> = (1..=5).map(id).collect();
    let sent = json!({"registryId": "123456789012", "repositoryName": "team/shop", "imageIds": ids});
    assert_eq!(replay.bodies(), [sent]);
}

#[tokio::test]
async fn replication_counts_where_a_rule_may_be_about_the_repository() {
    let to = |account: &str, region: &str| json!({"region": region, "registryId": account});
    let filter = |text: &str| json!([{"filter": text, "filterType": "PREFIX_MATCH"}]);
    let strange = json!([{"filter": "x", "filterType": "SUFFIX"}]);
    let rules = json!([
        {"destinations": [to("123456789012", "eu-west-1")], "repositoryFilters": filter("team/")},
        {"destinations": [to("999999999999", "eu-west-1")], "repositoryFilters": filter("other")},
        {"destinations": [to("123456789012", "eu-west-2"), to("123456789012", "eu-west-1")]},
        {"destinations": [to("123456789012", "eu-west-3")], "repositoryFilters": strange},
    ]);
    let registry =
        |rules: &Value| json!({"registryId": "123456789012", "replicationConfiguration": {"rules": rules}});
    let no_policy = || answer(400, json!({"__type": "RegistryPolicyNotFoundException"}));
    let (_, ecr) = ecr([
        answer(200, registry(&rules)),
        answer(200, json!({"registryId": "123456789012", "policyText": "{}"})),
        answer(200, registry(&json!([]))),
        no_policy(),
        answer(200, registry(&json!([]))),
        answer(400, json!({"__type": "AccessDeniedException"})),
    ]);
    let (account, name) = names();
    let found = ecr.registry_rules(&name).await.unwrap();
    let regions: Vec<&str> = found.replicas.iter().map(|place| place.region.as_str()).collect();
    assert_eq!((found.account, regions), (account.clone(), vec!["eu-west-1", "eu-west-2", "eu-west-3"]));
    assert_eq!(found.policy.as_deref(), Some("{}"));
    let none = RegistryRules { account, replicas: Vec::new(), policy: None };
    assert_eq!(ecr.registry_rules(&name).await.unwrap(), none);
    assert_eq!(ecr.registry_rules(&name).await.unwrap_err().kind, CloudErrorKind::AccessDenied);
}
