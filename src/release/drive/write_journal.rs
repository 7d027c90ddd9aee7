//! Keeping the journal on the function. A journal that cannot be written is warned of and holds up no traffic.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Clock;
use crate::cloud::{Caller, CloudError, CloudErrorKind, LambdaWriter};
use crate::preflight::Finding;
use crate::release::Begun;

/// How often the tags are sent.
const TRIES: u32 = 4;
/// Before the second try; each further one waits longer.
const PAUSE: Duration = Duration::from_millis(150);

/// Writes tags of one function.
pub(crate) struct JournalWriter<'a> {
    pub(crate) lambda: &'a dyn LambdaWriter,
    pub(crate) clock: &'a dyn Clock,
    /// The function's ARN, without a qualifier.
    pub(crate) arn: &'a str,
}

impl JournalWriter<'_> {
    /// Writes the tags; a finding when they could not be written. Setting the same tags twice does no harm.
    pub(crate) async fn write(&self, tags: &BTreeMap<String, String>) -> Option<Finding> {
        let mut tries = 0;
        loop {
            let error = self.lambda.tag_function(self.arn, tags).await.err()?;
            tries += 1;
            let hopeless = matches!(
                error.kind,
                CloudErrorKind::AccessDenied
                    | CloudErrorKind::Credentials
                    | CloudErrorKind::Invalid
                    | CloudErrorKind::NotFound
            );
            if hopeless || tries == TRIES {
                return Some(unwritten(&error));
            }
            self.clock.sleep(PAUSE * tries).await;
        }
    }
}

/// Makes a move and notes it in the journal; what became of each.
///
/// Both are sent side by side where the journal `remembers` what the alias runs now, since the alias proves whether the move was
/// made. Otherwise the note goes first: once the alias has moved, nothing else keeps the version that it ran from being pruned.
pub(crate) async fn moved_and_noted<M, N>(
    remembers: bool,
    moving: impl Future<Output = M>,
    noting: impl Future<Output = N>,
) -> (M, N) {
    if remembers {
        return tokio::join!(moving, noting);
    }
    let noted = noting.await;
    (moving.await, noted)
}

fn unwritten(error: &CloudError) -> Finding {
    let hint = match error.kind {
        CloudErrorKind::AccessDenied => {
            "allow lambda:TagResource on the function; without it rollback needs --to VERSION, and no other machine can take a \
             release up"
        }
        CloudErrorKind::Invalid => {
            "a function has at most 50 tags, and the journal needs up to 5 for each alias"
        }
        _ => "rollback of this move needs --to VERSION",
    };
    Finding::warn("journal", format!("what the alias ran before could not be written down: {error}"), hint)
}

/// Seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A move that this run begins now.
pub(super) fn begun_now(clock: &dyn Clock, caller: Option<&Caller>) -> Begun {
    let actor = caller.map(|caller| actor_of(&caller.arn)).unwrap_or_default();
    Begun { at: seconds(clock.now()), id: new_id(), actor }
}

/// A word that tells this run from every other.
pub(crate) fn new_id() -> String {
    format!("{:08x}", fastrand::u32(..))
}

/// Who an ARN stands for, in short: `ci/run-7` of an assumed role, `ann` of a user.
pub(crate) fn actor_of(arn: &str) -> String {
    let name = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let short = ["assumed-role/", "user/", "federated-user/"].iter().find_map(|kind| name.strip_prefix(kind));
    short.unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_named_in_short() {
        for (arn, actor) in [
            ("arn:aws:sts::123456789012:assumed-role/ci/run-7", "ci/run-7"),
            ("arn:aws:iam::123456789012:user/team/ann", "team/ann"),
            ("arn:aws:iam::123456789012:root", "root"),
            ("", ""),
        ] {
            assert_eq!(actor_of(arn), actor);
        }
    }
}
