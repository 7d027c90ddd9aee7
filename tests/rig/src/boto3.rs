//! AWS's own client for Python: it prepares what a test needs and says what is in an account afterwards.

use std::io::Write;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::moto::python;
use crate::tool::{missing, tool};

/// boto3 against an endpoint, as one identity.
#[derive(Debug, Clone)]
pub struct Boto3 {
    endpoint: String,
    region: String,
    /// Access key, secret key and session token.
    credentials: (String, String, Option<String>),
}

/// An access key that moto gives the account 123456789012.
const ROOT: &str = "testing";

/// The smallest zip archive there is: one with nothing in it.
const EMPTY_ZIP: [u8; 22] = [b'P', b'K', 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

impl Boto3 {
    /// The endpoint's first account (123456789012 in moto).
    pub fn new(endpoint: String, region: &str) -> Self {
        Self { endpoint, region: region.to_owned(), credentials: (ROOT.to_owned(), ROOT.to_owned(), None) }
    }

    /// The same account in another Region.
    pub fn in_region(&self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self.clone() }
    }

    /// Another account, by assuming a role in it.
    pub fn in_account(&self, account: &str) -> Self {
        let role = format!("arn:aws:iam::{account}:role/deployer");
        let answer = self.call("sts", "assume_role", json!({ "RoleArn": role, "RoleSessionName": "tests" }));
        let text = |name: &str| answer["Credentials"][name].as_str().unwrap_or_default().to_owned();
        let credentials = (text("AccessKeyId"), text("SecretAccessKey"), Some(text("SessionToken")));
        Self { credentials, ..self.clone() }
    }

    /// This identity as a profile of a shared credentials file.
    pub fn profile(&self, name: &str) -> String {
        let (key, secret, token) = &self.credentials;
        let token = token.as_ref().map(|token| format!("aws_session_token = {token}\n")).unwrap_or_default();
        format!("[{name}]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n{token}")
    }

    /// Calls one operation, by boto3's names.
    ///
    /// # Panics
    /// When the service refuses it.
    pub fn call(&self, service: &str, operation: &str, parameters: Value) -> Value {
        self.try_call(service, operation, parameters.clone())
            .unwrap_or_else(|code| panic!("boto3 {service}.{operation}({parameters}) failed: {code}"))
    }

    /// The same; a refusal is answered with the service's error code.
    pub fn try_call(&self, service: &str, operation: &str, parameters: Value) -> Result<Value, String> {
        let request = json!({
            "endpoint": self.endpoint,
            "region": self.region,
            "credentials": [self.credentials.0, self.credentials.1, self.credentials.2],
            "service": service,
            "operation": operation,
            "parameters": parameters,
        });
        let answer = ask(&request);
        match answer.get("error") {
            Some(code) => Err(code.as_str().unwrap_or_default().to_owned()),
            None => Ok(answer["result"].clone()),
        }
    }

    /// Creates a role that Lambda may assume; answers its ARN.
    pub fn create_role(&self, name: &str) -> String {
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": "sts:AssumeRole",
                            "Principal": { "Service": "lambda.amazonaws.com" } }],
        });
        let parameters = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust.to_string() });
        self.call("iam", "create_role", parameters)["Role"]["Arn"].as_str().unwrap_or_default().to_owned()
    }

    /// Creates a function that is a zip archive.
    pub fn create_zip_function(&self, name: &str, role: &str) {
        let code = json!({ "ZipFile": { "base64": STANDARD.encode(EMPTY_ZIP) } });
        let parameters = json!({ "FunctionName": name, "Role": role, "Code": code, "Handler": "a.b", "Runtime": "python3.13" });
        self.call("lambda", "create_function", parameters);
    }

    /// A repository's policy; none when there is none.
    ///
    /// # Panics
    /// When it is no JSON.
    pub fn repository_policy(&self, repository: &str) -> Option<Value> {
        let answer =
            self.try_call("ecr", "get_repository_policy", json!({ "repositoryName": repository })).ok()?;
        let text = answer["policyText"].as_str().unwrap_or_default();
        Some(
            serde_json::from_str(text)
                .unwrap_or_else(|error| panic!("the policy is no JSON: {error}: {text}")),
        )
    }
}

/// Runs the script beside this crate with a request on its standard input.
fn ask(request: &Value) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/call.py");
    let program = python();
    let mut child = tool(&program)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| missing(program.as_os_str(), error));
    if let Some(mut input) = child.stdin.take() {
        // A script that ended early shows that by its status.
        let _ = input.write_all(request.to_string().as_bytes());
    }
    let output = child.wait_with_output().unwrap_or_else(|error| missing(program.as_os_str(), error));
    assert!(output.status.success(), "boto3 failed at {request}; its message is above");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{script} answered no JSON: {error}"))
}
