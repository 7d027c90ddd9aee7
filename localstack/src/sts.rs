//! AWS STS: who a caller is, and sessions in other accounts (query protocol, XML).

use std::sync::Arc;
use std::time::Duration;

use crate::call::{Answer, Call};
use crate::identity::{Caller, Directory};
use crate::partition::is_account;
use crate::protocol::escaped;
use crate::query::Query;
use crate::service::Service;
use crate::signature::scope;
use crate::text;

/// How long a session lasts unless asked otherwise.
const SESSION: Duration = Duration::from_secs(3600);

const QUERY: Query = Query::new("https://sts.amazonaws.com/doc/2011-06-15/");

/// The service.
#[derive(Debug)]
pub(crate) struct Sts {
    directory: Arc<Directory>,
}

impl Sts {
    pub(crate) fn new(directory: Arc<Directory>) -> Self {
        Sts { directory }
    }

    fn caller_identity(&self, call: &Call) -> Answer {
        let access_key =
            scope(call.header("authorization")).map(|scope| scope.access_key).unwrap_or_default();
        let Caller { account, arn, user_id } = self.directory.caller(&access_key, &call.region);
        QUERY.result(
            "GetCallerIdentity",
            &format!(
                "<Arn>{}</Arn><UserId>{}</UserId><Account>{account}</Account>",
                escaped(&arn),
                escaped(&user_id)
            ),
        )
    }

    fn assume_role(&self, call: &Call, form: &[(String, String)]) -> Answer {
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let (Some(role), Some(session)) = (field("RoleArn"), field("RoleSessionName")) else {
            return QUERY.error(400, "ValidationError", "RoleArn and RoleSessionName must not be null");
        };
        let sound = (2..=64).contains(&session.len())
            && session.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
        let parsed = parse_role(role).filter(|_| sound);
        let Some((partition, account, name)) = parsed else {
            let message = format!("{role} with session name {session} is invalid");
            return QUERY.error(400, "ValidationError", &message);
        };
        let seconds = match field("DurationSeconds").map(str::parse::<u64>) {
            None => SESSION.as_secs(),
            Some(Ok(seconds @ 900..=43_200)) => seconds,
            Some(_) => {
                return QUERY.error(400, "ValidationError", "DurationSeconds must be between 900 and 43200");
            }
        };
        let random = |length: usize| -> String { (0..length).map(|_| fastrand::alphanumeric()).collect() };
        let access_key = format!("ASIA{}", random(16).to_ascii_uppercase());
        let role_id = format!("AROA{}", random(17).to_ascii_uppercase());
        let caller = Caller {
            account: account.to_owned(),
            arn: format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"),
            user_id: format!("{role_id}:{session}"),
        };
        let answer = QUERY.result(
            "AssumeRole",
            &format!(
                "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>\
                 <Credentials><AccessKeyId>{access_key}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
                 <SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>",
                caller.user_id,
                escaped(&caller.arn),
                random(40),
                random(200),
                text::iso_time(call.now + Duration::from_secs(seconds)),
            ),
        );
        self.directory.open_session(access_key, caller);
        answer
    }
}

impl Service for Sts {
    fn handle(&self, call: &Call) -> Answer {
        let form = text::fields(&String::from_utf8_lossy(&call.body), true);
        let action = form.iter().find(|(name, _)| name == "Action").map(|(_, action)| action.as_str());
        match action {
            Some("GetCallerIdentity") => self.caller_identity(call),
            Some("AssumeRole") => self.assume_role(call, &form),
            other => {
                let asked = other.unwrap_or("(no Action)");
                QUERY.error(400, "InvalidAction", &format!("the stand-in has no STS operation {asked}"))
            }
        }
    }
}

/// Partition, account and last part of the name of a role.
fn parse_role(arn: &str) -> Option<(&str, &str, &str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let &["arn", partition, "iam", "", account, resource] = parts.as_slice() else { return None };
    let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
    (is_account(account) && !name.is_empty() && partition.starts_with("aws"))
        .then_some((partition, account, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_tells_its_account() {
        let parsed = parse_role("arn:aws:iam::111122223333:role/path/deployer");
        assert_eq!(parsed, Some(("aws", "111122223333", "deployer")));
        for arn in [
            "",
            "arn:aws:iam::1:role/x",
            "arn:aws:iam::111122223333:user/x",
            "arn:aws:iam::111122223333:role/",
        ] {
            assert_eq!(parse_role(arn), None, "{arn}");
        }
    }
}
