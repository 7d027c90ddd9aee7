//! Which operation a control plane call asks for, and what it is about.

use serde_json::Value;

use crate::head::Head;
use crate::protocol::Protocol;
use crate::text;

/// The name that a call has when nothing here knows it.
pub(crate) const UNKNOWN: &str = "Unknown";

/// Lambda's REST paths: method, path after the API's date, operation. `{}` stands for one segment.
const LAMBDA: &[(&str, &str, &str)] = &[
    ("POST", "functions", "CreateFunction"),
    ("GET", "functions", "ListFunctions"),
    ("GET", "functions/{}", "GetFunction"),
    ("DELETE", "functions/{}", "DeleteFunction"),
    ("PUT", "functions/{}/code", "UpdateFunctionCode"),
    ("GET", "functions/{}/configuration", "GetFunctionConfiguration"),
    ("PUT", "functions/{}/configuration", "UpdateFunctionConfiguration"),
    ("POST", "functions/{}/versions", "PublishVersion"),
    ("GET", "functions/{}/versions", "ListVersionsByFunction"),
    ("POST", "functions/{}/aliases", "CreateAlias"),
    ("GET", "functions/{}/aliases", "ListAliases"),
    ("GET", "functions/{}/aliases/{}", "GetAlias"),
    ("PUT", "functions/{}/aliases/{}", "UpdateAlias"),
    ("DELETE", "functions/{}/aliases/{}", "DeleteAlias"),
    ("POST", "functions/{}/invocations", "Invoke"),
    ("POST", "functions/{}/invoke-async", "InvokeAsync"),
    ("POST", "functions/{}/response-streaming-invocations", "InvokeWithResponseStream"),
    ("PUT", "functions/{}/concurrency", "PutFunctionConcurrency"),
    ("GET", "functions/{}/concurrency", "GetFunctionConcurrency"),
    ("DELETE", "functions/{}/concurrency", "DeleteFunctionConcurrency"),
    ("PUT", "functions/{}/provisioned-concurrency", "PutProvisionedConcurrencyConfig"),
    ("GET", "functions/{}/provisioned-concurrency", "GetProvisionedConcurrencyConfig"),
    ("DELETE", "functions/{}/provisioned-concurrency", "DeleteProvisionedConcurrencyConfig"),
    ("POST", "functions/{}/policy", "AddPermission"),
    ("GET", "functions/{}/policy", "GetPolicy"),
    ("DELETE", "functions/{}/policy/{}", "RemovePermission"),
    ("POST", "functions/{}/url", "CreateFunctionUrlConfig"),
    ("GET", "functions/{}/url", "GetFunctionUrlConfig"),
    ("PUT", "functions/{}/url", "UpdateFunctionUrlConfig"),
    ("DELETE", "functions/{}/url", "DeleteFunctionUrlConfig"),
    ("PUT", "functions/{}/event-invoke-config", "PutFunctionEventInvokeConfig"),
    ("GET", "functions/{}/event-invoke-config", "GetFunctionEventInvokeConfig"),
    ("DELETE", "functions/{}/event-invoke-config", "DeleteFunctionEventInvokeConfig"),
    ("GET", "tags/{}", "ListTags"),
    ("POST", "tags/{}", "TagResource"),
    ("DELETE", "tags/{}", "UntagResource"),
    ("GET", "event-source-mappings", "ListEventSourceMappings"),
    ("POST", "event-source-mappings", "CreateEventSourceMapping"),
    ("GET", "event-source-mappings/{}", "GetEventSourceMapping"),
    ("PUT", "event-source-mappings/{}", "UpdateEventSourceMapping"),
    ("DELETE", "event-source-mappings/{}", "DeleteEventSourceMapping"),
    ("GET", "account-settings", "GetAccountSettings"),
];

/// The operation, as far as the head of the call tells; a form names it in its body.
pub(crate) fn of_head(protocol: Protocol, head: &Head) -> Option<String> {
    match protocol {
        Protocol::Json => {
            head.header("x-amz-target").and_then(|target| target.rsplit('.').next()).map(str::to_owned)
        }
        Protocol::Cbor => head.path.rsplit('/').next().map(str::to_owned),
        Protocol::Query => None,
        Protocol::Storage => Some(if head.method == "PUT" { "PutObject" } else { "GetObject" }.to_owned()),
        _ => match of_rest(&head.method, &head.path) {
            // The one operation of Lambda that only the query tells from another.
            Some("GetProvisionedConcurrencyConfig") if head.parameter("List").is_some() => {
                Some("ListProvisionedConcurrencyConfigs".to_owned())
            }
            found => Some(found.unwrap_or(UNKNOWN).to_owned()),
        },
    }
}

/// The operation that a form names.
pub(crate) fn of_form(body: &[u8]) -> String {
    text::fields(&String::from_utf8_lossy(body), true)
        .into_iter()
        .find(|(name, _)| name == "Action")
        .map_or_else(|| UNKNOWN.to_owned(), |(_, action)| action)
}

fn of_rest(method: &str, path: &str) -> Option<&'static str> {
    let segments = rest_segments(path)?;
    LAMBDA
        .iter()
        .find(|(wanted, pattern, _)| {
            let pattern: Vec<&str> = pattern.split('/').collect();
            *wanted == method
                && pattern.len() == segments.len()
                && pattern.iter().zip(&segments).all(|(wanted, segment)| *wanted == "{}" || wanted == segment)
        })
        .map(|(_, _, operation)| *operation)
}

/// The segments after the API's date, such as `2015-03-31`.
fn rest_segments(path: &str) -> Option<Vec<&str>> {
    let (date, rest) = path.strip_prefix('/')?.split_once('/')?;
    let dated = date.len() == 10 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    dated.then(|| rest.trim_end_matches('/').split('/').collect())
}

/// The repository, function, parameter or object that a call is about.
pub(crate) fn resource(protocol: Protocol, head: &Head, body: &[u8]) -> Option<String> {
    let member = |names: &[&str]| {
        let value: Value = serde_json::from_slice(body).ok()?;
        names.iter().find_map(|name| value.get(name)?.as_str().map(str::to_owned))
    };
    match protocol {
        Protocol::Json => {
            member(&["repositoryName", "applicationName", "deploymentId", "Name"]).or_else(|| {
                let value: Value = serde_json::from_slice(body).ok()?;
                value.get("repositoryNames")?.get(0)?.as_str().map(str::to_owned)
            })
        }
        Protocol::Storage => Some(text::percent_decoded(head.path.trim_start_matches('/'))),
        Protocol::Rest => match rest_segments(&head.path)?.as_slice() {
            ["functions"] => member(&["FunctionName"]),
            ["functions" | "tags", name, ..] => Some(text::percent_decoded(name)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambda_operations_are_told_by_method_and_path() {
        for (method, path, expected) in [
            ("POST", "/2015-03-31/functions", Some("CreateFunction")),
            ("POST", "/2015-03-31/functions/", Some("CreateFunction")),
            ("GET", "/2015-03-31/functions/app", Some("GetFunction")),
            ("PUT", "/2015-03-31/functions/app/code", Some("UpdateFunctionCode")),
            ("PUT", "/2015-03-31/functions/app/aliases/live", Some("UpdateAlias")),
            ("PUT", "/2017-10-31/functions/app/concurrency", Some("PutFunctionConcurrency")),
            ("GET", "/2017-03-31/tags/arn%3Aaws%3Alambda", Some("ListTags")),
            ("PATCH", "/2015-03-31/functions/app", None),
            ("GET", "/functions/app", None),
            ("GET", "/", None),
        ] {
            assert_eq!(of_rest(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_form_names_its_action() {
        assert_eq!(of_form(b"Version=2011-06-15&Action=AssumeRole"), "AssumeRole");
        assert_eq!(of_form(b"\xff\xfe"), UNKNOWN);
    }

    #[test]
    fn the_resource_is_found_in_body_or_path() {
        let head = |path: &str| Head {
            method: "GET".into(),
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
        };
        assert_eq!(
            resource(Protocol::Json, &head("/"), br#"{"repositoryName":"a/b"}"#).as_deref(),
            Some("a/b")
        );
        assert_eq!(
            resource(Protocol::Json, &head("/"), br#"{"repositoryNames":["r"]}"#).as_deref(),
            Some("r")
        );
        assert_eq!(resource(Protocol::Json, &head("/"), b"not json"), None);
        let named = resource(Protocol::Rest, &head("/2015-03-31/functions/my%2Dfn/code"), b"");
        assert_eq!(named.as_deref(), Some("my-fn"));
    }
}
