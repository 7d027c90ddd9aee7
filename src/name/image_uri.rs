//! ECR registry hosts and image URIs, in every partition.

use std::str::FromStr;

use super::{AccountId, Digest, NameError, Partition, Region, RepositoryName, Tag};

/// The host of a private ECR registry, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RegistryHost {
    /// The registry's account.
    pub account: AccountId,
    /// The registry's Region.
    pub region: Region,
    /// Whether it is a FIPS endpoint, which Lambda does not accept in an image URI.
    pub fips: bool,
    host: String,
}

impl RegistryHost {
    /// The standard (IPv4, not FIPS) host of an account's registry in a Region.
    pub fn standard(account: &AccountId, region: &Region) -> Self {
        let suffix = region.partition().host_suffix();
        Self {
            host: format!("{account}.dkr.ecr.{region}.{suffix}"),
            account: account.clone(),
            region: region.clone(),
            fips: false,
        }
    }

    /// The host name as written.
    pub fn as_str(&self) -> &str {
        &self.host
    }
}

impl std::fmt::Display for RegistryHost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.host)
    }
}

/// Suffixes of dual-stack registry hosts (`facts: authorization and hosts`).
const DUAL_STACK_SUFFIXES: [&str; 7] = [
    "on.aws",
    "on.amazonwebservices.com.cn",
    "amazonwebservices.eu",
    "on.aws.ic.gov",
    "on.aws.scloud",
    "on.cloud-aws.adc-e.uk",
    "on.aws.hci.ic.gov",
];

impl FromStr for RegistryHost {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why: &str| NameError::new("ECR registry host", text, why);
        if matches!(text, "public.ecr.aws" | "ecr-public.aws.com") {
            let why = "Lambda takes images from private repositories only; push it to one of your own";
            return Err(refuse(why));
        }
        let shape = || refuse("it must look like 123456789012.dkr.ecr.eu-central-1.amazonaws.com");
        let (account, rest) = text.split_once(".dkr").ok_or_else(shape)?;
        let rest = rest.strip_prefix(['.', '-']).ok_or_else(shape)?;
        let (service, rest) = rest.split_once('.').ok_or_else(shape)?;
        let fips = match service {
            "ecr" => false,
            "ecr-fips" => true,
            _ => return Err(shape()),
        };
        let (region, suffix) = rest.split_once('.').ok_or_else(shape)?;
        let standard = Partition::ALL.iter().any(|partition| partition.host_suffix() == suffix);
        if !standard && !DUAL_STACK_SUFFIXES.contains(&suffix) {
            return Err(refuse("its domain is not one of ECR's"));
        }
        Ok(Self { account: account.parse()?, region: region.parse()?, fips, host: text.to_owned() })
    }
}

/// A repository as the user named it: by name alone, or by URI when it is in another account or Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryRef {
    /// The registry, when a full URI was given.
    pub registry: Option<RegistryHost>,
    /// The repository's name.
    pub name: RepositoryName,
}

impl FromStr for RepositoryRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let host_like = text.split_once('/').filter(|(host, _)| host.contains('.') && host.contains("ecr"));
        let Some((host, name)) = host_like else {
            return Ok(Self { registry: None, name: text.parse()? });
        };
        if name.contains([':', '@']) {
            let why = "leave the tag or digest off; name tags with --tag";
            return Err(NameError::new("repository", text, why));
        }
        Ok(Self { registry: Some(host.parse()?), name: name.parse()? })
    }
}

/// An image in a private ECR registry: `<host>/<repository>` with a tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUri {
    /// The registry.
    pub registry: RegistryHost,
    /// The repository within it.
    pub repository: RepositoryName,
    /// The tag, when the URI has one.
    pub tag: Option<Tag>,
    /// The manifest digest, when the URI has one.
    pub digest: Option<Digest>,
}

impl ImageUri {
    /// The one form that is given to Lambda: `<host>/<repository>@sha256:…` (invariant 6).
    pub fn by_digest(registry: RegistryHost, repository: RepositoryName, digest: Digest) -> Self {
        Self { registry, repository, tag: None, digest: Some(digest) }
    }
}

impl std::fmt::Display for ImageUri {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for ImageUri {
    type Err = NameError;

    /// Takes a tag, a digest or neither; Lambda refuses both together, and so do we.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why: &str| NameError::new("image URI", text, why);
        let (host, rest) = text.split_once('/').ok_or_else(|| refuse("a repository is missing"))?;
        let registry = host.parse()?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.parse()?)),
            None => (rest, None),
        };
        if tag.is_some() && digest.is_some() {
            return Err(refuse("Lambda does not take a tag and a digest together"));
        }
        Ok(Self { registry, repository: repository.parse()?, tag, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_every_partition_parse_and_print_unchanged() {
        let hosts = [
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", false),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", true),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", false),
            ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", false),
            ("123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", false),
            ("123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", false),
            ("123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", false),
            ("123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", false),
            ("123456789012.dkr-ecr.us-east-1.on.aws", false),
            ("123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", false),
            ("123456789012.dkr-ecr-fips.us-east-1.on.aws", true),
        ];
        for (text, fips) in hosts {
            let host: RegistryHost = text.parse().unwrap();
            assert_eq!((host.as_str(), host.fips), (text, fips));
        }
    }

    #[test]
    fn other_hosts_are_refused() {
        for bad in [
            "public.ecr.aws",
            "docker.io",
            "1234.dkr.ecr.eu-central-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example",
            "123456789012.dkr.ecr.eu-central-1.example.com",
            "123456789012.dkr.s3.eu-central-1.amazonaws.com",
        ] {
            assert!(bad.parse::<RegistryHost>().is_err(), "{bad}");
        }
    }

    #[test]
    fn standard_hosts_follow_the_partition() {
        let account = "123456789012".parse().unwrap();
        for region in ["eu-central-1", "cn-north-1", "eusc-de-east-1", "eu-isoe-west-1"] {
            let host = RegistryHost::standard(&account, &region.parse().unwrap());
            assert_eq!(host.as_str().parse::<RegistryHost>().unwrap(), host);
        }
    }

    #[test]
    fn a_repository_is_a_name_or_a_uri_without_tag() {
        let by_name: RepositoryRef = "team/app".parse().unwrap();
        assert!(by_name.registry.is_none());
        let uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app";
        let by_uri: RepositoryRef = uri.parse().unwrap();
        assert_eq!(by_uri.registry.unwrap().region.as_str(), "eu-west-1");
        assert!(format!("{uri}:v1").parse::<RepositoryRef>().is_err());
        assert!("public.ecr.aws/team/app".parse::<RepositoryRef>().is_err());
    }

    #[test]
    fn an_image_uri_has_a_tag_or_a_digest_but_not_both() {
        let base = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app";
        let digest = Digest::of(b"x");
        for good in [base.to_owned(), format!("{base}:v1"), format!("{base}@{digest}")] {
            assert_eq!(good.parse::<ImageUri>().unwrap().to_string(), good);
        }
        assert!(format!("{base}:v1@{digest}").parse::<ImageUri>().is_err());
    }
}
