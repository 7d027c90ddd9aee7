//! Answers of bounded length: the SDK reads an answer whole before it looks at it, and would read for as long as an
//! endpoint (a proxy, a wrong address) goes on sending.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use http_body_util::Limited;

/// The longest answer that is read, in bytes. The longest that AWS gives here holds an image manifest of 4 MiB.
const LONGEST_ANSWER: usize = 32 << 20;

/// Makes the reading of a longer answer fail.
#[derive(Debug)]
pub(super) struct BoundedAnswers;

impl Intercept for BoundedAnswers {
    fn name(&self) -> &'static str {
        "BoundedAnswers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let endless = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(endless, LONGEST_ANSWER));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use crate::aws::{Connection, ConnectionSettings, StaticCredentials};
    use crate::cloud::{CloudErrorKind, Identity as _};

    /// Answers every request with a body that does not end before the client goes away.
    fn endless() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                let _ = client.read(&mut [0; 4096]);
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n";
                let mut sent = client.write_all(head.as_bytes());
                while sent.is_ok() {
                    sent = client.write_all(&[b'x'; 1 << 16]);
                }
            }
        });
        url
    }

    #[tokio::test]
    async fn an_endless_answer_is_not_read_to_its_end() {
        let credentials =
            StaticCredentials { access_key_id: "AKIA".to_owned(), secret_access_key: "secret".to_owned() };
        let settings = ConnectionSettings {
            region: Some("eu-west-1".parse().unwrap()),
            endpoint_url: Some(endless()),
            credentials: Some(credentials),
            ..ConnectionSettings::default()
        };
        let connection = Connection::open(&settings).await.unwrap();
        let error = connection.identity().caller().await.unwrap_err();
        assert_eq!(error.kind, CloudErrorKind::Unexpected, "{error}");
        assert!(error.to_string().contains("length limit exceeded"), "{error}");
    }
}
