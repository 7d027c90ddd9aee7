//! What is sent to Lambda, and how its answers are read.

use serde_json::json;

use super::*;
use crate::aws::replay::{Answer, Replay, json as answer, xml};
use crate::cloud::{CloudErrorKind, PackageType};
use crate::name::Digest;

const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:shop";
const ROLE: &str = "arn:aws:iam::123456789012:role/shop";

pub(super) fn lambda(answers: impl IntoIterator<Item = Answer>) -> (Replay, Lambda) {
    let replay = Replay::new(answers);
    let lambda = Lambda::new(Client::new(&replay.config()));
    (replay, lambda)
}

pub(super) fn shop() -> FunctionName {
    "shop".parse().unwrap()
}

/// Every setting, with a value that is not its default.
fn every_setting() -> Value {
    json!({
        "Description": "the shop", "Role": ROLE, "MemorySize": 512, "Timeout": 9,
        "Environment": {"Variables": {"AB": "1", "EMPTY": ""}},
        "ImageConfig": {"EntryPoint": ["/e"], "Command": ["a", "b"], "WorkingDirectory": "/srv"},
        "EphemeralStorage": {"Size": 1024},
        "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "Ipv6AllowedForDualStack": true},
        "FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-1",
            "LocalMountPath": "/mnt/a", "S3FilesConfig": {"DirectS3Read": "ENABLED"}}],
        "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:eu-west-1:123456789012:q"},
        "KMSKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/k",
        "TracingConfig": {"Mode": "Active"},
        "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "DEBUG", "LogGroup": "/x"},
        "DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 3,
            "KMSKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/d"},
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {
            "CapacityProviderArn": "arn:aws:lambda:eu-west-1:123456789012:capacity-provider:cp",
            "PerExecutionEnvironmentMaxConcurrency": 8, "ExecutionEnvironmentMemoryGiBPerVCpu": 2.5}},
        "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
        "Tags": {"team": "shop"},
    })
}

/// The same as Lambda answers it in a FunctionConfiguration.
fn every_setting_answered() -> Value {
    let mut settings = every_setting();
    let object = settings.as_object_mut().unwrap();
    object.shift_remove("Tags");
    let image_config = object.shift_remove("ImageConfig").unwrap();
    object.insert("ImageConfigResponse".to_owned(), json!({"ImageConfig": image_config}));
    object["VpcConfig"]["VpcId"] = "vpc-1".into();
    object.insert("FunctionArn".to_owned(), ARN.into());
    object.insert("PackageType".to_owned(), "Image".into());
    object.insert("Architectures".to_owned(), json!(["arm64"]));
    object.insert("CodeSha256".to_owned(), Digest::of(b"manifest").hex().into());
    object.insert("RevisionId".to_owned(), "r-1".into());
    object.insert("State".to_owned(), "Pending".into());
    object.insert("StateReason".to_owned(), "The function is being created.".into());
    object.insert("StateReasonCode".to_owned(), "Creating".into());
    object.insert("Version".to_owned(), "$LATEST".into());
    settings
}

fn new_function(settings: Value) -> NewFunction {
    NewFunction {
        name: shop(),
        image_uri: "host/shop@sha256:x".to_owned(),
        architecture: Architecture::Arm64,
        settings: settings.as_object().unwrap().clone(),
    }
}

fn configuration(settings: Value) -> ConfigurationUpdate {
    ConfigurationUpdate {
        settings: settings.as_object().unwrap().clone(),
        revision_id: Some("r-1".to_owned()),
    }
}

#[tokio::test]
async fn every_setting_travels_to_lambda_and_back_unchanged() {
    let get = json!({
        "Configuration": every_setting_answered(), "Tags": {"team": "shop"},
        "Code": {"RepositoryType": "ECR", "ImageUri": "host/shop:v1", "ResolvedImageUri": "host/shop@sha256:x"},
    });
    let (replay, lambda) = lambda([answer(201, every_setting_answered()), answer(200, get)]);
    let created = lambda.create_function(&new_function(every_setting())).await.unwrap();
    let read = lambda.function(&shop(), None).await.unwrap().unwrap();
    let mut sent = every_setting();
    sent["FunctionName"] = "shop".into();
    sent["PackageType"] = "Image".into();
    sent["Architectures"] = json!(["arm64"]);
    sent["Code"] = json!({"ImageUri": "host/shop@sha256:x"});
    assert_eq!(replay.bodies()[0], sent);
    assert_eq!(Value::Object(read.settings.clone()), every_setting());
    assert_eq!((read.arn.as_str(), read.version.as_str()), (ARN, "$LATEST"));
    assert_eq!((read.package_type, read.architecture), (PackageType::Image, Architecture::Arm64));
    assert_eq!(read.image_digest, Some(Digest::of(b"manifest")));
    assert_eq!(read.image_uri.as_deref(), Some("host/shop:v1"));
    assert_eq!(read.resolved_image_uri.as_deref(), Some("host/shop@sha256:x"));
    assert_eq!(read.revision_id.as_deref(), Some("r-1"));
    assert_eq!(read.state.state_reason_code.as_deref(), Some("Creating"));
    let without_tags = LiveFunction { image_uri: None, resolved_image_uri: None, ..read };
    assert_eq!(created.settings.len() + 1, without_tags.settings.len());
    assert_eq!(created.state, without_tags.state);
}

#[tokio::test]
async fn every_setting_that_can_be_updated_is_sent() {
    let mut settings = every_setting();
    settings.as_object_mut().unwrap().retain(|key, _| key != "Tags" && key != "TenancyConfig");
    let (replay, lambda) = lambda([answer(200, every_setting_answered())]);
    let updated = lambda.update_configuration(&shop(), &configuration(settings.clone())).await.unwrap();
    settings["RevisionId"] = "r-1".into();
    assert_eq!(replay.bodies(), [settings]);
    assert_eq!(replay.requests(), ["PUT /2015-03-31/functions/shop/configuration"]);
    assert_eq!(updated.settings["MemorySize"], 512);
}

#[tokio::test]
async fn what_clears_a_setting_is_sent_and_not_left_out() {
    let clearing = json!({
        "ImageConfig": {}, "Environment": {"Variables": {}}, "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
        "FileSystemConfigs": [], "KMSKeyArn": "", "Description": "", "DeadLetterConfig": {"TargetArn": ""},
        "RevisionId": "r-1",
    });
    let (replay, lambda) = lambda([answer(200, json!({"FunctionArn": ARN}))]);
    let mut settings = clearing.clone();
    settings.as_object_mut().unwrap().shift_remove("RevisionId");
    lambda.update_configuration(&shop(), &configuration(settings)).await.unwrap();
    assert_eq!(replay.bodies(), [clearing]);
}

#[tokio::test]
async fn what_cannot_be_mapped_is_refused_before_a_call_and_never_dropped() {
    for settings in [
        json!({"Layers": ["x"]}),
        json!({"Tags": {"a": "b"}}),
        json!({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}),
        json!({"MemorySize": "512"}),
        json!({"MemorySize": 1e12}),
        json!({"VpcConfig": {"VpcId": "vpc-1"}}),
        json!({"Environment": {"Error": {"ErrorCode": "x"}}}),
        json!({"Environment": {"Variables": {"AB": ["hunter2"]}}}),
        json!({"EphemeralStorage": {}}),
    ] {
        let (replay, lambda) = lambda([]);
        let error = lambda.update_configuration(&shop(), &configuration(settings.clone())).await.unwrap_err();
        assert_eq!(error.kind, CloudErrorKind::Invalid, "{settings}");
        assert!(error.message.contains(settings.as_object().unwrap().keys().next().unwrap()), "{error}");
        assert!(!error.message.contains("hunter2"));
        assert!(replay.requests().is_empty());
    }
}

#[tokio::test]
async fn what_lambda_answers_for_nothing_is_absent() {
    let plain = json!({
        "FunctionArn": format!("{ARN}:$LATEST"), "Version": "$LATEST", "PackageType": "Image", "Role": ROLE,
        "Description": "", "KMSKeyArn": "", "MemorySize": 128, "Timeout": 3, "Layers": [], "FileSystemConfigs": [],
        "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": false},
        "ImageConfigResponse": {}, "Environment": {"Variables": {}}, "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"}, "TracingConfig": {"Mode": "PassThrough"},
        "CodeSha256": "not-a-digest",
    });
    let digest = Digest::of(b"manifest");
    let code = json!({"ResolvedImageUri": format!("host/shop@{digest}")});
    let (_, lambda) = lambda([answer(200, json!({"Configuration": plain, "Code": code, "Tags": {}}))]);
    let read = lambda.function(&shop(), None).await.unwrap().unwrap();
    let expected = json!({
        "Role": ROLE, "MemorySize": 128, "Timeout": 3, "EphemeralStorage": {"Size": 512},
        "TracingConfig": {"Mode": "PassThrough"},
    });
    assert_eq!(Value::Object(read.settings), expected);
    assert_eq!(
        (read.arn.as_str(), read.architecture, read.image_digest),
        (ARN, Architecture::X86_64, Some(digest))
    );
}

#[tokio::test]
async fn what_lambda_could_not_read_says_so() {
    let denied = json!({"ErrorCode": "AccessDeniedException", "Message": "no kms:Decrypt"});
    let configuration = json!({
        "FunctionArn": ARN, "PackageType": "Image", "Environment": {"Error": denied},
        "ImageConfigResponse": {"Error": denied},
    });
    let tags_error = json!({"ErrorCode": "AccessDeniedException", "Message": "no lambda:ListTags"});
    let (_, lambda) = lambda([answer(200, json!({"Configuration": configuration, "TagsError": tags_error}))]);
    let read = lambda.function(&shop(), None).await.unwrap().unwrap();
    let expected = json!({"Environment": {"Error": denied}, "ImageConfig": {"Error": denied}, "Tags": null});
    assert_eq!(Value::Object(read.settings), expected);
}

#[tokio::test]
async fn a_zip_function_is_read_without_its_signed_url() {
    let get = json!({
        "Configuration": {"FunctionArn": ARN, "PackageType": "Zip", "Runtime": "python3.13", "Handler": "app.handler",
                          "CodeSha256": "3q2+7w==", "Architectures": ["x86_64"]},
        "Code": {"RepositoryType": "S3", "Location": "https://bucket/x?X-Amz-Signature=hunter2"},
    });
    let (replay, lambda) = lambda([answer(200, get)]);
    let read = lambda.function(&shop(), Some("live")).await.unwrap().unwrap();
    assert_eq!((read.package_type, read.image_digest), (PackageType::Zip, None));
    assert!(!format!("{read:?}").contains("hunter2"));
    assert_eq!(replay.requests(), ["GET /2015-03-31/functions/shop?Qualifier=live"]);
}

#[tokio::test]
async fn what_does_not_exist_is_none_for_every_reader() {
    let missing = || {
        let body = json!({"Type": "User", "Message": "Function not found: arn", "__type": "ResourceNotFoundException"});
        answer(404, body)
    };
    let (_, lambda) = lambda([missing(), missing(), missing(), missing()]);
    assert_eq!(lambda.function(&shop(), None).await.unwrap(), None);
    assert_eq!(lambda.versions(&shop()).await.unwrap(), None);
    assert_eq!(lambda.alias(&shop(), &"live".parse().unwrap()).await.unwrap(), None);
    assert_eq!(lambda.aliases(&shop()).await.unwrap(), None);
}

#[tokio::test]
async fn a_404_that_is_not_lambdas_own_is_an_error() {
    let (_, lambda) = lambda([xml(404, "<html>not found</html>")]);
    let error = lambda.function(&shop(), None).await.unwrap_err();
    assert_eq!((error.kind, error.code, error.status), (CloudErrorKind::NotFound, None, Some(404)));
}

#[tokio::test]
async fn versions_of_all_pages_are_read_without_latest() {
    let entry = |version: &str| {
        json!({"FunctionArn": format!("{ARN}:{version}"), "Version": version, "PackageType": "Image",
               "CodeSha256": Digest::of(version.as_bytes()).hex(), "Architectures": ["arm64"], "MemorySize": 256})
    };
    let (replay, lambda) = lambda([
        answer(200, json!({"Versions": [entry("$LATEST"), entry("1")], "NextMarker": "m"})),
        answer(200, json!({"Versions": [entry("2"), entry("$LATEST.PUBLISHED")]})),
    ]);
    let versions = lambda.versions(&shop()).await.unwrap().unwrap();
    let numbers: Vec<String> = versions.iter().map(|version| version.version.to_string()).collect();
    assert_eq!(numbers, ["1", "2"]);
    assert_eq!(versions[1].image_digest, Some(Digest::of(b"2")));
    assert_eq!(versions[1].settings["MemorySize"], 256);
    assert!(replay.requests()[1].ends_with("?Marker=m"));
}

#[tokio::test]
async fn aliases_of_all_pages_are_read_with_their_weights() {
    let live = json!({"Name": "live", "FunctionVersion": "6", "RevisionId": "a-1",
                      "RoutingConfig": {"AdditionalVersionWeights": {"7": 0.1}}});
    let (replay, lambda) = lambda([
        answer(200, json!({"Aliases": [live], "NextMarker": "m"})),
        answer(200, json!({"Aliases": [{"Name": "old", "FunctionVersion": "$LATEST"}]})),
        answer(200, json!({"Aliases": [{"Name": "broken"}]})),
    ]);
    let aliases = lambda.aliases(&shop()).await.unwrap().unwrap();
    let told: Vec<(&str, &str)> =
        aliases.iter().map(|alias| (alias.name.as_str(), alias.version.as_str())).collect();
    assert_eq!(told, [("live", "6"), ("old", "$LATEST")]);
    assert_eq!((aliases[0].weights["7"], aliases[1].weights.len()), (0.1, 0));
    assert_eq!(aliases[0].revision_id.as_deref(), Some("a-1"));
    let path = "GET /2015-03-31/functions/shop/aliases";
    assert_eq!(replay.requests(), [path.to_owned(), format!("{path}?Marker=m")]);
    assert_eq!(lambda.aliases(&shop()).await.unwrap_err().kind, CloudErrorKind::Unexpected);
}

#[tokio::test]
async fn code_is_updated_with_architecture_and_guard_and_not_published() {
    let (replay, lambda) = lambda([answer(200, every_setting_answered())]);
    let update = CodeUpdate {
        image_uri: "host/shop@sha256:x".to_owned(),
        architecture: Architecture::X86_64,
        revision_id: Some("r-0".to_owned()),
    };
    let updated = lambda.update_code(&shop(), &update).await.unwrap();
    let sent = json!({"ImageUri": "host/shop@sha256:x", "Architectures": ["x86_64"], "RevisionId": "r-0"});
    assert_eq!(replay.bodies(), [sent]);
    assert_eq!(updated.revision_id.as_deref(), Some("r-1"));
}

#[tokio::test]
async fn a_version_is_published_with_both_guards() {
    let (replay, lambda) = lambda([answer(201, json!({"Version": "7"})), answer(201, json!({}))]);
    let digest = Digest::of(b"manifest");
    let guard = PublishGuard { image_digest: Some(digest), revision_id: Some("r-1".to_owned()) };
    assert_eq!(lambda.publish_version(&shop(), &guard).await.unwrap().to_string(), "7");
    assert_eq!(replay.bodies(), [json!({"CodeSha256": digest.hex(), "RevisionId": "r-1"})]);
    let error = lambda.publish_version(&shop(), &PublishGuard::default()).await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::Unexpected);
}

#[tokio::test]
async fn an_alias_is_moved_with_empty_weights() {
    let target = AliasTarget {
        name: "live".parse().unwrap(),
        version: "7".to_owned(),
        weights: BTreeMap::new(),
        revision_id: Some("a-1".to_owned()),
    };
    let moved = json!({"Name": "live", "FunctionVersion": "7", "RevisionId": "a-2"});
    let weighted = json!({"Name": "live", "FunctionVersion": "6", "RoutingConfig":
        {"AdditionalVersionWeights": {"7": 0.1}}});
    let (replay, lambda) = lambda([
        answer(200, moved.clone()),
        answer(201, moved),
        answer(200, weighted.clone()),
        answer(200, weighted),
    ]);
    let alias = lambda.move_alias(&shop(), &target).await.unwrap();
    assert_eq!((alias.version.as_str(), alias.revision_id.as_deref()), ("7", Some("a-2")));
    lambda.create_alias(&shop(), &target).await.unwrap();
    let read = lambda.alias(&shop(), &target.name).await.unwrap().unwrap();
    let canary = BTreeMap::from([("7".to_owned(), 0.1)]);
    assert_eq!(read.weights, canary);
    let split = AliasTarget { version: "6".to_owned(), weights: canary, ..target };
    lambda.move_alias(&shop(), &split).await.unwrap();
    assert_eq!(replay.bodies()[3]["RoutingConfig"], json!({"AdditionalVersionWeights": {"7": 0.1}}));
    let sent = json!({"FunctionVersion": "7", "RoutingConfig": {"AdditionalVersionWeights": {}}, "RevisionId": "a-1"});
    assert_eq!(replay.bodies()[..2], [sent, json!({"Name": "live", "FunctionVersion": "7"})]);
}

#[tokio::test]
async fn tags_are_added_by_arn() {
    let (replay, lambda) = lambda([answer(204, json!({}))]);
    lambda.tag_function(ARN, &BTreeMap::from([("team".to_owned(), "shop".to_owned())])).await.unwrap();
    assert_eq!(replay.bodies(), [json!({"Tags": {"team": "shop"}})]);
}

#[tokio::test]
async fn errors_keep_code_status_and_request_id() {
    let table = [
        (
            409,
            "ResourceConflictException",
            "An update is in progress for resource: arn",
            CloudErrorKind::Conflict,
        ),
        (
            412,
            "PreconditionFailedException",
            "The Revision Id provided does not match",
            CloudErrorKind::PreconditionFailed,
        ),
        (
            403,
            "AccessDeniedException",
            "User: u is not authorized to perform: lambda:UpdateFunctionCode",
            CloudErrorKind::AccessDenied,
        ),
        (429, "TooManyRequestsException", "Rate exceeded", CloudErrorKind::Throttled),
        (400, "InvalidParameterValueException", "Source image x does not exist.", CloudErrorKind::Invalid),
        (500, "ServiceException", "An error occurred", CloudErrorKind::Unexpected),
    ];
    for (status, code, message, kind) in table {
        let (_, lambda) = lambda([answer(status, json!({"__type": code, "Message": message}))]);
        let update =
            CodeUpdate { image_uri: String::new(), architecture: Architecture::X86_64, revision_id: None };
        let error = lambda.update_code(&shop(), &update).await.unwrap_err();
        assert_eq!((error.kind, error.status, error.code.as_deref()), (kind, Some(status), Some(code)));
        assert_eq!((error.message.as_str(), error.request_id.as_deref()), (message, Some("request-1")));
    }
}

#[tokio::test]
async fn an_environment_value_that_aws_quotes_is_not_told() {
    let message = "Value '{AB=hunter2}' is bad; String measured: {\"AB\":\"hunter2\"}";
    let body = json!({"__type": "InvalidParameterValueException", "Message": message});
    let (_, lambda) = lambda([answer(400, body.clone()), answer(400, body)]);
    let settings = json!({"Environment": {"Variables": {"AB": "hunter2"}}});
    let error = lambda.create_function(&new_function(settings.clone())).await.unwrap_err();
    assert_eq!(error.message, "Value '{AB=(hidden)}' is bad;");
    let error = lambda.update_configuration(&shop(), &configuration(settings)).await.unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn no_answer_and_a_garbled_one_are_told_apart() {
    let (_, unreachable) = lambda([]);
    let error = unreachable.function(&shop(), None).await.unwrap_err();
    assert_eq!((error.kind, error.status), (CloudErrorKind::Unreachable, None));
    assert!(error.message.contains("connection refused"), "{}", error.message);
    let (_, garbled) = lambda([xml(200, "<html>"), answer(200, json!({"Configuration": {}}))]);
    for _ in 0..2 {
        let error = garbled.function(&shop(), None).await.unwrap_err();
        assert_eq!(error.kind, CloudErrorKind::Unexpected, "{error}");
    }
}
