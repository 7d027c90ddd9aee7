//! How the registry of a `docker://` source is reached: where, and as whom.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cloud::{CloudError, CloudErrorKind, RegistryAuthorizer};
use crate::image::{
    AuthFiles, Credential, CredentialError, Credentials, RemoteAccess, RemoteReference, SourceRef,
    StoredCredentials,
};
use crate::name::{RegistryHost, RepositoryRef};
use crate::registry::check_endpoint;
use crate::report::Failure;

use super::arguments::SourceArguments;
use super::session::{Connected, Session, usage};

/// The private ECR repository that a source is in, if it is in one.
pub(super) fn ecr_repository(source: &SourceRef) -> Option<RepositoryRef> {
    let reference = source.in_registry()?;
    let registry: RegistryHost = reference.host.parse().ok()?;
    Some(RepositoryRef { registry: Some(registry), name: reference.repository.parse().ok()? })
}

/// A connection to AWS for a command that otherwise needs none, where its source does.
pub(super) async fn connect_for(session: &Session, source: &SourceRef) -> Result<Option<Connected>, Failure> {
    match ecr_repository(source).and_then(|repository| repository.registry) {
        Some(registry) => session.connect_in(Some(registry.region)).await.map(Some),
        None => Ok(None),
    }
}

/// How the source's registry is reached.
pub(super) async fn remote_access(
    session: &Session,
    arguments: &SourceArguments,
    source: &SourceRef,
    connected: Option<&Connected>,
) -> Result<RemoteAccess, Failure> {
    let mut access = RemoteAccess {
        endpoint: arguments.source_endpoint.as_deref().map(|text| endpoint(text, session)).transpose()?,
        allow_plain_http: session.common.allow_plain_http,
        credentials: Arc::new(StoredCredentials::new(auth_files())),
        ..RemoteAccess::default()
    };
    if let (Some(repository), Some(connected)) = (ecr_repository(source), connected)
        && let Some(registry) = &repository.registry
    {
        let profile = arguments.source_profile.as_deref();
        let clients = connected.clients_in(&registry.region, profile).await?;
        let ecr = clients.as_ref().unwrap_or(&connected.clients).ecr.clone();
        access.credentials =
            Arc::new(EcrCredentials { authorizer: Arc::new(ecr), own_profile: profile.is_some() });
        // The stand-in is every registry of AWS.
        access.endpoint = access.endpoint.or_else(|| connected.stand_url());
    }
    Ok(access)
}

fn endpoint(text: &str, session: &Session) -> Result<url::Url, Failure> {
    let not_one = |error| usage(format!("--source-endpoint {text:?} is not an address: {error}"), None);
    let url: url::Url = text.parse().map_err(not_one)?;
    check_endpoint(&url, session.common.allow_plain_http)
        .map_err(|error| usage(format!("--source-endpoint: {error}"), None))?;
    Ok(url)
}

/// Where skopeo and Docker look for credentials, in skopeo's order. A file that `REGISTRY_AUTH_FILE` names is the only
/// one.
fn auth_files() -> AuthFiles {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(file) = folder("REGISTRY_AUTH_FILE") {
        return AuthFiles { paths: vec![file] };
    }
    let home = std::env::home_dir();
    let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let configuration = folder("XDG_CONFIG_HOME").or_else(|| below_home(".config"));
    let docker = folder("DOCKER_CONFIG").or_else(|| below_home(".docker"));
    let paths = [
        folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        configuration.map(|folder| folder.join("containers/auth.json")),
        docker.map(|folder| folder.join("config.json")),
    ];
    AuthFiles { paths: paths.into_iter().flatten().collect() }
}

/// Amazon ECR's tokens as a source's credentials.
struct EcrCredentials {
    authorizer: Arc<dyn RegistryAuthorizer>,
    /// Whether `--source-profile` named the identity.
    own_profile: bool,
}

impl std::fmt::Debug for EcrCredentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("EcrCredentials")
    }
}

#[async_trait]
impl Credentials for EcrCredentials {
    async fn credential(&self, _: &RemoteReference) -> Result<Option<Credential>, CredentialError> {
        let credential = self.authorizer.authorize().await.map_err(of_cloud)?;
        let text = STANDARD.decode(&credential.basic).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = text.as_deref().and_then(|text| text.split_once(':'));
        let (user, password) = pair.ok_or_else(|| CredentialError {
            message: "the authorization token of Amazon ECR is not one that can be sent".to_owned(),
            hint: None,
            is_unavailable: true,
        })?;
        Ok(Some(Credential::Basic { user: user.to_owned(), password: password.to_owned() }))
    }

    fn is_always_basic(&self) -> bool {
        true
    }

    fn hint(&self, reference: &RemoteReference, _: bool) -> String {
        let who = if self.own_profile { "the identity of --source-profile" } else { "this identity" };
        let other = if self.own_profile { "" } else { ", or name another identity with --source-profile" };
        format!(
            "allow ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on the repository {} to {who} (in another account its \
             policy has to allow them, too){other}",
            reference.repository
        )
    }
}

fn of_cloud(error: CloudError) -> CredentialError {
    let is_unavailable = !matches!(error.kind, CloudErrorKind::Credentials | CloudErrorKind::AccessDenied);
    let hint = match error.kind {
        CloudErrorKind::AccessDenied => Some(
            "allow ecr:GetAuthorizationToken on resource * to the identity that reads the source".to_owned(),
        ),
        _ => error.hint(),
    };
    CredentialError { message: format!("no token for the source's registry: {error}"), hint, is_unavailable }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_registries_of_ecr_are_read_as_aws_knows_us() {
        for (source, repository) in [
            ("docker://123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:v1", Some("team/app")),
            ("docker://123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/team/app", Some("team/app")),
            ("docker://public.ecr.aws/lambda/python:3.13", None),
            ("docker://alpine", None),
            ("docker://ghcr.io/team/app", None),
            ("docker-daemon:team/app", None),
            ("app.tar", None),
        ] {
            let found = ecr_repository(&source.parse().unwrap()).map(|found| found.name.to_string());
            assert_eq!(found.as_deref(), repository, "{source}");
        }
    }
}
