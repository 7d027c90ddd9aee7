//! AWS IAM, as far as we ask it: two reads of its query protocol.
//!
//! Its SDK has a hundred and seventy operations and would be a tenth of the binary. These two are signed with the SDK's own signer and
//! sent by our own HTTP client.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use url::form_urlencoded::Serializer;

use super::error::{Operation, kind_of, tellable};
use crate::cloud::{AccessSimulator, CloudError, CloudErrorKind, SimulatedAccess, SimulatedDecision};
use crate::http::client_for;
use crate::name::{Partition, Region};

const SIMULATE: Operation = Operation { service: "AWS IAM", name: "SimulatePrincipalPolicy" };
const GET_ROLE: Operation = Operation { service: "AWS IAM", name: "GetRole" };

/// The version of IAM's API.
const VERSION: &str = "2010-05-08";

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a throttled call is made, and the first pause before the next one: IAM lets through few simulations a second.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(400);

/// The largest answer that is read: a hundred decisions have some ten kilobytes.
const LARGEST_ANSWER: usize = 4 << 20;

/// AWS IAM of one partition, with one identity.
#[derive(Debug, Clone)]
pub struct Iam {
    sdk: SdkConfig,
    endpoint: String,
    region: &'static str,
}

impl Iam {
    pub(crate) fn new(sdk: SdkConfig, region: &Region) -> Self {
        let (host, home) = home(region.partition());
        let given = sdk.endpoint_url().map(str::to_owned);
        Self { sdk, endpoint: given.unwrap_or_else(|| format!("https://{host}")), region: home }
    }

    async fn ask(&self, call: Operation, fields: &[(String, String)]) -> Result<String, CloudError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match self.ask_once(call, fields).await {
                Err(error) if error.kind == CloudErrorKind::Throttled => tokio::time::sleep(pause).await,
                answered => return answered,
            }
            pause *= 2;
        }
        self.ask_once(call, fields).await
    }

    async fn ask_once(&self, call: Operation, fields: &[(String, String)]) -> Result<String, CloudError> {
        let body = form(call, fields);
        let url: url::Url =
            self.endpoint.parse().map_err(|_| call.invalid("IAM's endpoint is not an address"))?;
        let client = client_for(&url).map_err(|why| call.invalid(why))?;
        let mut request = client.post(url.clone()).timeout(PATIENCE).header("content-type", FORM);
        for (name, value) in self.signature(call, &url, &body).await? {
            request = request.header(name, value);
        }
        let sent = request.body(body).send().await;
        let mut answer = sent.map_err(|error| call.unreachable(error.without_url().to_string()))?;
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(piece) =
            answer.chunk().await.map_err(|error| call.unreachable(error.without_url().to_string()))?
        {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LARGEST_ANSWER {
                return Err(call.unexpected("the answer does not end"));
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if (200..300).contains(&status) { Ok(text) } else { Err(refusal(call, status, &text)) }
    }

    async fn signature(
        &self,
        call: Operation,
        url: &url::Url,
        body: &str,
    ) -> Result<Vec<(String, String)>, CloudError> {
        let provider =
            self.sdk.credentials_provider().ok_or_else(|| call.invalid("there are no credentials"))?;
        let credentials = provider.provide_credentials().await.map_err(|error| call.credentials(&error))?;
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name("iam")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| call.invalid(error.to_string()))?;
        let headers = [("content-type", FORM)].into_iter();
        let request =
            SignableRequest::new("POST", url.as_str(), headers, SignableBody::Bytes(body.as_bytes()));
        let signed = request.and_then(|request| sign(request, &parameters.into()));
        let (instructions, _) = signed.map_err(|error| call.invalid(error.to_string()))?.into_parts();
        let headers = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(headers.collect())
    }
}

/// The body of a call.
fn form(call: Operation, fields: &[(String, String)]) -> String {
    let mut body = Serializer::new(String::new());
    body.append_pair("Action", call.name).append_pair("Version", VERSION);
    body.extend_pairs(fields).finish()
}

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

#[async_trait]
impl AccessSimulator for Iam {
    async fn simulate(
        &self,
        principal: &str,
        access: &SimulatedAccess,
    ) -> Result<Vec<SimulatedDecision>, CloudError> {
        let mut fields = vec![
            ("PolicySourceArn".to_owned(), principal.to_owned()),
            ("ResourceArns.member.1".to_owned(), access.resource.clone()),
            ("MaxItems".to_owned(), "1000".to_owned()),
        ];
        for (index, action) in access.actions.iter().enumerate() {
            fields.push((format!("ActionNames.member.{}", index + 1), action.clone()));
        }
        if let Some(service) = &access.passed_to {
            let entry =
                |name: &str, value: &str| (format!("ContextEntries.member.1.{name}"), value.to_owned());
            fields.extend([
                entry("ContextKeyName", "iam:PassedToService"),
                entry("ContextKeyType", "string"),
                entry("ContextKeyValues.member.1", service),
            ]);
        }
        let answer = self.ask(SIMULATE, &fields).await?;
        let decisions = decisions(&answer);
        match access.actions.iter().find(|action| !decisions.iter().any(|one| one.action == **action)) {
            Some(action) => Err(SIMULATE.unexpected(format!("the answer says nothing of {action}"))),
            None => Ok(decisions),
        }
    }

    async fn role_arn(&self, name: &str) -> Result<String, CloudError> {
        let answer = self.ask(GET_ROLE, &[("RoleName".to_owned(), name.to_owned())]).await?;
        let arn = element(&answer, "Arn").ok_or_else(|| GET_ROLE.unexpected("the answer has no ARN"))?;
        Ok(arn.to_owned())
    }
}

/// IAM's host, and the Region that its requests are signed for: it has one a partition.
/// <https://docs.aws.amazon.com/general/latest/gr/iam-service.html>
fn home(partition: Partition) -> (&'static str, &'static str) {
    match partition {
        Partition::Commercial => ("iam.amazonaws.com", "us-east-1"),
        Partition::China => ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        Partition::GovCloud => ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
        Partition::EuropeanSovereign => ("iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        Partition::Iso => ("iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        Partition::IsoB => ("iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        Partition::IsoE => ("iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
        Partition::IsoF => ("iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
    }
}

/// The decisions of an answer. Each has its action first, then the decision.
fn decisions(answer: &str) -> Vec<SimulatedDecision> {
    let of = |part: &str| {
        let action = part.split_once("</EvalActionName>")?.0.trim().to_owned();
        let decision = element(part, "EvalDecision")?;
        Some(SimulatedDecision { action, allowed: decision == "allowed", denied: decision == "explicitDeny" })
    };
    answer.split("<EvalActionName>").skip(1).filter_map(of).collect()
}

/// The text of the first element of that name.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}

fn refusal(call: Operation, status: u16, body: &str) -> CloudError {
    let code = element(body, "Code").map(str::to_owned);
    let message =
        element(body, "Message").map_or_else(|| format!("HTTP {status} without an explanation"), tellable);
    let kind = match code.as_deref() {
        Some("NoSuchEntity") => CloudErrorKind::NotFound,
        code => kind_of(code, Some(status), &message),
    };
    CloudError {
        service: call.service,
        operation: call.name,
        kind,
        code,
        status: Some(status),
        message,
        request_id: element(body, "RequestId").map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_read_action_by_action() {
        let answer = "<R><EvaluationResults>\
            <member><EvalActionName>ecr:PutImage</EvalActionName><EvalDecision>allowed</EvalDecision></member>\
            <member><EvalActionName>ecr:DeleteRepository</EvalActionName><EvalDecision>explicitDeny</EvalDecision>\
            <ResourceSpecificResults><member><EvalResourceDecision>allowed</EvalResourceDecision></member></ResourceSpecificResults></member>\
            <member><EvalActionName>x:Y</EvalActionName><EvalDecision>implicitDeny</EvalDecision></member>\
            </EvaluationResults></R>";
        let told: Vec<(String, bool, bool)> =
            decisions(answer).into_iter().map(|one| (one.action, one.allowed, one.denied)).collect();
        assert_eq!(
            told,
            [
                ("ecr:PutImage".to_owned(), true, false),
                ("ecr:DeleteRepository".to_owned(), false, true),
                ("x:Y".to_owned(), false, false)
            ]
        );
        assert_eq!(decisions("<html>not IAM</html>"), []);
    }

    #[test]
    fn refusals_are_sorted_by_their_code() {
        for (status, code, kind) in [
            (403, "AccessDenied", CloudErrorKind::AccessDenied),
            (404, "NoSuchEntity", CloudErrorKind::NotFound),
            (400, "Throttling", CloudErrorKind::Throttled),
            (403, "ExpiredToken", CloudErrorKind::Credentials),
        ] {
            let body = format!(
                "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
            );
            let error = refusal(SIMULATE, status, &body);
            assert_eq!((error.kind, error.message.as_str()), (kind, "no"));
        }
        assert!(refusal(SIMULATE, 502, "<html>").message.contains("502"));
    }
}
