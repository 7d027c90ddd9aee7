//! Who signed a request: the credential scope of a SigV4 `Authorization` header.
//!
//! The signature itself is not verified: the stand-in has no secrets to verify it with.

use crate::partition::is_region;

/// What the `Credential` of a signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) access_key: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

/// Why there is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeFault {
    Missing,
    Malformed,
}

/// Reads the scope of an `Authorization` header.
pub(crate) fn scope(authorization: Option<&str>) -> Result<Scope, ScopeFault> {
    let authorization = authorization.ok_or(ScopeFault::Missing)?;
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256").ok_or(ScopeFault::Missing)?;
    let credential = fields
        .split(',')
        .find_map(|field| field.trim().strip_prefix("Credential="))
        .ok_or(ScopeFault::Malformed)?;
    // An access key may contain no slash, so the five parts are unambiguous.
    let parts: Vec<&str> = credential.split('/').collect();
    match parts.as_slice() {
        [access_key, _date, region, service, "aws4_request"]
            if !access_key.is_empty() && is_region(region) && !service.is_empty() =>
        {
            Ok(Scope {
                access_key: (*access_key).to_owned(),
                region: (*region).to_owned(),
                service: (*service).to_owned(),
            })
        }
        _ => Err(ScopeFault::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_names_key_region_and_service() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/ecr/aws4_request, \
                      SignedHeaders=host, Signature=00";
        let found = scope(Some(header)).unwrap();
        assert_eq!(
            (found.access_key.as_str(), found.region.as_str(), found.service.as_str()),
            ("AKID", "eu-west-1", "ecr")
        );
    }

    #[test]
    fn a_missing_and_a_broken_signature_are_told_apart() {
        assert_eq!(scope(None), Err(ScopeFault::Missing));
        assert_eq!(scope(Some("Basic QVdTOng=")), Err(ScopeFault::Missing));
        for credential in
            ["", "a/b", "K/1/../ecr/aws4_request", "K/1/eu-west-1/ecr/aws5", "/1/eu-west-1/ecr/aws4_request"]
        {
            let header = format!("AWS4-HMAC-SHA256 Credential={credential}, Signature=0");
            assert_eq!(scope(Some(&header)), Err(ScopeFault::Malformed), "{credential}");
        }
    }
}
