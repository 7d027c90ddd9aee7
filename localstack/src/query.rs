//! Answers of AWS's query protocol, in XML: a wrapper for results and one for refusals.

use crate::call::Answer;
use crate::protocol::escaped;
use crate::text;

/// A service's own form of them, by the namespace of its documents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query {
    namespace: &'static str,
}

impl Query {
    pub(crate) const fn new(namespace: &'static str) -> Self {
        Self { namespace }
    }

    /// The result of an operation; `inner` is XML.
    pub(crate) fn result(self, action: &str, inner: &str) -> Answer {
        answer(
            200,
            format!(
                "<{action}Response xmlns=\"{}\"><{action}Result>{inner}</{action}Result><ResponseMetadata>\
                 <RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
                self.namespace,
                text::random_id()
            ),
        )
    }

    /// A refusal.
    pub(crate) fn error(self, status: u16, code: &str, message: &str) -> Answer {
        answer(
            status,
            format!(
                "<ErrorResponse xmlns=\"{}\"><Error><Type>Sender</Type><Code>{code}</Code>\
                 <Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
                self.namespace,
                escaped(message),
                text::random_id()
            ),
        )
    }
}

fn answer(status: u16, xml: String) -> Answer {
    Answer {
        status,
        headers: vec![("content-type".to_owned(), "text/xml".to_owned())],
        body: xml.into_bytes(),
    }
}
