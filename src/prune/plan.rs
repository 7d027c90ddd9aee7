//! Facts → plan: what goes, what stays, and what a person must look at first.

use std::collections::BTreeSet;

use super::{
    Checked, Facts, FunctionFacts, ImageDecision, Needs, PruneSpec, RepositoryFacts, VersionDecision,
    decide_images, decide_versions,
};
use crate::cloud::CodeUse;
use crate::name::{AccountId, Digest, FunctionName, Version};
use crate::policy::{self, Pullers};
use crate::preflight::Finding;
use crate::release::Place;

/// What is done with every version and every image that was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrunePlan {
    /// Versions, function by function, oldest first.
    pub versions: Vec<VersionDecision>,
    /// Images, repository by repository.
    pub images: Vec<ImageDecision>,
}

impl PrunePlan {
    /// Whether nothing goes.
    pub fn is_empty(&self) -> bool {
        !self.versions.iter().any(|one| one.reason.deletes())
            && !self.images.iter().any(|one| one.reason.deletes())
    }
}

/// Decides. The findings say what is not known; where one refuses, nothing of the plan may be carried out.
pub fn plan(spec: &PruneSpec, facts: &Facts) -> (PrunePlan, Vec<Finding>) {
    let (mut versions, mut findings) = (Vec::new(), Vec::new());
    for function in &facts.functions {
        match decide_versions(function, spec.keep) {
            Ok(decided) => versions.extend(decided),
            Err(refusal) => findings.push(refusal),
        }
        findings.extend(silent_journals(function));
    }
    let gone = versions.iter().filter(|one| one.reason.deletes());
    let going: BTreeSet<(String, Version)> =
        gone.map(|one| (one.function.to_string(), one.version)).collect();
    let (images, of_images) = plan_images(spec, facts, &going);
    findings.extend(of_images);
    (PrunePlan { versions, images }, findings)
}

/// The part of the plan that is about images. `going` are versions that need none any more.
pub fn plan_images(
    spec: &PruneSpec,
    facts: &Facts,
    going: &BTreeSet<(String, Version)>,
) -> (Vec<ImageDecision>, Vec<Finding>) {
    let needs = facts.needs(spec.keep, going);
    let (mut images, mut findings) = (Vec::new(), unlisted(facts));
    for repository in &facts.repositories {
        findings.extend(strangers(repository, &facts.account, &spec.checked));
        images.extend(decide_images(repository, &needs, spec.min_age, facts.now));
    }
    (images, findings)
}

impl Facts {
    /// What needs images once these versions have gone. The list of all functions may lag behind what the functions that are pruned
    /// tell of themselves: each counts.
    pub fn needs(&self, keep: usize, going: &BTreeSet<(String, Version)>) -> Needs {
        let own = self.functions.iter().flat_map(FunctionFacts::uses);
        let uses: Vec<CodeUse> = own.chain(self.uses.iter().cloned()).collect();
        let mut needs = Needs::of(&uses, going);
        for function in &self.functions {
            for alias in &function.aliases {
                let whole = Place::whole(alias.place.version.as_str());
                let ran = alias.journal.moves(&whole).into_iter().take(keep).filter_map(|one| one.digest);
                let begun = alias.journal.intent().and_then(|intent| intent.digest.clone());
                for digest in ran.chain(begun) {
                    needs.add_journal(&digest, &function.name, &alias.name);
                }
            }
        }
        needs
    }
}

impl FunctionFacts {
    /// What its versions and its `$LATEST` run.
    fn uses(&self) -> impl Iterator<Item = CodeUse> {
        let uses = |version: String, digest: Digest| CodeUse {
            function: self.name.to_string(),
            version,
            digest: Some(digest),
        };
        let versions =
            self.versions.iter().filter_map(|(version, digest)| Some((version.to_string(), (*digest)?)));
        let latest = self.latest.iter().map(|digest| ("$LATEST".to_owned(), *digest));
        versions.chain(latest).map(move |(version, digest)| uses(version, digest))
    }
}

/// Functions that exist and are not in the list of all functions: what else it leaves out, nobody knows.
fn unlisted(facts: &Facts) -> Vec<Finding> {
    if facts.repositories.is_empty() {
        return Vec::new();
    }
    let is_listed = |name: &FunctionName| facts.uses.iter().any(|one| one.function == name.as_str());
    let left_out = facts.functions.iter().filter(|function| !is_listed(&function.name));
    let refuse = |function: &FunctionFacts| {
        let message = format!(
            "AWS's list of all functions leaves out function {}: it is not complete, and what else runs images is not known",
            function.name
        );
        let hint = "a new function may take a moment to be listed: run the same command again".to_owned();
        Finding::refuse("list_of_functions", message, hint)
    };
    left_out.map(refuse).collect()
}

/// Aliases of which nobody wrote down what they ran.
fn silent_journals(function: &FunctionFacts) -> Vec<Finding> {
    let silent = function.aliases.iter().filter(|alias| {
        let journal = &alias.journal;
        journal.trouble().is_none() && journal.intent().is_none() && journal.moves(&alias.place).is_empty()
    });
    let tell = |alias: &super::AliasFacts| {
        Finding::info(
            "journal",
            format!(
                "no move of alias {} of function {} was written down: only --keep keeps versions for a rollback of it",
                alias.name, function.name
            ),
        )
    };
    silent.map(tell).collect()
}

/// Whose functions may need images of a repository without being seen from here.
fn strangers(repository: &RepositoryFacts, own: &AccountId, checked: &Checked) -> Vec<Finding> {
    let RepositoryFacts { owner, name, policy, registry, .. } = repository;
    let policies = policy.iter().chain(registry.iter().filter_map(|rules| rules.policy.as_ref()));
    let mut pullers = Pullers::default();
    for read in policies.map(|text| policy::pullers(text)) {
        pullers.accounts.extend(read.accounts);
        pullers.anyone.extend(read.anyone);
    }
    let mut findings = Vec::new();
    let mut refuse = |message: String, account: &str| {
        let hint = format!(
            "look at the functions there first; then --account-checked {account} says that none of them needs what is deleted"
        );
        findings.push(Finding::refuse("foreign_functions", message, hint));
    };
    let named = pullers.accounts.iter().chain(std::iter::once(owner)).collect::<BTreeSet<_>>();
    for account in named.into_iter().filter(|account| *account != own && !checked.covers(account.as_str())) {
        let message = format!(
            "functions of account {account} may run images of repository {name}, and cannot be seen from account {own}"
        );
        refuse(message, account.as_str());
    }
    if !pullers.anyone.is_empty() && !checked.everyone {
        let message = format!(
            "the policy of repository {name}, or of its registry, may let accounts pull that it does not name, and their functions cannot be seen: {}",
            pullers.anyone.join("; ")
        );
        refuse(message, "'*'");
    }
    let replicas = registry.iter().flat_map(|rules| &rules.replicas);
    for place in replicas.filter(|place| !checked.covers(&place.account)) {
        let message = format!(
            "images of repository {name} are replicated to account {} in {}: where the rule replicates deletions too, they go there \
             as well, and functions there are not looked at",
            place.account, place.region
        );
        refuse(message, &place.account);
    }
    if registry.is_none() && !checked.covers(owner.as_str()) {
        let message = format!(
            "what the registry of account {owner} says of replication and of other pullers cannot be read from here"
        );
        let hint = "name a profile of that account with --repository-profile";
        findings.push(Finding::unknown("foreign_functions", message, hint));
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::cloud::{RegistryRules, ReplicaPlace};
    use crate::prune::images::tests::{digest, image, repository};

    const OWN: &str = "123456789012";
    const OTHER: &str = "999999999999";

    fn spec(checked: &[&str]) -> PruneSpec {
        PruneSpec {
            functions: Vec::new(),
            accounts: BTreeSet::new(),
            keep: 1,
            repositories: Vec::new(),
            min_age: Duration::ZERO,
            checked: Checked {
                everyone: checked.contains(&"*"),
                accounts: checked.iter().filter_map(|id| id.parse().ok()).collect(),
            },
        }
    }

    fn refusals(repository: &RepositoryFacts, checked: &[&str]) -> Vec<String> {
        let facts = Facts {
            account: OWN.parse().unwrap(),
            functions: Vec::new(),
            repositories: vec![repository.clone()],
            uses: Vec::new(),
            now: 1,
        };
        let (_, findings) = plan(&spec(checked), &facts);
        findings.into_iter().map(|finding| format!("{} {}", finding.message, finding.hint.unwrap())).collect()
    }

    #[test]
    fn what_a_function_tells_of_itself_counts_and_a_list_that_leaves_it_out_refuses() {
        let function = FunctionFacts {
            name: "hello".parse().unwrap(),
            versions: [(1, 1), (2, 2)]
                .map(|(number, code): (u64, u8)| (number.to_string().parse().unwrap(), Some(digest(code))))
                .into(),
            latest: vec![digest(3)],
            aliases: Vec::new(),
            provisioned: BTreeSet::new(),
        };
        let listed = |function: &str| CodeUse {
            function: function.to_owned(),
            version: "1".to_owned(),
            digest: Some(digest(1)),
        };
        let facts = |uses: Vec<CodeUse>, repositories: Vec<RepositoryFacts>| Facts {
            account: OWN.parse().unwrap(),
            functions: vec![function.clone()],
            repositories,
            uses,
            now: 1,
        };
        let shop = || vec![repository((1..=4).map(image).collect(), &[])];
        let (plan, findings) = super::plan(&spec(&[]), &facts(vec![listed("hello")], shop()));
        assert!(findings.is_empty(), "{findings:?}");
        let stays = plan.images.iter().filter(|one| !one.reason.deletes()).map(|one| one.image.digest);
        assert_eq!(stays.collect::<BTreeSet<_>>(), BTreeSet::from([digest(2), digest(3)]), "version 1 goes");
        let refused = |uses, repositories| {
            let (_, findings) = super::plan(&spec(&[]), &facts(uses, repositories));
            findings.into_iter().any(|finding| finding.check == "list_of_functions")
        };
        assert!(refused(vec![], shop()));
        assert!(refused(vec![listed("other")], shop()));
        assert!(!refused(vec![], Vec::new()), "no image can go");
    }

    #[test]
    fn strangers_who_may_need_an_image_must_be_looked_at_by_a_person() {
        let granting = |principal: serde_json::Value| {
            let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "ecr:*"});
            RepositoryFacts {
                policy: Some(json!({"Statement": [statement]}).to_string()),
                ..repository(vec![image(1)], &[])
            }
        };
        let registry = repository(vec![image(1)], &[]).registry.unwrap();
        let place =
            |account: &str| ReplicaPlace { account: account.to_owned(), region: "eu-west-2".to_owned() };
        let replicated = |account: &str| RepositoryFacts {
            registry: Some(RegistryRules { replicas: vec![place(account)], ..registry.clone() }),
            ..repository(vec![image(1)], &[])
        };
        let by_registry = RepositoryFacts {
            registry: Some(RegistryRules {
                policy: granting(json!({ "AWS": OTHER })).policy,
                ..registry.clone()
            }),
            ..repository(vec![image(1)], &[])
        };
        let foreign = RepositoryFacts { owner: OTHER.parse().unwrap(), ..repository(vec![image(1)], &[]) };
        let table: Vec<(RepositoryFacts, &[&str], &[&str])> = vec![
            (repository(vec![image(1)], &[]), &[], &[]),
            (granting(json!({ "AWS": OWN })), &[], &[]),
            (granting(json!({ "AWS": OTHER })), &[], &["--account-checked 999999999999"]),
            (granting(json!({ "AWS": OTHER })), &[OTHER], &[]),
            (granting(json!({ "AWS": OTHER })), &["*"], &[]),
            (granting(json!({ "AWS": OTHER })), &[OWN], &["account 999999999999"]),
            (granting(json!("*")), &[OTHER], &["--account-checked '*'"]),
            (granting(json!("*")), &["*"], &[]),
            (by_registry.clone(), &[], &["--account-checked 999999999999"]),
            (by_registry, &[OTHER], &[]),
            (replicated(OWN), &[], &["in eu-west-2"]),
            (replicated(OWN), &[OWN], &[]),
            (replicated(OTHER), &[OWN], &["account 999999999999 in eu-west-2"]),
            (foreign.clone(), &[], &["functions of account 999999999999"]),
            (foreign.clone(), &[OTHER], &[]),
            (
                RepositoryFacts { registry: None, ..foreign },
                &["111111111111"],
                &["functions of", "cannot be read"],
            ),
        ];
        for (repository, checked, parts) in table {
            let found = refusals(&repository, checked);
            let fit =
                found.len() == parts.len() && found.iter().zip(parts).all(|(one, part)| one.contains(part));
            assert!(fit, "{checked:?} {repository:?}: {found:?}, not {parts:?}");
        }
    }
}
