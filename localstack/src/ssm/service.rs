//! Parameters, by account and Region. What a SecureString holds is not encrypted here; asked for without decryption it reads as something else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::iam::{Asked, Permission, parameter_arn};
use crate::partition::of_region;
use crate::service::Service;
use crate::state_file::StateFile;
use crate::text::epoch_milliseconds;
use crate::uuid::uuid;

/// What `X-Amz-Target` begins with.
const TARGET: &str = "AmazonSSM.";

/// The largest value of a standard parameter, in bytes.
const LARGEST: usize = 4096;

/// The most names that GetParameters takes.
const MOST_NAMES: usize = 10;

type Shelf = BTreeMap<String, Vec<Version>>;

/// A version of a parameter.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Version {
    kind: String,
    value: String,
    modified: u64,
}

/// AWS Systems Manager.
pub(crate) struct Ssm {
    inner: Mutex<Inner>,
}

struct Inner {
    /// By `account/region`.
    shelves: BTreeMap<String, Shelf>,
    file: StateFile,
    /// Why the state could not be read: then every call fails, so that nothing is lost.
    broken: Option<String>,
}

struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

fn refuse(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal { status: 400, code, message: message.into() }
}

impl Ssm {
    /// A store whose state is kept in `ssm.json` in `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        let mut file = StateFile::new(folder, "ssm.json");
        let (shelves, broken) = match file.load() {
            Ok(shelves) => (shelves, None),
            Err(why) => (BTreeMap::new(), Some(why)),
        };
        Ssm { inner: Mutex::new(Inner { shelves, file, broken }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn perform(&self, call: &Call) -> Result<Value, Refusal> {
        let broken = |message: String| Refusal { status: 500, code: "InternalServerError", message };
        let mut inner = self.lock();
        if let Some(why) = &inner.broken {
            return Err(broken(why.clone()));
        }
        let input: Value = serde_json::from_slice(&call.body)
            .map_err(|_| refuse("SerializationException", "the body is not JSON"))?;
        let operation =
            call.header("x-amz-target").and_then(|target| target.strip_prefix(TARGET)).unwrap_or("(none)");
        let place = Place { account: &call.account, region: &call.region, now: epoch_milliseconds(call.now) };
        let shelf = inner.shelves.entry(format!("{}/{}", call.account, call.region)).or_default();
        let answer = match operation {
            "PutParameter" => put(shelf, &input, &place),
            "GetParameter" => {
                let name = text(&input, "Name")?;
                let found = get(shelf, name, &input, &place);
                found
                    .map(|parameter| json!({ "Parameter": parameter }))
                    .ok_or_else(|| refuse("ParameterNotFound", ""))
            }
            "GetParameters" => get_many(shelf, &input, &place),
            "DeleteParameter" => match shelf.remove(text(&input, "Name")?) {
                Some(_) => Ok(json!({})),
                None => Err(refuse("ParameterNotFound", "")),
            },
            other => {
                Err(refuse("UnknownOperationException", format!("the stand-in has no SSM operation {other}")))
            }
        };
        let Inner { shelves, file, .. } = &mut *inner;
        file.save(shelves).map_err(broken)?;
        answer
    }
}

/// Where a call goes, and when.
struct Place<'a> {
    account: &'a str,
    region: &'a str,
    now: u64,
}

fn text<'a>(input: &'a Value, member: &str) -> Result<&'a str, Refusal> {
    let found = input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
    found.ok_or_else(|| {
        refuse(
            "ValidationException",
            format!("1 validation error detected: Value at '{member}' failed to satisfy constraint"),
        )
    })
}

fn put(shelf: &mut Shelf, input: &Value, place: &Place<'_>) -> Result<Value, Refusal> {
    let (name, value) = (text(input, "Name")?, text(input, "Value")?);
    let kind = input.get("Type").and_then(Value::as_str).unwrap_or("String");
    if !["String", "SecureString", "StringList"].contains(&kind) {
        return Err(refuse(
            "ValidationException",
            "1 validation error detected: Value at 'type' failed to satisfy constraint",
        ));
    }
    if value.len() > LARGEST {
        return Err(refuse(
            "ValidationException",
            "Standard tier parameters support a maximum parameter value of 4096 characters.",
        ));
    }
    let overwrites = input.get("Overwrite").and_then(Value::as_bool) == Some(true);
    let versions = shelf.entry(name.to_owned()).or_default();
    if !versions.is_empty() && !overwrites {
        let message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        return Err(refuse("ParameterAlreadyExists", message));
    }
    versions.push(Version { kind: kind.to_owned(), value: value.to_owned(), modified: place.now });
    Ok(json!({ "Version": versions.len(), "Tier": "Standard" }))
}

/// A parameter by `NAME`, `NAME:VERSION`, or its ARN.
fn get(shelf: &Shelf, asked: &str, input: &Value, place: &Place<'_>) -> Option<Value> {
    let prefix = format!("arn:aws:ssm:{}:{}:parameter", place.region, place.account);
    let short = asked.strip_prefix(&prefix).unwrap_or(asked);
    let (name, selector) =
        short.split_once(':').map_or((short, None), |(name, selector)| (name, Some(selector)));
    let versions = shelf.get(name)?;
    let number = match selector {
        None => versions.len(),
        Some(selector) => selector.parse().ok()?,
    };
    let version = versions.get(number.checked_sub(1)?)?;
    let decrypts = input.get("WithDecryption").and_then(Value::as_bool) == Some(true);
    let value = if version.kind == "SecureString" && !decrypts { "AQICAHencrypted" } else { &version.value };
    let arn = format!("{prefix}{}{name}", if name.starts_with('/') { "" } else { "/" });
    let seconds = std::time::Duration::from_millis(version.modified).as_secs_f64();
    Some(json!({ "Name": name, "Type": version.kind, "Value": value, "Version": number, "ARN": arn,
        "DataType": "text", "LastModifiedDate": seconds }))
}

fn get_many(shelf: &Shelf, input: &Value, place: &Place<'_>) -> Result<Value, Refusal> {
    let names: Vec<&str> =
        input["Names"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() || names.len() > MOST_NAMES {
        return Err(refuse(
            "ValidationException",
            "1 validation error detected: Value at 'names' failed to satisfy constraint",
        ));
    }
    let (mut found, mut invalid) = (Vec::new(), Vec::new());
    for name in names {
        match get(shelf, name, input, place) {
            Some(parameter) => found.push(parameter),
            None => invalid.push(name),
        }
    }
    Ok(json!({ "Parameters": found, "InvalidParameters": invalid }))
}

impl Service for Ssm {
    /// What is encrypted is decrypted with the key's permission of whoever asks, and with the parameter's ARN as the context.
    fn also_wanted(&self, asked: &Asked<'_>) -> Vec<Permission> {
        let input: Value = serde_json::from_slice(asked.body).unwrap_or_default();
        let Some(name) = input["Name"].as_str().filter(|_| input["WithDecryption"] == true) else {
            return Vec::new();
        };
        let Asked { account, region, .. } = asked;
        let arn = parameter_arn(account, region, name);
        let short = arn.split_once(":parameter").map_or("", |(_, path)| path);
        let inner = self.lock();
        let shelf = inner.shelves.get(&format!("{account}/{region}"));
        // Only below a folder is the slash in front part of the name.
        let versions = shelf.and_then(|shelf| shelf.get(short).or_else(|| shelf.get(&short[1..])));
        let is_secret =
            versions.and_then(|versions| versions.last()).is_some_and(|one| one.kind == "SecureString");
        let key = format!(
            "arn:{}:kms:{region}:{account}:key/11111111-2222-3333-4444-555555555555",
            of_region(region).0
        );
        let context = Some(("kms:EncryptionContext:PARAMETER_ARN".to_owned(), arn));
        is_secret
            .then(|| Permission { action: "kms:Decrypt".to_owned(), resource: Some(key), context })
            .into_iter()
            .collect()
    }

    fn handle(&self, call: &Call) -> Answer {
        let (status, body) = match self.perform(call) {
            Ok(body) => (200, body),
            Err(Refusal { status, code, message }) => {
                let mut body = json!({ "__type": code });
                if !message.is_empty() {
                    body["message"] = message.into();
                }
                (status, body)
            }
        };
        let headers = vec![
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amzn-requestid".to_owned(), uuid()),
        ];
        Answer { status, headers, body: body.to_string().into_bytes() }
    }
}
