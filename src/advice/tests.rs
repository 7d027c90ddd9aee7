//! The table against AWS's own texts. The sentences are those of AWS's documentation and of public issue threads.

use super::*;
use crate::function::reason;
use crate::preflight::CHECKS;

/// What AWS says, and the code that it must be recognised as.
const SAID: &[(&str, &str)] = &[
    (
        "Source image 1.dkr.ecr.eu-west-1.amazonaws.com/app:v1 does not exist. Provide a valid source image.",
        "source-image-missing",
    ),
    (
        "Source image 1.dkr.ecr.us-east-1.amazonaws.com/app:v1 is not valid. Provide a valid source image.",
        "source-image-invalid",
    ),
    (
        "The image manifest, config or layer media type for the source image 1.dkr.ecr.eu-west-1.amazonaws.com/app:v1 is not supported.",
        "image-media-type",
    ),
    (
        "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
        "pull-permission",
    ),
    ("The function does not have permission to access the specified image.", "pull-permission"),
    ("The function is trying to use a deleted image.", "image-deleted"),
    ("Please provide ImageUri when updating a function with packageType Image.", "image-function"),
    ("Please don't provide ImageUri when updating a function with packageType Zip.", "zip-function"),
    (
        "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:eu-west-1:1:function:app",
        "update-in-progress",
    ),
    (
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
        "update-in-progress",
    ),
    ("The role defined for the function cannot be assumed by Lambda.", "role-not-assumable"),
    ("Functions from 'us-east-1' are not reachable in this region ('eu-west-1')", "wrong-region"),
    (
        "InvalidImage(ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest sha256:00)",
        "unsupported-layer",
    ),
    (
        "InvalidImage(MissingParentDirectory: Parent directory does not exist for file: opt/a)",
        "missing-parent-directory",
    ),
    ("RequestId: 1 Error: fork/exec /app: exec format error Runtime.InvalidEntrypoint", "wrong-architecture"),
    (
        "The repository with name 'app' does not exist in the registry with id '123456789012'",
        "repository-missing",
    ),
    (
        "The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because the repository is immutable.",
        "tag-immutable",
    ),
    ("Your authorization token has expired. Reauthenticate and try again.", "token-expired"),
    (
        "User: arn:aws:sts::1:assumed-role/ci/x is not authorized to perform: ecr:InitiateLayerUpload on resource: arn because no identity-based policy allows the ecr:InitiateLayerUpload action",
        "missing-permission",
    ),
    (
        "User: arn:aws:sts::1:assumed-role/ci/x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/app",
        "pass-role",
    ),
    (
        "User: x is not authorized to perform: lambda:UpdateAlias on resource: arn with an explicit deny in an identity-based policy",
        "explicit-deny",
    ),
    ("TOOMANYREQUESTS: Rate exceeded", "throttled"),
    ("First byte of the layer part is 0 instead of 10485760", "upload-chunk"),
    ("LayersNotFound: the layers do not exist", "layers-missing"),
    (
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
        "policy-invalid",
    ),
    (
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Principal not found'",
        "principal-not-found",
    ),
    ("Function already exist: app", "function-exists"),
    ("Unable to delete version because the following aliases reference it: [live]", "version-in-use"),
    ("Cannot find alias arn: arn:aws:lambda:eu-west-1:1:function:app:live", "alias-missing"),
    ("Alias not found: arn:aws:lambda:eu-west-1:1:function:app:live", "alias-missing"),
    ("Number of items in AdditionalVersionWeights cannot be greater than 1", "alias-weights"),
    (
        "Invalid function version 1. Function version 1 is already included in routing configuration.",
        "alias-weights",
    ),
    ("$LATEST is not supported for an alias pointing to more than 1 version", "alias-weights"),
    ("Alias already exists: arn:aws:lambda:eu-west-1:1:function:app:live", "alias-exists"),
    ("Alias with weights can not be used with Provisioned Concurrency", "weights-provisioned-concurrency"),
    ("CodeArtifactUserPendingException: Lambda is initializing your function", "function-inactive"),
    ("Cannot assume role provided.", "codedeploy-role"),
    ("Code storage limit exceeded.", "code-storage"),
    ("The security token included in the request is expired", "credentials-expired"),
    ("The security token included in the request is invalid.", "credentials-invalid"),
    ("Signature expired: 20261127T000000Z is now earlier than 20261127T001000Z", "clock-skew"),
    ("Not authorized to perform: sts:AssumeRoleWithWebIdentity", "web-identity"),
];

#[test]
fn what_aws_says_is_recognised_in_any_case() {
    for (said, code) in SAID {
        for text in [
            (*said).to_owned(),
            said.to_uppercase(),
            format!("AWS Lambda UpdateFunctionCode failed: {said} (x)"),
        ] {
            let found = recognise(&text).map(|lesson| lesson.code);
            assert_eq!(found, Some(*code), "{text}");
        }
    }
    assert_eq!(recognise("something that nobody has heard of"), None);
    assert_eq!(recognise(""), None);
}

#[test]
fn what_a_user_typed_is_never_taken_for_what_aws_said() {
    let quoted = "--description \"Rate exceeded\" is too long";
    assert_eq!(code_of("usage", quoted), "usage");
    assert_eq!(code_of("unexpected", quoted), "throttled");
}

#[test]
fn a_failure_without_a_known_text_goes_by_its_kind() {
    for (kind, code) in [
        ("access_denied", "missing-permission"),
        ("credentials", "credentials-missing"),
        ("function_failed", "function-failed"),
        ("never_heard_of", "never-heard-of"),
    ] {
        assert_eq!(code_of(kind, "no"), code);
    }
}

#[test]
fn every_code_is_its_own_and_leads_to_its_story() {
    let mut codes: Vec<String> = lessons().map(|lesson| lesson.code.to_owned()).collect();
    codes.extend(EXITS.iter().map(|exit| format!("exit-{}", exit.code)));
    codes.extend(CHECKS.iter().map(|check| check.id.to_owned()));
    for (index, code) in codes.iter().enumerate() {
        assert!(!codes[..index].contains(code), "{code} twice");
        assert_eq!(explain(&code.to_uppercase()).map(|told| told.code).as_ref(), Some(code));
    }
    let mut kinds: Vec<&str> = lessons().flat_map(|lesson| lesson.kinds).copied().collect();
    let count = kinds.len();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), count, "a kind belongs to one lesson");
}

#[test]
fn every_lesson_is_whole_and_what_it_refers_to_exists() {
    for lesson in lessons() {
        let code = lesson.code;
        assert!(!lesson.texts.is_empty() || !lesson.kinds.is_empty(), "{code} is never recognised");
        for text in [lesson.title, lesson.cause, lesson.see, lesson.remedy] {
            assert!(!text.is_empty(), "{code}");
        }
        for related in lesson.related {
            assert!(explain(related).is_some() || *related == "prune", "{code}: {related}");
        }
    }
}

#[test]
fn a_story_is_found_by_lambdas_reason_codes_and_a_misspelt_code_by_its_neighbour() {
    let told = explain("imageaccessdenied").or_else(|| explain("ImageAccessDenied")).unwrap();
    assert_eq!(told.title, reason("ImageAccessDenied").unwrap().meaning);
    assert_eq!(explain("image-media-typ"), None);
    assert_eq!(nearest_code("image-media-typ").as_deref(), Some("image-media-type"));
    assert_eq!(nearest_code("zebra"), None);
    let text = explain("image-media-type").unwrap().text();
    assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
}
