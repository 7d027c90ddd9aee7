//! Identity policies: the table, carried over to one configuration.

use serde_json::{Value, json};

use super::need::{Identity, NEEDS, On, parameter_arns, resources};
use super::uses::{KmsKey, Uses};

/// How many characters a managed policy may have. IAM does not count whitespace.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub const MANAGED_POLICY_CHARACTERS: usize = 6144;

/// The same for all policies together that are written into a role.
pub const ROLE_INLINE_CHARACTERS: usize = 10_240;

/// What else must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `StringEquals`
    pub operator: &'static str,
    /// `iam:PassedToService`
    pub key: &'static str,
    /// One of these is the key's value.
    pub values: Vec<String>,
}

/// One thing that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Says for what: `PushImage`.
    pub sid: &'static str,
    /// The same in words.
    pub step: &'static str,
    /// `ecr:PutImage`
    pub actions: Vec<&'static str>,
    /// ARNs, or `*`.
    pub resources: Vec<String>,
    /// What else must hold, where something must.
    pub condition: Option<Condition>,
}

/// An identity policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDocument {
    /// Whose.
    pub identity: Identity,
    /// What it allows, in the order in which a run comes to it.
    pub statements: Vec<Statement>,
}

impl PolicyDocument {
    /// As IAM reads it.
    pub fn json(&self) -> Value {
        let statements: Vec<Value> = self.statements.iter().map(Statement::json).collect();
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    /// Its size as IAM counts it: without whitespace.
    pub fn characters(&self) -> usize {
        self.json().to_string().chars().filter(|character| !character.is_whitespace()).count()
    }
}

impl Statement {
    fn json(&self) -> Value {
        let mut value = json!({
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": one_or_many(&self.actions),
            "Resource": one_or_many(&self.resources),
        });
        if let Some(Condition { operator, key, values }) = &self.condition {
            value["Condition"] = json!({ *operator: { *key: one_or_many(values) } });
        }
        value
    }
}

/// IAM takes a lone text in the place of a list, which reads better and counts less.
fn one_or_many<T: AsRef<str>>(texts: &[T]) -> Value {
    match texts {
        [one] => one.as_ref().into(),
        many => many.iter().map(AsRef::as_ref).collect(),
    }
}

/// The least that each identity has to be allowed. Identities that need nothing have no document.
pub fn documents(uses: &Uses) -> Vec<PolicyDocument> {
    let mut documents: Vec<PolicyDocument> = Vec::new();
    for identity in [Identity::Deployer, Identity::Repository, Identity::Source] {
        let mut statements: Vec<Statement> = Vec::new();
        for need in NEEDS.iter().filter(|need| need.applies(uses) && need.identity(uses) == identity) {
            let resources = resources(need.on, uses);
            // What an earlier step was allowed already need not be said again.
            let is_new = |action: &&&str| {
                !statements.iter().any(|earlier| {
                    earlier.actions.contains(*action)
                        && earlier.condition.is_none()
                        && resources.iter().all(|resource| earlier.resources.contains(resource))
                })
            };
            let actions: Vec<&'static str> = need.actions.iter().filter(is_new).copied().collect();
            if actions.is_empty() || resources.is_empty() {
                continue;
            }
            let condition = condition(need.on, uses);
            statements.push(Statement { sid: need.sid, step: need.step, actions, resources, condition });
        }
        if !statements.is_empty() {
            documents.push(PolicyDocument { identity, statements });
        }
    }
    documents
}

fn condition(on: On, uses: &Uses) -> Option<Condition> {
    let equals = |key, values| Some(Condition { operator: "StringEquals", key, values });
    let passed = |service: &str| equals("iam:PassedToService", vec![service.to_owned()]);
    let aliased = |key: Option<&KmsKey>| match key {
        // The key behind an alias is known to KMS only.
        Some(KmsKey::Alias(alias)) => Some(Condition {
            operator: "ForAnyValue:StringEquals",
            key: "kms:ResourceAliases",
            values: vec![alias.clone()],
        }),
        _ => None,
    };
    match on {
        On::Role => passed("lambda.amazonaws.com"),
        On::CodeDeployRole => passed("codedeploy.amazonaws.com"),
        On::RepositoryKey => aliased(uses.repository_key.as_ref()),
        // Parameter Store decrypts with the parameter's ARN as the context, and so with nothing else.
        // <https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html>
        On::ParameterKeys => equals("kms:EncryptionContext:PARAMETER_ARN", parameter_arns(uses, true)),
        On::FunctionKey => aliased(uses.function.as_ref().and_then(|function| function.key.as_ref())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::{
        CodeDeployUses, FunctionUses, ObjectUse, ParameterUse, RepositoryPlace, ValueUses, Work,
    };

    fn place(account: &str, name: &str) -> RepositoryPlace {
        RepositoryPlace {
            account: account.parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            name: name.parse().unwrap(),
        }
    }

    fn function() -> FunctionUses {
        FunctionUses {
            name: "shop".parse().unwrap(),
            role: Some("arn:aws:iam::123456789012:role/shop".parse().unwrap()),
            has_settings: true,
            publishes: true,
            has_alias: true,
            has_network: false,
            has_file_system: false,
            key: None,
            has_tags: false,
            watches_alarms: false,
            watches_metrics: false,
            has_smoke_test: false,
            is_provisioned: false,
            codedeploy: None,
        }
    }

    fn uses(work: &[Work]) -> Uses {
        Uses {
            work: work.to_vec(),
            account: "123456789012".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            repository: Some(place("123456789012", "team/shop")),
            pruned: Vec::new(),
            has_repository_identity: false,
            source: None,
            has_source_identity: false,
            mount_from: Vec::new(),
            creates_repository: false,
            repository_key: None,
            function: Some(function()),
            values: ValueUses::default(),
        }
    }

    fn of<'a>(document: &'a PolicyDocument, sid: &str) -> Option<&'a Statement> {
        document.statements.iter().find(|statement| statement.sid == sid)
    }

    #[test]
    fn a_push_is_given_its_repository_and_nothing_of_lambda() {
        let documents = documents(&Uses { function: None, ..uses(&[Work::Push]) });
        let [document] = documents.as_slice() else { panic!("{documents:?}") };
        let push = of(document, "PushImage").unwrap();
        assert_eq!(push.resources, ["arn:aws:ecr:eu-west-1:123456789012:repository/team/shop"]);
        let text = document.json().to_string();
        assert!(!text.contains("lambda:") && !text.contains("SetRepositoryPolicy"), "{text}");
    }

    #[test]
    fn values_are_read_from_their_places_and_keys_serve_their_parameters_only() {
        let parameter = |name: &str, may_be_secret| ParameterUse { name: name.to_owned(), may_be_secret };
        let state = ObjectUse { bucket: "states".to_owned(), key: "app/a*b.tfstate".to_owned() };
        let values = ValueUses {
            parameters: vec![
                parameter("/app/key:3", true),
                parameter("plain", false),
                parameter("arn:aws:ssm:eu-west-1:111122223333:parameter/shared:live", true),
            ],
            states: vec![state],
        };
        let documents = documents(&Uses { values, ..uses(&[Work::Status]) });
        let [document] = documents.as_slice() else { panic!("{documents:?}") };
        let key = "arn:aws:ssm:eu-west-1:123456789012:parameter/app/key";
        let shared = "arn:aws:ssm:eu-west-1:111122223333:parameter/shared";
        let plain = "arn:aws:ssm:eu-west-1:123456789012:parameter/plain";
        assert_eq!(of(document, "ReadParameters").unwrap().resources, [shared, key, plain]);
        let decrypt = of(document, "DecryptParameters").unwrap();
        let keys = |account: &str| format!("arn:aws:kms:eu-west-1:{account}:key/*");
        assert_eq!(decrypt.resources, [keys("111122223333"), keys("123456789012")]);
        assert_eq!(decrypt.condition.as_ref().unwrap().values, [shared, key]);
        let state = of(document, "ReadTerraformState").unwrap();
        assert_eq!(state.resources, ["arn:aws:s3:::states/app/a${*}b.tfstate"]);
    }

    #[test]
    fn a_role_is_passed_to_lambda_only_and_only_where_one_is_declared() {
        let declared = documents(&uses(&[Work::Deploy]));
        let pass = of(&declared[0], "PassExecutionRole").unwrap();
        assert_eq!(
            (pass.resources.as_slice(), pass.condition.clone().unwrap().values[0].as_str()),
            (["arn:aws:iam::123456789012:role/shop".to_owned()].as_slice(), "lambda.amazonaws.com")
        );
        let without =
            Uses { function: Some(FunctionUses { role: None, ..function() }), ..uses(&[Work::Deploy]) };
        let text = documents(&without)[0].json().to_string();
        assert!(!text.contains("PassRole") && !text.contains("CreateFunction\""), "{text}");
    }

    #[test]
    fn what_only_looks_may_change_nothing() {
        let looking = [Work::Plan, Work::Status, Work::PolicyCheck];
        for document in documents(&uses(&looking)) {
            for action in document.statements.iter().flat_map(|statement| &statement.actions) {
                let verb = action.split_once(':').unwrap().1;
                let reads = ["Get", "List", "Describe", "Batch"];
                assert!(
                    reads.iter().any(|read| verb.starts_with(read)) && !verb.contains("Delete"),
                    "{action}"
                );
            }
        }
    }

    #[test]
    fn another_identity_gets_a_document_of_its_own_and_lambda_still_looks_as_the_deployer() {
        let other = Uses {
            repository: Some(place("111122223333", "shop")),
            has_repository_identity: true,
            source: Some(place("444455556666", "base")),
            has_source_identity: true,
            ..uses(&[Work::Deploy])
        };
        let documents = documents(&other);
        let identities: Vec<Identity> = documents.iter().map(|document| document.identity).collect();
        assert_eq!(identities, [Identity::Deployer, Identity::Repository, Identity::Source]);
        let [deployer, repository, source] = documents.as_slice() else { panic!("three") };
        assert!(of(deployer, "PushImage").is_none() && of(repository, "PushImage").is_some());
        let image = of(deployer, "HandImageToLambda").unwrap();
        assert_eq!(image.resources, ["arn:aws:ecr:eu-west-1:111122223333:repository/shop"]);
        assert!(of(source, "ReadSourceImage").is_some() && of(source, "SignInToSource").is_some());
    }

    #[test]
    fn a_key_behind_an_alias_is_told_by_a_condition() {
        let with_key = |key: &str| Uses {
            creates_repository: true,
            repository_key: Some(KmsKey::of(key)),
            ..uses(&[Work::Push])
        };
        for (key, resource, alias) in [
            ("alias/shop", "arn:aws:kms:eu-west-1:123456789012:key/*", Some("alias/shop")),
            (
                "arn:aws:kms:eu-west-1:1:alias/shop",
                "arn:aws:kms:eu-west-1:123456789012:key/*",
                Some("alias/shop"),
            ),
            ("1234-ab", "arn:aws:kms:eu-west-1:123456789012:key/1234-ab", None),
            ("arn:aws:kms:eu-west-1:1:key/x", "arn:aws:kms:eu-west-1:1:key/x", None),
        ] {
            let documents = documents(&with_key(key));
            let statement = of(&documents[0], "EncryptRepository").unwrap();
            assert_eq!(statement.resources, [resource]);
            let condition = statement.condition.as_ref();
            assert_eq!(condition.map(|condition| condition.values[0].as_str()), alias);
        }
    }

    #[test]
    fn a_deploy_fits_into_a_managed_policy_and_everything_at_once_into_a_role() {
        let codedeploy = CodeDeployUses {
            application: "shop".to_owned(),
            group: "live".to_owned(),
            config: Some("CodeDeployDefault.LambdaCanary10Percent5Minutes".to_owned()),
            creates: true,
            role: Some("arn:aws:iam::123456789012:role/codedeploy".parse().unwrap()),
        };
        let function = FunctionUses {
            has_network: true,
            has_file_system: true,
            key: Some(KmsKey::of("alias/shop")),
            has_tags: true,
            watches_alarms: true,
            watches_metrics: true,
            has_smoke_test: true,
            is_provisioned: true,
            codedeploy: Some(codedeploy),
            ..function()
        };
        let all = [Work::Deploy, Work::Release, Work::Rollback, Work::Status, Work::Prune];
        let everything = Uses {
            function: Some(function),
            creates_repository: true,
            repository_key: Some(KmsKey::of("alias/shop")),
            mount_from: vec![place("123456789012", "base")],
            source: Some(place("123456789012", "built")),
            pruned: vec![place("123456789012", "team/shop")],
            ..uses(&all)
        };
        let documents = documents(&everything);
        let characters = documents[0].characters();
        assert!((MANAGED_POLICY_CHARACTERS..=ROLE_INLINE_CHARACTERS).contains(&characters), "{characters}");
        let usual = super::documents(&uses(&[Work::Deploy, Work::Rollback, Work::Status]));
        assert!(usual[0].characters() < MANAGED_POLICY_CHARACTERS * 2 / 3, "{}", usual[0].characters());
    }
}
