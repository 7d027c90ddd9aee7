//! The bench: a Lambda with repositories that a test fills, and a clock that a test turns.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use lambda_lift_localstack::lambda::{Lambda, LambdaSettings};
use lambda_lift_localstack::{Answer, Call, Images, StoredImage};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const OTHER: &str = "999999999999";
pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/app";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A policy that lets Lambda pull for anybody.
pub(crate) const OPEN_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]}]}"#;

#[derive(Default)]
pub(crate) struct Shelf {
    repositories: Mutex<BTreeMap<(String, String, String), Repository>>,
}

#[derive(Default)]
struct Repository {
    policy: Option<String>,
    images: Vec<(String, StoredImage)>,
}

impl Shelf {
    fn with<T>(&self, account: &str, repository: &str, change: impl FnOnce(&mut Repository) -> T) -> T {
        let key = (account.to_owned(), REGION.to_owned(), repository.to_owned());
        change(self.repositories.lock().unwrap().entry(key).or_default())
    }

    pub(crate) fn policy_of(&self, account: &str, repository: &str, policy: Option<&str>) {
        self.with(account, repository, |found| found.policy = policy.map(str::to_owned));
    }

    /// Puts an image with that manifest, and gives its digest.
    pub(crate) fn put(
        &self,
        account: &str,
        repository: &str,
        tag: &str,
        kind: &str,
        manifest: &Value,
    ) -> String {
        let digest = digest(tag);
        let image = StoredImage {
            digest: digest.clone(),
            media_type: kind.to_owned(),
            manifest: manifest.to_string().into_bytes(),
        };
        self.with(account, repository, |found| found.images.push((tag.to_owned(), image)));
        digest
    }

    pub(crate) fn delete(&self, account: &str, repository: &str, tag: &str) {
        self.with(account, repository, |found| found.images.retain(|(name, _)| name != tag));
    }
}

impl Images for Shelf {
    fn find(&self, account: &str, region: &str, repository: &str, reference: &str) -> Option<StoredImage> {
        let key = (account.to_owned(), region.to_owned(), repository.to_owned());
        let repositories = self.repositories.lock().unwrap();
        let images = &repositories.get(&key)?.images;
        let found = images.iter().find(|(tag, image)| tag == reference || image.digest == reference);
        found.map(|(_, image)| image.clone())
    }

    fn policy(&self, account: &str, region: &str, repository: &str) -> Option<Option<String>> {
        let key = (account.to_owned(), region.to_owned(), repository.to_owned());
        self.repositories.lock().unwrap().get(&key).map(|found| found.policy.clone())
    }

    fn set_policy(&self, account: &str, _region: &str, repository: &str, text: &str) {
        self.policy_of(account, repository, Some(text));
    }
}

/// A digest that differs from tag to tag.
pub(crate) fn digest(tag: &str) -> String {
    let hex: String = tag.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex:0<64}")
}

/// A manifest of one gzip layer.
pub(crate) fn manifest() -> Value {
    json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
           "config": {"mediaType": "application/vnd.oci.image.config.v1+json"},
           "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}]})
}

/// The URI of an image in a repository of an account.
pub(crate) fn uri(account: &str, repository: &str, reference: &str) -> String {
    let separator = if reference.starts_with("sha256:") { '@' } else { ':' };
    format!("{account}.dkr.ecr.{REGION}.amazonaws.com/{repository}{separator}{reference}")
}

/// An answer, read.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn of(answer: Answer) -> Self {
        let body = if answer.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&answer.body).expect("every answer here is JSON")
        };
        Reply { status: answer.status, headers: answer.headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self, member: &str) -> &str {
        self.body.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Holds a refusal to its status, code and text.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, part: &str) {
        assert_eq!((self.status, self.header("x-amzn-errortype")), (status, Some(code)), "{self:?}");
        let message = self.body.get("message").or(self.body.get("Message")).and_then(Value::as_str);
        assert!(message.is_some_and(|message| message.contains(part)), "wanted {part}: {self:?}");
    }
}

pub(crate) struct Bench {
    pub(crate) lambda: Lambda,
    pub(crate) images: Arc<Shelf>,
    now: Cell<u64>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Bench::with(LambdaSettings::default())
    }

    /// A bench where everything has settled by the next call.
    pub(crate) fn quick() -> Self {
        Bench::with(LambdaSettings {
            create_settle: Duration::ZERO,
            update_settle: Duration::ZERO,
            publish_settle: Duration::ZERO,
            provision_settle: Duration::ZERO,
            ..LambdaSettings::default()
        })
    }

    pub(crate) fn with(settings: LambdaSettings) -> Self {
        Bench::kept(settings, None)
    }

    /// A bench with a repository `app` that holds images `v1`, `v2` and `v3`, open to Lambda.
    pub(crate) fn kept(settings: LambdaSettings, state: Option<PathBuf>) -> Self {
        let images = Arc::new(Shelf::default());
        images.policy_of(ACCOUNT, "app", Some(OPEN_POLICY));
        for tag in ["v1", "v2", "v3"] {
            images.put(ACCOUNT, "app", tag, OCI_MANIFEST, &manifest());
        }
        Bench {
            lambda: Lambda::new(images.clone(), settings, state),
            images,
            now: Cell::new(1_793_872_830_000),
        }
    }

    pub(crate) fn wait(&self, milliseconds: u64) {
        self.now.set(self.now.get() + milliseconds);
    }

    pub(crate) fn call_of(&self, method: &str, target: &str, body: &Value) -> Call {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Call {
            method: method.to_owned(),
            path: path.to_owned(),
            query: pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            headers: Vec::new(),
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            service: "lambda".to_owned(),
            now: SystemTime::UNIX_EPOCH + Duration::from_millis(self.now.get()),
        }
    }

    pub(crate) fn send(&self, call: &Call) -> Reply {
        Reply::of(self.lambda.handle(call))
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.send(&self.call_of("GET", target, &Value::Null))
    }

    pub(crate) fn delete(&self, target: &str) -> Reply {
        self.send(&self.call_of("DELETE", target, &Value::Null))
    }

    pub(crate) fn post(&self, target: &str, body: Value) -> Reply {
        self.send(&self.call_of("POST", target, &body))
    }

    pub(crate) fn put(&self, target: &str, body: Value) -> Reply {
        self.send(&self.call_of("PUT", target, &body))
    }

    /// The request that creates an image function `app`, changed as a test wants it; null removes a member.
    pub(crate) fn request(change: Value) -> Value {
        let request = json!({
            "FunctionName": "app",
            "Role": ROLE,
            "PackageType": "Image",
            "Code": {"ImageUri": uri(ACCOUNT, "app", "v1")},
        });
        merged(request, change)
    }

    pub(crate) fn create(&self, change: Value) -> Reply {
        self.post("/2015-03-31/functions", Bench::request(change))
    }

    /// The function `app`, settled.
    pub(crate) fn ready(self) -> Self {
        self.create(json!({})).expect(201);
        self.wait(1000);
        // What is due ends with the next call, so that what a test changes afterwards comes too late for it.
        self.configuration();
        self
    }

    pub(crate) fn configuration(&self) -> Reply {
        self.get("/2015-03-31/functions/app/configuration").expect(200)
    }

    pub(crate) fn update_code(&self, change: Value) -> Reply {
        self.put("/2015-03-31/functions/app/code", change)
    }

    pub(crate) fn update_configuration(&self, change: Value) -> Reply {
        self.put("/2015-03-31/functions/app/configuration", change)
    }

    /// Publishes a version with that description in `$LATEST`, and gives its number.
    pub(crate) fn version(&self, description: &str) -> String {
        self.update_configuration(json!({"Description": description})).expect(200);
        self.wait(1000);
        let number = self.post("/2015-03-31/functions/app/versions", json!({})).expect(201);
        self.wait(1000);
        number.text("Version").to_owned()
    }
}

/// One object laid over another; null removes a member.
pub(crate) fn merged(mut base: Value, change: Value) -> Value {
    for (key, value) in change.as_object().expect("an object") {
        if value.is_null() {
            base.as_object_mut().expect("an object").remove(key);
        } else {
            base[key] = value.clone();
        }
    }
    base
}
