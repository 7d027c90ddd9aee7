//! AWS IAM, as far as we ask it: two reads of its query protocol.
//!
//! Its SDK has a hundred and seventy operations and would be a tenth of the binary. These two are signed and
//! sent by hand.

use async_trait::async_trait;
use aws_config::SdkConfig;
use reqwest::Method;
use url::form_urlencoded::Serializer;

use super::error::Operation;
use super::signed::{Request, Sender, Service, element, refusal_in_xml};
use crate::cloud::{AccessSimulator, CloudError, CloudErrorKind, SimulatedAccess, SimulatedDecision};
use crate::name::{Partition, Region};

const SIMULATE: Operation = Operation { service: "AWS IAM", name: "SimulatePrincipalPolicy" };
const GET_ROLE: Operation = Operation { service: "AWS IAM", name: "GetRole" };

/// The version of IAM's API.
const VERSION: &str = "2010-05-08";

/// The largest answer that is read: a hundred decisions have some ten kilobytes.
const LARGEST_ANSWER: u64 = 4 << 20;

/// AWS IAM of one partition, with one identity.
#[derive(Debug, Clone)]
pub struct Iam {
    sender: Sender,
    host: &'static str,
    region: &'static str,
}

impl Iam {
    pub(crate) fn new(sdk: SdkConfig, region: &Region) -> Self {
        let (host, region) = home(region.partition());
        let service = Service { name: "iam", id: "IAM" };
        Self { sender: Sender { service, sdk, read: refusal_in_xml }, host, region }
    }

    async fn ask(&self, call: Operation, fields: &[(String, String)]) -> Result<String, CloudError> {
        let endpoint = self.sender.endpoint().unwrap_or_else(|| format!("https://{}", self.host));
        let request = Request {
            method: Method::POST,
            url: endpoint.parse().map_err(|_| call.invalid("IAM's endpoint is not an address"))?,
            region: self.region.into(),
            headers: vec![("content-type", FORM)],
            body: form(call, fields).into_bytes(),
            most: LARGEST_ANSWER,
        };
        let answer = self.sender.send(call, &request, |_| false).await.map_err(sorted)?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }
}

/// IAM has a code of its own for what does not exist.
fn sorted(error: CloudError) -> CloudError {
    match error.code.as_deref() {
        Some("NoSuchEntity") => CloudError { kind: CloudErrorKind::NotFound, ..error },
        _ => error,
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
        if let Some((key, value)) = &access.context {
            let entry =
                |name: &str, value: &str| (format!("ContextEntries.member.1.{name}"), value.to_owned());
            fields.extend([
                entry("ContextKeyName", key),
                entry("ContextKeyType", "string"),
                entry("ContextKeyValues.member.1", value),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::signed::Answer;

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
            let answer =
                Answer { status, headers: reqwest::header::HeaderMap::new(), body: body.into_bytes() };
            let (code, message) = refusal_in_xml(&answer);
            let error = sorted(SIMULATE.refused(status, code, message, None));
            assert_eq!((error.kind, error.message.as_str()), (kind, "no"));
        }
    }
}
