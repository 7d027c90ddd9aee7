//! Who a visitor of the registry is: the password's claims, and the registry that the host name speaks of.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ecr::{Claims, Ecr, Place, TokenFault};
use crate::head::Head;
use crate::partition::{of_registry_host, registry_host};
use crate::protocol::{Common, Protocol};
use crate::reply::Reply;

/// Somebody with a good token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visitor {
    /// The caller's account.
    pub(crate) caller: String,
    /// The registry that is visited.
    pub(crate) place: Place,
    /// Whether the host name said which registry that is. A loopback address does not.
    pub(crate) named: bool,
}

/// The parameter with which an upload's address on another host opens that upload.
pub(super) const TICKET: &str = "X-Stand-Ticket";

/// Somebody whose address says all: it was handed out with the upload, and takes no credentials, as signed addresses
/// of S3 do not.
fn ticket_holder(ecr: &Ecr, head: &Head, ticket: &str) -> Result<Visitor, Reply> {
    if head.header("authorization").is_some() {
        return Err(Protocol::Storage.error(400, "InvalidArgument", "Only one auth mechanism allowed"));
    }
    let id = head.path.rsplit('/').next().unwrap_or_default();
    let place = ecr.uploads.admitted(id, ticket).ok_or_else(|| challenge(head))?;
    Ok(Visitor { caller: place.account.clone(), place, named: true })
}

/// Reads the `Authorization` header. Reached under the registry's own name, that name says which registry is
/// meant; reached under another one (a loopback address), the token does.
pub(crate) fn visitor(ecr: &Ecr, head: &Head, now: SystemTime) -> Result<Visitor, Reply> {
    if let Some(ticket) = head.parameter(TICKET) {
        return ticket_holder(ecr, head, ticket);
    }
    let password = head.header("authorization").and_then(basic_password).ok_or_else(|| challenge(head))?;
    let claims = ecr.tokens.check(&password, now).map_err(|fault| match fault {
        TokenFault::Unknown => challenge(head),
        TokenFault::Expired => Protocol::Registry.common(Common::ExpiredToken),
    })?;
    let Claims { caller, region, registry, .. } = claims;
    match of_registry_host(head.host()) {
        Some((_, asked)) if asked != region => {
            Err(Protocol::Registry.error(403, "DENIED", "Your Authorization Token is invalid."))
        }
        Some((account, region)) => Ok(Visitor { caller, place: Place { account, region }, named: true }),
        None => Ok(Visitor { caller, place: Place { account: registry, region }, named: false }),
    }
}

/// The answer to whoever has no good token.
pub(crate) fn challenge(head: &Head) -> Reply {
    let realm = match of_registry_host(head.host()) {
        Some((account, region)) => format!("https://{}/", registry_host(&account, &region)),
        None => format!("http://{}/", head.host()),
    };
    Reply::text(401, "text/plain; charset=utf-8", "Not Authorized\n")
        .with("docker-distribution-api-version", "registry/2.0")
        .with("www-authenticate", format!("Basic realm=\"{realm}\",service=\"ecr.amazonaws.com\""))
}

/// The password of `Basic` credentials whose user is `AWS`.
fn basic_password(authorization: &str) -> Option<String> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    let text = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok())?;
    let (user, password) = text.split_once(':')?;
    (scheme.eq_ignore_ascii_case("basic") && user == "AWS").then(|| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_basic_credentials_of_the_user_aws_count() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(basic_password(&basic("AWS:a:b")).as_deref(), Some("a:b"));
        for header in ["", "Basic", "Basic !", &basic("AWS"), &basic("bob:x"), "Bearer QVdTOng="] {
            assert_eq!(basic_password(header), None, "{header}");
        }
    }
}
