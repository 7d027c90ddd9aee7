//! Where a Terraform state is.

use std::path::{Path, PathBuf};

use url::Url;

use super::Missing;
use crate::http::endpoint::redacted;

/// Where a state is. `Debug` and `Display` show no password and no query.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file.
    File(PathBuf),
    /// An object in Amazon S3.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// The bucket's Region, where it is known.
        region: Option<String>,
    },
    /// A web address.
    Http(Url),
}

impl std::fmt::Display for Location {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::S3 { bucket, key, .. } => write!(formatter, "s3://{bucket}/{key}"),
            Self::Http(url) => formatter.write_str(&redacted(url)),
        }
    }
}

impl std::fmt::Debug for Location {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Location({self})")
    }
}

impl Location {
    /// Reads `terraform.tfstate`, `file:///path`, `s3://bucket/key`, `https://host/path`. A path is relative to `folder`.
    ///
    /// # Errors
    /// It is none of these.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Missing> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text.is_empty() || text.chars().any(char::is_control) {
                true => Err(Missing::new(
                    "the place of a Terraform state must be a path or an address in one line",
                )),
                false => Ok(Self::File(folder.join(text))),
            };
        };
        // The text is not repeated: it may hold a password.
        let not_one = |what: &str| Missing::new(format!("{scheme}://… is not {what}"));
        match scheme {
            "file" if rest.starts_with('/') => Ok(Self::File(PathBuf::from(rest))),
            "file" => Err(not_one("the address of a file").hint("write file:///path, or the path alone")),
            "s3" => match rest.split_once('/') {
                Some((bucket, key)) if is_bucket(bucket) && !key.is_empty() => {
                    Ok(Self::S3 { bucket: bucket.to_owned(), key: key.to_owned(), region: None })
                }
                _ => Err(not_one("the address of an object").hint("write s3://BUCKET/KEY")),
            },
            "http" | "https" => match Url::parse(text) {
                Ok(url) if url.host().is_some() => Ok(Self::Http(url)),
                _ => Err(not_one("an address")),
            },
            _ => Err(Missing::new(format!("Terraform states of {scheme}:// are not read"))
                .hint("write the state into a file with terraform state pull > FILE, and name that; a path, s3:// and https:// are read")),
        }
    }
}

/// Whether a text can be the name of a bucket. It becomes part of a host's name.
pub(super) fn is_bucket(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (3..=63).contains(&name.len()) && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_addresses_are_read_and_passwords_are_not_shown() {
        let parse = |text| Location::parse(text, Path::new("conf"));
        for (text, shown) in [
            ("a/terraform.tfstate", "conf/a/terraform.tfstate"),
            ("/abs/x", "/abs/x"),
            ("file:///abs/x", "/abs/x"),
            ("s3://my-bucket/a/b.tfstate", "s3://my-bucket/a/b.tfstate"),
            ("https://me:hunter2@host/state?token=hunter2", "https://host/state"),
        ] {
            let location = parse(text).unwrap();
            assert_eq!(location.to_string(), shown, "{text}");
            assert!(!format!("{location:?}").contains("hunter2"));
        }
        for (text, part) in [
            ("", "must be a path"),
            ("s3://bucket", "not the address of an object"),
            ("s3://b@d/key", "not the address of an object"),
            ("s3:///key", "not the address of an object"),
            ("file://x", "not the address of a file"),
            ("https://", "not an address"),
            ("gs://hunter2/x", "gs:// are not read"),
            ("remote://app.terraform.io/x/y", "remote:// are not read"),
        ] {
            let missing = parse(text).unwrap_err();
            assert!(
                missing.message.contains(part) && !missing.message.contains("hunter2"),
                "{text}: {missing:?}"
            );
        }
    }
}
