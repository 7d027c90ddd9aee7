//! CreateFunction, and how what it created looks.

use std::time::Duration;

use lambda_lift_localstack::lambda::{Injection, LambdaSettings, Mishap, RateLimits, Reason};
use serde_json::{Value, json};

use crate::bench::{ACCOUNT, Bench, OTHER, ROLE, digest, uri};

/// A zip archive, to judge by its first bytes.
const ZIP: &str = "UEsDBBQAAAAIAA==";

fn zip_function() -> Value {
    json!({"PackageType": "Zip", "Code": {"ZipFile": ZIP}, "Runtime": "python3.13", "Handler": "app.handler"})
}

#[test]
fn a_function_is_pending_until_it_has_settled() {
    let bench = Bench::new();
    let created = bench.create(json!({})).expect(201);
    assert_eq!(
        created.body["LastUpdateStatus"],
        Value::Null,
        "answers of CreateFunction do not speak of updates"
    );
    assert_eq!(created.text("State"), "Pending");
    assert_eq!(created.text("StateReason"), "The function is being created.");
    assert_eq!(created.text("StateReasonCode"), "Creating");
    assert_eq!(created.text("CodeSha256"), digest("v1").trim_start_matches("sha256:"));
    assert_eq!(created.text("FunctionArn"), "arn:aws:lambda:eu-west-1:123456789012:function:app");
    assert_eq!(created.text("LastModified"), "2026-11-05T10:00:30.000+0000");
    assert_eq!(created.body["Architectures"], json!(["x86_64"]));
    assert_eq!((&created.body["MemorySize"], &created.body["Timeout"]), (&json!(128), &json!(3)));

    bench.wait(39);
    assert_eq!(bench.configuration().text("State"), "Pending");
    bench.wait(1);
    let settled = bench.configuration();
    assert_eq!(settled.text("State"), "Active");
    assert_eq!(settled.text("LastUpdateStatus"), "Successful");
    assert_eq!(settled.body["StateReason"], Value::Null);
    assert_ne!(settled.text("RevisionId"), created.text("RevisionId"), "settling changes the revision");
    assert_eq!(bench.configuration().text("RevisionId"), settled.text("RevisionId"), "reading does not");
}

#[test]
fn get_function_shows_the_image_as_given_and_as_resolved() {
    let bench = Bench::new().ready();
    let found = bench.get("/2015-03-31/functions/app").expect(200);
    let resolved = uri(ACCOUNT, "app", &digest("v1"));
    let expected =
        json!({"RepositoryType": "ECR", "ImageUri": uri(ACCOUNT, "app", "v1"), "ResolvedImageUri": resolved});
    assert_eq!(found.body["Code"], expected);
    assert_eq!(found.body["Tags"], Value::Null);
}

#[test]
fn everything_that_a_request_sets_comes_back() {
    let bench = Bench::quick();
    let settings = json!({
        "Description": "d", "MemorySize": 512, "Timeout": 9, "Architectures": ["arm64"],
        "Environment": {"Variables": {"KEY": "value"}}, "EphemeralStorage": {"Size": 1024},
        "ImageConfig": {"EntryPoint": ["/app"], "Command": ["c"], "WorkingDirectory": "/w"},
        "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "FileSystemConfigs": [{"Arn": "arn:efs", "LocalMountPath": "/mnt/data"}],
        "KMSKeyArn": "arn:kms", "DeadLetterConfig": {"TargetArn": "arn:sqs"}, "TracingConfig": {"Mode": "Active"},
        "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "g"}, "Tags": {"team": "a"},
    });
    bench.create(settings.clone()).expect(201);
    let found = bench.get("/2015-03-31/functions/app").expect(200).body;
    let configuration = &found["Configuration"];
    for member in [
        "Description",
        "MemorySize",
        "Timeout",
        "Architectures",
        "Environment",
        "EphemeralStorage",
        "FileSystemConfigs",
        "KMSKeyArn",
        "DeadLetterConfig",
        "TracingConfig",
        "LoggingConfig",
    ] {
        assert_eq!(configuration[member], settings[member], "{member}");
    }
    assert_eq!(configuration["ImageConfigResponse"], json!({"ImageConfig": settings["ImageConfig"]}));
    assert_eq!(configuration["VpcConfig"]["SubnetIds"], json!(["subnet-1"]));
    assert_eq!(found["Tags"], json!({"team": "a"}));
}

#[test]
fn create_with_publish_answers_version_one_without_a_qualifier() {
    let bench = Bench::new();
    let created = bench.create(json!({"Publish": true})).expect(201);
    assert_eq!(created.text("Version"), "1");
    assert_eq!(created.text("FunctionArn"), "arn:aws:lambda:eu-west-1:123456789012:function:app");
    bench.wait(1000);
    let version = bench.get("/2015-03-31/functions/app?Qualifier=1").expect(200);
    assert_eq!(version.body["Configuration"]["State"], "Active");
    let again = bench.post("/2015-03-31/functions/app/versions", json!({})).expect(201);
    assert_eq!(again.text("Version"), "1", "nothing has changed since");
}

#[test]
fn requests_that_cannot_be_are_refused() {
    let bench = Bench::new().ready();
    let code = "InvalidParameterValueException";
    let image = |uri: &str| json!({"FunctionName": "new", "Code": {"ImageUri": uri}});
    for (change, status, code, part) in [
        (json!({}), 409, "ResourceConflictException", "Function already exist: app"),
        (json!({"FunctionName": null}), 400, "ValidationException", "Value null at 'functionName'"),
        (
            json!({"FunctionName": "a b"}),
            400,
            "ValidationException",
            "'functionName' failed to satisfy constraint",
        ),
        (
            json!({"FunctionName": "n".repeat(65)}),
            400,
            "ValidationException",
            "length less than or equal to 64",
        ),
        (json!({"FunctionName": "new", "Role": null}), 400, "ValidationException", "Value null at 'role'"),
        (json!({"FunctionName": "new", "Role": "r1"}), 400, "ValidationException", "Value 'r1' at 'role'"),
        (
            json!({"FunctionName": "new", "Role": format!("arn:aws:iam::{OTHER}:role/app")}),
            403,
            "AccessDeniedException",
            "Cross-account pass role is not allowed.",
        ),
        (json!({"FunctionName": "new", "MemorySize": 64}), 400, "ValidationException", "'memorySize'"),
        (
            json!({"FunctionName": "new", "Architectures": ["x86_64", "arm64"]}),
            400,
            "ValidationException",
            "Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length",
        ),
        (
            json!({"FunctionName": "new", "Architectures": ["X86_64"]}),
            400,
            "ValidationException",
            "[x86_64, arm64]",
        ),
        (json!({"FunctionName": "new", "PackageType": "Jar"}), 400, "ValidationException", "[Zip, Image]"),
        (json!({"FunctionName": "new", "Code": {"ZipFile": ZIP}}), 400, code, "Please provide ImageUri"),
        (json!({"FunctionName": "new", "PackageType": null}), 400, code, "Please don't provide ImageUri"),
        (
            json!({"FunctionName": "new", "Handler": "h"}),
            400,
            code,
            "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.",
        ),
        (
            json!({"FunctionName": "new", "SnapStart": {"ApplyOn": "PublishedVersions"}}),
            400,
            code,
            "SnapStart",
        ),
        (
            crate::bench::merged(zip_function(), json!({"FunctionName": "new", "Runtime": null})),
            400,
            code,
            "Runtime and Handler are mandatory parameters",
        ),
        (
            crate::bench::merged(zip_function(), json!({"FunctionName": "new", "Code": {"ZipFile": "bm8="}})),
            400,
            code,
            "Could not unzip uploaded file.",
        ),
        (
            crate::bench::merged(
                zip_function(),
                json!({"FunctionName": "new", "Code": {"S3Bucket": "b", "S3Key": "k"}}),
            ),
            400,
            code,
            "S3 Error Code: NoSuchBucket",
        ),
        (
            json!({"FunctionName": "new", "Tags": (0..51).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>()}),
            400,
            code,
            "Number of tags exceeds resource tag limit.",
        ),
        (image(&uri(ACCOUNT, "app", "v9")), 400, code, "does not exist. Provide a valid source image."),
        (
            json!({"FunctionName": "new", "MemorySize": "much"}),
            400,
            "InvalidRequestContentException",
            "into json",
        ),
    ] {
        bench.create(change.clone()).refused(status, code, part);
        assert_eq!(bench.get("/2015-03-31/functions/new").status, 404, "{change}");
    }
    bench.get("/2015-03-31/functions/new").refused(
        404,
        "ResourceNotFoundException",
        "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:new",
    );
}

#[test]
fn error_bodies_have_the_members_that_were_recorded() {
    let bench = Bench::new();
    assert_eq!(
        bench.get("/2015-03-31/functions/app").body,
        json!({"Type": "User", "Message": "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:app"})
    );
    let invalid = bench.create(json!({"Code": {"ImageUri": "x"}})).body;
    assert_eq!(
        invalid,
        json!({"Type": "User", "message": "Source image x is not valid. Provide a valid source image."})
    );
    let validation = bench.create(json!({"MemorySize": 1})).body;
    assert_eq!(validation.as_object().unwrap().keys().collect::<Vec<_>>(), ["message"]);
}

#[test]
fn hostile_bodies_are_refused_and_change_nothing() {
    let bench = Bench::new();
    let deep = "[".repeat(100_000);
    for body in ["{", "[]", "3", "\"x\"", "\u{0}", deep.as_str(), "{\"FunctionName\": 3}", "{\"Code\": []}"] {
        let mut call = bench.call_of("POST", "/2015-03-31/functions", &Value::Null);
        call.body = body.as_bytes().to_vec();
        assert_eq!(bench.send(&call).status, 400, "{}", &body[..body.len().min(20)]);
    }
    assert_eq!(bench.get("/2015-03-31/functions").body["Functions"], json!([]));
}

#[test]
fn a_zip_function_can_be_created_and_is_one() {
    let bench = Bench::quick();
    let created = bench.create(zip_function()).expect(201);
    assert_eq!(created.text("PackageType"), "Zip");
    assert_eq!(created.text("CodeSha256").len(), 44, "base64 of a SHA-256");
    let found = bench.get("/2015-03-31/functions/app").expect(200);
    assert_eq!(found.body["Code"]["RepositoryType"], "S3");
    let image = json!({"ImageUri": uri(ACCOUNT, "app", "v1")});
    bench.update_code(image).refused(
        400,
        "InvalidParameterValueException",
        "Please don't provide ImageUri when updating a function with packageType Zip.",
    );
    bench.update_configuration(json!({"ImageConfig": {}})).refused(
        400,
        "InvalidParameterValueException",
        "Please don't provide ImageConfig",
    );
    bench.update_code(json!({"ZipFile": ZIP})).expect(200);
}

#[test]
fn a_new_role_cannot_be_assumed_before_it_has_propagated() {
    let delay = Duration::from_millis(500);
    let refused = format!("arn:aws:iam::{ACCOUNT}:role/never");
    let bench = Bench::with(LambdaSettings {
        role_propagation: delay,
        unassumable_roles: vec![refused.clone()],
        ..LambdaSettings::default()
    });
    let text = "The role defined for the function cannot be assumed by Lambda.";
    bench.create(json!({})).refused(400, "InvalidParameterValueException", text);
    bench.wait(499);
    bench.create(json!({})).refused(400, "InvalidParameterValueException", text);
    bench.wait(1);
    bench.create(json!({})).expect(201);
    bench.wait(1000);
    bench.update_configuration(json!({"Role": refused})).refused(400, "InvalidParameterValueException", text);
    bench.wait(1000);
    bench.update_configuration(json!({"Role": refused})).refused(400, "InvalidParameterValueException", text);
    bench.update_configuration(json!({"Role": ROLE})).expect(200);
}

#[test]
fn an_injected_failure_ends_one_creation() {
    let reason = Reason { code: "InvalidImage".to_owned(), text: "no good".to_owned() };
    let bench = Bench::with(LambdaSettings {
        inject: vec![Injection { function: "app".to_owned(), mishap: Mishap::CreateFails(reason), times: 1 }],
        ..LambdaSettings::default()
    });
    bench.create(json!({})).expect(201);
    bench.wait(1000);
    let failed = bench.configuration();
    assert_eq!((failed.text("State"), failed.text("StateReasonCode")), ("Failed", "InvalidImage"));
    assert_eq!(failed.text("StateReason"), "no good");
    bench.post("/2015-03-31/functions/app/versions", json!({})).refused(
        409,
        "ResourceConflictException",
        "currently in the following state: Failed",
    );
    bench.delete("/2015-03-31/functions/app").expect(204);
    bench.create(json!({})).expect(201);
    bench.wait(1000);
    assert_eq!(bench.configuration().text("State"), "Active");
}

#[test]
fn calls_beyond_the_rate_are_throttled() {
    let bench =
        Bench::with(LambdaSettings { rate_limits: Some(RateLimits::AWS), ..LambdaSettings::default() });
    for _ in 0..15 {
        bench.get("/2015-03-31/functions").expect(200);
    }
    let throttled = bench.get("/2015-03-31/functions");
    throttled.refused(429, "TooManyRequestsException", "Rate exceeded");
    assert_eq!(throttled.text("Reason"), "CallerRateLimitExceeded");
    assert_eq!(bench.get("/2015-03-31/functions/app").status, 404, "GetFunction has a rate of its own");
    bench.wait(1000);
    bench.get("/2015-03-31/functions").expect(200);
}

#[test]
fn functions_of_other_accounts_and_regions_are_out_of_reach() {
    let bench = Bench::new().ready();
    let encoded = |arn: &str| format!("/2015-03-31/functions/{}", arn.replace(':', "%3A"));
    bench.get(&encoded("arn:aws:lambda:eu-west-1:123456789012:function:app")).expect(200);
    bench.get(&encoded("123456789012:function:app:$LATEST")).expect(200);
    bench.get(&encoded("arn:aws:lambda:us-east-1:123456789012:function:app")).refused(
        404,
        "ResourceNotFoundException",
        "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')",
    );
    bench.get(&encoded("arn:aws:lambda:eu-west-1:999999999999:function:app")).refused(
        403,
        "AccessDeniedException",
        "is not authorized to perform: lambda:GetFunction",
    );
    let mut elsewhere = bench.call_of("GET", "/2015-03-31/functions/app", &Value::Null);
    elsewhere.region = "us-east-1".to_owned();
    assert_eq!(bench.send(&elsewhere).status, 404);
    elsewhere.region = "eu-west-1".to_owned();
    elsewhere.account = OTHER.to_owned();
    assert_eq!(bench.send(&elsewhere).status, 404);
    bench.get("/2015-03-31/unheard-of").refused(404, "UnknownOperationException", "");
}

#[test]
fn functions_are_listed_page_by_page_without_their_states() {
    let bench = Bench::quick();
    for number in 0..5 {
        bench.create(json!({"FunctionName": format!("f{number}"), "Publish": true})).expect(201);
    }
    let first = bench.get("/2015-03-31/functions?MaxItems=3").expect(200);
    let names = |page: &Value| -> Vec<String> {
        let functions = page["Functions"].as_array().unwrap();
        functions.iter().map(|function| function["FunctionName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first.body), ["f0", "f1", "f2"]);
    assert_eq!(first.body["Functions"][0]["State"], Value::Null);
    let marker = first.text("NextMarker");
    let rest = bench.get(&format!("/2015-03-31/functions?MaxItems=3&Marker={marker}")).expect(200);
    assert_eq!(
        (names(&rest.body), &rest.body["NextMarker"]),
        (vec!["f3".to_owned(), "f4".to_owned()], &Value::Null)
    );
    let all = bench.get("/2015-03-31/functions?FunctionVersion=ALL").expect(200);
    assert_eq!(all.body["Functions"].as_array().unwrap().len(), 10);
    bench.get("/2015-03-31/functions?FunctionVersion=some").refused(400, "ValidationException", "[ALL]");
}
