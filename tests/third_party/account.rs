//! An account in which nothing exists but a role, and how to deploy to it.

use lambda_lift_rig::{Boto3, Images, LambdaLift, LocalImage, Run, ThirdPartyCloud};
use serde_json::{Value, json};

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_lambda-lift");

/// The images that every test shares.
pub(crate) fn images() -> Images {
    Images::in_folder(env!("CARGO_TARGET_TMPDIR"))
}

/// A cloud, the binary pointed at it, and the execution role that moto wants to see in IAM.
pub(crate) struct Account {
    pub(crate) cloud: ThirdPartyCloud,
    pub(crate) lambda_lift: LambdaLift,
    pub(crate) boto3: Boto3,
    pub(crate) role: String,
    /// What the function and its repository are called.
    pub(crate) name: String,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self::of(ThirdPartyCloud::start())
    }

    pub(crate) fn of(cloud: ThirdPartyCloud) -> Self {
        let (boto3, lambda_lift) = (cloud.boto3(), cloud.lambda_lift(BINARY));
        let role = boto3.create_role("hello");
        Self { cloud, lambda_lift, boto3, role, name: "hello".to_owned() }
    }

    /// Deploys the image to the function from the repository of the same name, as the alias `live`.
    pub(crate) fn deploy(&self, image: &LocalImage) -> Run {
        self.deploy_with(image, &[])
    }

    /// The same, with more arguments.
    pub(crate) fn deploy_with(&self, image: &LocalImage, more: &[&str]) -> Run {
        self.lambda_lift.run(&[&self.deploy_arguments(image), more].concat())
    }

    pub(crate) fn deploy_arguments<'a>(&'a self, image: &'a LocalImage) -> Vec<&'a str> {
        let mut arguments = vec!["deploy", "--image", &image.source, "--function", &self.name];
        arguments.extend([
            "--repository",
            &self.name,
            "--create-repository",
            "--role",
            &self.role,
            "--alias",
            "live",
        ]);
        arguments
    }

    /// What GetFunction says of it.
    pub(crate) fn function(&self) -> Value {
        self.boto3.call("lambda", "get_function", json!({ "FunctionName": self.name }))
    }

    /// What GetAlias says of `live`.
    pub(crate) fn alias(&self) -> Value {
        self.boto3.call("lambda", "get_alias", json!({ "FunctionName": self.name, "Name": "live" }))
    }

    /// The digest that the function was given.
    pub(crate) fn function_digest(&self) -> String {
        let function = self.function();
        let uri = function["Code"]["ImageUri"].as_str().unwrap();
        uri.strip_prefix(&format!("{}@", self.cloud.repository_uri(&self.name))).unwrap_or(uri).to_owned()
    }
}

/// The statements of a policy that allow the Lambda service to do `action`.
pub(crate) fn service_grants<'a>(policy: &'a Value, action: &str) -> Vec<&'a Value> {
    let has = |value: &Value, wanted: &str| match value {
        Value::String(text) => text == wanted,
        Value::Array(list) => list.iter().any(|item| item == wanted),
        _ => false,
    };
    let statements = policy["Statement"].as_array().unwrap();
    let grants = |statement: &&Value| {
        statement["Effect"] == "Allow"
            && has(&statement["Action"], action)
            && has(&statement["Principal"]["Service"], "lambda.amazonaws.com")
    };
    statements.iter().filter(grants).collect()
}

/// The two actions without which Lambda cannot pull.
pub(crate) const PULL_ACTIONS: [&str; 2] = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
