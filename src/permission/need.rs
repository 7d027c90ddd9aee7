//! The table: which step wants which actions on what, and when a configuration has that step.
//!
//! Actions and the resources that they can be limited to are those of the Service Authorization Reference. A new call in the code is a
//! new word here, and `tests/scenarios/permissions.rs` fails until it is.

use super::uses::{FunctionUses, KmsKey, ObjectUse, ParameterUse, RepositoryPlace, Uses, Work};
use Work::{
    Deploy, Diff, Init, Invoke, Plan, PolicyCheck, PolicyEnsure, Prune, Push, Release, Rollback, Status,
};

/// Whose policy a statement belongs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// Who runs the command.
    Deployer,
    /// The identity of `--repository-profile`.
    Repository,
    /// The identity of `--source-profile`.
    Source,
}

/// What a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    /// Everything: the action cannot be limited.
    Everything,
    /// Everything, asked by whoever uses the repository.
    Registry,
    /// Everything, asked by whoever reads the source.
    SourceRegistry,
    /// The repository, or each of them.
    Repository,
    /// The repository, for Lambda, which looks at an image with the permissions of whoever hands it over.
    ImageForLambda,
    /// The repositories whose images may be deleted.
    Pruned,
    /// The repositories whose layers may be taken over.
    MountSources,
    /// The repository that the image comes from.
    Source,
    /// The function itself.
    Function,
    /// The function, its versions and its aliases.
    FunctionAndQualified,
    /// The execution role, handed to Lambda.
    Role,
    /// The key of a new repository.
    RepositoryKey,
    /// The key of the function's environment.
    FunctionKey,
    /// CodeDeploy's application.
    Application,
    /// CodeDeploy's deployment group.
    DeploymentGroup,
    /// CodeDeploy's deployment configuration.
    DeploymentConfig,
    /// The role that a new deployment group is given.
    CodeDeployRole,
    /// The parameters that values are read from.
    Parameters,
    /// The keys of those that are encrypted.
    ParameterKeys,
    /// Terraform's states in Amazon S3.
    States,
}

/// One line of the table.
pub(super) struct Need {
    /// The statement's Sid, which says for what.
    pub(super) sid: &'static str,
    /// The same in words, for messages.
    pub(super) step: &'static str,
    /// The commands that have the step.
    pub(super) work: &'static [Work],
    /// Whether the configuration has the step.
    pub(super) when: fn(&Uses) -> bool,
    pub(super) on: On,
    pub(super) actions: &'static [&'static str],
}

impl Need {
    /// Whether the step happens.
    pub(super) fn applies(&self, uses: &Uses) -> bool {
        uses.does(self.work) && (self.when)(uses)
    }

    /// Who takes the step.
    pub(super) fn identity(&self, uses: &Uses) -> Identity {
        match self.on {
            On::Registry | On::Repository | On::Pruned | On::MountSources | On::RepositoryKey
                if uses.has_repository_identity =>
            {
                Identity::Repository
            }
            On::Source | On::SourceRegistry if uses.has_source_identity => Identity::Source,
            _ => Identity::Deployer,
        }
    }
}

const fn need(
    sid: &'static str,
    step: &'static str,
    work: &'static [Work],
    when: fn(&Uses) -> bool,
    on: On,
    actions: &'static [&'static str],
) -> Need {
    Need { sid, step, work, when, on, actions }
}

fn always(_: &Uses) -> bool {
    true
}

fn of_function(uses: &Uses, judge: fn(&FunctionUses) -> bool) -> bool {
    uses.function.as_ref().is_some_and(judge)
}

fn has_function(uses: &Uses) -> bool {
    uses.function.is_some()
}

fn has_role(uses: &Uses) -> bool {
    of_function(uses, |function| function.role.is_some())
}

fn has_alias(uses: &Uses) -> bool {
    of_function(uses, |function| function.has_alias)
}

/// CodeDeploy moves an alias with a role of its own; a rollback moves it back by hand.
fn moves_alias(uses: &Uses) -> bool {
    has_alias(uses) && (!has_codedeploy(uses) || uses.does(&[Rollback]))
}

fn has_codedeploy(uses: &Uses) -> bool {
    of_function(uses, |function| function.codedeploy.is_some())
}

fn creates_codedeploy(uses: &Uses) -> bool {
    of_function(uses, |function| function.codedeploy.as_ref().is_some_and(|uses| uses.creates))
}

fn mounts(uses: &Uses) -> bool {
    !uses.mount_from.is_empty()
}

fn has_smoke_test(uses: &Uses) -> bool {
    of_function(uses, |function| function.has_smoke_test)
}

const MOVES: &[Work] = &[Deploy, Release, Rollback];
/// Every command reads the configuration.
const ALL: &[Work] =
    &[Deploy, Plan, Push, Release, Rollback, Status, Prune, Init, Diff, Invoke, PolicyCheck, PolicyEnsure];

/// Every step that asks AWS for something.
#[rustfmt::skip]
pub(super) const NEEDS: &[Need] = &[
    need("ReadParameters", "read values of the configuration from parameters", ALL,
        |uses| !uses.values.parameters.is_empty(), On::Parameters,
        &["ssm:GetParameter"]),
    need("DecryptParameters", "read encrypted parameters", ALL,
        |uses| uses.values.parameters.iter().any(|parameter| parameter.may_be_secret), On::ParameterKeys,
        &["kms:Decrypt"]),
    need("ReadTerraformState", "read values of the configuration from Terraform's state", ALL,
        |uses| !uses.values.states.is_empty(), On::States,
        &["s3:GetObject"]),

    need("SignInToRegistry", "sign in to the registry", &[Deploy, Plan, Push], always, On::Registry,
        &["ecr:GetAuthorizationToken"]),
    need("LookAtRepository", "look at the repository", &[Deploy, Plan, Push], always, On::Repository,
        &["ecr:DescribeRepositories", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]),
    need("ReadRepositoryPolicy", "read the repository's policy", &[Deploy, Plan, PolicyCheck, PolicyEnsure, Status, Diff], always, On::Repository,
        &["ecr:GetRepositoryPolicy"]),
    need("FindRepository", "find the repository", &[PolicyCheck, PolicyEnsure], always, On::Repository,
        &["ecr:DescribeRepositories"]),
    need("PushImage", "push layers and the manifest", &[Deploy, Push], always, On::Repository,
        &["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"]),
    need("LetLambdaPull", "let Lambda pull", &[Deploy, PolicyEnsure], always, On::Repository,
        &["ecr:SetRepositoryPolicy"]),
    need("CreateRepository", "create the repository", &[Deploy, Push], |uses| uses.creates_repository, On::Repository,
        &["ecr:CreateRepository"]),
    need("EncryptRepository", "create the repository with a key of your own", &[Deploy, Push],
        |uses| uses.creates_repository && uses.repository_key.is_some(), On::RepositoryKey,
        &["kms:CreateGrant", "kms:DescribeKey"]),
    need("SeeWhetherLayersMount", "see whether the registry mounts layers", &[Deploy, Plan, Push], mounts, On::Registry,
        &["ecr:GetAccountSetting"]),
    need("MountLayers", "take over layers of another repository", &[Deploy, Push], mounts, On::MountSources,
        &["ecr:GetDownloadUrlForLayer"]),
    need("SignInToSource", "sign in to the source's registry", &[Deploy, Plan, Push], |uses| uses.source.is_some(), On::SourceRegistry,
        &["ecr:GetAuthorizationToken"]),
    need("ReadSourceImage", "read the image from its repository", &[Deploy, Plan, Push], |uses| uses.source.is_some(), On::Source,
        &["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]),
    need("SeeWhetherImagesAreThere", "see whether images are still there", &[Release, Rollback], always, On::Repository,
        &["ecr:BatchGetImage"]),
    need("DescribeImages", "describe images", &[Status, Init], always, On::Repository,
        &["ecr:DescribeImages"]),

    need("LookAtFunction", "look at the function", &[Deploy, Plan, Release, Rollback, Status, Prune, Init, Diff], has_function, On::FunctionAndQualified,
        &["lambda:GetFunction"]),
    need("ListVersions", "list versions and read the journal", &[Deploy, Plan, Release, Rollback, Status, Prune, Init, Diff], has_function, On::Function,
        &["lambda:ListVersionsByFunction", "lambda:ListTags"]),
    need("LookAtAlias", "look at the alias", &[Deploy, Plan, Release, Rollback, Init, Diff], has_alias, On::FunctionAndQualified,
        &["lambda:GetAlias"]),
    need("InvokeFunction", "invoke the function", &[Invoke], has_function, On::FunctionAndQualified,
        &["lambda:InvokeFunction"]),
    need("ListAliases", "list aliases", &[Status, Prune, Init], has_function, On::Function,
        &["lambda:ListAliases"]),
    need("UpdateCode", "point the function to an image", &[Deploy], has_function, On::Function,
        &["lambda:UpdateFunctionCode"]),
    need("HandImageToLambda", "hand an image to Lambda", &[Deploy], has_function, On::ImageForLambda,
        &["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]),
    need("CreateFunction", "create the function", &[Deploy], has_role, On::Function,
        &["lambda:CreateFunction"]),
    need("UpdateSettings", "change settings", &[Deploy],
        |uses| of_function(uses, |function| function.has_settings), On::Function,
        &["lambda:UpdateFunctionConfiguration"]),
    need("PassExecutionRole", "give the function its role", &[Deploy], has_role, On::Role,
        &["iam:PassRole"]),
    need("TagFunction", "tag the function", &[Deploy],
        |uses| of_function(uses, |function| function.has_tags && !function.has_alias), On::Function,
        &["lambda:TagResource"]),
    need("UseNetwork", "give the function a network", &[Deploy],
        |uses| of_function(uses, |function| function.has_network), On::Everything,
        &["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]),
    need("UseFileSystem", "give the function a file system", &[Deploy],
        |uses| of_function(uses, |function| function.has_file_system), On::Everything,
        &["elasticfilesystem:DescribeMountTargets"]),
    need("UseKey", "encrypt the environment with a key of your own", &[Deploy],
        |uses| of_function(uses, |function| function.key.is_some()), On::FunctionKey,
        &["kms:CreateGrant", "kms:Encrypt", "kms:Decrypt"]),
    need("PublishVersion", "publish a version", &[Deploy],
        |uses| of_function(uses, |function| function.publishes), On::Function,
        &["lambda:PublishVersion"]),
    need("CreateAlias", "create the alias", &[Deploy], has_alias, On::FunctionAndQualified,
        &["lambda:CreateAlias"]),
    need("MoveAlias", "move the alias", MOVES, moves_alias, On::FunctionAndQualified,
        &["lambda:UpdateAlias"]),
    need("WriteJournal", "write down what the alias ran", MOVES, has_alias, On::Function,
        &["lambda:TagResource"]),
    need("SmokeTest", "ask the new version before it gets traffic", &[Deploy, Release], has_smoke_test, On::FunctionAndQualified,
        &["lambda:InvokeFunction"]),
    need("SeeProvisionedConcurrency", "see whether the alias carries provisioned concurrency", MOVES, has_alias, On::FunctionAndQualified,
        &["lambda:GetProvisionedConcurrencyConfig"]),
    need("MoveProvisionedConcurrency", "take provisioned concurrency along", &[Deploy, Release],
        |uses| of_function(uses, |function| function.is_provisioned), On::FunctionAndQualified,
        &["lambda:PutProvisionedConcurrencyConfig", "lambda:DeleteProvisionedConcurrencyConfig"]),
    need("WatchAlarms", "watch alarms", &[Deploy, Release],
        |uses| of_function(uses, |function| function.watches_alarms), On::Everything,
        &["cloudwatch:DescribeAlarms"]),
    need("WatchMetrics", "watch the new version's metrics", &[Deploy, Release],
        |uses| of_function(uses, |function| function.watches_metrics), On::Everything,
        &["cloudwatch:GetMetricData"]),

    need("CodeDeployApplication", "find CodeDeploy's application", &[Deploy, Release], has_codedeploy, On::Application,
        &["codedeploy:GetApplication", "codedeploy:RegisterApplicationRevision", "codedeploy:GetApplicationRevision"]),
    need("CodeDeployConfig", "find the deployment configuration", &[Deploy, Release], has_codedeploy, On::DeploymentConfig,
        &["codedeploy:GetDeploymentConfig"]),
    need("CodeDeployDeployment", "create and follow a deployment", &[Deploy, Release], has_codedeploy, On::DeploymentGroup,
        &["codedeploy:GetDeploymentGroup", "codedeploy:CreateDeployment", "codedeploy:ListDeployments"]),
    need("CodeDeployFollow", "follow and stop a deployment", MOVES, has_codedeploy, On::DeploymentGroup,
        &["codedeploy:GetDeployment", "codedeploy:ListDeploymentTargets", "codedeploy:GetDeploymentTarget", "codedeploy:StopDeployment"]),
    need("CreateCodeDeployApplication", "create CodeDeploy's application", &[Deploy, Release], creates_codedeploy, On::Application,
        &["codedeploy:CreateApplication"]),
    need("CreateCodeDeployGroup", "create the deployment group", &[Deploy, Release], creates_codedeploy, On::DeploymentGroup,
        &["codedeploy:CreateDeploymentGroup"]),
    need("CreateCodeDeployConfig", "create the deployment configuration", &[Deploy, Release], creates_codedeploy, On::DeploymentConfig,
        &["codedeploy:CreateDeploymentConfig"]),
    need("PassCodeDeployRole", "give the deployment group its role", &[Deploy, Release], creates_codedeploy, On::CodeDeployRole,
        &["iam:PassRole"]),

    need("DeleteVersions", "delete versions", &[Prune], has_function, On::FunctionAndQualified,
        &["lambda:DeleteFunction", "lambda:ListProvisionedConcurrencyConfigs"]),
    need("SeeWhoUsesImages", "see which functions use an image", &[Prune], |uses| !uses.pruned.is_empty(), On::Everything,
        &["lambda:ListFunctions"]),
    need("LookAtRegistry", "see who else the registry serves", &[Prune], |uses| !uses.pruned.is_empty(), On::Registry,
        &["ecr:DescribeRegistry", "ecr:GetRegistryPolicy"]),
    need("DeleteImages", "delete images", &[Prune], always, On::Pruned,
        &["ecr:GetRepositoryPolicy", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:BatchDeleteImage"]),
];

/// What the resources of a statement are. None where the configuration names none.
pub(super) fn resources(on: On, uses: &Uses) -> Vec<String> {
    let partition = uses.region.partition().arn_name();
    let (region, account) = (&uses.region, &uses.account);
    let arns = |places: &[RepositoryPlace]| places.iter().map(RepositoryPlace::arn).collect();
    let function = || {
        let name = uses.function.as_ref().map(|function| &function.name);
        name.map(|name| format!("arn:{partition}:lambda:{region}:{account}:function:{name}"))
    };
    let of_codedeploy = |kind: &str, name: Option<String>| {
        name.map(|name| format!("arn:{partition}:codedeploy:{region}:{account}:{kind}:{name}"))
    };
    let codedeploy = uses.function.as_ref().and_then(|function| function.codedeploy.as_ref());
    let found: Option<String> = match on {
        On::Everything | On::Registry | On::SourceRegistry => Some("*".to_owned()),
        On::Repository | On::ImageForLambda => uses.repository.as_ref().map(RepositoryPlace::arn),
        On::Pruned => return arns(&uses.pruned),
        On::MountSources => return arns(&uses.mount_from),
        On::Source => uses.source.as_ref().map(RepositoryPlace::arn),
        On::Function => function(),
        On::FunctionAndQualified => {
            return function().into_iter().flat_map(|arn| [arn.clone(), format!("{arn}:*")]).collect();
        }
        On::Role => {
            let role = uses.function.as_ref().and_then(|function| function.role.as_ref());
            role.map(|role| role.as_str().to_owned())
        }
        On::RepositoryKey => uses.repository_key.as_ref().map(|key| key_arn(key, uses)),
        On::FunctionKey => {
            let key = uses.function.as_ref().and_then(|function| function.key.as_ref());
            key.map(|key| key_arn(key, uses))
        }
        On::Application => of_codedeploy("application", codedeploy.map(|uses| uses.application.clone())),
        On::DeploymentGroup => {
            let name = codedeploy.map(|uses| format!("{}/{}", uses.application, uses.group));
            of_codedeploy("deploymentgroup", name)
        }
        On::DeploymentConfig => {
            of_codedeploy("deploymentconfig", codedeploy.and_then(|uses| uses.config.clone()))
        }
        On::Parameters => return parameter_arns(uses, false),
        On::ParameterKeys => return parameter_keys(uses),
        On::States => {
            let states = uses.values.states.iter();
            return states
                .map(|ObjectUse { bucket, key }| format!("arn:{partition}:s3:::{bucket}/{}", literal(key)))
                .collect();
        }
        On::CodeDeployRole => {
            codedeploy.and_then(|uses| uses.role.as_ref()).map(|role| role.as_str().to_owned())
        }
    };
    found.into_iter().collect()
}

/// The ARNs of the parameters, or of those of them that may be encrypted.
pub(super) fn parameter_arns(uses: &Uses, only_secret: bool) -> Vec<String> {
    let Uses { account, region, .. } = uses;
    let arn = |parameter: &ParameterUse| match parameter.name.strip_prefix("arn:") {
        // A version or a label behind it is no part of the resource.
        Some(rest) => format!("arn:{}", rest.splitn(6, ':').take(5).collect::<Vec<_>>().join(":")),
        None => {
            let name = parameter.name.split(':').next().unwrap_or_default().trim_start_matches('/');
            format!("arn:{}:ssm:{region}:{account}:parameter/{name}", region.partition().arn_name())
        }
    };
    let wanted = uses.values.parameters.iter().filter(|parameter| parameter.may_be_secret || !only_secret);
    let mut arns: Vec<String> = wanted.map(arn).collect();
    arns.sort();
    arns.dedup();
    arns
}

/// Every key of the accounts that have encrypted parameters: which one it is the parameter does not tell, and the statement's condition
/// narrows it down.
fn parameter_keys(uses: &Uses) -> Vec<String> {
    let key = |arn: String| {
        let mut fields = arn.splitn(6, ':').skip(1);
        let (partition, _, region, account) =
            (fields.next()?.to_owned(), fields.next()?, fields.next()?.to_owned(), fields.next()?.to_owned());
        Some(format!("arn:{partition}:kms:{region}:{account}:key/*"))
    };
    let mut keys: Vec<String> = parameter_arns(uses, true).into_iter().filter_map(key).collect();
    keys.dedup();
    keys
}

/// A text in an ARN in which nothing is a wildcard or a variable.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars>
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '*' | '?' | '$' => literal.extend(["${", character.encode_utf8(&mut [0; 4]), "}"]),
            other => literal.push(other),
        }
    }
    literal
}

/// A key's ARN. That of an alias is every key of the account: the statement's condition narrows it down.
fn key_arn(key: &KmsKey, uses: &Uses) -> String {
    let Uses { account, region, .. } = uses;
    let below =
        |name: &str| format!("arn:{}:kms:{region}:{account}:key/{name}", region.partition().arn_name());
    match key {
        KmsKey::Arn(arn) => arn.clone(),
        KmsKey::Id(id) => below(id),
        KmsKey::Alias(_) => below("*"),
    }
}

/// The steps that want an action, in words.
pub fn steps_of(action: &str) -> Vec<&'static str> {
    let wanting = NEEDS.iter().filter(|need| need.actions.contains(&action));
    wanting.map(|need| need.step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_sid_of_its_own_that_iam_takes() {
        for (index, need) in NEEDS.iter().enumerate() {
            assert!(NEEDS[..index].iter().all(|earlier| earlier.sid != need.sid), "{} twice", need.sid);
            assert!(need.sid.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{}", need.sid);
            assert!(!need.actions.is_empty() && !need.work.is_empty(), "{}", need.sid);
        }
    }

    #[test]
    fn an_action_leads_to_its_steps() {
        assert_eq!(steps_of("ecr:PutImage"), ["push layers and the manifest"]);
        assert_eq!(steps_of("iam:PassRole").len(), 2);
        assert!(steps_of("s3:PutObject").is_empty());
    }
}
