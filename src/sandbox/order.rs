//! What is to be run: what the image and the function say, as Lambda puts the two together. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::image::Config;
use crate::name::Architecture;

/// Lambda's defaults.
const TIMEOUT: Duration = Duration::from_secs(3);
const DEFAULT_MEGABYTES: u64 = 128;
const LARGEST_MEGABYTES: u64 = 10_240;
const TEMPORARY_MEGABYTES: u64 = 512;
const MEBIBYTE: u64 = 1 << 20;

/// Where the runtime API is found, as on Lambda.
pub(super) const RUNTIME_PORT: u16 = 9001;
const REGION: &str = "us-east-1";
/// The account of AWS's own examples.
const ACCOUNT: &str = "123456789012";
/// The version that is not published.
const LATEST: &str = "$LATEST";

/// Everything that decides how the image is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOrder {
    /// The program and its arguments.
    pub arguments: Vec<String>,
    /// Its working directory.
    pub directory: String,
    /// What variables of the image and of the function say, the function's over the image's. Values may be secrets.
    pub declared: BTreeMap<String, String>,
    /// The handler: the last word of the command.
    pub handler: String,
    /// The function's name.
    pub function: String,
    /// Its version: a number, or `$LATEST`.
    pub version: String,
    /// Where it believes to be: the Region and the account.
    pub region: String,
    /// 12 digits.
    pub account: String,
    /// The memory size that was declared, in MB.
    pub memory_megabytes: Option<u64>,
    /// The size of /tmp in MB.
    pub temporary_megabytes: u64,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// What it was built for.
    pub architecture: Option<Architecture>,
    /// The events, in order. Without any it is only started.
    pub events: Vec<Vec<u8>>,
}

impl RunOrder {
    /// What the image's configuration and the function's settings (in the shape of the CreateFunction request) say together.
    pub fn new(config: &Config, function: Option<&str>, settings: &Map<String, Value>) -> Self {
        let image_config = settings.get("ImageConfig");
        let of_image = |key: &str| image_config.and_then(|image_config| image_config.get(key));
        let words = |key: &str, otherwise: &[String]| -> Vec<String> {
            let declared = of_image(key).and_then(Value::as_array).filter(|words| !words.is_empty());
            declared.map_or_else(|| otherwise.to_vec(), |words| texts(words))
        };
        let (entrypoint, command) =
            (words("EntryPoint", &config.entrypoint), words("Command", &config.command));
        let directory = of_image("WorkingDirectory").and_then(Value::as_str).filter(|path| !path.is_empty());
        let directory = directory.unwrap_or(&config.working_directory);
        let number = |key: &str| settings.get(key).and_then(Value::as_u64);
        let temporary = settings.get("EphemeralStorage").and_then(|storage| storage.get("Size")?.as_u64());
        let arguments = [entrypoint, command].concat();
        Self {
            // As AWS's emulator has it: the last word, unless it is the program itself.
            handler: if arguments.len() > 1 {
                arguments.last().cloned().unwrap_or_default()
            } else {
                String::new()
            },
            arguments,
            directory: if directory.is_empty() { "/".to_owned() } else { directory.to_owned() },
            declared: declared(config, settings),
            function: function.unwrap_or("function").to_owned(),
            version: LATEST.to_owned(),
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
            memory_megabytes: number("MemorySize"),
            temporary_megabytes: temporary.unwrap_or(TEMPORARY_MEGABYTES),
            timeout: number("Timeout").map_or(TIMEOUT, Duration::from_secs),
            architecture: config.architecture,
            events: Vec::new(),
        }
    }

    /// The most memory in bytes. Where no size was declared there is no function yet to have too little of it.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_megabytes.unwrap_or(LARGEST_MEGABYTES) * MEBIBYTE
    }

    /// The memory size that Lambda would say it has, in MB.
    pub(super) fn shown_megabytes(&self) -> u64 {
        self.memory_megabytes.unwrap_or(DEFAULT_MEGABYTES)
    }

    /// The size of /tmp in bytes.
    pub(super) fn temporary_bytes(&self) -> u64 {
        self.temporary_megabytes * MEBIBYTE
    }

    /// The function's ARN.
    pub(super) fn function_arn(&self) -> String {
        format!("arn:aws:lambda:{}:{}:function:{}", self.region, self.account, self.function)
    }

    /// The environment of the runtime or, with fewer variables, of an extension.
    pub(super) fn environment(&self, is_extension: bool) -> Vec<(String, String)> {
        let mut environment: BTreeMap<String, String> =
            DEFAULTS.iter().map(|(name, value)| owned(name, value)).collect();
        environment.extend(self.declared.clone());
        let memory = self.shown_megabytes().to_string();
        let api = format!("127.0.0.1:{RUNTIME_PORT}");
        let group = format!("/aws/lambda/{}", self.function);
        let stream = format!("2026/01/01/[{}]00000000000000000000000000000000", self.version);
        let reserved: [(&str, &str); 14] = [
            ("AWS_ACCESS_KEY_ID", "sandbox"),
            ("AWS_SECRET_ACCESS_KEY", "sandbox"),
            ("AWS_SESSION_TOKEN", "sandbox"),
            ("AWS_REGION", &self.region),
            ("AWS_DEFAULT_REGION", &self.region),
            ("AWS_LAMBDA_RUNTIME_API", &api),
            ("AWS_LAMBDA_FUNCTION_NAME", &self.function),
            ("AWS_LAMBDA_FUNCTION_VERSION", &self.version),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", &stream),
            ("_HANDLER", &self.handler),
            ("_X_AMZN_TRACE_ID", ""),
        ];
        let of_runtime_only =
            ["_HANDLER", "_X_AMZN_TRACE_ID", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"];
        for (name, value) in reserved {
            if value.is_empty() || is_extension && of_runtime_only.contains(&name) {
                environment.remove(name);
            } else {
                environment.insert(name.to_owned(), value.to_owned());
            }
        }
        environment.into_iter().collect()
    }
}

/// What Lambda sets where neither image nor function do.
const DEFAULTS: [(&str, &str); 6] = [
    ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
    ("LAMBDA_TASK_ROOT", "/var/task"),
    ("LANG", "en_US.UTF-8"),
    (
        "LD_LIBRARY_PATH",
        "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    ),
    ("PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
    ("TZ", ":UTC"),
];

fn owned(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn texts(words: &[Value]) -> Vec<String> {
    words.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The image's variables, and the function's over them.
fn declared(config: &Config, settings: &Map<String, Value>) -> BTreeMap<String, String> {
    let of_image = config.environment.iter().filter_map(|text| text.split_once('='));
    let of_image = of_image.map(|(name, value)| owned(name, value));
    let of_function =
        settings.get("Environment").and_then(|environment| environment.get("Variables")?.as_object());
    let of_function = of_function.into_iter().flatten();
    let of_function = of_function.filter_map(|(name, value)| Some(owned(name, value.as_str()?)));
    // A name or a value with a NUL cannot be given to a program.
    of_image
        .chain(of_function)
        .filter(|(name, value)| !name.contains('\0') && !value.contains('\0'))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config() -> Config {
        Config {
            entrypoint: vec!["/lambda-entrypoint.sh".to_owned()],
            command: vec!["app.handler".to_owned()],
            working_directory: "/var/task".to_owned(),
            environment: ["A=image", "B=image", "PATH=/bin", "AWS_REGION=mars"].map(str::to_owned).to_vec(),
            ..Config::default()
        }
    }

    fn order(settings: Value) -> RunOrder {
        RunOrder::new(&config(), None, settings.as_object().unwrap())
    }

    #[test]
    fn an_image_config_overrides_each_part_for_itself() {
        let plain = order(json!({}));
        assert_eq!(plain.arguments, ["/lambda-entrypoint.sh", "app.handler"]);
        assert_eq!((plain.directory.as_str(), plain.handler.as_str()), ("/var/task", "app.handler"));
        let command = order(json!({ "ImageConfig": { "Command": ["other.handler"] } }));
        assert_eq!(command.arguments, ["/lambda-entrypoint.sh", "other.handler"]);
        let entrypoint = order(json!({ "ImageConfig": { "EntryPoint": ["/x"], "WorkingDirectory": "/w" } }));
        assert_eq!(entrypoint.arguments, ["/x", "app.handler"]);
        assert_eq!(entrypoint.directory, "/w");
    }

    #[test]
    fn the_functions_variables_lie_over_the_images_and_lambdas_own_over_both() {
        let order = order(
            json!({ "Environment": { "Variables": { "B": "function", "AWS_LAMBDA_FUNCTION_NAME": "x" } } }),
        );
        let environment: BTreeMap<_, _> = order.environment(false).into_iter().collect();
        let value = |name: &str| environment.get(name).map(String::as_str);
        assert_eq!((value("A"), value("B"), value("PATH")), (Some("image"), Some("function"), Some("/bin")));
        assert_eq!(
            (value("AWS_REGION"), value("AWS_LAMBDA_FUNCTION_NAME")),
            (Some("us-east-1"), Some("function"))
        );
        assert_eq!((value("_HANDLER"), value("TZ")), (Some("app.handler"), Some(":UTC")));
        let of_extension: BTreeMap<_, _> = order.environment(true).into_iter().collect();
        assert!(
            !of_extension.contains_key("_HANDLER") && of_extension.contains_key("AWS_LAMBDA_RUNTIME_API")
        );
    }

    #[test]
    fn sizes_and_times_are_those_of_the_function_or_lambdas_defaults() {
        let plain = order(json!({}));
        assert_eq!((plain.timeout, plain.temporary_bytes()), (Duration::from_secs(3), 512 << 20));
        assert_eq!(plain.memory_bytes(), 10_240 << 20);
        let sized = order(json!({ "MemorySize": 512, "Timeout": 30, "EphemeralStorage": { "Size": 1024 } }));
        assert_eq!((sized.timeout, sized.temporary_bytes()), (Duration::from_secs(30), 1 << 30));
        assert_eq!(sized.memory_bytes(), 512 << 20);
    }
}
