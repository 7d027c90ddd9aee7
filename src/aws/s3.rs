//! Amazon S3: reading an object.

use std::borrow::Cow;

use async_trait::async_trait;
use aws_config::SdkConfig;
use reqwest::Method;
use url::Url;

use super::error::Operation;
use super::signed::{Request, Sender, Service, refusal_in_xml};
use crate::cloud::{CloudError, CloudErrorKind, Objects};
use crate::name::Region;

const GET_OBJECT: Operation = Operation { service: "Amazon S3", name: "GetObject" };

/// What a bucket's own Region is told in.
const BUCKET_REGION: &str = "x-amz-bucket-region";

/// The objects that one identity may read, wherever their buckets are.
#[derive(Debug, Clone)]
pub struct S3 {
    sender: Sender,
    region: Region,
}

impl S3 {
    pub(super) fn new(sdk: SdkConfig, region: Region) -> Self {
        let service = Service { name: "s3", id: "S3" };
        Self { sender: Sender { service, sdk, read: refusal_in_xml }, region }
    }

    fn address(&self, bucket: &str, key: &str, region: &Region) -> Result<Url, CloudError> {
        let key = encoded(key);
        let address = match self.sender.endpoint() {
            Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/')),
            // A dot in the bucket's name is more than a certificate's wildcard covers.
            None if bucket.contains('.') => format!("https://{}/{bucket}/{key}", self.sender.host(region)),
            None => format!("https://{bucket}.{}/{key}", self.sender.host(region)),
        };
        address.parse().map_err(|_| GET_OBJECT.invalid("the endpoint is not an address"))
    }
}

#[async_trait]
impl Objects for S3 {
    async fn object(
        &self,
        bucket: &str,
        key: &str,
        region: Option<&str>,
        most: u64,
    ) -> Result<Vec<u8>, CloudError> {
        let call = GET_OBJECT;
        let mut region = match region {
            None => self.region.clone(),
            Some(named) => {
                named.parse().map_err(|error| call.invalid(format!("the bucket's Region: {error}")))?
            }
        };
        // Asked in the wrong Region, S3 says which is the right one.
        for _ in 0..2 {
            let request = Request {
                method: Method::GET,
                url: self.address(bucket, key, &region)?,
                region: Cow::Borrowed(region.as_str()),
                headers: Vec::new(),
                body: Vec::new(),
                most,
            };
            let sent =
                self.sender.send(call, &request, |answer| answer.header(BUCKET_REGION).is_some()).await;
            let answer = sent.map_err(|error| told(error, bucket, key))?;
            if answer.status == 200 {
                return Ok(answer.body);
            }
            let own = answer.header(BUCKET_REGION).and_then(|own| own.parse::<Region>().ok());
            match own {
                Some(own) if own != region => region = own,
                _ => {
                    let (code, message) = refusal_in_xml(&answer);
                    return Err(told(call.refused(answer.status, code, message, None), bucket, key));
                }
            }
        }
        Err(call.unexpected("the bucket's Region cannot be found out"))
    }
}

/// S3's words for what is not there do not name it.
fn told(error: CloudError, bucket: &str, key: &str) -> CloudError {
    match error.kind {
        CloudErrorKind::NotFound => {
            CloudError { message: format!("there is no s3://{bucket}/{key}: {}", error.message), ..error }
        }
        _ => error,
    }
}

/// A key as it stands in an address: everything but slashes and what never needs it is encoded.
fn encoded(key: &str) -> String {
    let mut text = String::new();
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte))
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replay::Replay;
    use crate::aws::signed::Answer;

    #[test]
    fn an_object_has_an_address_in_its_buckets_region() {
        let mut sdk = Replay::new([]).config().into_builder();
        sdk.set_endpoint_url(None);
        let s3 = S3::new(sdk.build(), "eu-west-1".parse().unwrap());
        for (bucket, key, region, expected) in [
            ("b-1", "a/b c.tfstate", "eu-west-1", "https://b-1.s3.eu-west-1.amazonaws.com/a/b%20c.tfstate"),
            (
                "my.bucket",
                "env:/dev/x",
                "us-east-1",
                "https://s3.us-east-1.amazonaws.com/my.bucket/env%3A/dev/x",
            ),
            ("b-1", "x", "cn-north-1", "https://b-1.s3.cn-north-1.amazonaws.com.cn/x"),
        ] {
            let address = s3.address(bucket, key, &region.parse().unwrap()).unwrap();
            assert_eq!(address.as_str(), expected);
        }
    }

    #[test]
    fn a_refusal_is_read() {
        let body =
            b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>a &lt;b&gt;</Message></Error>"
                .to_vec();
        let answer = Answer { status: 404, headers: Default::default(), body };
        assert_eq!(refusal_in_xml(&answer), (Some("NoSuchKey".to_owned()), Some("a <b>".to_owned())));
    }
}
