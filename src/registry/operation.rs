//! The wire steps by name, and the permission that each needs.

/// A wire step, for messages and hints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// HEAD of a blob.
    BlobExists,
    /// GET of a blob.
    GetBlob,
    /// POST that asks for a blob of another repository.
    Mount,
    /// POST that opens an upload.
    StartUpload,
    /// PATCH with a part.
    SendPart,
    /// GET of an upload's status.
    UploadStatus,
    /// PUT that ends an upload.
    FinishUpload,
    /// HEAD of a manifest.
    HeadManifest,
    /// GET of a manifest.
    GetManifest,
    /// PUT of a manifest.
    PutManifest,
}

impl Operation {
    /// The IAM action that ECR asks for at this step.
    pub fn action(self) -> &'static str {
        match self {
            Self::BlobExists => "ecr:BatchCheckLayerAvailability",
            Self::GetBlob => "ecr:GetDownloadUrlForLayer",
            Self::Mount | Self::StartUpload => "ecr:InitiateLayerUpload",
            Self::SendPart | Self::UploadStatus => "ecr:UploadLayerPart",
            Self::FinishUpload => "ecr:CompleteLayerUpload",
            Self::HeadManifest | Self::GetManifest => "ecr:BatchGetImage",
            Self::PutManifest => "ecr:PutImage",
        }
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::BlobExists => "looking for a blob",
            Self::GetBlob => "reading a blob",
            Self::Mount => "mounting a blob",
            Self::StartUpload => "opening an upload",
            Self::SendPart => "sending a part",
            Self::UploadStatus => "asking how far an upload is",
            Self::FinishUpload => "completing an upload",
            Self::HeadManifest => "looking for a manifest",
            Self::GetManifest => "reading a manifest",
            Self::PutManifest => "putting the manifest",
        })
    }
}
