//! The alias is in a state that one move can end well.

use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "alias",
    requirement: "After the deploy the alias points to one version and has no weights. Weights that are there now are an \
                  unfinished release.",
    evidence: "RoutingConfig of the alias (Lambda GetAlias).",
    remedy: "Let whoever set the weights finish first, or let this deploy end it.",
    judge: Judge::Facts(judge),
};

fn judge(_: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let Some(alias) = facts.function.as_ref().and_then(|function| function.alias.as_ref()) else {
        return Vec::new();
    };
    if alias.weights.is_empty() {
        return Vec::new();
    }
    let weights: Vec<String> =
        alias.weights.iter().map(|(version, weight)| format!("version {version}: {weight}")).collect();
    vec![Finding::warn(
        CHECK.id,
        format!(
            "alias {} spreads its traffic (version {} with {}); this deploy clears the weights",
            alias.name,
            alias.version,
            weights.join(", ")
        ),
        "if a release is in progress elsewhere, stop this deploy and let it end first",
    )]
}
