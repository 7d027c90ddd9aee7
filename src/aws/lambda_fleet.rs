//! What all functions of an account run, and which versions are paid for.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::types;

use super::error::{Operation, says_not_found};
use super::lambda_answer::image_digest;
use super::pages::Pages;
use crate::cloud::{CloudError, CodeUse};
use crate::name::{Digest, FunctionName, Version};

const LIST_FUNCTIONS: Operation = operation("ListFunctions");
const LIST_PROVISIONED: Operation = operation("ListProvisionedConcurrencyConfigs");
const DELETE_FUNCTION: Operation = operation("DeleteFunction");

const fn operation(name: &'static str) -> Operation {
    Operation { service: "AWS Lambda", name }
}

/// ListFunctions with `FunctionVersion=ALL`.
pub(super) async fn code_in_use(client: &Client) -> Result<Vec<CodeUse>, CloudError> {
    let call = LIST_FUNCTIONS;
    let request = client.list_functions().function_version(types::FunctionVersion::All);
    let (mut answers, mut pages) = (request.into_paginator().send(), Pages::of(call));
    let mut uses = Vec::new();
    while let Some(answer) = answers.next().await {
        let answer = answer.map_err(|error| call.failed(error))?;
        for entry in pages.entries(answer.functions, "Functions")? {
            uses.push(code_use(call, &entry)?);
        }
    }
    Ok(uses)
}

/// What an entry runs. One that does not say that it is a zip archive must tell its image: else nobody knows which one it needs.
fn code_use(call: Operation, entry: &types::FunctionConfiguration) -> Result<CodeUse, CloudError> {
    let function = entry.function_name().unwrap_or_default().to_owned();
    let version = entry.version().unwrap_or("$LATEST").to_owned();
    let digest: Option<Digest> = match entry.package_type() {
        Some(types::PackageType::Zip) => None,
        Some(types::PackageType::Image) => {
            let untold =
                || format!("version {version} of function {function} does not tell the digest of its image");
            Some(image_digest(entry).ok_or_else(|| call.unexpected(untold()))?)
        }
        _ => {
            let untold =
                format!("version {version} of function {function} does not tell whether it runs an image");
            return Err(call.unexpected(untold));
        }
    };
    Ok(CodeUse { function, version, digest })
}

/// ListProvisionedConcurrencyConfigs: the qualifiers.
pub(super) async fn provisioned(
    client: &Client,
    name: &FunctionName,
) -> Result<Option<Vec<String>>, CloudError> {
    let call = LIST_PROVISIONED;
    let request = client.list_provisioned_concurrency_configs().function_name(name.as_str());
    let (mut answers, mut pages) = (request.into_paginator().send(), Pages::of(call));
    let mut qualifiers = Vec::new();
    while let Some(answer) = answers.next().await {
        let answer = match answer.map_err(|error| call.failed(error)) {
            Ok(answer) => answer,
            Err(error) if says_not_found(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let page = answer.provisioned_concurrency_configs;
        for entry in pages.entries(page, "ProvisionedConcurrencyConfigs")? {
            let arn = entry.function_arn().unwrap_or_default();
            // `arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER`
            let qualifier = arn.splitn(8, ':').nth(7);
            let qualifier = qualifier.ok_or_else(|| call.unexpected(format!("{arn:?} has no qualifier")))?;
            qualifiers.push(qualifier.to_owned());
        }
    }
    Ok(Some(qualifiers))
}

/// DeleteFunction with a qualifier. Without one it would delete the whole function, so that the version is not optional here.
pub(super) async fn delete_version(
    client: &Client,
    name: &FunctionName,
    version: Version,
) -> Result<(), CloudError> {
    let request = client.delete_function().function_name(name.as_str()).qualifier(version.to_string());
    match request.send().await.map_err(|error| DELETE_FUNCTION.failed(error)) {
        Ok(_) => Ok(()),
        Err(error) if says_not_found(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::Lambda;
    use crate::aws::replay::{Answer, Replay, json as answer, xml};
    use crate::cloud::{CloudErrorKind, LambdaReader as _, LambdaWriter as _};
    use crate::name::Digest;

    fn lambda(answers: impl IntoIterator<Item = Answer>) -> (Replay, Lambda) {
        let replay = Replay::new(answers);
        let lambda = Lambda::new(Client::new(&replay.config()));
        (replay, lambda)
    }

    fn shop() -> FunctionName {
        "shop".parse().unwrap()
    }

    fn missing() -> Answer {
        answer(404, json!({"Message": "Function not found", "__type": "ResourceNotFoundException"}))
    }

    #[tokio::test]
    async fn what_every_version_of_every_function_runs_is_read_on_all_pages() {
        let entry = |name: &str, version: &str, digest: Value| json!({"FunctionName": name, "Version": version, "PackageType": "Image", "CodeSha256": digest});
        let digest = Digest::of(b"manifest");
        let zip =
            json!({"FunctionName": "old", "Version": "1", "PackageType": "Zip", "CodeSha256": "3q2+7w=="});
        let (replay, lambda) = lambda([
            answer(
                200,
                json!({"Functions": [entry("shop", "$LATEST", json!(digest.hex()))], "NextMarker": "m"}),
            ),
            answer(200, json!({"Functions": [entry("shop", "7", json!(digest.hex())), zip]})),
            answer(200, json!({"Functions": [entry("shop", "7", json!("nonsense"))]})),
            answer(
                200,
                json!({"Functions": [{"FunctionName": "shop", "Version": "7", "CodeSha256": digest.hex()}]}),
            ),
            answer(200, json!({"Functions": null})),
            answer(200, json!({})),
        ]);
        let used = |function: &str, version: &str, digest: Option<Digest>| CodeUse {
            function: function.to_owned(),
            version: version.to_owned(),
            digest,
        };
        let uses = lambda.code_in_use().await.unwrap();
        assert_eq!(
            uses,
            [used("shop", "$LATEST", Some(digest)), used("shop", "7", Some(digest)), used("old", "1", None)]
        );
        let requests = replay.requests();
        assert!(requests[0].starts_with("GET /2015-03-31/functions"), "{requests:?}");
        assert!(requests.iter().all(|request| request.contains("FunctionVersion=ALL")), "{requests:?}");
        assert!(requests[1].contains("Marker=m"));
        for part in [
            "version 7 of function shop does not tell the digest",
            "version 7 of function shop does not tell whether",
            "no Functions",
            "no Functions",
        ] {
            let error = lambda.code_in_use().await.unwrap_err();
            assert!(error.message.contains(part), "{part}: {error}");
        }
    }

    #[tokio::test]
    async fn a_list_that_never_ends_is_given_up() {
        let page = |number: u32| answer(200, json!({"Functions": [], "NextMarker": number.to_string()}));
        let (replay, lambda) = lambda((0..1100).map(page));
        let error = lambda.code_in_use().await.unwrap_err();
        assert!(error.message.contains("does not end"), "{error}");
        assert_eq!(replay.requests().len(), 1001);
    }

    #[tokio::test]
    async fn the_qualifiers_with_provisioned_concurrency_are_read_on_all_pages() {
        let entry = |qualifier: &str| json!({"FunctionArn": format!("arn:aws:lambda:eu-west-1:123456789012:function:shop:{qualifier}")});
        let (replay, lambda) = lambda([
            answer(200, json!({"ProvisionedConcurrencyConfigs": [entry("7")], "NextMarker": "m"})),
            answer(200, json!({"ProvisionedConcurrencyConfigs": [entry("live")]})),
            missing(),
            answer(200, json!({"ProvisionedConcurrencyConfigs": [{"FunctionArn": "arn:x"}]})),
        ]);
        let found = lambda.provisioned(&shop()).await.unwrap();
        assert_eq!(found, Some(vec!["7".to_owned(), "live".to_owned()]));
        assert!(replay.requests()[1].contains("Marker=m"));
        assert_eq!(lambda.provisioned(&shop()).await.unwrap(), None);
        assert_eq!(lambda.provisioned(&shop()).await.unwrap_err().kind, CloudErrorKind::Unexpected);
    }

    #[tokio::test]
    async fn a_version_is_deleted_by_its_qualifier_and_one_that_is_gone_is_no_error() {
        let referenced = json!({"message": "Unable to delete version because the following aliases reference it: [live]",
                                "__type": "ResourceConflictException"});
        let (replay, lambda) =
            lambda([answer(204, json!({})), missing(), answer(409, referenced), xml(404, "<html>")]);
        let seven = "7".parse().unwrap();
        lambda.delete_version(&shop(), seven).await.unwrap();
        lambda.delete_version(&shop(), seven).await.unwrap();
        let error = lambda.delete_version(&shop(), seven).await.unwrap_err();
        assert_eq!(error.kind, CloudErrorKind::Conflict);
        lambda.delete_version(&shop(), seven).await.unwrap_err();
        let wanted = "DELETE /2015-03-31/functions/shop?Qualifier=7";
        assert!(replay.requests().iter().all(|request| request == wanted), "{:?}", replay.requests());
    }
}
