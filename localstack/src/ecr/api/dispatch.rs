//! From `X-Amz-Target` to the operation, and from its outcome to JSON 1.1.

use serde_json::{Map, Value, json};

use super::request::Request;
use super::{images, layers, policies, repositories, settings};
use crate::call::{Answer, Call};
use crate::ecr::{Ecr, Refusal};
use crate::service::Service;
use crate::text::random_id;

/// What `X-Amz-Target` begins with.
const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.";

type Operation = fn(&Request<'_>) -> Result<Value, Refusal>;

const OPERATIONS: &[(&str, Operation)] = &[
    ("GetAuthorizationToken", settings::get_authorization_token),
    ("GetAccountSetting", settings::get_account_setting),
    ("PutAccountSetting", settings::put_account_setting),
    ("GetRegistryPolicy", settings::get_registry_policy),
    ("PutRegistryPolicy", settings::put_registry_policy),
    ("DescribeRegistry", settings::describe_registry),
    ("PutReplicationConfiguration", settings::put_replication_configuration),
    ("DescribeImageReplicationStatus", settings::describe_image_replication_status),
    ("CreateRepository", repositories::create),
    ("DescribeRepositories", repositories::describe),
    ("DeleteRepository", repositories::delete),
    ("PutImageTagMutability", repositories::put_image_tag_mutability),
    ("GetRepositoryPolicy", policies::get),
    ("SetRepositoryPolicy", policies::set),
    ("DeleteRepositoryPolicy", policies::delete),
    ("GetLifecyclePolicy", policies::get_lifecycle),
    ("PutLifecyclePolicy", policies::put_lifecycle),
    ("BatchGetImage", images::batch_get),
    ("DescribeImages", images::describe),
    ("ListImages", images::list),
    ("BatchDeleteImage", images::batch_delete),
    ("PutImage", images::put),
    ("BatchCheckLayerAvailability", layers::batch_check_availability),
    ("GetDownloadUrlForLayer", layers::get_download_url),
    ("InitiateLayerUpload", layers::initiate_upload),
    ("UploadLayerPart", layers::upload_part),
    ("CompleteLayerUpload", layers::complete_upload),
];

impl Service for Ecr {
    fn handle(&self, call: &Call) -> Answer {
        match operate(self, call) {
            Ok(value) => answer(200, &value),
            Err(refusal) => answer(status(&refusal), &exception(refusal)),
        }
    }
}

fn operate(ecr: &Ecr, call: &Call) -> Result<Value, Refusal> {
    ecr.settle_replications(call.now);
    let target = call.header("x-amz-target").and_then(|target| target.strip_prefix(TARGET));
    let found = target.and_then(|target| OPERATIONS.iter().find(|(name, _)| *name == target));
    let (_, operation) = found.ok_or_else(|| {
        let asked = target.unwrap_or("(no X-Amz-Target)");
        Refusal::exception("UnknownOperationException", format!("the stand-in has no ECR operation {asked}"))
    })?;
    let malformed = |_| Refusal::exception("SerializationException", "the body is not a JSON object");
    let members: Map<String, Value> = serde_json::from_slice(&call.body).map_err(malformed)?;
    operation(&Request {
        ecr,
        caller: &call.account,
        region: &call.region,
        host: call.header("host").unwrap_or("127.0.0.1"),
        now: call.now,
        members,
    })
}

fn status(refusal: &Refusal) -> u16 {
    if refusal.exception == "ServerException" { 500 } else { 400 }
}

fn exception(refusal: Refusal) -> Value {
    let mut value = json!({ "__type": refusal.exception, "message": refusal.message });
    if let (Some(object), Some(members)) = (value.as_object_mut(), refusal.members) {
        object.extend(*members);
    }
    value
}

fn answer(status: u16, value: &Value) -> Answer {
    Answer {
        status,
        headers: vec![
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amzn-requestid".to_owned(), random_id()),
        ],
        body: value.to_string().into_bytes(),
    }
}
