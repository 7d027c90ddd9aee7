//! The shapes in which AWS's protocols say that something went wrong.

use serde_json::json;

use crate::head::Head;
use crate::reply::Reply;
use crate::text;

/// The wire protocol of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `X-Amz-Target` and JSON: ECR.
    Json,
    /// REST with JSON: Lambda.
    Rest,
    /// Forms and XML: STS.
    Query,
    /// Smithy's RPC protocol with CBOR: CloudWatch.
    Cbor,
    /// The registry's own JSON.
    Registry,
    /// The storage that blob downloads are redirected to.
    Storage,
}

/// The ways to be refused that every service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Common {
    Throttled,
    ExpiredToken,
    MissingToken,
    BrokenSignature,
}

impl Protocol {
    /// The protocol that a control plane call speaks.
    pub(crate) fn of(head: &Head) -> Protocol {
        let content_type = head.header("content-type").unwrap_or_default();
        if head.header("smithy-protocol") == Some("rpc-v2-cbor") {
            Protocol::Cbor
        } else if head.header("x-amz-target").is_some() {
            Protocol::Json
        } else if content_type.starts_with("application/x-www-form-urlencoded") {
            Protocol::Query
        } else {
            Protocol::Rest
        }
    }

    /// An error in this protocol's shape.
    pub(crate) fn error(self, status: u16, code: &str, message: &str) -> Reply {
        let request_id = text::random_id();
        let reply = match self {
            Protocol::Json => Reply::text(
                status,
                "application/x-amz-json-1.1",
                json!({ "__type": code, "message": message }).to_string(),
            ),
            Protocol::Rest => Reply::json(status, &json!({ "Type": "User", "Message": message }))
                .with("x-amzn-errortype", code),
            Protocol::Query => Reply::text(
                status,
                "text/xml",
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error>\
                     <RequestId>{request_id}</RequestId></ErrorResponse>",
                    escaped(message)
                ),
            ),
            Protocol::Cbor => {
                Reply::text(status, "application/cbor", cbor_map(&[("__type", code), ("message", message)]))
                    .with("smithy-protocol", "rpc-v2-cbor")
            }
            Protocol::Registry => Reply::text(
                status,
                "application/json; charset=utf-8",
                json!({ "errors": [{ "code": code, "message": message }] }).to_string(),
            ),
            Protocol::Storage => Reply::text(
                status,
                "application/xml",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{}</Message>\
                     <RequestId>{request_id}</RequestId></Error>",
                    escaped(message)
                ),
            ),
        };
        match self {
            Protocol::Registry => reply.with("docker-distribution-api-version", "registry/2.0"),
            _ => reply.with("x-amzn-requestid", request_id),
        }
    }

    /// One of the refusals that every service has.
    pub(crate) fn common(self, refusal: Common) -> Reply {
        let (status, code, message) = match (refusal, self) {
            (Common::Throttled, Protocol::Registry) => (429, "TOOMANYREQUESTS", "Rate exceeded"),
            (Common::Throttled, Protocol::Rest) => (429, "TooManyRequestsException", "Rate exceeded"),
            (Common::Throttled, Protocol::Json) => (400, "ThrottlingException", "Rate exceeded"),
            (Common::Throttled, Protocol::Storage) => (503, "SlowDown", "Please reduce your request rate."),
            (Common::Throttled, _) => (400, "Throttling", "Rate exceeded"),
            (Common::ExpiredToken, Protocol::Registry) => {
                (403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
            }
            (Common::ExpiredToken, Protocol::Json) => {
                (400, "ExpiredTokenException", "The security token included in the request is expired")
            }
            (Common::ExpiredToken, Protocol::Rest) => {
                (403, "ExpiredTokenException", "The security token included in the request is expired")
            }
            (Common::ExpiredToken, Protocol::Storage) => (403, "AccessDenied", "Request has expired"),
            (Common::ExpiredToken, _) => {
                (403, "ExpiredToken", "The security token included in the request is expired")
            }
            (Common::MissingToken, _) => {
                (403, "MissingAuthenticationToken", "Request is missing Authentication Token")
            }
            (Common::BrokenSignature, _) => (
                400,
                "IncompleteSignature",
                "Authorization header requires 'Credential' parameter in the form \
                 AKID/date/region/service/aws4_request",
            ),
        };
        self.error(status, code, message)
    }

    /// The refusal of a caller without permission, with AWS's text.
    pub(crate) fn denied(self, caller_arn: &str, action: &str, resource: &str, policy_kind: &str) -> Reply {
        let message = denial(caller_arn, action, resource, policy_kind);
        match self {
            Protocol::Json => self.error(400, "AccessDeniedException", &message),
            Protocol::Rest => self.error(403, "AccessDeniedException", &message),
            Protocol::Registry => self.error(403, "DENIED", &message),
            _ => self.error(403, "AccessDenied", &message),
        }
    }
}

/// AWS's sentence for a caller without permission. `policy_kind` is `identity-based` or `resource-based`.
pub(crate) fn denial(caller_arn: &str, action: &str, resource: &str, policy_kind: &str) -> String {
    format!(
        "User: {caller_arn} is not authorized to perform: {action} on resource: {resource} \
         because no {policy_kind} policy allows the {action} action"
    )
}

/// Text as it may stand in XML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A CBOR map of texts: all that an error needs.
fn cbor_map(entries: &[(&str, &str)]) -> Vec<u8> {
    fn header(kind: u8, length: usize, into: &mut Vec<u8>) {
        match u16::try_from(length) {
            Ok(short @ 0..=23) => into.push(kind << 5 | short.to_be_bytes()[1]),
            Ok(short) => {
                into.push(kind << 5 | 25);
                into.extend(short.to_be_bytes());
            }
            Err(_) => {
                into.push(kind << 5 | 27);
                into.extend((length as u64).to_be_bytes());
            }
        }
    }
    let mut encoded = Vec::new();
    header(5, entries.len(), &mut encoded);
    for text in entries.iter().flat_map(|(name, value)| [name, value]) {
        header(3, text.len(), &mut encoded);
        encoded.extend_from_slice(text.as_bytes());
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cbor_maps_are_encoded_as_rfc_8949_says() {
        assert_eq!(cbor_map(&[("a", "b")]), [0xa1, 0x61, b'a', 0x61, b'b']);
        let long = "x".repeat(300);
        let encoded = cbor_map(&[("m", &long)]);
        assert_eq!(encoded[..6], [0xa1, 0x61, b'm', 0x79, 0x01, 0x2c]);
        assert_eq!(encoded.len(), 306);
    }

    #[test]
    fn xml_errors_escape_their_message() {
        let reply = Protocol::Query.error(400, "X", "a < b & c");
        let crate::reply::Content::Whole(body) = reply.content else { panic!("an error has a body") };
        assert!(String::from_utf8_lossy(&body).contains("<Message>a &lt; b &amp; c</Message>"));
    }
}
