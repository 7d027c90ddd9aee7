//! From where layers may be taken over that the repository lacks: named repositories, the source's own, the base image's,
//! and those that this tool put a layer into before.

use serde_json::Value;

use crate::cloud::{Caller, CloudError};
use crate::image::LocalImage;
use crate::memory::Memory;
use crate::name::{ImageUri, RegistryHost, RepositoryName, RepositoryRef};
use crate::plan::DeploySpec;
use crate::registry::as_stored;

use super::MountFacts;
use super::layers::cached;

/// The key under which builders note the base image, as an annotation of the manifest or a label of the configuration.
/// <https://specs.opencontainers.org/image-spec/annotations/>
const BASE_NAME: &str = "org.opencontainers.image.base.name";

/// Whether anything could be mounted at all. Asked before the registry's host is known.
pub(super) fn is_possible(spec: &DeploySpec, local: &LocalImage, memory: Option<&Memory>) -> bool {
    let target = &spec.repository.name;
    let remembered = |memory: &Memory| {
        let known = local.layers.iter().filter_map(|layer| {
            let own = as_stored(layer, spec.encoding).map(|own| own.digest);
            own.or_else(|| cached(memory, layer, spec.encoding).map(|known| known.digest))
        });
        known.into_iter().any(|digest| memory.origins.is_elsewhere(&digest, target))
    };
    let same_account = |registry: &RegistryHost| {
        spec.repository.registry.as_ref().is_none_or(|target| target.account == registry.account)
    };
    let beside = |(registry, _): &(RegistryHost, RepositoryName)| {
        registry.region == *spec.repository_region() && same_account(registry)
    };
    !spec.mount_from.is_empty()
        || source_repository(local).as_ref().is_some_and(beside)
        || base_repository(local).is_some()
        || memory.is_some_and(remembered)
}

/// The repositories to try, and whether trying can help. `setting` is what ECR says of the caller's own registry; none when
/// it was not asked.
pub(super) fn mount_facts(
    spec: &DeploySpec,
    local: &LocalImage,
    host: &RegistryHost,
    setting: Option<Result<bool, CloudError>>,
    caller: &Caller,
) -> MountFacts {
    let is_here =
        |registry: &RegistryHost| registry.account == host.account && registry.region == host.region;
    let (here, elsewhere): (Vec<&RepositoryRef>, Vec<&RepositoryRef>) =
        spec.mount_from.iter().partition(|source| source.registry.as_ref().is_none_or(is_here));
    let noted = [source_repository(local), base_repository(local)].into_iter().flatten();
    let noted = noted.filter(|(registry, _)| is_here(registry)).map(|(_, name)| name);
    let mut from: Vec<RepositoryName> = Vec::new();
    for name in here.into_iter().map(|source| source.name.clone()).chain(noted) {
        if name != spec.repository.name && !from.contains(&name) {
            from.push(name);
        }
    }
    // The setting that was read is of the caller's account, and says nothing of another's.
    let forbidden = matches!(setting, Some(Ok(false))) && host.account == caller.account;
    MountFacts { from, is_possible: !forbidden, elsewhere: elsewhere.into_iter().cloned().collect() }
}

/// The repository that the image itself comes from, when that is one of Amazon ECR.
fn source_repository(local: &LocalImage) -> Option<(RegistryHost, RepositoryName)> {
    in_registry(local.source.strip_prefix("docker://")?)
}

/// The repository of the image that this one was built upon, when its builder says so and it is in a private registry of
/// Amazon ECR. It decides only where is looked for a layer, never which.
fn base_repository(local: &LocalImage) -> Option<(RegistryHost, RepositoryName)> {
    let noted = |document: &[u8], path: &[&str]| {
        let document: Value = serde_json::from_slice(document).ok()?;
        let found = path.iter().try_fold(&document, |value, key| value.get(key))?;
        in_registry(found.get(BASE_NAME)?.as_str()?)
    };
    let manifest = local.original.as_ref().and_then(|original| noted(&original.bytes, &["annotations"]));
    manifest.or_else(|| noted(&local.config_bytes, &["config", "Labels"]))
}

/// Registry and repository of `HOST/REPOSITORY`, with or without a tag or a digest.
fn in_registry(image: &str) -> Option<(RegistryHost, RepositoryName)> {
    if let Ok(ImageUri { registry, repository, .. }) = image.parse() {
        return Some((registry, repository));
    }
    let untagged = image.split('@').next().unwrap_or_default();
    let end = untagged.rfind('/').and_then(|slash| Some(slash + untagged[slash..].find(':')?));
    let RepositoryRef { registry, name } = untagged[..end.unwrap_or(untagged.len())].parse().ok()?;
    Some((registry?, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::CloudErrorKind;
    use crate::image::OriginalManifest;
    use crate::name::Digest;
    use crate::samples::{account, facts, image, region, spec};

    const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

    #[test]
    fn the_sources_own_repository_is_one_to_mount_from_where_it_is_in_the_same_registry() {
        for (source, possible, expected) in [
            (format!("docker://{HOST}/base/python:3.12"), true, Some("base/python")),
            (format!("docker://{HOST}/base/python@{}", Digest::of(b"x")), true, Some("base/python")),
            ("docker://123456789012.dkr.ecr.eu-west-2.amazonaws.com/base/python".to_owned(), false, None),
            // Whose registry the target is in shows later.
            ("docker://999999999999.dkr.ecr.eu-west-1.amazonaws.com/base/python".to_owned(), true, None),
            ("docker://ghcr.io/base/python".to_owned(), false, None),
            ("docker-daemon:base/python".to_owned(), false, None),
        ] {
            let local = LocalImage { source: source.clone(), ..image() };
            let spec = spec();
            assert_eq!(is_possible(&spec, &local, None), possible, "{source}");
            let host = HOST.parse().unwrap();
            let found = mount_facts(&spec, &local, &host, Some(Ok(true)), &facts().caller);
            assert_eq!(found.from.first().map(ToString::to_string).as_deref(), expected, "{source}");
        }
    }

    #[test]
    fn the_base_images_repository_is_read_from_annotation_and_label() {
        let digest = Digest::of(b"x");
        for (name, expected) in [
            (format!("{HOST}/base/python"), Some("base/python")),
            (format!("{HOST}/base/python:3.12"), Some("base/python")),
            (format!("{HOST}/base/python@{digest}"), Some("base/python")),
            (format!("{HOST}/base/python:3.12@{digest}"), Some("base/python")),
            ("docker.io/library/python:3.12".to_owned(), None),
            ("public.ecr.aws/lambda/python:3.12".to_owned(), None),
            ("python".to_owned(), None),
            (String::new(), None),
        ] {
            let mut annotated = image();
            let bytes = serde_json::json!({"annotations": {BASE_NAME: name}}).to_string().into_bytes();
            let media_type = "x".to_owned();
            annotated.original = Some(OriginalManifest { media_type, bytes, digest, pushable: true });
            let mut labelled = image();
            labelled.config_bytes =
                serde_json::json!({"config": {"Labels": {BASE_NAME: name}}}).to_string().into_bytes();
            for image in [annotated, labelled] {
                let found = base_repository(&image).map(|(_, repository)| repository.to_string());
                assert_eq!(found.as_deref(), expected, "{name}");
            }
        }
        let mut odd = image();
        for bytes in [&b"{}"[..], b"[]", b"", br#"{"config":null}"#, br#"{"config":{"Labels":[]}}"#] {
            odd.config_bytes = bytes.to_vec();
            assert_eq!(base_repository(&odd), None);
        }
    }

    #[test]
    fn only_other_repositories_of_this_registry_are_tried() {
        let mut spec = spec();
        let far = format!("{}/team/base", HOST.replace("eu-west-1", "us-east-1"));
        let near = format!("{HOST}/team/base");
        spec.mount_from = ["shop", "tools", &near, &far, "tools"].map(|name| name.parse().unwrap()).to_vec();
        let mut local = image();
        let label = serde_json::json!({"config": {"Labels": {BASE_NAME: format!("{HOST}/base:1")}}});
        local.config_bytes = label.to_string().into_bytes();
        let host = RegistryHost::standard(&account(), &region());
        let found = mount_facts(&spec, &local, &host, Some(Ok(true)), &facts().caller);
        let names: Vec<_> = found.from.iter().map(RepositoryName::as_str).collect();
        assert_eq!(names, ["tools", "team/base", "base"]);
        assert_eq!(found.elsewhere, [far.parse().unwrap()]);
        assert!(found.is_possible);
    }

    #[test]
    fn the_setting_counts_for_the_callers_own_registry_only() {
        let denied = CloudError {
            service: "Amazon ECR",
            operation: "GetAccountSetting",
            kind: CloudErrorKind::AccessDenied,
            code: None,
            status: Some(403),
            message: String::new(),
            request_id: None,
        };
        let other = "999999999999".parse().unwrap();
        for (setting, owner, is_possible) in [
            (Some(Ok(true)), account(), true),
            (Some(Ok(false)), account(), false),
            (Some(Err(denied)), account(), true),
            (None, account(), true),
            (Some(Ok(false)), other, true),
        ] {
            let host = RegistryHost::standard(&owner, &region());
            let found = mount_facts(&spec(), &image(), &host, setting, &facts().caller);
            assert_eq!(found.is_possible, is_possible);
        }
    }

    #[test]
    fn without_any_candidate_nothing_is_asked() {
        let (mut spec, local) = (spec(), image());
        assert!(!is_possible(&spec, &local, None));
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::in_folder(folder.path());
        assert!(!is_possible(&spec, &local, Some(&memory)));
        let mut stated = image();
        stated.layers[0].compression = crate::image::Compression::Gzip;
        let digest = *stated.layers[0].stored_digest.insert(Digest::of(b"gzip"));
        let host = RegistryHost::standard(&account(), &region());
        memory.origins.note(&digest, &host, &spec.repository.name);
        assert!(!is_possible(&spec, &stated, Some(&memory)), "it is known to be here only");
        memory.origins.note(&digest, &host, &"other".parse().unwrap());
        assert!(is_possible(&spec, &stated, Some(&memory)));
        spec.mount_from.push("base".parse().unwrap());
        assert!(is_possible(&spec, &local, None));
    }
}
