//! Which proxy a request goes through.

use url::Url;

/// What the environment says of proxies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxySettings {
    /// `HTTPS_PROXY`, in either case; else `ALL_PROXY`.
    pub https: Option<String>,
    /// `NO_PROXY`, in either case.
    pub none_for: Option<String>,
}

/// A proxy's address without the name and password in it; none where it is no address.
pub fn without_password(text: &str) -> Option<Url> {
    // A bare host and port is taken as curl takes it.
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let mut url: Url = whole.parse().ok()?;
    url.host_str()?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// Whether `NO_PROXY` takes a host out: by its name, by a domain above it, or by `*`.
pub fn bypasses(none_for: &str, host: &str) -> bool {
    none_for.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let domain = entry.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
        let host = host.to_ascii_lowercase();
        entry == "*" || host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        for (text, shown) in [
            ("http://user:hunter2@proxy.example:3128", Some("http://proxy.example:3128/")),
            ("proxy.example:3128", Some("http://proxy.example:3128/")),
            ("http://", None),
            ("not a proxy", None),
        ] {
            let found = without_password(text);
            assert_eq!(found.as_ref().map(Url::as_str), shown, "{text}");
        }
    }

    #[test]
    fn no_proxy_takes_out_hosts_and_domains() {
        for (list, host, expected) in [
            ("amazonaws.com", "sts.eu-west-1.amazonaws.com", true),
            (".amazonaws.com, x", "sts.eu-west-1.amazonaws.com", true),
            ("*.amazonaws.com", "sts.amazonaws.com", true),
            ("azonaws.com", "sts.amazonaws.com", false),
            ("*", "a", true),
            ("", "a", false),
            (" , ", "a", false),
        ] {
            assert_eq!(bypasses(list, host), expected, "{list} {host}");
        }
    }
}
