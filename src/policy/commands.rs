//! The exact commands that mend a repository policy, for whoever may.

use super::grant::PolicyScope;
use super::layout;
use super::request::Request;
use crate::name::{AccountId, Region, RepositoryName};

/// `lambda-lift policy ensure …` for a request, to be run with credentials of the repository's account.
pub fn ensure_command(repository: &RepositoryName, request: &Request, scope: PolicyScope) -> String {
    let Request { region, account, .. } = request;
    let mut command =
        format!("lambda-lift policy ensure --repository {repository} --region {region} --account {account}");
    if let Some(function) = &request.function {
        command.push_str(&format!(" --function {function}"));
    }
    if scope != PolicyScope::default() {
        command.push_str(&format!(" --policy-scope {}", scope.as_str()));
    }
    command
}

/// `aws ecr set-repository-policy …` with a whole policy, quoted for a POSIX shell.
///
/// It replaces the policy: `policy` must contain every statement that is to stay.
pub fn set_policy_command(
    repository: &RepositoryName,
    repository_account: &AccountId,
    region: &Region,
    policy: &str,
) -> String {
    let text = shell_quoted(&layout::compact(policy));
    format!(
        "aws ecr set-repository-policy --region {region} --registry-id {repository_account} \
         --repository-name {repository} --policy-text {text}"
    )
}

/// What is known of the policy that the owner's command replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerPolicy<'a> {
    /// It was read, and this is the new one with everything of it.
    Merged(&'a str),
    /// It could not be read, so this one has our statements only.
    Unread(&'a str),
}

/// What the deployer hands to the repository's owner, who may change the policy when the deployer may not.
pub fn owner_instructions(
    repository: &RepositoryName,
    request: &Request,
    scope: PolicyScope,
    policy: OwnerPolicy<'_>,
) -> String {
    let account = &request.repository_account;
    let ensure = ensure_command(repository, request, scope);
    let set = |text| set_policy_command(repository, account, &request.region, text);
    match policy {
        OwnerPolicy::Merged(text) => {
            format!("the owner of account {account} can run:\n  {ensure}\nor:\n  {}", set(text))
        }
        OwnerPolicy::Unread(text) => format!(
            "the owner of account {account} can run:\n  {ensure}\nor, only if the repository has no policy yet \
             (this replaces it):\n  {}",
            set(text)
        ),
    }
}

/// A text as one word of a POSIX shell.
fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        let account = |digit: &str| digit.repeat(12).parse().unwrap();
        Request::new(account("1"), account("2"), "eu-central-1".parse().unwrap())
    }

    #[test]
    fn the_commands_name_repository_region_accounts_and_what_is_not_usual() {
        let repository = "team/checkout".parse().unwrap();
        assert_eq!(
            ensure_command(&repository, &request(), PolicyScope::Account),
            "lambda-lift policy ensure --repository team/checkout --region eu-central-1 --account 222222222222"
        );
        let one = request().for_function("shop".parse().unwrap());
        assert!(
            ensure_command(&repository, &one, PolicyScope::Function)
                .ends_with(" --account 222222222222 --function shop --policy-scope function")
        );
        let set = set_policy_command(&repository, &request().repository_account, &request().region, "{ }");
        assert_eq!(
            set,
            "aws ecr set-repository-policy --region eu-central-1 --registry-id 111111111111 \
             --repository-name team/checkout --policy-text '{}'"
        );
    }

    #[test]
    fn a_shell_reads_the_quoted_policy_back_as_it_is() {
        let policy = r#"{"Id":"it's $HOME `x` \\ \"y\" !","Statement":[]}"#;
        let command = format!("printf %s {}", shell_quoted(policy));
        let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), policy);
    }

    #[test]
    fn an_unread_policy_is_never_replaced_without_a_warning() {
        let repository = "checkout".parse().unwrap();
        let tell = |policy| owner_instructions(&repository, &request(), PolicyScope::Account, policy);
        assert!(tell(OwnerPolicy::Unread("{}")).contains("only if the repository has no policy yet"));
        assert!(!tell(OwnerPolicy::Merged("{}")).contains("only if"));
        assert!(tell(OwnerPolicy::Merged("{}")).contains("the owner of account 111111111111"));
    }
}
