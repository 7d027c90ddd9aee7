//! An AWS account inside the stand-in, and the binary as somebody who may do everything in it.

use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_lift_localstack::{CallRecord, Effect, FaultRule, Settings, Stand, Turn};
use lambda_lift_rig::{LambdaLift, Run};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::image::{Image, digest};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/hello";

/// What the binary knows and must never say.
const SECRETS: [&str; 5] = [
    SECRET_KEY,
    ENVIRONMENT_VALUE,
    // How every password of the stand-in's registry begins, by itself and in an Authorization header.
    "eyJjYWxsZXIi",
    "QVdTOmV5",
    "Signature=",
];
const SECRET_KEY: &str = "this-secret-access-key-is-never-shown";
/// A value for an environment variable of a function.
pub(crate) const ENVIRONMENT_VALUE: &str = "this-value-of-a-variable-is-never-shown";

/// A stand-in of its own for one test, and the binary pointed at it.
pub(crate) struct Account {
    pub(crate) stand: Stand,
    pub(crate) lambda_lift: LambdaLift,
    /// The account, 12 digits.
    pub(crate) id: String,
    http: reqwest::Client,
    // Last: the stand-in runs in it.
    runtime: Runtime,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let mut account = Self::without_registry_endpoint(settings);
        account.lambda_lift.always(&["--registry-endpoint", &account.stand.url()]);
        account
    }

    /// An account whose registry is reached through something else, which each run has to name.
    pub(crate) fn without_registry_endpoint(settings: Settings) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let stand = runtime.block_on(Stand::start(settings)).unwrap();
        let mut lambda_lift = LambdaLift::new(env!("CARGO_BIN_EXE_lambda-lift"));
        lambda_lift
            .set("AWS_ACCESS_KEY_ID", ACCOUNT)
            .set("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .set("AWS_REGION", REGION)
            .always(&["--endpoint-url", &stand.url()]);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { stand, lambda_lift, id: ACCOUNT.to_owned(), http, runtime }
    }

    /// Goes on as another account: the stand-in takes an access key of twelve digits for one.
    pub(crate) fn become_account(&mut self, id: &str) {
        self.lambda_lift.set("AWS_ACCESS_KEY_ID", id);
        self.id = id.to_owned();
    }

    pub(crate) fn role(&self) -> String {
        ROLE.replace(ACCOUNT, &self.id)
    }

    /// A file of the test's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.lambda_lift.home().join(name)
    }

    /// Writes the image as a docker-archive; answers its name for `--image`.
    pub(crate) fn image(&self, name: &str, image: &Image) -> String {
        image.docker_archive(&self.path(&format!("{name}.tar")))
    }

    /// The image with this note.
    pub(crate) fn small_image(&self, note: &str) -> String {
        self.image(note, &Image::small(note))
    }

    /// Runs the binary. Whatever it says is searched for secrets.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let run = self.lambda_lift.run(arguments);
        assert_no_secrets(&run);
        run
    }

    /// Starts the binary, to be ended by [`finish`](Self::finish).
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.lambda_lift.start_recorded(arguments)
    }

    /// Waits for a process that was started.
    pub(crate) fn finish(child: Child) -> Run {
        let run = Run::of(child.wait_with_output().unwrap());
        assert_no_secrets(&run);
        run
    }

    /// Deploys `image` to the function and from the repository `hello`, as the alias `live`.
    pub(crate) fn deploy(&self, image: &str) -> Run {
        self.deploy_with(image, &[])
    }

    /// The same, with more arguments.
    pub(crate) fn deploy_with(&self, image: &str, more: &[&str]) -> Run {
        self.run(&[&deploy_arguments(image, &self.role())[..], more].concat())
    }

    /// Deploys for the first time, outside of what is tested.
    pub(crate) fn deployed(image: impl FnOnce(&Self) -> String) -> (Self, String) {
        let account = Self::new();
        let image = image(&account);
        account.deploy(&image).expect(0);
        account.stand.clear_calls();
        (account, image)
    }

    /// The calls since they were last cleared.
    pub(crate) fn calls(&self) -> Vec<CallRecord> {
        self.stand.calls()
    }

    /// The operations called, in the order of their arrival.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.operation).collect()
    }

    /// The calls that could change something, in the order of their arrival.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.operations().into_iter().filter(|operation| is_write(operation)).collect()
    }

    /// Fails from now on at these operations, until told otherwise.
    pub(crate) fn fault(&self, operation: &str, calls: Turn, effect: Effect) {
        let rule = FaultRule {
            operation: operation.to_owned(),
            calls,
            effect: Some(effect),
            ..FaultRule::default()
        };
        self.stand.set_faults(vec![rule]);
    }

    pub(crate) fn clear_faults(&self) {
        self.stand.set_faults(Vec::new());
    }

    /// Calls ECR's control plane; answers status and body.
    pub(crate) fn try_ecr(&self, operation: &str, input: Value) -> (u16, Value) {
        let request = self
            .http
            .post(self.stand.url())
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("AmazonEC2ContainerRegistry_V20150921.{operation}"))
            .body(input.to_string());
        self.send(request, "ecr")
    }

    /// Calls ECR's control plane; a refusal fails the test.
    pub(crate) fn ecr(&self, operation: &str, input: Value) -> Value {
        let (status, answer) = self.try_ecr(operation, input);
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// Calls CloudWatch; a refusal fails the test.
    pub(crate) fn cloudwatch(&self, operation: &str, input: Value) {
        let request = self
            .http
            .post(self.stand.url())
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("GraniteServiceVersion20100801.{operation}"))
            .body(input.to_string());
        let (status, answer) = self.send(request, "monitoring");
        assert_eq!(status, 200, "{operation}: {answer}");
    }

    /// Calls CodeDeploy; a refusal fails the test.
    pub(crate) fn codedeploy(&self, operation: &str, input: Value) -> Value {
        let request = self
            .http
            .post(self.stand.url())
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("CodeDeploy_20141006.{operation}"))
            .body(input.to_string());
        let (status, answer) = self.send(request, "codedeploy");
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// Calls SSM; a refusal fails the test.
    pub(crate) fn ssm(&self, operation: &str, input: Value) -> Value {
        let request = self
            .http
            .post(self.stand.url())
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("AmazonSSM.{operation}"))
            .body(input.to_string());
        let (status, answer) = self.send(request, "ssm");
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// Keeps a parameter.
    pub(crate) fn parameter(&self, name: &str, kind: &str, value: &str) {
        self.ssm("PutParameter", json!({ "Name": name, "Type": kind, "Value": value }));
    }

    /// Puts an object into S3.
    pub(crate) fn object(&self, bucket: &str, key: &str, content: &str) {
        let url = format!("{}/{bucket}/{key}", self.stand.url());
        let (status, answer) = self.send(self.http.put(url).body(content.to_owned()), "s3");
        assert_eq!(status, 200, "{bucket}/{key}: {answer}");
    }

    /// Calls Lambda; answers status and body.
    pub(crate) fn try_lambda(&self, method: &str, path: &str, input: Value) -> (u16, Value) {
        self.lambda_api(method, &format!("/2015-03-31/functions{path}"), input)
    }

    /// Calls any path of Lambda; answers status and body.
    pub(crate) fn lambda_api(&self, method: &str, path: &str, input: Value) -> (u16, Value) {
        let url = format!("{}{path}", self.stand.url());
        let request = self.http.request(method.parse().unwrap(), url);
        let request = if input.is_null() { request } else { request.body(input.to_string()) };
        self.send(request.header("content-type", "application/json"), "lambda")
    }

    /// Calls Lambda; a refusal fails the test.
    pub(crate) fn lambda(&self, method: &str, path: &str, input: Value) -> Value {
        let (status, answer) = self.try_lambda(method, path, input);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// Sets tags of a function, named by its ARN.
    pub(crate) fn tag(&self, arn: &str, tags: Value) {
        let request = self.http.post(self.tags_url(arn)).body(json!({ "Tags": tags }).to_string());
        assert_eq!(self.send(request.header("content-type", "application/json"), "lambda").0, 204);
    }

    /// Takes a tag of a function away.
    pub(crate) fn untag(&self, arn: &str, key: &str) {
        let url = format!("{}?tagKeys={}", self.tags_url(arn), key.replace(':', "%3A"));
        assert_eq!(self.send(self.http.delete(url), "lambda").0, 204);
    }

    fn tags_url(&self, arn: &str) -> String {
        format!("{}/2017-03-31/tags/{}", self.stand.url(), arn.replace(':', "%3A"))
    }

    fn send(&self, request: reqwest::RequestBuilder, service: &str) -> (u16, Value) {
        let id = &self.id;
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={id}/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=00"
        );
        let request = request.header("authorization", scope);
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
        })
    }

    pub(crate) fn create_repository(&self, name: &str) {
        self.ecr("CreateRepository", json!({ "repositoryName": name }));
    }

    pub(crate) fn set_policy(&self, repository: &str, policy: &Value) {
        self.ecr(
            "SetRepositoryPolicy",
            json!({ "repositoryName": repository, "policyText": policy.to_string() }),
        );
    }

    /// The repository's policy, if it has one.
    pub(crate) fn policy(&self, repository: &str) -> Option<Value> {
        let (status, answer) = self.try_ecr("GetRepositoryPolicy", json!({ "repositoryName": repository }));
        (status == 200).then(|| serde_json::from_str(answer["policyText"].as_str().unwrap()).unwrap())
    }

    /// Waits until the function has settled; answers its configuration.
    pub(crate) fn settled_function(&self, name: &str) -> Value {
        for _ in 0..500 {
            let function = self.lambda("GET", &format!("/{name}/configuration"), Value::Null);
            if function["State"] != "Pending" && function["LastUpdateStatus"] != "InProgress" {
                return function;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("function {name} does not settle");
    }

    /// A password for the registry.
    pub(crate) fn password(&self) -> String {
        let answer = self.ecr("GetAuthorizationToken", json!({}));
        let token = answer["authorizationData"][0]["authorizationToken"].as_str().unwrap();
        let text = String::from_utf8(STANDARD.decode(token).unwrap()).unwrap();
        text.strip_prefix("AWS:").unwrap().to_owned()
    }

    /// Begins to send a part of an upload, and goes away in its middle.
    pub(crate) fn send_half_a_part(&self, location: &str, offset: u64, length: u64) {
        use std::io::{Read as _, Write as _};
        let url: reqwest::Url = location.parse().unwrap();
        let password = STANDARD.encode(format!("AWS:{}", self.password()));
        let head = format!(
            "PATCH {} HTTP/1.1\r\nHost: stand\r\nAuthorization: Basic {password}\r\n\
             Content-Range: {offset}-{}\r\nContent-Length: {length}\r\n\r\n",
            url.path(),
            offset + length - 1
        );
        let mut stream = std::net::TcpStream::connect(url.socket_addrs(|| None).unwrap()[0]).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![7; usize::try_from(length / 2).unwrap()]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // The answer, or the end of the connection, says that what arrived was dealt with.
        let _ = stream.read_to_end(&mut Vec::new());
    }

    /// Reads every blob of the image back and verifies its digest.
    pub(crate) fn assert_stored(&self, repository: &str, manifest_digest: &str) {
        self.stored(repository, manifest_digest).unwrap();
    }

    /// Whether the image and all of its blobs are there, byte for byte; if not, what is wrong.
    pub(crate) fn stored(&self, repository: &str, manifest_digest: &str) -> Result<(), String> {
        let found = self.stand.images().find(&self.id, REGION, repository, manifest_digest);
        let stored = found.ok_or_else(|| format!("{repository}@{manifest_digest} is not there"))?;
        if digest(&stored.manifest) != manifest_digest {
            return Err(format!("{manifest_digest} is not the manifest's digest"));
        }
        let manifest: Value = serde_json::from_slice(&stored.manifest).map_err(|error| error.to_string())?;
        let password = self.password();
        let layers = manifest["layers"].as_array().ok_or("a manifest without layers")?;
        for descriptor in layers.iter().chain([&manifest["config"]]) {
            let expected = descriptor["digest"].as_str().ok_or("a descriptor without a digest")?;
            let bytes = self.try_blob(repository, expected, &password)?;
            if digest(&bytes) != expected || descriptor["size"] != bytes.len() {
                return Err(format!("{expected} is there with {} bytes of other content", bytes.len()));
            }
        }
        Ok(())
    }

    /// Digest and tag of every image of the repository.
    pub(crate) fn image_ids(&self, repository: &str) -> Vec<(String, String)> {
        let images = self.ecr("ListImages", json!({ "repositoryName": repository }));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let ids = images["imageIds"].as_array().unwrap().iter();
        ids.map(|id| (text(&id["imageDigest"]), text(&id["imageTag"]))).collect()
    }

    /// Reads a blob from the registry.
    pub(crate) fn blob(&self, repository: &str, digest: &str) -> Vec<u8> {
        self.try_blob(repository, digest, &self.password()).unwrap()
    }

    fn try_blob(&self, repository: &str, digest: &str, password: &str) -> Result<Vec<u8>, String> {
        let url = format!("{}/v2/{repository}/blobs/{digest}", self.stand.url());
        let request = self.http.get(url).basic_auth("AWS", Some(password));
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            match answer.status() {
                status if status.is_success() => Ok(answer.bytes().await.unwrap().to_vec()),
                status => Err(format!("{digest}: {status}")),
            }
        })
    }

    /// Puts a blob into a repository by the control plane, as somebody else would.
    pub(crate) fn put_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let of_upload = |mut input: Value| {
            input["repositoryName"] = repository.into();
            input
        };
        let begun = self.ecr("InitiateLayerUpload", of_upload(json!({})));
        let upload = &begun["uploadId"];
        let part = json!({ "uploadId": upload, "partFirstByte": 0, "partLastByte": bytes.len() - 1,
                           "layerPartBlob": STANDARD.encode(bytes) });
        self.ecr("UploadLayerPart", of_upload(part));
        let digest = digest(bytes);
        self.ecr("CompleteLayerUpload", of_upload(json!({ "uploadId": upload, "layerDigests": [digest] })));
        digest
    }

    /// Everything of `hello` that a deploy decides, so that two ways to the same end can be compared.
    pub(crate) fn end_state(&self) -> Value {
        let configuration = self.settled_function("hello");
        let function = self.lambda("GET", "/hello", Value::Null);
        let versions = self.lambda("GET", "/hello/versions", Value::Null);
        let versions: Vec<_> = versions["Versions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|version| json!([version["Version"], version["CodeSha256"], version["MemorySize"]]))
            .collect();
        let alias = self.lambda("GET", "/hello/aliases/live", Value::Null);
        let images = self.ecr("ListImages", json!({ "repositoryName": "hello" }));
        let mut images: Vec<_> =
            images["imageIds"].as_array().unwrap().iter().map(Value::to_string).collect();
        images.sort();
        let digest = format!("sha256:{}", configuration["CodeSha256"].as_str().unwrap());
        self.assert_stored("hello", &digest);
        json!({
            "state": configuration["State"],
            "update": configuration["LastUpdateStatus"],
            "image": function["Code"]["ImageUri"],
            "memory": configuration["MemorySize"],
            "environment": configuration["Environment"],
            "versions": versions,
            "alias": [alias["FunctionVersion"], alias["RoutingConfig"]],
            "images": images,
            "policy": self.policy("hello"),
        })
    }
}

/// The arguments with which `hello` is deployed.
pub(crate) fn deploy_arguments<'a>(image: &'a str, role: &'a str) -> Vec<&'a str> {
    vec![
        "deploy",
        "--image",
        image,
        "--function",
        "hello",
        "--repository",
        "hello",
        "--create-repository",
        "--role",
        role,
        "--alias",
        "live",
    ]
}

/// Whether an operation could change something.
fn is_write(operation: &str) -> bool {
    let reads = [
        "Get",
        "Describe",
        "List",
        "BatchGet",
        "BatchCheck",
        "Head",
        "Download",
        "CheckVersion",
        "UploadStatus",
    ];
    !reads.iter().any(|verb| operation.starts_with(verb))
}

/// Nothing that the binary says may hold a secret: not the key, not a value, not a token or an address with one.
fn assert_no_secrets(run: &Run) {
    for (stream, text) in [("standard output", &run.stdout), ("standard error", &run.stderr)] {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{stream} holds {secret:?}:\n{text}");
        }
        assert!(!text.contains("panicked at"), "{text}");
    }
}
