//! The repository is there, or may be created.

use crate::observe::{Facts, RepositoryFacts};
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "repository",
    requirement: "The repository must exist: ECR does not create it on push, and a push to a missing one can end in a closed \
                  connection without a reason.",
    evidence: "ECR DescribeRepositories.",
    remedy: "Add `--create-repository`, or create it (`aws ecr create-repository`).",
    may_be_allowed: false,
    judge: Judge::Facts(judge),
};

fn judge(spec: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let name = &spec.repository.name;
    let (account, region) = (&facts.registry.account, &facts.registry.region);
    match &facts.repository {
        RepositoryFacts::Missing if spec.create_repository.is_none() => vec![Finding::refuse(
            CHECK.id,
            format!("repository {name} does not exist in account {account}, Region {region}"),
            format!(
                "add --create-repository, or run: aws ecr create-repository --repository-name {name} --region {region}"
            ),
        )],
        RepositoryFacts::Missing if *account != facts.caller.account => vec![Finding::refuse(
            CHECK.id,
            format!(
                "repository {name} does not exist in account {account}, and only that account can create it"
            ),
            format!(
                "ask the owner of account {account} to run: aws ecr create-repository --repository-name {name} --region {region}"
            ),
        )],
        RepositoryFacts::Unreadable(error) => vec![Finding::unknown(
            CHECK.id,
            format!("whether repository {name} exists could not be read: {error}"),
            "allow ecr:DescribeRepositories on the repository",
        )],
        RepositoryFacts::Missing | RepositoryFacts::Present(_) => Vec::new(),
    }
}
