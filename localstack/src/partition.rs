//! Partitions: how ARNs and host names differ from one group of Regions to the next.

/// The partition and the DNS suffix of a Region.
pub(crate) fn of_region(region: &str) -> (&'static str, &'static str) {
    const TABLE: [(&str, &str, &str); 7] = [
        ("cn-", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-", "aws-us-gov", "amazonaws.com"),
        ("eusc-", "aws-eusc", "amazonaws.eu"),
        ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
        ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
        ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
        ("us-iso-", "aws-iso", "c2s.ic.gov"),
    ];
    TABLE
        .iter()
        .find(|(prefix, _, _)| region.starts_with(prefix))
        .map_or(("aws", "amazonaws.com"), |(_, partition, suffix)| (partition, suffix))
}

/// Whether the text may be a Region's name. Also what keeps it harmless as a folder's name.
pub(crate) fn is_region(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether the text is an account id: twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The registry's host name.
pub(crate) fn registry_host(account: &str, region: &str) -> String {
    format!("{account}.dkr.ecr.{region}.{}", of_region(region).1)
}

/// A repository's ARN.
pub(crate) fn repository_arn(account: &str, region: &str, repository: &str) -> String {
    format!("arn:{}:ecr:{region}:{account}:repository/{repository}", of_region(region).0)
}

/// The account and Region that a registry's host name (a port may follow) speaks of.
pub(crate) fn of_registry_host(host: &str) -> Option<(String, String)> {
    let name = host.split(':').next()?.to_ascii_lowercase();
    let mut labels = name.splitn(5, '.');
    let (account, dkr, ecr, region) = (labels.next()?, labels.next()?, labels.next()?, labels.next()?);
    let suffix = labels.next()?;
    let known = is_account(account) && dkr == "dkr" && ecr == "ecr" && is_region(region);
    (known && of_region(region).1 == suffix).then(|| (account.to_owned(), region.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_host_names_account_and_region() {
        let found = |host| of_registry_host(host);
        let expected = Some(("123456789012".to_owned(), "eu-west-1".to_owned()));
        assert_eq!(found("123456789012.dkr.ecr.eu-west-1.amazonaws.com"), expected);
        assert_eq!(found("123456789012.dkr.ecr.eu-west-1.amazonaws.com:443"), expected);
        for host in ["127.0.0.1:5000", "localhost", "", "1.dkr.ecr.eu-west-1.amazonaws.com"] {
            assert_eq!(found(host), None, "{host}");
        }
        assert_eq!(
            found("123456789012.dkr.ecr.cn-north-1.amazonaws.com"),
            None,
            "the suffix of another partition"
        );
        assert_eq!(found("123456789012.dkr.ecr.../../x.amazonaws.com"), None);
    }
}
