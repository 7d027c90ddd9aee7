//! What the tests share: a caller of the control plane, and one of the registry.

use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::body::Frame;
use lambda_lift_localstack::{Settings, Stand};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const OTHER: &str = "111122223333";
pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A running stand-in, and a client that keeps to what it is told: no proxies, no redirects.
pub(crate) struct Scene {
    pub(crate) stand: Stand,
    pub(crate) http: reqwest::Client,
}

/// Status and JSON of an answer.
pub(crate) type Answer = (u16, Value);

impl Scene {
    pub(crate) async fn open() -> Scene {
        Scene::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Scene {
        let stand = Stand::start(settings).await.unwrap();
        let redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().redirect(redirect).build().unwrap();
        Scene { stand, http }
    }

    /// A stand-in with the repository `app`, and a registry client with a token for it.
    pub(crate) async fn with_repository() -> (Scene, Registry) {
        let scene = Scene::open().await;
        scene.create("app").await;
        let registry = scene.registry("app").await;
        (scene, registry)
    }

    pub(crate) async fn create(&self, repository: &str) {
        let (status, answer) = self.ecr("CreateRepository", json!({ "repositoryName": repository })).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Calls ECR's control plane as the default account.
    pub(crate) async fn ecr(&self, operation: &str, input: Value) -> Answer {
        self.ecr_as(ACCOUNT, REGION, operation, input).await
    }

    pub(crate) async fn ecr_as(&self, account: &str, region: &str, operation: &str, input: Value) -> Answer {
        let response = self
            .http
            .post(self.stand.url())
            .header("authorization", signature(account, region, "ecr"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("AmazonEC2ContainerRegistry_V20150921.{operation}"))
            .body(input.to_string())
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    /// The error's name and message that an ECR operation ends in.
    pub(crate) async fn ecr_error(&self, operation: &str, input: Value) -> (String, String) {
        let (status, answer) = self.ecr(operation, input).await;
        assert_eq!(status, 400, "{operation}: {answer}");
        let text = |member: &str| answer[member].as_str().unwrap().to_owned();
        (text("__type"), text("message"))
    }

    /// The registry's password.
    pub(crate) async fn password(&self, account: &str, input: Value) -> String {
        let (status, answer) = self.ecr_as(account, REGION, "GetAuthorizationToken", input).await;
        assert_eq!(status, 200, "{answer}");
        let token = answer["authorizationData"][0]["authorizationToken"].as_str().unwrap();
        let text = String::from_utf8(STANDARD.decode(token).unwrap()).unwrap();
        text.strip_prefix("AWS:").unwrap().to_owned()
    }

    pub(crate) async fn registry(&self, repository: &str) -> Registry {
        let password = self.password(ACCOUNT, json!({})).await;
        Registry {
            http: self.http.clone(),
            base: format!("{}/v2/{repository}", self.stand.url()),
            password,
            host: None,
        }
    }

    /// The operations that were called, in order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.stand.calls().into_iter().map(|call| call.operation).collect()
    }
}

/// A SigV4 header; the stand-in reads its scope only.
pub(crate) fn signature(account: &str, region: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=00"
    )
}

/// A repository of the registry, and a password for it.
#[derive(Clone)]
pub(crate) struct Registry {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) password: String,
    pub(crate) host: Option<String>,
}

impl Registry {
    pub(crate) fn request(&self, method: Method, rest: &str) -> RequestBuilder {
        let url = if rest.starts_with("http") { rest.to_owned() } else { format!("{}/{rest}", self.base) };
        let request = self.http.request(method, url).basic_auth("AWS", Some(&self.password));
        match &self.host {
            Some(host) => request.header("host", host),
            None => request,
        }
    }

    pub(crate) async fn send(&self, method: Method, rest: &str) -> Response {
        self.request(method, rest).send().await.unwrap()
    }

    /// Opens an upload and tells its address.
    pub(crate) async fn open(&self) -> String {
        let response = self.send(Method::POST, "blobs/uploads/").await;
        assert_eq!(response.status(), 202);
        header(&response, "location")
    }

    pub(crate) async fn part(&self, location: &str, range: Option<&str>, bytes: Vec<u8>) -> Response {
        let request = self.request(Method::PATCH, location).body(bytes);
        let request = match range {
            Some(range) => request.header("content-range", range),
            None => request,
        };
        request.send().await.unwrap()
    }

    pub(crate) async fn finish(&self, location: &str, digest: &str, bytes: Vec<u8>) -> Response {
        self.request(Method::PUT, &format!("{location}?digest={digest}")).body(bytes).send().await.unwrap()
    }

    /// Puts a blob in one go and tells its digest.
    pub(crate) async fn blob(&self, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        let location = self.open().await;
        let response = self.finish(&location, &digest, bytes.to_vec()).await;
        assert_eq!(response.status(), 201);
        digest
    }

    pub(crate) async fn put_manifest(&self, reference: &str, media_type: &str, manifest: &str) -> Response {
        self.request(Method::PUT, &format!("manifests/{reference}"))
            .header("content-type", media_type)
            .body(manifest.to_owned())
            .send()
            .await
            .unwrap()
    }

    /// Puts a small image under a tag and tells its manifest.
    pub(crate) async fn image(&self, tag: &str, layer: &[u8]) -> String {
        let (config, layer_digest) = (self.blob(b"{}").await, self.blob(layer).await);
        let manifest = manifest(&config, &layer_digest, layer.len());
        let response = self.put_manifest(tag, OCI_MANIFEST, &manifest).await;
        assert_eq!(response.status(), 201, "{}", response.text().await.unwrap());
        manifest
    }
}

/// A body of unknown length that comes as it is sent, and ends when the sender goes.
pub(crate) fn slow_body() -> (mpsc::Sender<Bytes>, reqwest::Body) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, reqwest::Body::wrap(Slow(receiver)))
}

struct Slow(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Slow {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

pub(crate) fn manifest(config: &str, layer: &str, layer_size: usize) -> String {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2 },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer, "size": layer_size,
        }],
    })
    .to_string()
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

pub(crate) fn header(response: &Response, name: &str) -> String {
    response.headers()[name].to_str().unwrap().to_owned()
}

/// Status, code and message of a registry's error.
pub(crate) async fn error(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let text = |member: &str| body["errors"][0][member].as_str().unwrap().to_owned();
    (status, text("code"), text("message"))
}
