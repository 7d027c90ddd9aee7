//! The identity of a role that another identity assumes (STS AssumeRole).

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

use super::connect::AssumedRole;
use crate::name::RoleArn;

/// What the session is called: it stands in the caller's ARN, and in CloudTrail.
const SESSION_NAME: &str = "lambda-lift";

/// The same configuration with the role's identity in the place of its own. Sessions are renewed before they end.
pub(super) async fn assuming(own: SdkConfig, role: &AssumedRole) -> SdkConfig {
    let mut provider =
        AssumeRoleProvider::builder(role.arn.as_str()).session_name(SESSION_NAME).configure(&own);
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    let provider = Assumed { role: role.arn.clone(), provider: provider.build().await };
    // The cache of the own identity would answer for the role.
    own.into_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .identity_cache(aws_config::identity::IdentityCache::lazy().build())
        .build()
}

/// A role's sessions. What refuses one is told in AWS's words alone, without the SDK's about itself.
#[derive(Debug)]
struct Assumed {
    role: RoleArn,
    provider: AssumeRoleProvider,
}

impl ProvideCredentials for Assumed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.provider.provide_credentials().await.map_err(|error| self.refused(error))
        })
    }
}

type Refused = SdkError<aws_sdk_sts::operation::assume_role::AssumeRoleError, HttpResponse>;

impl Assumed {
    fn refused(&self, error: CredentialsError) -> CredentialsError {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        let mut words = None;
        while let Some(found) = cause {
            let service = found.downcast_ref::<Refused>().and_then(|refused| refused.as_service_error());
            if let Some(service) = service {
                words = service.meta().message().map(str::to_owned);
            }
            cause = found.source();
        }
        match words {
            Some(words) => CredentialsError::invalid_configuration(format!(
                "the role {} cannot be assumed: {words}",
                self.role
            )),
            None => error,
        }
    }
}
