//! Repository and function share a Region.

use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "region",
    requirement: "The ECR repository must be in the same AWS Region as the Lambda function. Another account is \
                  allowed, another Region is not; AWS itself answers \"Source image … is not valid\".",
    evidence: "The Region in the repository's URI (or the configured one) and in the function's ARN (or the \
               configured one), compared before anything is sent.",
    remedy: "Name a repository in the function's Region, deploy the function where the repository is (`--region`), or \
             let ECR replicate the repository to the function's Region.",
    may_be_allowed: false,
    judge: Judge::Arguments(judge),
};

fn judge(spec: &DeploySpec) -> Vec<Finding> {
    if spec.function.is_none() {
        return Vec::new();
    }
    let (repository, function) = (spec.repository_region(), spec.function_region());
    if repository == function {
        return Vec::new();
    }
    let name = &spec.repository.name;
    vec![Finding::refuse(
        CHECK.id,
        format!(
            "repository {name} is in {repository}, the function is in {function}; Lambda takes images only from its own Region"
        ),
        format!(
            "push to a repository in {function} (--repository {name} --region {function}), or deploy the function in \
             {repository}, or let ECR replicate {name} to {function} (aws ecr put-replication-configuration)"
        ),
    )]
}
