//! The protocols of CloudWatch: what a call asks, and how it is answered.

use serde_json::{Map, Value, json};

use crate::calendar;
use crate::call::{Answer, Call};
use crate::uuid::uuid;

use super::{cbor, query};

/// The service's name on the wire, in two of the three protocols.
const SERVICE: &str = "GraniteServiceVersion20100801";

/// The protocol that a call speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Smithy RPC v2 with CBOR.
    Cbor,
    /// AWS JSON 1.0.
    Json,
    /// AWS Query: forms and XML.
    Query,
}

/// What a call asks for, whatever protocol it speaks.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    pub(super) protocol: Protocol,
    pub(super) operation: String,
    /// An object: numbers are numbers, and times are seconds since 1970.
    pub(super) input: Value,
}

/// A refused request. Each error has a name in the model, and one in the older protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    shape: &'static str,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        let (shape, code) = ("InvalidParameterValueException", "InvalidParameterValue");
        Refusal { status: 400, shape, code, message: message.into() }
    }

    pub(super) fn missing(member: &str) -> Self {
        let message = format!("The parameter {member} is required.");
        Refusal { status: 400, shape: "MissingRequiredParameterException", code: "MissingParameter", message }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Refusal { status: 404, shape: "ResourceNotFound", code: "ResourceNotFound", message: message.into() }
    }

    pub(super) fn malformed() -> Self {
        let message = "The request cannot be read.".to_owned();
        Refusal { status: 400, shape: "SerializationException", code: "MalformedInput", message }
    }

    pub(super) fn unknown_operation(operation: &str) -> Self {
        let message = format!("The operation {operation} is not known here.");
        Refusal { status: 400, shape: "UnknownOperationException", code: "InvalidAction", message }
    }

    pub(super) fn broken(message: String) -> Self {
        Refusal { status: 500, shape: "InternalServiceFault", code: "InternalServiceError", message }
    }
}

impl Protocol {
    fn of(call: &Call) -> Protocol {
        if call.header("smithy-protocol") == Some("rpc-v2-cbor") {
            Protocol::Cbor
        } else if call.header("x-amz-target").is_some() {
            Protocol::Json
        } else {
            Protocol::Query
        }
    }

    /// The answer to an operation that was performed.
    pub(super) fn answer(self, operation: &str, output: &Value) -> Answer {
        match self {
            Protocol::Cbor => self.plain(200, cbor::encode(output, &is_time)),
            Protocol::Json => self.plain(200, output.to_string().into_bytes()),
            Protocol::Query => {
                let body = query::xml(output, false, &is_time);
                let text = format!(
                    "<{operation}Response xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">\
                     <{operation}Result>{body}</{operation}Result><ResponseMetadata><RequestId>{}</RequestId>\
                     </ResponseMetadata></{operation}Response>",
                    uuid()
                );
                self.plain(200, text.into_bytes())
            }
        }
    }

    /// The answer to a refused request.
    pub(super) fn refuse(self, refusal: &Refusal) -> Answer {
        let Refusal { status, shape, code, message } = refusal;
        let fault = if *status < 500 { "Sender" } else { "Receiver" };
        let body = json!({"__type": format!("com.amazonaws.cloudwatch#{shape}"), "message": message});
        let bytes = match self {
            Protocol::Cbor => cbor::encode(&body, &is_time),
            Protocol::Json => body.to_string().into_bytes(),
            Protocol::Query => format!(
                "<ErrorResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><Error>\
                 <Type>{fault}</Type><Code>{code}</Code><Message>{}</Message></Error><RequestId>{}</RequestId>\
                 </ErrorResponse>",
                query::escaped(message),
                uuid()
            )
            .into_bytes(),
        };
        let mut answer = self.plain(*status, bytes);
        if self != Protocol::Query {
            // Clients that once spoke the older protocol keep its codes by this header.
            answer.headers.push(("x-amzn-query-error".to_owned(), format!("{code};{fault}")));
        }
        answer
    }

    fn plain(self, status: u16, body: Vec<u8>) -> Answer {
        let content_type = match self {
            Protocol::Cbor => "application/cbor",
            Protocol::Json => "application/x-amz-json-1.0",
            Protocol::Query => "text/xml",
        };
        let mut headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("x-amzn-requestid".to_owned(), uuid()),
        ];
        if self == Protocol::Cbor {
            headers.push(("smithy-protocol".to_owned(), "rpc-v2-cbor".to_owned()));
        }
        Answer { status, headers, body }
    }
}

/// Reads a call. The protocol is known even when the rest cannot be read.
pub(super) fn read(call: &Call) -> Result<Question, (Protocol, Refusal)> {
    let protocol = Protocol::of(call);
    let (operation, input) = match protocol {
        Protocol::Cbor => {
            let operation = call.path.strip_prefix(&format!("/service/{SERVICE}/operation/"));
            let input = if call.body.is_empty() { Some(json!({})) } else { cbor::decode(&call.body) };
            (operation.map(str::to_owned), input)
        }
        Protocol::Json => {
            let target = call.header("x-amz-target").unwrap_or_default();
            let operation = target.strip_prefix(SERVICE).and_then(|rest| rest.strip_prefix('.'));
            (operation.map(str::to_owned), serde_json::from_slice(&call.body).ok())
        }
        Protocol::Query => {
            let mut fields = query::fields(&call.body);
            fields.extend(call.query.iter().cloned());
            let operation = fields.iter().find(|(name, _)| name == "Action").map(|(_, value)| value.clone());
            (operation, Some(query::nested(&fields)))
        }
    };
    let operation = operation.ok_or((protocol, Refusal::unknown_operation("(none)")))?;
    let input = input.filter(Value::is_object).ok_or((protocol, Refusal::malformed()))?;
    Ok(Question { protocol, operation, input: typed("", input) })
}

fn is_time(member: &str) -> bool {
    member == "StartTime" || member == "EndTime" || member.ends_with("Timestamp") || member == "Timestamps"
}

/// Gives each member the type of the model, which forms and lenient writers do not keep.
fn typed(member: &str, value: Value) -> Value {
    const WHOLE: [&str; 5] =
        ["Period", "EvaluationPeriods", "DatapointsToAlarm", "MaxRecords", "MaxDatapoints"];
    match value {
        Value::Object(map) => {
            let typed = |(key, value): (String, Value)| {
                let value = typed(&key, value);
                (key, value)
            };
            Value::Object(map.into_iter().map(typed).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| typed(member, item)).collect()),
        value if is_time(member) => seconds(&value).map_or(Value::Null, |seconds| json!(seconds)),
        value if member == "Threshold" => number(&value).map_or(Value::Null, |number| json!(number)),
        Value::String(text) if WHOLE.contains(&member) => {
            text.parse::<i64>().map_or(Value::Null, |number| json!(number))
        }
        Value::String(text) if member == "ActionsEnabled" || member == "ReturnData" => json!(text == "true"),
        other => other,
    }
}

/// A number, also where it came as text.
pub(super) fn number(value: &Value) -> Option<f64> {
    let text = || value.as_str().and_then(|text| text.parse().ok());
    value.as_f64().or_else(text).filter(|number| number.is_finite())
}

fn seconds(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| calendar::read(value.as_str()?))
}
