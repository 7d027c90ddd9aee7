//! Where to connect: which addresses the registry's credentials and an image's bytes may be sent to.

use url::{Host, Url};

/// Why an address cannot be used as the registry's endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Neither `http` nor `https`, or no host.
    #[error("the registry endpoint {0} is not an address; write https://HOST[:PORT]")]
    NotAnAddress(String),
    /// User name, password, query or fragment.
    #[error(
        "the registry endpoint {0} may have a host, a port and a path only; credentials come from AWS, \
         remove everything else"
    )]
    TooMuch(String),
    /// Plain http to another machine.
    #[error(
        "the registry endpoint {0} would get the credentials over plain http; use https, a loopback \
         address, or --allow-plain-http if you trust the network"
    )]
    PlainHttp(String),
}

/// Checks a registry endpoint: `https`, or plain `http` to this machine (to others when `allow_plain_http`).
///
/// # Errors
/// Names the address without its credentials and query, and the ways out.
pub fn check_endpoint(endpoint: &Url, allow_plain_http: bool) -> Result<(), EndpointError> {
    let shown = redacted(endpoint);
    if !matches!(endpoint.scheme(), "http" | "https") || endpoint.host().is_none() {
        return Err(EndpointError::NotAnAddress(shown));
    }
    let bare = endpoint.username().is_empty() && endpoint.password().is_none();
    if !bare || endpoint.query().is_some() || endpoint.fragment().is_some() {
        return Err(EndpointError::TooMuch(shown));
    }
    if !allow_plain_http && !is_private(endpoint) {
        return Err(EndpointError::PlainHttp(shown));
    }
    Ok(())
}

/// Whether nobody on the network can read what is sent to `url`.
pub(crate) fn is_private(url: &Url) -> bool {
    url.scheme() == "https" || is_loopback(url)
}

/// Whether `url` is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// `url` as it may be shown: without query (signatures), fragment and credentials.
pub(crate) fn redacted(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    // These fail only for addresses that cannot have credentials.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_plain_http_to_this_machine_are_accepted() {
        for good in [
            "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "https://proxy.example:8443/prefix",
            "http://127.0.0.1:5000",
            "http://127.9.9.9",
            "http://[::1]:5000/",
            "http://localhost:4566",
            "http://ecr.localhost:4566",
        ] {
            assert_eq!(check_endpoint(&good.parse().unwrap(), false), Ok(()), "{good}");
        }
        let elsewhere = "http://registry.example:5000".parse().unwrap();
        assert!(matches!(check_endpoint(&elsewhere, false), Err(EndpointError::PlainHttp(_))));
        assert_eq!(check_endpoint(&elsewhere, true), Ok(()));
    }

    #[test]
    fn other_schemes_credentials_and_queries_are_refused_without_being_repeated() {
        for bad in [
            "ftp://host/",
            "file:///etc/passwd",
            "data:text",
            "https://user:secret@host/",
            "https://host/?secret=1",
            "http://localhost.example/",
            "http://0.0.0.0/",
        ] {
            let error = check_endpoint(&bad.parse().unwrap(), false).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
