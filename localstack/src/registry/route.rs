//! What a request to the registry asks for.

use crate::head::Head;
use crate::text::percent_decoded;

/// A request, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// Empty for the version check.
    pub(crate) repository: String,
    pub(crate) step: Step,
}

/// The steps of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    CheckVersion,
    HeadBlob { digest: String },
    GetBlob { digest: String },
    StartUpload,
    MountBlob { digest: String, source: String },
    UploadPart { upload: String },
    FinishUpload { upload: String },
    UploadStatus { upload: String },
    CancelUpload { upload: String },
    HeadManifest { reference: String },
    GetManifest { reference: String },
    PutManifest { reference: String },
    ListTags,
}

impl Step {
    /// The name in faults and in the call log.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Step::CheckVersion => "CheckVersion",
            Step::HeadBlob { .. } => "HeadBlob",
            Step::GetBlob { .. } => "GetBlob",
            Step::StartUpload => "StartUpload",
            Step::MountBlob { .. } => "MountBlob",
            Step::UploadPart { .. } => "UploadPart",
            Step::FinishUpload { .. } => "FinishUpload",
            Step::UploadStatus { .. } => "UploadStatus",
            Step::CancelUpload { .. } => "CancelUpload",
            Step::HeadManifest { .. } => "HeadManifest",
            Step::GetManifest { .. } => "GetManifest",
            Step::PutManifest { .. } => "PutManifest",
            Step::ListTags => "ListTags",
        }
    }

    /// The permission that the step wants.
    pub(crate) fn action(&self) -> &'static str {
        match self {
            Step::CheckVersion => "ecr:GetAuthorizationToken",
            Step::HeadBlob { .. } => "ecr:BatchCheckLayerAvailability",
            Step::GetBlob { .. } => "ecr:GetDownloadUrlForLayer",
            Step::StartUpload | Step::MountBlob { .. } => "ecr:InitiateLayerUpload",
            Step::UploadPart { .. } | Step::UploadStatus { .. } | Step::CancelUpload { .. } => {
                "ecr:UploadLayerPart"
            }
            Step::FinishUpload { .. } => "ecr:CompleteLayerUpload",
            Step::HeadManifest { .. } | Step::GetManifest { .. } => "ecr:BatchGetImage",
            Step::PutManifest { .. } => "ecr:PutImage",
            Step::ListTags => "ecr:ListImages",
        }
    }
}

impl Route {
    /// Whether it asks for a new upload.
    pub(crate) fn opens_upload(&self) -> bool {
        matches!(self.step, Step::StartUpload | Step::MountBlob { .. })
    }

    /// Reads method, path and query; none when the registry has no such step.
    pub(crate) fn of(head: &Head) -> Option<Route> {
        let rest = head.path.strip_prefix("/v2")?;
        if matches!(rest, "" | "/") {
            let reads = matches!(head.method.as_str(), "GET" | "HEAD");
            return reads.then(|| Route { repository: String::new(), step: Step::CheckVersion });
        }
        // A repository's name may contain slashes, and even these words: what counts is how the path ends.
        let path = percent_decoded(rest.strip_prefix('/')?);
        let segments: Vec<&str> = path.split('/').collect();
        let (name, step) = match (head.method.as_str(), segments.as_slice()) {
            ("GET", [name @ .., "tags", "list"]) => (name, Step::ListTags),
            (method, [name @ .., "manifests", reference]) => {
                let reference = (*reference).to_owned();
                let step = match method {
                    "HEAD" => Step::HeadManifest { reference },
                    "GET" => Step::GetManifest { reference },
                    "PUT" => Step::PutManifest { reference },
                    _ => return None,
                };
                (name, step)
            }
            ("POST", [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""]) => {
                let step = match (head.parameter("mount"), head.parameter("from")) {
                    (Some(digest), Some(source)) => {
                        Step::MountBlob { digest: digest.to_owned(), source: source.to_owned() }
                    }
                    _ => Step::StartUpload,
                };
                (name, step)
            }
            (method, [name @ .., "blobs", "uploads", upload]) => {
                let upload = (*upload).to_owned();
                let step = match method {
                    "PATCH" => Step::UploadPart { upload },
                    "PUT" => Step::FinishUpload { upload },
                    "GET" => Step::UploadStatus { upload },
                    "DELETE" => Step::CancelUpload { upload },
                    _ => return None,
                };
                (name, step)
            }
            ("HEAD", [name @ .., "blobs", digest]) => (name, Step::HeadBlob { digest: (*digest).to_owned() }),
            ("GET", [name @ .., "blobs", digest]) => (name, Step::GetBlob { digest: (*digest).to_owned() }),
            _ => return None,
        };
        (!name.is_empty()).then(|| Route { repository: name.join("/"), step })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fields;

    fn route(method: &str, target: &str) -> Option<(String, &'static str)> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let head = Head {
            method: method.into(),
            path: path.into(),
            query: fields(query, false),
            headers: Vec::new(),
        };
        Route::of(&head).map(|route| (route.repository, route.step.operation()))
    }

    #[test]
    fn every_step_is_told_by_method_and_path() {
        for (method, target, repository, operation) in [
            ("GET", "/v2/", "", "CheckVersion"),
            ("GET", "/v2", "", "CheckVersion"),
            ("HEAD", "/v2/a/b/blobs/sha256:0", "a/b", "HeadBlob"),
            ("GET", "/v2/app/blobs/sha256%3A0", "app", "GetBlob"),
            ("POST", "/v2/app/blobs/uploads/", "app", "StartUpload"),
            ("POST", "/v2/app/blobs/uploads", "app", "StartUpload"),
            ("POST", "/v2/app/blobs/uploads/?digest=sha256:0", "app", "StartUpload"),
            ("POST", "/v2/app/blobs/uploads/?mount=sha256:0&from=base", "app", "MountBlob"),
            ("PATCH", "/v2/app/blobs/uploads/1-2", "app", "UploadPart"),
            ("PUT", "/v2/app/blobs/uploads/1-2?digest=sha256:0", "app", "FinishUpload"),
            ("GET", "/v2/app/blobs/uploads/1-2", "app", "UploadStatus"),
            ("DELETE", "/v2/app/blobs/uploads/1-2", "app", "CancelUpload"),
            ("HEAD", "/v2/blobs/uploads/manifests/v1", "blobs/uploads", "HeadManifest"),
            ("GET", "/v2/app/manifests/v1", "app", "GetManifest"),
            ("PUT", "/v2/app/manifests/v1", "app", "PutManifest"),
            ("GET", "/v2/app/tags/list", "app", "ListTags"),
        ] {
            assert_eq!(route(method, target), Some((repository.to_owned(), operation)), "{method} {target}");
        }
    }

    #[test]
    fn what_is_no_step_is_none() {
        for (method, target) in [
            ("POST", "/v2/"),
            ("GET", "/v2/_catalog"),
            ("DELETE", "/v2/app/manifests/v1"),
            ("GET", "/v2/manifests/v1"),
            ("GET", "/v22/app/manifests/v1"),
        ] {
            assert_eq!(route(method, target), None, "{method} {target}");
        }
    }
}
