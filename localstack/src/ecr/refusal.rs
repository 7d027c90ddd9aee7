//! Why ECR refuses, in both of its voices: the control plane's exception and the registry's error code.

use serde_json::{Map, Value};

use crate::partition::repository_arn;
use crate::protocol::denial;

/// One refusal. What has no registry code never happens in the registry, and the other way round.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    /// The exception of the control plane (HTTP 400, but for `ServerException`).
    pub(crate) exception: &'static str,
    /// The registry's HTTP status.
    pub(crate) status: u16,
    /// The registry's error code.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Further members of the exception. Few have any.
    pub(crate) members: Option<Box<Map<String, Value>>>,
}

fn refusal(exception: &'static str, (status, code): (u16, &'static str), message: String) -> Refusal {
    Refusal { exception, status, code, message, members: None }
}

const UNSUPPORTED: (u16, &str) = (405, "UNSUPPORTED");

impl Refusal {
    pub(crate) fn exception(exception: &'static str, message: impl Into<String>) -> Refusal {
        refusal(exception, UNSUPPORTED, message.into())
    }

    pub(crate) fn invalid(parameter: &str, constraint: &str) -> Refusal {
        let message =
            format!("Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'");
        refusal("InvalidParameterException", UNSUPPORTED, message)
    }

    pub(crate) fn invalid_tag(tag: &str) -> Refusal {
        let message = format!(
            "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression \
             '[a-zA-Z0-9_][a-zA-Z0-9._-]{{0,127}}'': {tag}"
        );
        refusal("InvalidParameterException", (400, "TAG_INVALID"), message)
    }

    pub(crate) fn invalid_digest(text: &str) -> Refusal {
        let message =
            format!("Invalid parameter at 'imageDigest' failed to satisfy constraint: '{text}' is no digest");
        refusal("InvalidParameterException", (400, "DIGEST_INVALID"), message)
    }

    pub(crate) fn repository_missing(repository: &str, account: &str) -> Refusal {
        let message = format!(
            "The repository with name '{repository}' does not exist in the registry with id '{account}'"
        );
        refusal("RepositoryNotFoundException", (404, "NAME_UNKNOWN"), message)
    }

    pub(crate) fn repository_exists(repository: &str, account: &str) -> Refusal {
        let message = format!(
            "The repository with name '{repository}' already exists in the registry with id '{account}'"
        );
        refusal("RepositoryAlreadyExistsException", UNSUPPORTED, message)
    }

    pub(crate) fn repository_not_empty(repository: &str, account: &str) -> Refusal {
        let message = format!(
            "The repository with name '{repository}' in registry with id '{account}' cannot be deleted because \
             it still contains images"
        );
        refusal("RepositoryNotEmptyException", UNSUPPORTED, message)
    }

    pub(crate) fn policy_missing(repository: &str, account: &str) -> Refusal {
        let message = format!(
            "Repository policy does not exist for the repository with name '{repository}' in the registry with \
             id '{account}'"
        );
        refusal("RepositoryPolicyNotFoundException", UNSUPPORTED, message)
    }

    pub(crate) fn lifecycle_policy_missing(repository: &str, account: &str) -> Refusal {
        let message = format!(
            "Lifecycle policy does not exist for the repository with name '{repository}' in the registry with \
             id '{account}'"
        );
        refusal("LifecyclePolicyNotFoundException", UNSUPPORTED, message)
    }

    pub(crate) fn image_missing(id: &str, repository: &str, account: &str) -> Refusal {
        let message = format!(
            "The image with imageId {id} does not exist within the repository with name '{repository}' in the \
             registry with id '{account}'"
        );
        refusal("ImageNotFoundException", (404, "MANIFEST_UNKNOWN"), message)
    }

    pub(crate) fn requested_image_missing() -> Refusal {
        let message = "Requested image not found".to_owned();
        refusal("ImageNotFoundException", (404, "MANIFEST_UNKNOWN"), message)
    }

    pub(crate) fn image_exists(digest: &str, tag: &str, repository: &str, account: &str) -> Refusal {
        let message = format!(
            "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name \
             '{repository}' in registry with id '{account}'"
        );
        refusal("ImageAlreadyExistsException", UNSUPPORTED, message)
    }

    pub(crate) fn tag_immutable(tag: &str, repository: &str) -> Refusal {
        let message = format!(
            "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten \
             because the repository is immutable."
        );
        refusal("ImageTagAlreadyExistsException", (400, "TAG_INVALID"), message)
    }

    pub(crate) fn image_digest_differs(digest: &str, repository: &str, account: &str) -> Refusal {
        let message = format!(
            "The image with digest '{digest}' in repository '{repository}' and registry ID '{account}' does not \
             match the image digest that Amazon ECR has calculated."
        );
        refusal("ImageDigestDoesNotMatchException", (400, "MANIFEST_INVALID"), message)
    }

    pub(crate) fn manifest_invalid(constraint: &str) -> Refusal {
        Refusal::invalid("ImageManifest", constraint)
    }

    pub(crate) fn layers_missing(digests: &[String], repository: &str, account: &str) -> Refusal {
        let message = required("Layers", digests, repository, account);
        refusal("LayersNotFoundException", (404, "BLOB_UNKNOWN"), message)
    }

    pub(crate) fn images_missing(digests: &[String], repository: &str, account: &str) -> Refusal {
        let message = required("Images", digests, repository, account);
        refusal("ReferencedImagesNotFoundException", (400, "MANIFEST_BLOB_UNKNOWN"), message)
    }

    pub(crate) fn layer_unknown(digest: &str) -> Refusal {
        refusal(
            "LayersNotFoundException",
            (404, "BLOB_UNKNOWN"),
            format!("blob {digest} unknown to registry"),
        )
    }

    pub(crate) fn upload_missing(upload: &str, repository: &str, account: &str) -> Refusal {
        let message = format!(
            "The upload with id '{upload}' could not be found in the repository with name '{repository}' in the \
             registry with id '{account}'"
        );
        refusal("UploadNotFoundException", (404, "BLOB_UPLOAD_UNKNOWN"), message)
    }

    pub(crate) fn part_offset(given: u64, stored: u64) -> Refusal {
        let message = format!("First byte of the layer part is {given} instead of {stored}");
        refusal("InvalidLayerPartException", (416, "BLOB_UPLOAD_INVALID"), message)
            .with("lastValidByteReceived", stored.saturating_sub(1))
    }

    pub(crate) fn too_many_parts(limit: u64) -> Refusal {
        let message = format!("A layer may have at most {limit} parts");
        refusal("LimitExceededException", (400, "BLOB_UPLOAD_INVALID"), message)
    }

    pub(crate) fn layer_too_large(limit: u64) -> Refusal {
        let message = format!("A layer may have at most {limit} bytes");
        refusal("LimitExceededException", (400, "SIZE_INVALID"), message)
    }

    pub(crate) fn part_length(announced: u64, arrived: u64) -> Refusal {
        let message = format!("The layer part has {arrived} bytes instead of {announced}");
        refusal("InvalidLayerPartException", (400, "SIZE_INVALID"), message)
    }

    pub(crate) fn part_interrupted() -> Refusal {
        let message = "The layer part did not arrive whole".to_owned();
        refusal("InvalidLayerPartException", (400, "BLOB_UPLOAD_INVALID"), message)
    }

    pub(crate) fn part_too_small() -> Refusal {
        let message = "All layer parts except the last part should be at least 5MB".to_owned();
        refusal("LayerPartTooSmallException", (400, "BLOB_UPLOAD_INVALID"), message)
    }

    pub(crate) fn upload_empty() -> Refusal {
        let message = "The specified layer upload does not contain any layer parts.".to_owned();
        refusal("EmptyUploadException", (400, "BLOB_UPLOAD_INVALID"), message)
    }

    pub(crate) fn layer_digest_differs(given: &str) -> Refusal {
        let message = format!(
            "The layer digest calculation performed by Amazon ECR upon receipt of the image layer does not match \
             the digest specified: {given}"
        );
        refusal("InvalidLayerException", (400, "DIGEST_INVALID"), message)
    }

    pub(crate) fn layer_exists(digest: &str, repository: &str, account: &str) -> Refusal {
        let message = format!(
            "Image layer '{digest}' already exists in the repository with name '{repository}' in the registry \
             with id '{account}'"
        );
        refusal("LayerAlreadyExistsException", UNSUPPORTED, message)
    }

    pub(crate) fn denied(caller_arn: &str, action: &str, place: &super::Place, repository: &str) -> Refusal {
        let resource = repository_arn(&place.account, &place.region, repository);
        let message = denial(caller_arn, action, &resource, "resource-based");
        refusal("AccessDeniedException", (403, "DENIED"), message)
    }

    /// The stand-in itself failed: its state could not be written, most likely.
    pub(crate) fn state(error: &std::io::Error) -> Refusal {
        let message = format!("the stand-in could not keep its state: {error}");
        refusal("ServerException", (500, "UNKNOWN"), message)
    }

    /// The same, with one more member in the exception.
    pub(crate) fn with(mut self, member: &str, value: impl Into<Value>) -> Refusal {
        self.members.get_or_insert_default().insert(member.to_owned(), value.into());
        self
    }
}

fn required(what: &str, digests: &[String], repository: &str, account: &str) -> String {
    format!(
        "{what} with digests '[{}]' required for pushing image into repository with name '{repository}' in the \
         registry with id '{account}' do not exist",
        digests.join(", ")
    )
}
