//! Which permissions a call wants, on what.
//!
//! Source: the Service Authorization Reference of each service, and the permissions pages of Amazon ECR, AWS Lambda and AWS CodeDeploy.

use serde_json::Value;

use super::Permission;
use crate::partition::{of_region, repository_arn};
use crate::registry::{Route, Step};

/// A call to a control plane, as far as permissions go.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    /// The function, repository or application, as the log names it.
    pub(crate) resource: Option<&'a str>,
    pub(crate) qualifier: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// What a request to the registry wants.
pub(crate) fn of_visit(route: &Route, account: &str, region: &str) -> Vec<Permission> {
    let on = |action: &str, repository: &str| Permission {
        action: action.to_owned(),
        resource: Some(repository_arn(account, region, repository)),
        context: None,
    };
    match &route.step {
        // A token is enough.
        Step::CheckVersion => Vec::new(),
        Step::MountBlob { source, .. } => {
            vec![on(route.step.action(), &route.repository), on("ecr:GetDownloadUrlForLayer", source)]
        }
        // The last request of an upload may carry bytes.
        Step::FinishUpload { .. } => {
            vec![on("ecr:UploadLayerPart", &route.repository), on(route.step.action(), &route.repository)]
        }
        step => vec![on(step.action(), &route.repository)],
    }
}

/// What a call to a control plane wants.
pub(crate) fn of_call(asked: &Asked<'_>) -> Vec<Permission> {
    let body: Value = serde_json::from_slice(asked.body).unwrap_or_default();
    match asked.service {
        "ecr" => of_ecr(asked, &body),
        "lambda" => of_lambda(asked, &body),
        "codedeploy" => of_codedeploy(asked, &body),
        "monitoring" => vec![everywhere(format!("cloudwatch:{}", asked.operation))],
        "iam" => vec![anywhere(format!("iam:{}", asked.operation))],
        "ssm" => of_parameters(asked, &body),
        "s3" => of_storage(asked),
        // GetCallerIdentity needs nothing, and whether a role lets itself be assumed is said by the role.
        _ => Vec::new(),
    }
}

fn on(action: impl Into<String>, resource: impl Into<String>) -> Permission {
    Permission { action: action.into(), resource: Some(resource.into()), context: None }
}

fn everywhere(action: impl Into<String>) -> Permission {
    on(action, "*")
}

fn anywhere(action: impl Into<String>) -> Permission {
    Permission { action: action.into(), resource: None, context: None }
}

fn passing(role: &Value, service: &str) -> Permission {
    let context = Some(("iam:PassedToService".to_owned(), service.to_owned()));
    Permission { context, ..on("iam:PassRole", role.as_str().unwrap_or_default()) }
}

fn of_ecr(asked: &Asked<'_>, body: &Value) -> Vec<Permission> {
    let action = format!("ecr:{}", asked.operation);
    let owner = body["registryId"].as_str().unwrap_or(asked.account);
    let mut wanted = vec![match asked.resource {
        Some(name) => on(action, repository_arn(owner, asked.region, name)),
        None => everywhere(action),
    }];
    if let Some(key) = body["encryptionConfiguration"]["kmsKey"].as_str() {
        wanted.extend(["kms:CreateGrant", "kms:DescribeKey"].map(|action| on(action, key)));
    }
    wanted
}

fn of_lambda(asked: &Asked<'_>, body: &Value) -> Vec<Permission> {
    let action = match asked.operation {
        "Invoke" => "lambda:InvokeFunction".to_owned(),
        other => format!("lambda:{other}"),
    };
    let Some(function) = asked.resource else { return vec![everywhere(action)] };
    let arn = function_arn(asked, function);
    let mut wanted = vec![on(action, &arn)];
    if let Some(image) = body["Code"]["ImageUri"].as_str().or(body["ImageUri"].as_str()) {
        wanted.extend(pulling(image));
    }
    if body["Role"].is_string() {
        wanted.push(passing(&body["Role"], "lambda.amazonaws.com"));
    }
    let has = |value: &Value, key: &str| value[key].as_array().is_some_and(|list| !list.is_empty());
    if has(&body["VpcConfig"], "SubnetIds") {
        let looks = ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"];
        wanted.extend(looks.map(everywhere));
    }
    if has(body, "FileSystemConfigs") {
        wanted.push(everywhere("elasticfilesystem:DescribeMountTargets"));
    }
    if let Some(key) = body["KMSKeyArn"].as_str().filter(|key| !key.is_empty()) {
        wanted.extend(["kms:CreateGrant", "kms:Encrypt", "kms:Decrypt"].map(|action| on(action, key)));
    }
    if asked.operation == "GetFunction" && asked.qualifier.is_none() {
        // AWS leaves the tags out of its answer; a refusal is seen by who looks for what lacks.
        wanted.push(on("lambda:ListTags", arn.clone()));
    }
    let tags = body["Tags"].as_object();
    if asked.operation == "CreateFunction" && tags.is_some_and(|tags| !tags.is_empty()) {
        wanted.push(on("lambda:TagResource", arn));
    }
    wanted
}

/// The ARN that a call about a function is judged by: with the version or alias that it names.
fn function_arn(asked: &Asked<'_>, function: &str) -> String {
    let Asked { account, region, .. } = asked;
    let whole = if function.starts_with("arn:") {
        function.to_owned()
    } else {
        format!("arn:{}:lambda:{region}:{account}:function:{function}", of_region(region).0)
    };
    match asked.qualifier {
        Some(qualifier) if !whole.ends_with(&format!(":{qualifier}")) => format!("{whole}:{qualifier}"),
        _ => whole,
    }
}

/// Lambda looks at an image with the caller's own permissions.
fn pulling(image: &str) -> Vec<Permission> {
    let Some((host, rest)) = image.split_once('/') else { return Vec::new() };
    let Some((account, region)) = crate::partition::of_registry_host(host) else { return Vec::new() };
    let repository = rest.split(['@', ':']).next().unwrap_or_default();
    let arn = repository_arn(&account, &region, repository);
    vec![on("ecr:BatchGetImage", arn.clone()), on("ecr:GetDownloadUrlForLayer", arn)]
}

fn of_parameters(asked: &Asked<'_>, body: &Value) -> Vec<Permission> {
    let action = format!("ssm:{}", asked.operation);
    match body["Name"].as_str() {
        Some(name) => vec![on(action, parameter_arn(asked.account, asked.region, name))],
        None => vec![anywhere(action)],
    }
}

/// The ARN of a parameter that is named by its name, its path or its ARN, with or without a version.
pub(crate) fn parameter_arn(account: &str, region: &str, name: &str) -> String {
    let prefix = format!("arn:{}:ssm:{region}:{account}:parameter/", of_region(region).0);
    let short = name.strip_prefix(&prefix).unwrap_or(name);
    let short = short.split(':').next().unwrap_or_default();
    format!("{prefix}{}", short.trim_start_matches('/'))
}

/// Buckets have names that are nobody else's, so that an object's ARN says no account.
fn of_storage(asked: &Asked<'_>) -> Vec<Permission> {
    let action = match asked.operation {
        "GetObject" | "PutObject" => format!("s3:{}", asked.operation),
        other => return vec![anywhere(format!("s3:{other}"))],
    };
    match asked.resource {
        Some(path) => vec![on(action, format!("arn:{}:s3:::{path}", of_region(asked.region).0))],
        None => vec![anywhere(action)],
    }
}

fn of_codedeploy(asked: &Asked<'_>, body: &Value) -> Vec<Permission> {
    let Asked { account, region, .. } = asked;
    let arn = |kind: &str, name: &str| {
        format!("arn:{}:codedeploy:{region}:{account}:{kind}:{name}", of_region(region).0)
    };
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    let action = format!("codedeploy:{}", asked.operation);
    let application = arn("application", text("applicationName"));
    let group_name = if body["currentDeploymentGroupName"].is_string() {
        text("currentDeploymentGroupName")
    } else {
        text("deploymentGroupName")
    };
    let group = arn("deploymentgroup", &format!("{}/{group_name}", text("applicationName")));
    match asked.operation {
        "GetApplication" | "CreateApplication" => vec![on(action, application)],
        "GetDeploymentConfig" | "CreateDeploymentConfig" => {
            vec![on(action, arn("deploymentconfig", text("deploymentConfigName")))]
        }
        "CreateDeploymentGroup" => {
            vec![on(action, group), passing(&body["serviceRoleArn"], "codedeploy.amazonaws.com")]
        }
        "CreateDeployment" => vec![
            on(action, group),
            on("codedeploy:GetDeploymentConfig", arn("deploymentconfig", text("deploymentConfigName"))),
            on("codedeploy:RegisterApplicationRevision", application.clone()),
            on("codedeploy:GetApplicationRevision", application),
        ],
        "GetDeploymentGroup" | "ListDeployments" => vec![on(action, group)],
        // These name a deployment, whose group only CodeDeploy knows.
        _ => vec![anywhere(action)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(service: &str, operation: &str, resource: Option<&str>, body: &str) -> Vec<String> {
        let asked = Asked {
            service,
            operation,
            account: "123456789012",
            region: "eu-west-1",
            resource,
            qualifier: None,
            body: body.as_bytes(),
        };
        let told = |permission: Permission| {
            format!("{} {}", permission.action, permission.resource.unwrap_or_default())
        };
        of_call(&asked).into_iter().map(told).collect()
    }

    #[test]
    fn a_call_wants_its_action_and_what_it_reaches_for() {
        let function = "arn:aws:lambda:eu-west-1:123456789012:function:app";
        let body = r#"{"FunctionName":"app","Role":"arn:role","Code":{"ImageUri":"111122223333.dkr.ecr.eu-west-1.amazonaws.com/base/app@sha256:00"}}"#;
        let repository = "arn:aws:ecr:eu-west-1:111122223333:repository/base/app";
        assert_eq!(
            wanted("lambda", "CreateFunction", Some("app"), body),
            [
                format!("lambda:CreateFunction {function}"),
                format!("ecr:BatchGetImage {repository}"),
                format!("ecr:GetDownloadUrlForLayer {repository}"),
                "iam:PassRole arn:role".to_owned(),
            ]
        );
        assert_eq!(wanted("lambda", "ListFunctions", None, ""), ["lambda:ListFunctions *"]);
        assert_eq!(wanted("sts", "GetCallerIdentity", None, ""), [""; 0]);
        assert_eq!(
            wanted("ecr", "PutImage", Some("app"), r#"{"registryId":"111122223333"}"#),
            ["ecr:PutImage arn:aws:ecr:eu-west-1:111122223333:repository/app"]
        );
        assert_eq!(wanted("monitoring", "DescribeAlarms", None, ""), ["cloudwatch:DescribeAlarms *"]);
    }
}
