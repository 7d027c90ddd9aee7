//! Repositories and images through ECR's control plane.

use serde_json::{Value, json};

use crate::client::{ACCOUNT, OCI_MANIFEST, OTHER, REGION, Scene, digest, signature};

#[tokio::test]
async fn a_repository_is_created_described_and_deleted() {
    let scene = Scene::open().await;
    let input = json!({
        "repositoryName": "team/app",
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{ "filterType": "WILDCARD", "filter": "dev-*" }],
        "imageScanningConfiguration": { "scanOnPush": true },
        "encryptionConfiguration": { "encryptionType": "KMS", "kmsKey": "arn:aws:kms:eu-west-1:123456789012:key/k" },
        "tags": [{ "Key": "team", "Value": "a" }],
    });
    let (status, created) = scene.ecr("CreateRepository", input.clone()).await;
    assert_eq!(status, 200, "{created}");
    let repository = &created["repository"];
    assert_eq!(repository["repositoryArn"], "arn:aws:ecr:eu-west-1:123456789012:repository/team/app");
    assert_eq!(repository["repositoryUri"], "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app");
    assert_eq!(repository["imageTagMutabilityExclusionFilters"][0]["filter"], "dev-*");
    assert_eq!(repository["encryptionConfiguration"]["encryptionType"], "KMS");
    let again = scene.ecr_error("CreateRepository", input).await;
    let text = "The repository with name 'team/app' already exists in the registry with id '123456789012'";
    assert_eq!(again, ("RepositoryAlreadyExistsException".into(), text.into()));
    let (_, described) = scene.ecr("DescribeRepositories", json!({ "repositoryNames": ["team/app"] })).await;
    assert_eq!(described["repositories"][0], *repository);
    let (status, _) = scene.ecr("DeleteRepository", json!({ "repositoryName": "team/app" })).await;
    assert_eq!(status, 200);
    let gone = scene.ecr_error("DescribeRepositories", json!({ "repositoryNames": ["team/app"] })).await;
    let text = "The repository with name 'team/app' does not exist in the registry with id '123456789012'";
    assert_eq!(gone, ("RepositoryNotFoundException".into(), text.into()));
}

#[tokio::test]
async fn bad_input_is_refused_with_the_documented_exception() {
    let scene = Scene::open().await;
    scene.create("app").await;
    let filters = |count: usize| vec![json!({ "filterType": "WILDCARD", "filter": "x" }); count];
    for (operation, input, exception) in [
        ("CreateRepository", json!({}), "InvalidParameterException"),
        ("CreateRepository", json!({ "repositoryName": 7 }), "SerializationException"),
        ("CreateRepository", json!({ "repositoryName": "App" }), "InvalidParameterException"),
        ("CreateRepository", json!({ "repositoryName": "a" }), "InvalidParameterException"),
        (
            "CreateRepository",
            json!({ "repositoryName": "new", "imageTagMutability": "IMMUTABLE", "imageTagMutabilityExclusionFilters": filters(1) }),
            "InvalidParameterException",
        ),
        (
            "CreateRepository",
            json!({ "repositoryName": "new", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
                    "imageTagMutabilityExclusionFilters": filters(6) }),
            "InvalidParameterException",
        ),
        (
            "CreateRepository",
            json!({ "repositoryName": "new", "tags": vec![json!({"Key":"a"}); 51] }),
            "TooManyTagsException",
        ),
        ("DescribeRepositories", json!({ "maxResults": 0 }), "InvalidParameterException"),
        ("DescribeRepositories", json!({ "maxResults": 1001 }), "InvalidParameterException"),
        ("DescribeRepositories", json!({ "nextToken": "?" }), "InvalidParameterException"),
        ("DescribeRepositories", json!({ "registryId": "12" }), "InvalidParameterException"),
        ("BatchGetImage", json!({ "repositoryName": "app" }), "InvalidParameterException"),
        (
            "BatchGetImage",
            json!({ "repositoryName": "app", "imageIds": vec![json!({ "imageTag": "v1" }); 101] }),
            "InvalidParameterException",
        ),
        (
            "DescribeImages",
            json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "v1" }] }),
            "ImageNotFoundException",
        ),
        ("GetRepositoryPolicy", json!({ "repositoryName": "app" }), "RepositoryPolicyNotFoundException"),
        ("GetLifecyclePolicy", json!({ "repositoryName": "app" }), "LifecyclePolicyNotFoundException"),
        (
            "PutLifecyclePolicy",
            json!({ "repositoryName": "app", "lifecyclePolicyText": "{}" }),
            "InvalidParameterException",
        ),
        (
            "GetDownloadUrlForLayer",
            json!({ "repositoryName": "app", "layerDigest": "sha256:0" }),
            "LayersNotFoundException",
        ),
        ("GetAccountSetting", json!({ "name": "NO_SUCH" }), "InvalidParameterException"),
        (
            "PutAccountSetting",
            json!({ "name": "BLOB_MOUNTING", "value": "MAYBE" }),
            "InvalidParameterException",
        ),
        ("NoSuchOperation", json!({}), "UnknownOperationException"),
    ] {
        let (found, message) = scene.ecr_error(operation, input.clone()).await;
        assert_eq!(found, exception, "{operation} {input}: {message}");
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let scene = Scene::open().await;
    for number in 0..5 {
        scene.create(&format!("app-{number}")).await;
    }
    let (mut names, mut token) = (Vec::new(), Value::Null);
    for _ in 0..3 {
        let (_, page) =
            scene.ecr("DescribeRepositories", json!({ "maxResults": 2, "nextToken": token })).await;
        names.extend(
            page["repositories"].as_array().unwrap().iter().map(|found| found["repositoryName"].clone()),
        );
        token = page["nextToken"].clone();
    }
    assert_eq!(names, ["app-0", "app-1", "app-2", "app-3", "app-4"]);
    assert_eq!(token, Value::Null);
}

#[tokio::test]
async fn an_image_is_found_by_tag_and_by_digest() {
    let (scene, registry) = Scene::with_repository().await;
    let manifest = registry.image("v1", b"layer").await;
    let digest = digest(manifest.as_bytes());
    let wrong = format!("sha256:{}", "0".repeat(64));
    let ids = json!([
        { "imageTag": "v1" }, { "imageDigest": digest }, { "imageTag": "v2" }, {}, { "imageDigest": "x" },
        { "imageTag": "a+b" }, { "imageTag": "v1", "imageDigest": wrong },
    ]);
    let (_, found) = scene.ecr("BatchGetImage", json!({ "repositoryName": "app", "imageIds": ids })).await;
    assert_eq!(found["images"].as_array().unwrap().len(), 2);
    assert_eq!(found["images"][0]["imageManifest"], *manifest);
    assert_eq!(found["images"][0]["imageId"], json!({ "imageDigest": digest, "imageTag": "v1" }));
    assert_eq!(found["images"][1]["imageManifestMediaType"], OCI_MANIFEST);
    let codes: Vec<&str> = found["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["failureCode"].as_str().unwrap())
        .collect();
    let expected = [
        "ImageNotFound",
        "MissingDigestAndTag",
        "InvalidImageDigest",
        "InvalidImageTag",
        "ImageTagDoesNotMatchDigest",
    ];
    // The order of failures is the order of the ids; the last one names a digest that is not there.
    assert_eq!(codes, expected);
    let (_, described) = scene.ecr("DescribeImages", json!({ "repositoryName": "app" })).await;
    let detail = &described["imageDetails"][0];
    assert_eq!((&detail["imageDigest"], &detail["imageTags"]), (&json!(digest), &json!(["v1"])));
    assert_eq!(detail["imageSizeInBytes"], 2 + 5);
}

#[tokio::test]
async fn deleting_the_last_tag_deletes_the_image_and_a_digest_takes_all_tags() {
    let (scene, registry) = Scene::with_repository().await;
    let manifest = registry.image("v1", b"layer").await;
    registry.put_manifest("v2", OCI_MANIFEST, &manifest).await;
    let delete =
        |ids: Value| scene.ecr("BatchDeleteImage", json!({ "repositoryName": "app", "imageIds": ids }));
    let list =
        || scene.ecr("ListImages", json!({ "repositoryName": "app", "filter": { "tagStatus": "TAGGED" } }));
    let kept = scene.ecr_error("DeleteRepository", json!({ "repositoryName": "app" })).await;
    assert_eq!(kept.0, "RepositoryNotEmptyException");
    delete(json!([{ "imageTag": "v1" }])).await;
    assert_eq!(
        list().await.1["imageIds"],
        json!([{ "imageDigest": digest(manifest.as_bytes()), "imageTag": "v2" }])
    );
    delete(json!([{ "imageTag": "v2" }])).await;
    assert_eq!(list().await.1["imageIds"], json!([]));
    registry.put_manifest("v1", OCI_MANIFEST, &manifest).await;
    registry.put_manifest("v2", OCI_MANIFEST, &manifest).await;
    let (_, deleted) = delete(json!([{ "imageDigest": digest(manifest.as_bytes()) }])).await;
    assert_eq!(deleted["imageIds"].as_array().unwrap().len(), 2);
    let (_, failed) = delete(json!([{ "imageTag": "v1" }])).await;
    assert_eq!(failed["failures"][0]["failureCode"], "ImageNotFound");
}

#[tokio::test]
async fn an_image_goes_after_the_index_that_lists_it_and_an_artifact_names_its_subject() {
    let (scene, registry) = Scene::with_repository().await;
    let manifest = registry.image("v1", b"layer").await;
    let child = digest(manifest.as_bytes());
    let listed = json!({ "mediaType": OCI_MANIFEST, "digest": child, "size": manifest.len() });
    let index_type = "application/vnd.oci.image.index.v1+json";
    let index =
        json!({ "schemaVersion": 2, "mediaType": index_type, "manifests": [listed], "subject": listed })
            .to_string();
    registry.put_manifest("all", index_type, &index).await;
    let parent = digest(index.as_bytes());
    let asked = json!({ "repositoryName": "app", "imageIds": [{ "imageDigest": parent }] });
    let (_, described) = scene.ecr("DescribeImages", asked).await;
    assert_eq!(described["imageDetails"][0]["subjectManifestDigest"], json!(child));
    let delete = |digest: &str| {
        let ids = json!([{ "imageDigest": digest }]);
        scene.ecr("BatchDeleteImage", json!({ "repositoryName": "app", "imageIds": ids }))
    };
    let (_, refused) = delete(&child).await;
    assert_eq!(refused["failures"][0]["failureCode"], "ImageReferencedByManifestList");
    for digest in [&parent, &child] {
        let (_, deleted) = delete(digest).await;
        assert_eq!(deleted["failures"], json!([]), "{digest}");
    }
}

#[tokio::test]
async fn a_registry_tells_where_it_replicates_to() {
    let scene = Scene::open().await;
    let (_, none) = scene.ecr("DescribeRegistry", json!({})).await;
    assert_eq!(none["replicationConfiguration"], json!({ "rules": [] }));
    assert_eq!(none["registryId"].as_str().map(str::len), Some(12));
    let rules =
        json!({ "rules": [{ "destinations": [{ "region": "eu-west-2", "registryId": "123456789012" }] }] });
    scene.ecr("PutReplicationConfiguration", json!({ "replicationConfiguration": rules })).await;
    let (_, told) = scene.ecr("DescribeRegistry", json!({})).await;
    assert_eq!(told["replicationConfiguration"], rules);
    let missing = scene.ecr_error("GetRegistryPolicy", json!({})).await;
    assert_eq!(missing.0, "RegistryPolicyNotFoundException");
    let malformed = scene.ecr_error("PutRegistryPolicy", json!({ "policyText": "no" })).await;
    assert_eq!(malformed.0, "InvalidParameterException");
    scene.ecr("PutRegistryPolicy", json!({ "policyText": "{}" })).await;
    assert_eq!(scene.ecr("GetRegistryPolicy", json!({})).await.1["policyText"], "{}");
    for bad in [json!({}), json!({ "rules": [{}] }), json!({ "rules": [{ "destinations": [{}] }] })] {
        let refused =
            scene.ecr_error("PutReplicationConfiguration", json!({ "replicationConfiguration": bad })).await;
        assert_eq!(refused.0, "InvalidParameterException");
    }
}

#[tokio::test]
async fn an_sdk_can_push_without_the_registry() {
    use base64::Engine as _;
    let scene = Scene::open().await;
    scene.create("app").await;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut digests = Vec::new();
    for bytes in [&b"{}"[..], b"layer"] {
        let (_, opened) = scene.ecr("InitiateLayerUpload", json!({ "repositoryName": "app" })).await;
        let id = &opened["uploadId"];
        let part = |first: usize, last: usize| {
            json!({ "repositoryName": "app", "uploadId": id, "partFirstByte": first, "partLastByte": last,
                    "layerPartBlob": encode(bytes) })
        };
        let wrong = scene.ecr_error("UploadLayerPart", part(7, 6 + bytes.len())).await;
        assert_eq!(wrong.1, "First byte of the layer part is 7 instead of 0");
        assert_eq!(
            scene.ecr_error("UploadLayerPart", part(0, bytes.len())).await.0,
            "InvalidLayerPartException"
        );
        let (status, stored) = scene.ecr("UploadLayerPart", part(0, bytes.len() - 1)).await;
        assert_eq!((status, &stored["lastByteReceived"]), (200, &json!(bytes.len() - 1)));
        let complete = json!({ "repositoryName": "app", "uploadId": id, "layerDigests": [digest(bytes)] });
        assert_eq!(scene.ecr("CompleteLayerUpload", complete).await.0, 200);
        digests.push(digest(bytes));
    }
    let manifest = crate::client::manifest(&digests[0], &digests[1], 5);
    let put = json!({ "repositoryName": "app", "imageManifest": manifest, "imageTag": "v1" });
    let (status, image) = scene.ecr("PutImage", put.clone()).await;
    assert_eq!((status, &image["image"]["imageId"]["imageTag"]), (200, &json!("v1")), "{image}");
    assert_eq!(scene.ecr_error("PutImage", put).await.0, "ImageAlreadyExistsException");
    let ask = json!({ "repositoryName": "app", "layerDigests": [digests[1], digest(b"other"), "x"] });
    let (_, layers) = scene.ecr("BatchCheckLayerAvailability", ask).await;
    assert_eq!(layers["layers"][0]["layerAvailability"], "AVAILABLE");
    assert_eq!(layers["layers"][1]["layerAvailability"], "UNAVAILABLE");
    assert_eq!(layers["failures"][0]["failureCode"], "InvalidLayerDigest");
    let layers_of = |count: usize| {
        let digests: Vec<_> = (0..count).map(|index| digest(&index.to_le_bytes())).collect();
        json!({ "repositoryName": "app", "layerDigests": digests })
    };
    let (_, hundred) = scene.ecr("BatchCheckLayerAvailability", layers_of(100)).await;
    assert_eq!(hundred["layers"].as_array().unwrap().len(), 100);
    for count in [0, 101] {
        let (kind, _) = scene.ecr_error("BatchCheckLayerAvailability", layers_of(count)).await;
        assert_eq!(kind, "InvalidParameterException", "{count} digests");
    }
}

#[tokio::test]
async fn accounts_and_regions_do_not_see_each_other() {
    let scene = Scene::open().await;
    scene.create("app").await;
    let all = json!({});
    for (account, region, expected) in [(ACCOUNT, REGION, 1), (ACCOUNT, "us-east-1", 0), (OTHER, REGION, 0)] {
        let (_, found) = scene.ecr_as(account, region, "DescribeRepositories", all.clone()).await;
        assert_eq!(found["repositories"].as_array().unwrap().len(), expected, "{account} {region}");
    }
}

#[tokio::test]
async fn a_call_that_nobody_signed_is_refused() {
    let scene = Scene::open().await;
    let send = |authorization: Option<String>| {
        let request =
            scene.http.post(scene.stand.url()).header("x-amz-target", "X.GetAuthorizationToken").body("{}");
        authorization
            .into_iter()
            .fold(request, |request, value| request.header("authorization", value))
            .send()
    };
    for (authorization, status, code) in [
        (None, 403, "MissingAuthenticationToken"),
        (Some("AWS4-HMAC-SHA256 Credential=x".to_owned()), 400, "IncompleteSignature"),
        (Some(signature(ACCOUNT, REGION, "dynamodb")), 404, "UnknownServiceException"),
    ] {
        let response = send(authorization).await.unwrap();
        assert_eq!(response.status(), status);
        let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(body["__type"], code);
    }
}
