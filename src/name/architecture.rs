//! The two instruction sets Lambda runs, under the names Lambda and OCI give them.

use std::str::FromStr;

use super::NameError;

/// An instruction set that Lambda offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// `x86_64` for Lambda, `amd64` for OCI.
    X86_64,
    /// `arm64` for both.
    Arm64,
}

impl Architecture {
    /// Lambda's name: `x86_64` or `arm64`.
    pub fn lambda_name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    /// The name in image configurations and indexes (Go's `GOARCH`): `amd64` or `arm64`.
    pub fn oci_name(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The architecture that an image configuration names, when Lambda has it.
    pub fn from_oci(name: &str) -> Option<Self> {
        match name {
            "amd64" | "x86_64" => Some(Self::X86_64),
            "arm64" | "aarch64" => Some(Self::Arm64),
            _ => None,
        }
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.lambda_name())
    }
}

impl FromStr for Architecture {
    type Err = NameError;

    /// Takes Lambda's names, and OCI's for those who know them from `docker build --platform`.
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::from_oci(text)
            .ok_or_else(|| NameError::new("architecture", text, "Lambda runs x86_64 and arm64"))
    }
}
