//! AWS's own clients understand what the stand-in says: every operation once, through the SDK.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::{Credentials, Region};
use aws_sdk_ecr::error::ProvideErrorMetadata as _;
use aws_sdk_ecr::primitives::Blob;
use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageFailureCode, ImageIdentifier, ImageScanningConfiguration,
    ImageTagMutability, ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType,
    LayerAvailability,
};

use crate::client::{ACCOUNT, OTHER, REGION, Scene, digest, manifest};

async fn configuration(scene: &Scene, access_key: &str) -> aws_config::SdkConfig {
    let credentials = Credentials::new(access_key, "secret", Some("session".to_owned()), None, "test");
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials)
        .endpoint_url(scene.stand.url())
        .load()
        .await
}

async fn client(scene: &Scene) -> Client {
    Client::new(&configuration(scene, ACCOUNT).await)
}

fn tagged(tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag).build()
}

#[tokio::test]
async fn the_sdk_reads_repositories_and_settings() {
    let scene = Scene::open().await;
    let ecr = client(&scene).await;
    let filter = ImageTagMutabilityExclusionFilter::builder()
        .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
        .filter("dev-*")
        .build()
        .unwrap();
    let key = EncryptionConfiguration::builder().encryption_type(EncryptionType::KmsDsse).build().unwrap();
    let created = ecr
        .create_repository()
        .repository_name("team/app")
        .image_tag_mutability(ImageTagMutability::MutableWithExclusion)
        .image_tag_mutability_exclusion_filters(filter)
        .image_scanning_configuration(ImageScanningConfiguration::builder().scan_on_push(true).build())
        .encryption_configuration(key)
        .send()
        .await
        .unwrap();
    let repository = created.repository().unwrap();
    assert_eq!(repository.image_tag_mutability(), Some(&ImageTagMutability::MutableWithExclusion));
    assert_eq!(repository.image_tag_mutability_exclusion_filters().len(), 1);
    assert!(repository.created_at().unwrap().secs() > 0);
    assert!(repository.image_scanning_configuration().unwrap().scan_on_push());
    assert_eq!(repository.encryption_configuration().unwrap().encryption_type(), &EncryptionType::KmsDsse);
    let taken = ecr.create_repository().repository_name("team/app").send().await.unwrap_err();
    assert!(taken.as_service_error().unwrap().is_repository_already_exists_exception());
    let changed = ecr
        .put_image_tag_mutability()
        .repository_name("team/app")
        .image_tag_mutability(ImageTagMutability::Immutable);
    assert_eq!(changed.send().await.unwrap().image_tag_mutability(), Some(&ImageTagMutability::Immutable));
    let described = ecr.describe_repositories().send().await.unwrap();
    assert_eq!(described.repositories()[0].repository_name(), Some("team/app"));
    ecr.put_account_setting().name("BLOB_MOUNTING").value("ENABLED").send().await.unwrap();
    let setting = ecr.get_account_setting().name("BLOB_MOUNTING").send().await.unwrap();
    assert_eq!(setting.value(), Some("ENABLED"));
    let token = ecr.get_authorization_token().send().await.unwrap();
    assert!(token.authorization_data()[0].expires_at().unwrap().secs() > 0);
    let deleted = ecr.delete_repository().repository_name("team/app").send().await.unwrap();
    assert_eq!(deleted.repository().unwrap().registry_id(), Some(ACCOUNT));
    let gone = ecr.describe_repositories().repository_names("team/app").send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_repository_not_found_exception());
}

#[tokio::test]
async fn the_sdk_reads_policies() {
    let scene = Scene::open().await;
    scene.create("app").await;
    let ecr = client(&scene).await;
    let none = ecr.get_repository_policy().repository_name("app").send().await.unwrap_err();
    assert!(none.as_service_error().unwrap().is_repository_policy_not_found_exception());
    let text = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}"#;
    ecr.set_repository_policy().repository_name("app").policy_text(text).send().await.unwrap();
    let read = ecr.get_repository_policy().repository_name("app").send().await.unwrap();
    assert!(read.policy_text().unwrap().contains("ecr:BatchGetImage"));
    ecr.delete_repository_policy().repository_name("app").send().await.unwrap();
    let bad = ecr.set_repository_policy().repository_name("app").policy_text("{}").send().await.unwrap_err();
    assert!(bad.as_service_error().unwrap().is_invalid_parameter_exception());
    let none = ecr.get_lifecycle_policy().repository_name("app").send().await.unwrap_err();
    assert!(none.as_service_error().unwrap().is_lifecycle_policy_not_found_exception());
    let rules = r#"{"rules":[{"rulePriority":1,"description":"keep ten images","selection":{"tagStatus":"any",
        "countType":"imageCountMoreThan","countNumber":10},"action":{"type":"expire"}}]}"#;
    ecr.put_lifecycle_policy().repository_name("app").lifecycle_policy_text(rules).send().await.unwrap();
    let read = ecr.get_lifecycle_policy().repository_name("app").send().await.unwrap();
    assert_eq!(read.lifecycle_policy_text(), Some(rules));
}

#[tokio::test]
async fn the_sdk_pushes_and_reads_an_image() {
    let scene = Scene::open().await;
    scene.create("app").await;
    let ecr = client(&scene).await;
    for bytes in [&b"{}"[..], b"layer"] {
        let opened = ecr.initiate_layer_upload().repository_name("app").send().await.unwrap();
        let id = opened.upload_id().unwrap();
        let last = bytes.len() as i64 - 1;
        let part = |first: i64, last: i64| {
            let part = ecr.upload_layer_part().repository_name("app").upload_id(id);
            part.part_first_byte(first).part_last_byte(last).layer_part_blob(Blob::new(bytes)).send()
        };
        let wrong = part(9, 9 + last).await.unwrap_err();
        assert!(wrong.as_service_error().unwrap().is_invalid_layer_part_exception());
        assert_eq!(part(0, last).await.unwrap().last_byte_received(), Some(last));
        let complete = ecr.complete_layer_upload().repository_name("app").upload_id(id);
        complete.layer_digests(digest(bytes)).send().await.unwrap();
    }
    let text = manifest(&digest(b"{}"), &digest(b"layer"), 5);
    let put =
        ecr.put_image().repository_name("app").image_tag("v1").image_manifest(&text).send().await.unwrap();
    let pushed = put.image().unwrap().image_id().unwrap().image_digest().unwrap();
    assert_eq!(pushed, digest(text.as_bytes()));
    let got = ecr.batch_get_image().repository_name("app").image_ids(tagged("v1")).image_ids(tagged("v2"));
    let got = got.send().await.unwrap();
    assert_eq!(got.images()[0].image_manifest(), Some(text.as_str()));
    assert_eq!(got.failures()[0].failure_code(), Some(&ImageFailureCode::ImageNotFound));
    let described =
        ecr.describe_images().repository_name("app").image_ids(tagged("v1")).send().await.unwrap();
    assert_eq!(described.image_details()[0].image_size_in_bytes(), Some(7));
    let none = ecr.describe_images().repository_name("app").image_ids(tagged("v2")).send().await.unwrap_err();
    assert!(none.as_service_error().unwrap().is_image_not_found_exception());
    let listed = ecr.list_images().repository_name("app").send().await.unwrap();
    assert_eq!(listed.image_ids()[0].image_tag(), Some("v1"));
    let layers = ecr.batch_check_layer_availability().repository_name("app").layer_digests(digest(b"layer"));
    let layers = layers.send().await.unwrap();
    assert_eq!(layers.layers()[0].layer_availability(), Some(&LayerAvailability::Available));
    let download = ecr.get_download_url_for_layer().repository_name("app").layer_digest(digest(b"layer"));
    assert!(download.send().await.unwrap().download_url().unwrap().starts_with(&scene.stand.url()));
    let deleted =
        ecr.batch_delete_image().repository_name("app").image_ids(tagged("v1")).send().await.unwrap();
    assert_eq!(deleted.image_ids().len(), 1);
}

#[tokio::test]
async fn the_sdk_reads_faults_as_errors_of_their_service() {
    let scene = Scene::open().await;
    let deny = |operation: &str| serde_json::json!([{ "operation": operation, "effect": "deny" }]);
    let set = |rules: serde_json::Value| scene.stand.set_faults(serde_json::from_value(rules).unwrap());
    set(deny("DescribeRepositories"));
    let denied = client(&scene).await.describe_repositories().send().await.unwrap_err();
    assert_eq!(denied.code(), Some("AccessDeniedException"));
    let sts = aws_sdk_sts::Client::new(&configuration(&scene, ACCOUNT).await);
    set(deny("GetCallerIdentity"));
    let denied = sts.get_caller_identity().send().await.unwrap_err();
    assert_eq!(aws_sdk_sts::error::ProvideErrorMetadata::code(&denied), Some("AccessDenied"));
}

#[tokio::test]
async fn the_sdk_assumes_a_role_and_acts_in_its_account() {
    let scene = Scene::open().await;
    let sts = aws_sdk_sts::Client::new(&configuration(&scene, ACCOUNT).await);
    assert_eq!(sts.get_caller_identity().send().await.unwrap().account(), Some(ACCOUNT));
    let role = format!("arn:aws:iam::{OTHER}:role/deploy");
    let assumed = sts.assume_role().role_arn(role).role_session_name("ci").send().await.unwrap();
    let credentials = assumed.credentials().unwrap();
    assert!(credentials.expiration().secs() > 0);
    let ecr = Client::new(&configuration(&scene, credentials.access_key_id()).await);
    let created = ecr.create_repository().repository_name("app").send().await.unwrap();
    assert_eq!(created.repository().unwrap().registry_id(), Some(OTHER));
}
