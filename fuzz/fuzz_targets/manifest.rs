//! Manifests and indexes: what is accepted says what its JSON says, to every reader the same.
#![no_main]

use lambda_lift::image::fuzzing::document;
use lambda_lift_fuzz::assert_printable;
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;

const MEDIA_TYPES: [&str; 6] = [
    "",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/octet-stream",
];

fuzz_target!(|input: &[u8]| -> Corpus {
    let value: Option<Value> = serde_json::from_slice(input).ok();
    let readings = MEDIA_TYPES.map(|stated| document(input, stated));
    for read in &readings {
        match read {
            Ok(document) => {
                document.platforms.iter().for_each(|platform| assert_printable(platform));
                let value = value.as_ref().expect("what is accepted is JSON");
                assert_eq!(value["schemaVersion"], 2);
                let list = if document.is_index { "manifests" } else { "layers" };
                let config = (!document.is_index).then(|| &value["config"]);
                let listed = value[list].as_array().expect("a list");
                let stated: Vec<&Value> = config.into_iter().chain(listed).collect();
                assert_eq!(document.blobs.len(), stated.len());
                for ((digest, size), stated) in document.blobs.iter().zip(stated) {
                    assert_eq!(stated["digest"], digest.to_string());
                    assert_eq!(stated["size"], *size);
                }
                assert!(
                    value
                        .get(if document.is_index { "layers" } else { "manifests" })
                        .is_none_or(Value::is_null)
                );
            }
            Err(message) => assert_printable(message),
        }
    }
    // One document is never a manifest to one reader and an index to another (CVE-2021-41190).
    let mut accepted = readings.iter().flatten();
    if let Some(first) = accepted.next() {
        assert!(accepted.all(|other| other == first));
        // Space between the tokens and the way that a text is escaped change nothing.
        let spaced = serde_json::to_vec_pretty(&value).expect("JSON");
        assert_eq!(document(&spaced, "").as_ref().ok(), readings[0].as_ref().ok());
    }
    Corpus::Keep
});
