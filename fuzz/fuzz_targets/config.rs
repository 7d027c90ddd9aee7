//! Image configurations: what is accepted says what its JSON says, and nothing that is told shows a secret.
#![no_main]

use lambda_lift::image::diff_ids;
use lambda_lift::image::fuzzing::configuration;
use lambda_lift_fuzz::assert_printable;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Stands for a password wherever the dictionary puts it.
const SECRET: &str = "hunter2";

fuzz_target!(|input: &[u8]| {
    let value: Option<Value> = serde_json::from_slice(input).ok();
    let read = configuration(input);
    let public = diff_ids(input);
    assert_eq!(read.is_ok(), public.is_ok());
    let Ok((config, ids)) = read else {
        let error = public.expect_err("just seen");
        let told = format!("{error} {:?}", error.hint());
        assert_printable(&error.to_string());
        // A key may be quoted, and what is no diff id; any other value never.
        let may_be_told = value.as_ref().is_none_or(|value| {
            has_key_like(value, SECRET) || value["rootfs"]["diff_ids"].to_string().contains(SECRET)
        });
        assert!(may_be_told || !told.contains(SECRET), "{told}");
        return;
    };
    let value = value.expect("what is accepted is JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| match value {
        Value::Array(values) => values.iter().map(text).collect(),
        Value::String(one) => vec![one.clone()],
        _ => Vec::new(),
    };
    let stated: Vec<String> = list(&value["rootfs"]["diff_ids"]);
    assert_eq!(ids.iter().map(ToString::to_string).collect::<Vec<_>>(), stated);
    let runtime = &value["config"];
    assert_eq!(config.entrypoint, list(&runtime["Entrypoint"]));
    assert_eq!(config.command, list(&runtime["Cmd"]));
    assert_eq!(config.environment, list(&runtime["Env"]));
    assert_eq!(config.working_directory, text(&runtime["WorkingDir"]));
    assert_eq!(config.user, text(&runtime["User"]));
    for name in [&config.os, &config.architecture_name, &config.variant] {
        assert_printable(name);
        assert!(!name.contains('\n'));
    }
    if let Some(architecture) = config.architecture {
        assert!(
            matches!(config.architecture_name.as_str(), "amd64" | "x86_64" | "arm64" | "aarch64"),
            "{architecture:?}"
        );
    }
    let again = serde_json::to_vec_pretty(&value).expect("JSON");
    assert_eq!(configuration(&again), Ok((config, ids)));
});

fn has_key_like(value: &Value, part: &str) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| key.contains(part) || has_key_like(value, part)),
        Value::Array(values) => values.iter().any(|value| has_key_like(value, part)),
        _ => false,
    }
}
