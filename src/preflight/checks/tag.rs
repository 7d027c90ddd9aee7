//! An immutable tag does not name another image.

use crate::observe::{Facts, RepositoryFacts};
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "tag",
    requirement: "A tag that the repository keeps immutable cannot be moved to another image. The same tag on the same digest is \
                  no change, and succeeds.",
    evidence: "The repository's tag mutability with its exclusions, and the digest that the tag names now.",
    remedy: "Use another `--tag`, or none: the default tag is made of the digest.",
    may_be_allowed: false,
    judge: Judge::Facts(judge),
};

fn judge(spec: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let RepositoryFacts::Present(repository) = &facts.repository else {
        return Vec::new();
    };
    let ours = facts.image.digest();
    let mut findings = Vec::new();
    for (tag, named) in &facts.image.tags {
        match *named {
            Some(named) if ours != Some(named) && repository.mutability.keeps(tag) => {
                let ours = ours.map_or("a new image".to_owned(), |digest| digest.to_string());
                findings.push(Finding::refuse(
                    CHECK.id,
                    format!(
                        "tag {tag} of repository {} is immutable and names {named}; it cannot be moved to {ours}",
                        spec.repository.name
                    ),
                    "use another --tag, or none (the default tag is made of the digest)",
                ));
            }
            _ => {}
        }
    }
    findings
}
