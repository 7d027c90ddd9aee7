//! The HTTP client as all of ours are set up.

use std::time::Duration;

use reqwest::redirect;
use url::Url;

use super::endpoint::is_loopback;

/// What a person can do where no client can be set up.
pub(crate) const CLIENT_HINT: &str =
    "install the package ca-certificates, or name a file of certificates in SSL_CERT_FILE";

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// A client for requests to `endpoint`, and to where it points from there.
///
/// # Errors
/// Fails when TLS cannot be set up; the text says why.
pub(crate) fn client_for(endpoint: &Url) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        // HTTP/2's stream windows stall parallel transfers over one connection.
        .http1_only()
        // Redirects are followed by hand: without credentials, and never for uploads.
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_PATIENCE)
        .user_agent(concat!("lambda-lift/", env!("CARGO_PKG_VERSION")));
    if is_loopback(endpoint) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| error.to_string())
}
