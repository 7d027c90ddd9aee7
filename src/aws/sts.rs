//! AWS STS: who we are.

use async_trait::async_trait;
use aws_sdk_sts::Client;

use super::error::Operation;
use crate::cloud::{Caller, CloudError, Identity};
use crate::values::CallerNames;

const GET_CALLER_IDENTITY: Operation = Operation { service: "AWS STS", name: "GetCallerIdentity" };

/// AWS STS of one Region, with one identity.
#[derive(Debug, Clone)]
pub struct Sts {
    client: Client,
}

impl Sts {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Who the caller is, in all the words that STS has for it.
    ///
    /// # Errors
    /// The call fails, or the answer lacks one of them.
    pub async fn names(&self) -> Result<CallerNames, CloudError> {
        let call = GET_CALLER_IDENTITY;
        let answer = self.client.get_caller_identity().send().await.map_err(|error| call.failed(error))?;
        let text = |part: Option<&str>| {
            part.map(str::to_owned).ok_or_else(|| call.unexpected("the answer lacks a part"))
        };
        Ok(CallerNames {
            account: text(answer.account())?,
            arn: text(answer.arn())?,
            user_id: text(answer.user_id())?,
        })
    }
}

#[async_trait]
impl Identity for Sts {
    async fn caller(&self) -> Result<Caller, CloudError> {
        let call = GET_CALLER_IDENTITY;
        let answer = self.client.get_caller_identity().send().await.map_err(|error| call.failed(error))?;
        let account = answer.account().unwrap_or_default().parse();
        let account = account.map_err(|error| call.unexpected(format!("the answer's account: {error}")))?;
        let arn = answer.arn().ok_or_else(|| call.unexpected("the answer has no ARN"))?;
        Ok(Caller { account, arn: arn.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replay::{Replay, xml};
    use crate::cloud::CloudErrorKind;

    async fn caller(status: u16, body: &'static str) -> Result<Caller, CloudError> {
        let replay = Replay::new([xml(status, body)]);
        Sts::new(Client::new(&replay.config())).caller().await
    }

    #[tokio::test]
    async fn the_caller_is_read() {
        let body = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
            <Arn>arn:aws:sts::123456789012:assumed-role/deployer/ci</Arn><UserId>AROA:ci</UserId>\
            <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
        let caller = caller(200, body).await.unwrap();
        assert_eq!(caller.account.as_str(), "123456789012");
        assert_eq!(caller.arn, "arn:aws:sts::123456789012:assumed-role/deployer/ci");
    }

    #[tokio::test]
    async fn wrong_credentials_are_told_apart() {
        let body = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
            <Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message>\
            </Error><RequestId>r-1</RequestId></ErrorResponse>";
        let error = caller(403, body).await.unwrap_err();
        assert_eq!(
            (error.kind, error.code.as_deref()),
            (CloudErrorKind::Credentials, Some("InvalidClientTokenId"))
        );
        assert!(error.hint().is_some());
    }

    #[tokio::test]
    async fn an_answer_without_an_account_is_unexpected() {
        let body = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
            <GetCallerIdentityResult/></GetCallerIdentityResponse>";
        assert_eq!(caller(200, body).await.unwrap_err().kind, CloudErrorKind::Unexpected);
    }
}
