//! Reading an image configuration: the parts that matter here, out of the bytes that make the image's identity.

use serde::Deserialize;

use crate::name::{Architecture, Digest};

use super::error::{ImageError, Problem};
use super::strict_json::{self, Object, null_is_default, one_or_many, says_something};
use super::{Config, descriptor::Platform};

const WHAT: &str = "the image configuration";

/// A configuration, and the layers that it is for.
pub(super) struct ParsedConfig {
    pub(super) config: Config,
    pub(super) diff_ids: Vec<Digest>,
}

/// The diff ids that an image configuration names, base layer first.
///
/// # Errors
/// Fails when the bytes are not an image configuration.
pub fn diff_ids(config: &[u8]) -> Result<Vec<Digest>, ImageError> {
    match parse(config) {
        Ok(parsed) => Ok(parsed.diff_ids),
        Err(problem) => Err(ImageError::new("image configuration", problem)),
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(default, deserialize_with = "null_is_default")]
    os: String,
    #[serde(default, deserialize_with = "null_is_default")]
    architecture: String,
    #[serde(default, deserialize_with = "null_is_default")]
    variant: String,
    #[serde(default, deserialize_with = "null_is_default")]
    config: Object<Runtime>,
    #[serde(default, deserialize_with = "null_is_default")]
    rootfs: Object<RootFileSystem>,
}

#[derive(Default, Deserialize)]
struct RootFileSystem {
    #[serde(default, deserialize_with = "null_is_default")]
    diff_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Runtime {
    #[serde(default, deserialize_with = "one_or_many")]
    entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    cmd: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    working_dir: String,
    #[serde(default, deserialize_with = "null_is_default")]
    env: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    user: String,
    #[serde(default, deserialize_with = "says_something")]
    volumes: bool,
    #[serde(default, deserialize_with = "says_something")]
    exposed_ports: bool,
    #[serde(default, deserialize_with = "says_something")]
    healthcheck: bool,
    #[serde(default, deserialize_with = "says_something")]
    stop_signal: bool,
    #[serde(default, deserialize_with = "says_something")]
    on_build: bool,
}

impl Runtime {
    fn ignored_instructions(&self) -> Vec<&'static str> {
        let table = [
            (self.volumes, "VOLUME"),
            (self.exposed_ports, "EXPOSE"),
            (self.healthcheck, "HEALTHCHECK"),
            (self.stop_signal, "STOPSIGNAL"),
            (self.on_build, "ONBUILD"),
        ];
        table.into_iter().filter(|(present, _)| *present).map(|(_, instruction)| instruction).collect()
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<ParsedConfig, Problem> {
    let Object(document): Object<Document> = strict_json::parse_with_secrets(bytes, WHAT)?;
    let diff_ids = document.rootfs.0.diff_ids.iter().map(|text| text.parse());
    let diff_ids = diff_ids
        .collect::<Result<Vec<Digest>, _>>()
        .map_err(|error| Problem::invalid(WHAT, format!("in rootfs.diff_ids, {error}")))?;
    let Object(runtime) = document.config;
    let config = Config {
        os: without_controls(document.os),
        architecture: Architecture::from_oci(&document.architecture),
        architecture_name: without_controls(document.architecture),
        variant: without_controls(document.variant),
        ignored_instructions: runtime.ignored_instructions(),
        entrypoint: runtime.entrypoint,
        command: runtime.cmd,
        working_directory: runtime.working_dir,
        environment: runtime.env,
        user: runtime.user,
    };
    Ok(ParsedConfig { config, diff_ids })
}

/// What is told to a person goes to a terminal, and a stranger wrote it.
fn without_controls(text: String) -> String {
    if text.contains(char::is_control) { text.escape_debug().to_string() } else { text }
}

impl ParsedConfig {
    pub(super) fn platform(&self) -> Platform {
        Platform {
            os: self.config.os.clone(),
            architecture: self.config.architecture_name.clone(),
            variant: self.config.variant.clone(),
        }
    }

    /// Checks that there are as many layers as diff ids.
    pub(super) fn check_layer_count(&self, layers: usize) -> Result<(), Problem> {
        if self.diff_ids.len() == layers {
            return Ok(());
        }
        Err(Problem::LayerCount { layers, diff_ids: self.diff_ids.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_configuration_is_read_as_docker_reads_it() {
        let text = format!(
            r#"{{"os":"linux","architecture":"arm64","variant":"v8","created":"2026-01-01T00:00:00Z",
            "config":{{"Entrypoint":["/app"],"Cmd":"serve","WorkingDir":"/var/task","Env":["A=b"],"User":"1000",
              "Volumes":{{"/v":{{}}}},"ExposedPorts":{{}},"Healthcheck":{{"Test":["NONE"]}},"StopSignal":"","OnBuild":null,
              "Labels":{{"a":"b"}}}},
            "rootfs":{{"type":"layers","diff_ids":["{EMPTY}"]}},"history":[{{}}]}}"#
        );
        let parsed = parse(text.as_bytes()).unwrap();
        assert_eq!(
            parsed.config,
            Config {
                os: "linux".into(),
                architecture_name: "arm64".into(),
                architecture: Some(Architecture::Arm64),
                variant: "v8".into(),
                entrypoint: vec!["/app".into()],
                command: vec!["serve".into()],
                working_directory: "/var/task".into(),
                environment: vec!["A=b".into()],
                user: "1000".into(),
                ignored_instructions: vec!["VOLUME", "HEALTHCHECK"],
            }
        );
        assert_eq!(parsed.diff_ids, [EMPTY.parse().unwrap()]);
        assert_eq!(diff_ids(text.as_bytes()).unwrap(), parsed.diff_ids);
    }

    #[test]
    fn nulls_and_absent_keys_are_empty() {
        for text in [
            "{}",
            r#"{"os":null,"architecture":null,"config":null,"rootfs":null}"#,
            r#"{"config":{"Entrypoint":null,"Cmd":null,"Env":null,"User":null,"WorkingDir":null,"Volumes":null},"rootfs":{"diff_ids":null}}"#,
        ] {
            let parsed = parse(text.as_bytes()).unwrap();
            assert_eq!(parsed.config, Config::default(), "{text}");
            assert!(parsed.diff_ids.is_empty());
        }
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for text in [
            "",
            "[]",
            "7",
            r#"{"os":1}"#,
            r#"{"config":[]}"#,
            r#"["linux","arm64"]"#,
            r#"{"config":["/entrypoint"]}"#,
            r#"{"rootfs":[[]]}"#,
            r#"{"config":{"Env":"A=b"}}"#,
            r#"{"config":{"Entrypoint":[1]}}"#,
            r#"{"rootfs":{"diff_ids":["sha256:abc"]}}"#,
            r#"{"rootfs":{"diff_ids":["../../etc/passwd"]}}"#,
            r#"{"os":"linux","os":"windows"}"#,
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
            assert!(diff_ids(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn no_error_shows_a_value_of_the_environment() {
        for text in [
            r#"{"config":{"Env":"TOKEN=hunter2"}}"#,
            r#"{"config":{"Env":{"TOKEN":"hunter2"}}}"#,
            r#"{"config":{"Env":["TOKEN=hunter2"],"Env":[]}}"#,
            r#"{"config":{"Env":["TOKEN=hunter2"]"#,
            r#"{"config":["TOKEN=hunter2"]}"#,
            r#"{"config":"TOKEN=hunter2"}"#,
        ] {
            let error = diff_ids(text.as_bytes()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
