//! Putting a manifest: what it must be, what must be there already, and which tags it may take.

use std::time::SystemTime;

use serde_json::Value;

use super::Place;
use super::refusal::Refusal;
use super::repository::{Image, Repository};
use super::store::Ecr;
use crate::blobs::digest_of;
use crate::text::{epoch_milliseconds, epoch_seconds};

/// The largest manifest.
pub(crate) const LARGEST_MANIFEST: usize = 4_194_304;

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// An image that is put.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewImage<'a> {
    pub(crate) manifest: &'a [u8],
    /// What the caller says that it is.
    pub(crate) media_type: Option<&'a str>,
    pub(crate) tag: Option<&'a str>,
    /// The digest that the caller expects.
    pub(crate) digest: Option<&'a str>,
}

impl Ecr {
    /// Puts an image and tells its digest. `repeat_is_fault`: the same image under the same tag is refused, as
    /// the control plane does.
    pub(crate) fn put_image(
        &self,
        place: &Place,
        repository: &str,
        new: NewImage<'_>,
        repeat_is_fault: bool,
    ) -> Result<String, Refusal> {
        let digest = digest_of(new.manifest);
        if new.digest.is_some_and(|expected| expected != digest) {
            return Err(Refusal::image_digest_differs(
                new.digest.unwrap_or_default(),
                repository,
                &place.account,
            ));
        }
        let now = SystemTime::now();
        let mut image = parse(new.manifest, new.media_type)?;
        image.pushed_at = epoch_seconds(now);
        self.registries.write(place, repository, |found| {
            self.check_tag(found, new.tag, &digest, place, repeat_is_fault)?;
            image.size = self.check_references(found, &image, place, now)?;
            self.blobs.store(new.manifest).map_err(|error| Refusal::state(&error))?;
            found.images.entry(digest.clone()).or_insert(image);
            if let Some(tag) = new.tag {
                found.tags.insert(tag.to_owned(), digest.clone());
            }
            Ok(())
        })?;
        self.replicate(place, repository, &digest, now);
        Ok(digest)
    }

    fn check_tag(
        &self,
        repository: &Repository,
        tag: Option<&str>,
        digest: &str,
        place: &Place,
        repeat_is_fault: bool,
    ) -> Result<(), Refusal> {
        let Some((tag, known)) = tag.and_then(|tag| Some((tag, repository.tags.get(tag)?))) else {
            return Ok(());
        };
        if repository.is_immutable(tag) && (known != digest || self.quirks.identical_tag_refused) {
            return Err(Refusal::tag_immutable(tag, &repository.name));
        }
        if known == digest && repeat_is_fault {
            return Err(Refusal::image_exists(digest, tag, &repository.name, &place.account));
        }
        Ok(())
    }

    /// Everything that the manifest refers to has to be there. Tells the compressed size of it all.
    fn check_references(
        &self,
        repository: &Repository,
        image: &Image,
        place: &Place,
        now: SystemTime,
    ) -> Result<u64, Refusal> {
        let lag = u64::try_from(self.validator_lag.as_millis()).unwrap_or(u64::MAX);
        let now = epoch_milliseconds(now);
        let mut size = 0_u64;
        let mut missing = Vec::new();
        for digest in &image.blobs {
            match repository.layers.get(digest) {
                Some(layer) if lag == 0 || layer.committed_at.saturating_add(lag) <= now => {
                    size = size.saturating_add(layer.size);
                }
                _ => missing.push(digest.clone()),
            }
        }
        if !missing.is_empty() {
            return Err(Refusal::layers_missing(&missing, &repository.name, &place.account));
        }
        for digest in &image.children {
            match repository.images.get(digest) {
                Some(child) => size = size.saturating_add(child.size),
                None => missing.push(digest.clone()),
            }
        }
        if missing.is_empty() {
            Ok(size)
        } else {
            Err(Refusal::images_missing(&missing, &repository.name, &place.account))
        }
    }
}

/// Reads of a manifest what ECR has to know.
fn parse(manifest: &[u8], content_type: Option<&str>) -> Result<Image, Refusal> {
    let syntax = || Refusal::manifest_invalid("Invalid JSON syntax");
    if manifest.len() > LARGEST_MANIFEST {
        return Err(Refusal::manifest_invalid("must have length less than or equal to 4194304"));
    }
    let value: Value = serde_json::from_slice(manifest).map_err(|_| syntax())?;
    let object = value.as_object().ok_or_else(syntax)?;
    let inside = object.get("mediaType").and_then(Value::as_str);
    let outside =
        content_type.and_then(|text| text.split(';').next()).map(str::trim).filter(|text| !text.is_empty());
    // Many clients send JSON's own type where they should send the manifest's.
    let outside = outside.filter(|text| !matches!(*text, "application/json" | "application/octet-stream"));
    let media_type = match (inside, outside) {
        (Some(inside), Some(outside)) if inside != outside => {
            return Err(Refusal::manifest_invalid(
                "The media type of the manifest is not the one it was sent with",
            ));
        }
        (Some(known), _) | (None, Some(known)) => known,
        (None, None) if object.contains_key("manifests") => OCI_INDEX,
        (None, None) => OCI_MANIFEST,
    };
    let is_list = match media_type {
        OCI_INDEX | DOCKER_LIST => true,
        OCI_MANIFEST | DOCKER_MANIFEST => false,
        other => return Err(Refusal::manifest_invalid(&format!("Unsupported manifest media type {other}"))),
    };
    if object.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
        return Err(Refusal::manifest_invalid("schemaVersion must be 2"));
    }
    let digests = |member: &str| -> Option<Vec<String>> {
        object.get(member)?.as_array()?.iter().filter(|entry| !is_foreign(entry)).map(digest_member).collect()
    };
    let (blobs, children) = if is_list {
        (Vec::new(), digests("manifests").ok_or_else(syntax)?)
    } else {
        let config = object.get("config").and_then(digest_member).ok_or_else(syntax)?;
        let mut blobs = vec![config];
        blobs.extend(digests("layers").ok_or_else(syntax)?);
        (blobs, Vec::new())
    };
    let artifact = object.get("artifactType").or_else(|| object.get("config")?.get("mediaType"));
    Ok(Image {
        media_type: media_type.to_owned(),
        artifact_type: artifact.and_then(Value::as_str).map(str::to_owned),
        size: 0,
        pushed_at: 0.0,
        pulled_at: None,
        blobs,
        children,
        subject: object.get("subject").and_then(digest_member),
    })
}

fn digest_member(descriptor: &Value) -> Option<String> {
    descriptor.get("digest")?.as_str().filter(|digest| crate::blobs::is_digest(digest)).map(str::to_owned)
}

/// Layers that may not be distributed are fetched elsewhere, so the registry need not have them.
fn is_foreign(descriptor: &Value) -> bool {
    let media_type = descriptor.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    media_type.contains(".nondistributable.") || media_type.contains(".foreign.")
}

/// The same image in the other family's media types: what a pull by tag may get.
pub(crate) fn converted(manifest: &[u8], media_type: &str, accept: &[&str]) -> Option<(String, Vec<u8>)> {
    let (wanted, table): (&str, &[(&str, &str)]) = match media_type {
        OCI_MANIFEST => (DOCKER_MANIFEST, &OCI_TO_DOCKER),
        DOCKER_MANIFEST => (OCI_MANIFEST, &OCI_TO_DOCKER),
        _ => return None,
    };
    let takes = |kind: &str| accept.contains(&kind);
    if takes(media_type) || takes("*/*") || !takes(wanted) {
        return None;
    }
    let to_docker = wanted == DOCKER_MANIFEST;
    let swap = |descriptor: &mut Value| {
        let Some(kind) = descriptor.get_mut("mediaType") else { return };
        let found = table.iter().find(|(oci, docker)| *kind == *(if to_docker { oci } else { docker }));
        if let Some((oci, docker)) = found {
            *kind = Value::from(*(if to_docker { docker } else { oci }));
        }
    };
    let mut value: Value = serde_json::from_slice(manifest).ok()?;
    value.as_object_mut()?.insert("mediaType".to_owned(), Value::from(wanted));
    value.get_mut("config").map(swap);
    value.get_mut("layers")?.as_array_mut()?.iter_mut().for_each(swap);
    Some((wanted.to_owned(), serde_json::to_vec(&value).ok()?))
}

const OCI_TO_DOCKER: [(&str, &str); 3] = [
    ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"),
    ("application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip"),
    ("application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(fill: char) -> String {
        format!("sha256:{}", fill.to_string().repeat(64))
    }

    #[test]
    fn a_manifest_tells_its_blobs_without_the_foreign_ones() {
        let text = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"c","digest":"{}"}},"layers":[{{"digest":"{}"}},
                {{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"{}"}}]}}"#,
            digest('a'),
            digest('b'),
            digest('c')
        );
        let image = parse(text.as_bytes(), Some(&format!("{OCI_MANIFEST}; charset=utf-8"))).unwrap();
        assert_eq!(image.blobs, [digest('a'), digest('b')]);
        assert_eq!(image.media_type, OCI_MANIFEST);
        assert_eq!(image.artifact_type.as_deref(), Some("c"));
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        let bomb = "[".repeat(100_000);
        let two_types = format!(r#"{{"schemaVersion":2,"mediaType":"{DOCKER_MANIFEST}"}}"#);
        for (text, content_type) in [
            ("", None),
            ("null", None),
            (bomb.as_str(), None),
            ("{}", None),
            (r#"{"schemaVersion":2}"#, None),
            (r#"{"schemaVersion":1,"config":{},"layers":[]}"#, None),
            (r#"{"schemaVersion":2,"config":{"digest":"sha256:../../x"},"layers":[]}"#, None),
            (r#"{"schemaVersion":2,"manifests":7}"#, None),
            (r#"{"schemaVersion":2}"#, Some("application/x-unheard-of")),
            (two_types.as_str(), Some(OCI_MANIFEST)),
        ] {
            assert!(parse(text.as_bytes(), content_type).is_err(), "{:.40}", text);
        }
        assert!(parse(&vec![b' '; LARGEST_MANIFEST + 1], None).is_err());
    }

    #[test]
    fn only_a_caller_who_takes_the_other_family_gets_it() {
        let manifest = r#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json"},
            "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip"}]}"#;
        let convert = |accept: &[&str]| converted(manifest.as_bytes(), OCI_MANIFEST, accept);
        assert_eq!(convert(&[OCI_MANIFEST, DOCKER_MANIFEST]), None);
        assert_eq!(convert(&[]), None);
        let (media_type, bytes) = convert(&[DOCKER_MANIFEST, DOCKER_LIST]).unwrap();
        assert_eq!(media_type, DOCKER_MANIFEST);
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("oci") && text.contains("rootfs.diff.tar.gzip"), "{text}");
    }
}
