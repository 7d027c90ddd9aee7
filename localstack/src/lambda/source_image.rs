//! The image URI that a request names: read, found in ECR, and judged as Lambda judges it.

use serde_json::Value;

use crate::images::{Images, StoredImage};
use crate::partition::of_region;
use crate::policy::{Doubt, Puller, may_pull};

use super::arn::Home;
use super::refusal::Refusal;
use super::revision::ImageCode;
use super::settings::Reason;

const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// Who asks for an image, and where to look for it.
pub(super) struct Source<'a> {
    pub(super) images: &'a dyn Images,
    pub(super) home: Home<'a>,
    pub(super) function_arn: &'a str,
    pub(super) doubt: Doubt,
    pub(super) patch_policy: bool,
    pub(super) zstd_layers: bool,
}

impl Source<'_> {
    /// Finds the image that a URI names, and refuses what Lambda refuses at request time.
    pub(super) fn resolve(&self, uri: &str) -> Result<ImageCode, Refusal> {
        let invalid =
            || Refusal::invalid(format!("Source image {uri} is not valid. Provide a valid source image."));
        let absent =
            || Refusal::invalid(format!("Source image {uri} does not exist. Provide a valid source image."));
        let named = NamedImage::read(uri, self.home.region).ok_or_else(invalid)?;
        let policy = self.images.policy(named.account, self.home.region, named.repository);
        let mut policy = policy.ok_or_else(absent)?;
        if !self.caller_may_pull(named.account, policy.as_deref()) {
            return Err(no_permission());
        }
        let image = self
            .images
            .find(named.account, self.home.region, named.repository, named.reference)
            .ok_or_else(absent)?;
        if !self.supports(&image) {
            return Err(Refusal::invalid(format!(
                "The image manifest, config or layer media type for the source image {uri} is not supported."
            )));
        }
        if self.patch_policy && named.account == self.home.account && !self.lambda_may_pull(policy.as_deref())
        {
            let text = with_our_statement(policy.as_deref(), self.home);
            self.images.set_policy(named.account, self.home.region, named.repository, &text);
            policy = Some(text);
        }
        if !self.lambda_may_pull(policy.as_deref()) {
            return Err(no_permission());
        }
        Ok(ImageCode {
            image_uri: uri.to_owned(),
            repository_uri: format!("{}/{}", named.host, named.repository),
            account: named.account.to_owned(),
            repository: named.repository.to_owned(),
            digest: image.digest,
        })
    }

    /// What keeps a resolved image from being used later on, when Lambda prepares it.
    pub(super) fn trouble(&self, code: &ImageCode) -> Option<Reason> {
        let region = self.home.region;
        let deleted = || Reason::new("ImageDeleted", "The function is trying to use a deleted image.");
        let Some(policy) = self.images.policy(&code.account, region, &code.repository) else {
            return Some(deleted());
        };
        let Some(image) = self.images.find(&code.account, region, &code.repository, &code.digest) else {
            return Some(deleted());
        };
        let policy = policy.as_deref();
        if !self.caller_may_pull(&code.account, policy) || !self.lambda_may_pull(policy) {
            let text = "The function does not have permission to access the specified image.";
            return Some(Reason::new("ImageAccessDenied", text));
        }
        uncompressed_docker_layer(&image).map(|digest| {
            let text = format!(
                "InvalidImage(ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest {digest})"
            );
            Reason::new("InvalidImage", text)
        })
    }

    /// Within one account identity policies decide, which this stand-in does not have.
    fn caller_may_pull(&self, repository_account: &str, policy: Option<&str>) -> bool {
        let puller = Puller::Account { partition: self.home.partition(), account: self.home.account };
        repository_account == self.home.account || may_pull(policy, &puller, self.doubt)
    }

    fn lambda_may_pull(&self, policy: Option<&str>) -> bool {
        let puller = Puller::Service { function_arn: self.function_arn, account: self.home.account };
        may_pull(policy, &puller, self.doubt)
    }

    /// Whether Lambda takes the manifest: one image, not an index, with layers that it can unpack.
    fn supports(&self, image: &StoredImage) -> bool {
        let manifest: Value = serde_json::from_slice(&image.manifest).unwrap_or_default();
        let own_type = manifest.get("mediaType").and_then(Value::as_str).unwrap_or(&image.media_type);
        let known = |kind: &str| {
            kind == "application/vnd.docker.distribution.manifest.v2+json"
                || kind == "application/vnd.oci.image.manifest.v1+json"
        };
        let media_type =
            |value: &Value| value.get("mediaType").and_then(Value::as_str).unwrap_or_default().to_owned();
        let config = manifest.get("config").map(media_type).unwrap_or_default();
        let layers = manifest.get("layers").and_then(Value::as_array).cloned().unwrap_or_default();
        known(&image.media_type)
            && known(own_type)
            && (config == "application/vnd.docker.container.image.v1+json"
                || config == "application/vnd.oci.image.config.v1+json")
            && !layers.is_empty()
            && layers.iter().map(media_type).all(|kind| self.takes_layer(&kind))
    }

    fn takes_layer(&self, media_type: &str) -> bool {
        match media_type {
            // An uncompressed layer is only noticed when the image is prepared.
            DOCKER_LAYER
            | "application/vnd.docker.image.rootfs.diff.tar.gzip"
            | "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.oci.image.layer.v1.tar+gzip" => true,
            "application/vnd.oci.image.layer.v1.tar+zstd" => self.zstd_layers,
            _ => false,
        }
    }
}

fn no_permission() -> Refusal {
    Refusal::denied("Lambda does not have permission to access the ECR image. Check the ECR permissions.")
}

fn uncompressed_docker_layer(image: &StoredImage) -> Option<String> {
    let manifest: Value = serde_json::from_slice(&image.manifest).ok()?;
    let layers = manifest.get("layers")?.as_array()?;
    let layer =
        layers.iter().find(|layer| layer.get("mediaType").and_then(Value::as_str) == Some(DOCKER_LAYER))?;
    Some(layer.get("digest")?.as_str()?.to_owned())
}

/// The policy with the statement that Lambda itself adds: five actions, any function of the account.
fn with_our_statement(policy: Option<&str>, home: Home<'_>) -> String {
    let mut document: Value = policy
        .and_then(|text| serde_json::from_str(text).ok())
        .filter(Value::is_object)
        .unwrap_or_else(|| serde_json::json!({"Version": "2008-10-17"}));
    let mut statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(single @ Value::Object(_)) => vec![single.clone()],
        _ => Vec::new(),
    };
    statements.push(serde_json::json!({
        "Sid": "LambdaECRImageRetrievalPolicy",
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": [
            "ecr:BatchGetImage",
            "ecr:DeleteRepositoryPolicy",
            "ecr:GetDownloadUrlForLayer",
            "ecr:GetRepositoryPolicy",
            "ecr:SetRepositoryPolicy",
        ],
        "Condition": {"StringLike": {"aws:sourceArn": home.function_arn("*", None)}},
    }));
    document["Statement"] = Value::Array(statements);
    document.to_string()
}

/// The parts of an image URI that Lambda can use.
#[derive(Debug, PartialEq, Eq)]
struct NamedImage<'a> {
    host: &'a str,
    account: &'a str,
    repository: &'a str,
    /// A tag, or `sha256:…`.
    reference: &'a str,
}

impl<'a> NamedImage<'a> {
    /// Reads a URI; none when it is no image of this Region's registries, or names both tag and digest, or
    /// neither.
    fn read(uri: &'a str, region: &str) -> Option<NamedImage<'a>> {
        let (host, rest) = uri.split_once('/')?;
        let (repository, reference) = match rest.split_once('@') {
            Some((repository, digest)) => (repository, digest.starts_with("sha256:").then_some(digest)?),
            None => rest.split_once(':')?,
        };
        let (account, registry) = host.split_at_checked(12)?;
        let suffix = of_region(region).1;
        let plain = format!(".dkr.ecr.{region}.{suffix}");
        let dual_stack = format!(".dkr-ecr.{region}.on.");
        let sound = account.bytes().all(|byte| byte.is_ascii_digit())
            && (registry == plain || registry.starts_with(&dual_stack))
            && !repository.is_empty()
            && !repository.contains(':')
            && is_reference(reference);
        sound.then_some(NamedImage { host, account, repository, reference })
    }
}

fn is_reference(reference: &str) -> bool {
    match reference.strip_prefix("sha256:") {
        Some(hex) => {
            hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        }
        None => {
            (1..=128).contains(&reference.len())
                && reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_images_of_this_regions_private_registries_are_named() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        for (uri, expected) in [
            (format!("{host}/team/app:v1"), Some(("team/app", "v1"))),
            (format!("{host}/app@{digest}"), Some(("app", digest.as_str()))),
            ("123456789012.dkr-ecr.eu-west-1.on.aws/app:v1".to_owned(), Some(("app", "v1"))),
            (format!("{host}/app"), None),
            (format!("{host}/app:v1@{digest}"), None),
            (format!("{host}/app@sha256:abc"), None),
            (format!("{host}/app@{}", digest.to_uppercase()), None),
            (format!("{host}/app:"), None),
            (format!("{host}/:v1"), None),
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com/app:v1".to_owned(), None),
            ("123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com/app:v1".to_owned(), None),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn/app:v1".to_owned(), None),
            ("public.ecr.aws/lambda/python:3.13".to_owned(), None),
            ("docker.io/library/alpine:3".to_owned(), None),
            ("app:v1".to_owned(), None),
            ("éééééé/app:v1".to_owned(), None),
            (String::new(), None),
        ] {
            let found = NamedImage::read(&uri, "eu-west-1").map(|image| (image.repository, image.reference));
            assert_eq!(found, expected, "{uri}");
        }
    }
}
