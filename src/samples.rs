//! Images, specifications and facts for the tests of the pure parts. Everything is in order in them: a test spoils one thing.

use std::io::Write;
use std::sync::Arc;

use serde_json::json;

use crate::cloud::{Caller, LiveAlias, LiveFunction, PublishedVersion, Repository, TagMutability};
use crate::function::samples::{declared, live};
use crate::image::{BlobLocation, Compression, Config, Layer, LocalImage, MediaFlavor};
use crate::layer::Encoding;
use crate::name::{AccountId, Architecture, Digest, Region, RegistryHost};
use crate::observe::{
    Facts, FunctionFacts, ImageFacts, KnownLayer, LayerFacts, LayerOrigin, MountFacts, PolicyFacts,
    RepositoryFacts,
};
use crate::plan::{DeploySpec, FunctionSpec, default_tag};
use crate::policy::PolicyScope;
use crate::registry::{LayerDescriptor, manifest_for};
use crate::release::{Engine, OnStop, Strategy, TrafficSpec, WatchSpec};

pub(crate) fn account() -> AccountId {
    "123456789012".parse().unwrap()
}

pub(crate) fn region() -> Region {
    "eu-west-1".parse().unwrap()
}

/// An uncompressed layer whose diff id is that of `content`.
pub(crate) fn layer(content: &[u8]) -> Layer {
    let (mut file, size) = (tempfile::tempfile().unwrap(), content.len() as u64);
    file.write_all(content).unwrap();
    Layer {
        diff_id: Digest::of(content),
        media_type: None,
        location: BlobLocation::InFile { file: Arc::new(file), path: "image.tar".into(), offset: 0, size },
        stored_size: size,
        stored_digest: None,
        compression: Compression::None,
    }
}

/// An image for x86_64 with one layer.
pub(crate) fn image() -> LocalImage {
    let layers = vec![layer(b"layer")];
    let diff_ids: Vec<String> = layers.iter().map(|layer| layer.diff_id.to_string()).collect();
    let config_bytes = json!({"os": "linux", "rootfs": {"diff_ids": diff_ids}}).to_string().into_bytes();
    LocalImage {
        source: "image.tar".to_owned(),
        config_digest: Digest::of(&config_bytes),
        config_bytes,
        config: Config {
            os: "linux".to_owned(),
            architecture_name: "amd64".to_owned(),
            architecture: Some(Architecture::X86_64),
            entrypoint: vec!["/bootstrap".to_owned()],
            ..Config::default()
        },
        layers,
        flavor: MediaFlavor::Docker,
        original: None,
        choice: None,
    }
}

/// Function `shop` from repository `shop`: a version, no alias, no settings.
pub(crate) fn spec() -> DeploySpec {
    DeploySpec {
        repository: "shop".parse().unwrap(),
        region: region(),
        tags: Vec::new(),
        create_repository: None,
        encoding: Encoding::default(),
        mount_from: Vec::new(),
        architecture: None,
        function: Some(FunctionSpec {
            name: "shop".parse().unwrap(),
            region: None,
            account: None,
            definition: declared(json!({})),
            publish: true,
            alias: None,
            traffic: TrafficSpec {
                strategy: Strategy::all_at_once(),
                bake: std::time::Duration::ZERO,
                on_stop: OnStop::Rollback,
                watch: WatchSpec::default(),
                engine: Engine::Direct,
            },
            policy_scope: PolicyScope::Account,
        }),
    }
}

/// Everything is as [`spec`] wants it: the image is there, the function runs it, and version 3 is published of it.
pub(crate) fn facts() -> Facts {
    let local = image();
    let known = KnownLayer {
        digest: Digest::of(b"gzip"),
        size: 4,
        compression: Compression::Gzip,
        uncompressed_bytes: None,
        origin: LayerOrigin::Computed,
    };
    let descriptor =
        LayerDescriptor { digest: known.digest, size: known.size, compression: Compression::Gzip };
    let manifest = manifest_for(&local, &[descriptor]);
    let digest = manifest.digest;
    let running = LiveFunction { image_digest: Some(digest), ..live(json!({})) };
    let published = PublishedVersion {
        version: "3".parse().unwrap(),
        image_digest: Some(digest),
        settings: running.settings.clone(),
        architecture: running.architecture,
    };
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}]});
    Facts {
        caller: Caller { account: account(), arn: "arn:aws:iam::123456789012:user/deployer".to_owned() },
        registry: RegistryHost::standard(&account(), &region()),
        image: ImageFacts {
            local,
            layers: vec![LayerFacts { known: Some(known), stored: true }],
            manifest: Some(manifest),
            read: Vec::new(),
            manifest_stored: true,
            config_stored: true,
            mount: MountFacts { from: Vec::new(), is_possible: true, elsewhere: Vec::new() },
            tags: vec![(default_tag(&digest), Some(digest))],
        },
        repository: RepositoryFacts::Present(Repository {
            arn: "arn:aws:ecr:eu-west-1:123456789012:repository/shop".to_owned(),
            uri: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop".to_owned(),
            mutability: TagMutability::Mutable,
        }),
        policy: PolicyFacts::Text(policy.to_string()),
        function: Some(FunctionFacts {
            account: account(),
            region: region(),
            live: Some(running),
            alias: None,
            alias_target: None,
            versions: vec![published],
            deployment: None,
        }),
    }
}

/// Asks for alias `live`, which points to version 3 with these weights.
pub(crate) fn with_alias(spec: &mut DeploySpec, facts: &mut Facts, weights: &[(&str, f64)]) {
    spec.function.as_mut().unwrap().alias = Some("live".parse().unwrap());
    let function = facts.function.as_mut().unwrap();
    function.alias = Some(LiveAlias {
        name: "live".parse().unwrap(),
        version: "3".to_owned(),
        weights: weights.iter().map(|(version, weight)| ((*version).to_owned(), *weight)).collect(),
        revision_id: Some("alias-1".to_owned()),
    });
    function.alias_target =
        function.live.clone().map(|live| LiveFunction { version: "3".to_owned(), ..live });
}

/// The live function of the facts.
pub(crate) fn live_of(facts: &mut Facts) -> &mut LiveFunction {
    facts.function.as_mut().unwrap().live.as_mut().unwrap()
}

/// Declares these settings.
pub(crate) fn declare(spec: &mut DeploySpec, settings: serde_json::Value) {
    spec.function.as_mut().unwrap().definition = declared(settings);
}
