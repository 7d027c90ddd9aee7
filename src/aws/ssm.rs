//! AWS Systems Manager: parameters.

use std::borrow::Cow;

use async_trait::async_trait;
use aws_config::SdkConfig;
use reqwest::Method;
use serde_json::{Value, json};

use super::error::Operation;
use super::signed::{Answer, Request, Sender, Service};
use crate::cloud::{CloudError, Parameter, ParameterKind, Parameters};
use crate::name::Region;

const GET_PARAMETER: Operation = Operation { service: "AWS Systems Manager", name: "GetParameter" };

/// The longest answer. A parameter has 8 KiB at most.
const LONGEST: u64 = 1 << 20;

/// The parameters of one Region, with one identity.
#[derive(Debug, Clone)]
pub struct Ssm {
    sender: Sender,
    region: Region,
}

impl Ssm {
    pub(super) fn new(sdk: SdkConfig, region: Region) -> Self {
        let service = Service { name: "ssm", id: "SSM" };
        Self { sender: Sender { service, sdk, read: refusal }, region }
    }
}

#[async_trait]
impl Parameters for Ssm {
    async fn parameter(&self, name: &str) -> Result<Parameter, CloudError> {
        let call = GET_PARAMETER;
        let endpoint =
            self.sender.endpoint().unwrap_or_else(|| format!("https://{}", self.sender.host(&self.region)));
        let request = Request {
            method: Method::POST,
            url: endpoint.parse().map_err(|_| call.invalid("the endpoint is not an address"))?,
            region: Cow::Borrowed(self.region.as_str()),
            headers: vec![
                ("content-type", "application/x-amz-json-1.1"),
                ("x-amz-target", "AmazonSSM.GetParameter"),
            ],
            body: json!({"Name": name, "WithDecryption": true}).to_string().into_bytes(),
            most: LONGEST,
        };
        let answer = self.sender.send(call, &request, |_| false).await?;
        let answer: Value = serde_json::from_slice(&answer.body)
            .map_err(|_| call.unexpected("the answer is not JSON; is the endpoint that of AWS?"))?;
        let parameter = &answer["Parameter"];
        let kind = match parameter["Type"].as_str() {
            Some("String") => ParameterKind::Text,
            Some("SecureString") => ParameterKind::Secret,
            Some("StringList") => ParameterKind::List,
            _ => return Err(call.unexpected("the answer has no parameter of a known type")),
        };
        let value = parameter["Value"].as_str().ok_or_else(|| call.unexpected("the answer has no value"))?;
        Ok(Parameter { kind, value: value.to_owned() })
    }
}

/// `{"__type": "com.amazonaws.ssm#ParameterNotFound", "message": …}`
fn refusal(answer: &Answer) -> (Option<String>, Option<String>) {
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |names: [&str; 2]| names.iter().find_map(|name| told[*name].as_str());
    let code = text(["__type", "code"]).map(|code| code.rsplit('#').next().unwrap_or(code).to_owned());
    (code, text(["message", "Message"]).map(str::to_owned))
}
