//! What to do about a failed call: what `advice` knows of its text, else what its kind says.

use super::{CloudError, CloudErrorKind};
use crate::advice::recognise;
use crate::permission::action_of;

impl CloudError {
    /// What to do about it, for a person.
    pub fn hint(&self) -> Option<String> {
        // Who denied what is in the message, and says more than what is known of all of them.
        let is_denied = self.kind == CloudErrorKind::AccessDenied && self.message.contains("not authorized");
        if let Some(known) = recognise(&self.message).filter(|_| !is_denied) {
            return Some(known.remedy.to_owned());
        }
        match self.kind {
            CloudErrorKind::AccessDenied => Some(self.missing_permission()),
            CloudErrorKind::Credentials => Some(self.credentials_hint().to_owned()),
            CloudErrorKind::Unreachable => Some(
                "check the network, the Region's name, --endpoint-url or AWS_ENDPOINT_URL, and HTTPS_PROXY"
                    .to_owned(),
            ),
            CloudErrorKind::Throttled => {
                Some("AWS is busy with this account's calls: run it again later".to_owned())
            }
            _ => None,
        }
    }

    /// Whether Lambda could not assume the execution role, as it happens for some seconds after a role was made.
    pub fn is_role_not_assumable(&self) -> bool {
        self.kind == CloudErrorKind::Invalid && self.message.contains("cannot be assumed by Lambda")
    }

    fn missing_permission(&self) -> String {
        // `User: ARN is not authorized to perform: ACTION on resource: ARN because …`
        let word = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
        let after =
            |mark: &str| self.message.split_once(mark).map(|(_, rest)| word(rest)).filter(|w| !w.is_empty());
        let action =
            after("not authorized to perform: ").unwrap_or_else(|| action_of(self.service, self.operation));
        let resource = after("on resource: ").map(|resource| format!(" on {resource}")).unwrap_or_default();
        if self.message.contains("explicit deny") {
            return format!("a policy denies {action}{resource} explicitly: no other policy can allow it");
        }
        format!("allow {action}{resource} to the identity that deploys")
    }

    fn credentials_hint(&self) -> &'static str {
        let code = self.code.as_deref().unwrap_or_default();
        if code.starts_with("Expired") || code == "RequestExpired" || self.message.contains("expired") {
            "the credentials have expired: sign in again (aws sso login), or let the CI job fetch new ones"
        } else if code.contains("Signature") || code == "RequestTimeTooSkewed" {
            "check the secret access key and this machine's clock"
        } else if code.is_empty() {
            "sign in (aws sso login), name a profile with --profile or AWS_PROFILE, or set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY; in GitHub Actions run aws-actions/configure-aws-credentials first"
        } else {
            "check that the access key exists, is active, and is of the partition of the Region"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: CloudErrorKind, code: Option<&str>, message: &str) -> CloudError {
        CloudError {
            service: "Amazon ECR",
            operation: "SetRepositoryPolicy",
            kind,
            code: code.map(str::to_owned),
            status: None,
            message: message.to_owned(),
            request_id: None,
        }
    }

    #[test]
    fn each_failure_that_a_user_can_mend_has_a_hint() {
        use CloudErrorKind as Kind;
        let table = [
            (
                Kind::AccessDenied,
                Some("AccessDeniedException"),
                "User: arn:aws:sts::1:assumed-role/ci/x is not authorized to perform: ecr:PutImage on resource: \
                 arn:aws:ecr:eu-west-1:1:repository/shop because no identity-based policy allows the ecr:PutImage action",
                "allow ecr:PutImage on arn:aws:ecr:eu-west-1:1:repository/shop to the identity",
            ),
            (
                Kind::AccessDenied,
                None,
                "User: x is not authorized to perform: iam:PassRole on resource: arn:r with an explicit deny in an \
                 identity-based policy",
                "denies iam:PassRole on arn:r explicitly",
            ),
            (Kind::AccessDenied, None, "Forbidden", "allow ecr:SetRepositoryPolicy to the identity"),
            (Kind::AccessDenied, None, "is not authorized to perform: ", "allow ecr:SetRepositoryPolicy"),
            (
                Kind::AccessDenied,
                None,
                "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
                "policy ensure",
            ),
            (
                Kind::Invalid,
                None,
                "Please don't provide ImageUri when updating a function with packageType Zip.",
                "new name",
            ),
            (
                Kind::Invalid,
                None,
                "Source image x is not valid. Provide a valid source image.",
                "function's Region",
            ),
            (
                Kind::Invalid,
                None,
                "The image manifest, config or layer media type for the source image x is not supported.",
                "not an index",
            ),
            (
                Kind::Invalid,
                Some("InvalidRoleException"),
                "Cannot assume role provided.",
                "codedeploy.amazonaws.com",
            ),
            (Kind::Credentials, Some("ExpiredTokenException"), "", "sign in again"),
            (Kind::Credentials, Some("InvalidSignatureException"), "", "clock"),
            (Kind::Credentials, Some("UnrecognizedClientException"), "", "access key exists"),
            (Kind::Credentials, None, "no credentials were found", "--profile"),
            (Kind::Unreachable, None, "dns error", "--endpoint-url"),
            (Kind::Throttled, None, "Rate exceeded", "later"),
        ];
        for (kind, code, message, part) in table {
            let hint = error(kind, code, message).hint().unwrap();
            assert!(hint.contains(part), "{message}: {hint}");
        }
        assert_eq!(error(Kind::Unexpected, None, "x").hint(), None);
    }

    #[test]
    fn a_role_that_lambda_cannot_assume_is_recognised() {
        let text = "The role defined for the function cannot be assumed by Lambda.";
        assert!(error(CloudErrorKind::Invalid, None, text).is_role_not_assumable());
        assert!(!error(CloudErrorKind::Invalid, None, "The role is wrong").is_role_not_assumable());
    }
}
