//! How carrying out a plan fails.

use crate::cloud::{CloudError, CloudErrorKind};
use crate::function;
use crate::layer::LayerError;
use crate::name::Version;
use crate::preflight::Finding;
use crate::registry::PushError;
use crate::report::{Failure, Stage, chain};

/// A step that did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// AWS refused or did not answer.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The image did not get into the registry.
    #[error(transparent)]
    Push(#[from] PushError),
    /// What is in the image was refused before it was published.
    #[error("{}", .0.message)]
    Unfit(Box<Finding>),
    /// The user asked to stop.
    #[error("stopped on request")]
    Interrupted,
    /// Something changed between the plan and its execution.
    #[error("{what} was changed by someone else after the plan was made")]
    ChangedUnderneath {
        /// What changed.
        what: String,
    },
    /// AWS gave the function up.
    #[error("{0}")]
    FunctionFailed(function::Failure),
    /// Whether an alias was moved could not be found out.
    #[error(
        "whether {what} was moved is not known: the answer was lost ({sent}) and it could not be read again ({read})"
    )]
    AliasUnknown {
        /// The alias and its function.
        what: String,
        /// What became of the change.
        sent: String,
        /// What became of the look at it.
        read: String,
    },
    /// AWS accepted the move of an alias, and the alias did not come to rest where it should.
    #[error("{what} was moved, but does not send all traffic to version {version}: {found}")]
    AliasUnsettled {
        /// The alias and its function.
        what: String,
        /// Where it should point.
        version: Version,
        /// Where it points, as far as it could be seen.
        found: String,
    },
    /// The traffic of the alias did not move, or not to the end.
    #[error("{}", .0.message)]
    Release(Box<Failure>),
    /// AWS accepted a change and then did something else.
    #[error("{what}: expected {expected}, found {found}")]
    Unexpected {
        /// Where.
        what: String,
        /// What was sent.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Waiting took longer than `--wait-timeout`.
    #[error("{what} did not settle within {seconds} s: {state}")]
    WaitTimeout {
        /// What was waited for.
        what: String,
        /// How long, in seconds.
        seconds: u64,
        /// The last state that was seen.
        state: String,
    },
}

impl ApplyError {
    /// The failure to report. `changed` says whether the function may have been changed.
    pub(crate) fn failure(&self, changed: bool) -> Failure {
        let stage = if changed { Stage::BeforeTraffic } else { Stage::BeforeChange };
        let (kind, stage, hint) = match self {
            // Before anything was changed, an identity that is missing or expired is a matter of configuration.
            Self::Cloud(error) if error.kind == CloudErrorKind::Credentials && !changed => {
                (cloud_kind(error.kind), Stage::Usage, error.hint())
            }
            Self::Cloud(error) => (cloud_kind(error.kind), stage, error.hint()),
            // Not what the layer is, but whoever has it: another run may find it well.
            Self::Push(error @ PushError::Layer(LayerError::Read { .. })) => {
                ("image_unavailable", stage, error.hint())
            }
            Self::Push(
                error @ (PushError::TooLarge { .. } | PushError::ImmutableTag { .. } | PushError::Layer(_)),
            ) => ("refused", Stage::Refused, error.hint()),
            Self::Unfit(finding) => ("refused", Stage::Refused, finding.hint.clone()),
            Self::Push(error @ PushError::TimedOut { .. }) => ("timeout", stage, error.hint()),
            Self::Push(error) => ("push_failed", stage, error.hint()),
            Self::Interrupted => {
                ("interrupted", stage, Some("run the same command again to go on".to_owned()))
            }
            Self::ChangedUnderneath { .. } => (
                "changed_underneath",
                stage,
                Some("look at the change, then run the same command again".to_owned()),
            ),
            Self::FunctionFailed(failure) => ("function_failed", stage, failure.hint.clone()),
            Self::AliasUnknown { .. } | Self::AliasUnsettled { .. } => (
                "alias_unknown",
                Stage::TrafficUnknown,
                Some("look at it with: lambda-lift status; then run the same command again".to_owned()),
            ),
            Self::Release(failure) => {
                // What could be refused before anything was changed came after a change here.
                let early = matches!(failure.stage, Stage::Usage | Stage::Refused | Stage::BeforeChange);
                (failure.kind, if early { stage } else { failure.stage }, failure.hint.clone())
            }
            Self::Unexpected { .. } => {
                ("unexpected", stage, Some("run the same command again; if it stays, report it".to_owned()))
            }
            Self::WaitTimeout { .. } => (
                "timeout",
                stage,
                Some("give it longer with --wait-timeout, or look at the function's state".to_owned()),
            ),
        };
        Failure { kind, stage, message: chain(self), hint }
    }
}

/// The stable word for a kind of AWS failure.
pub(crate) fn cloud_kind(kind: CloudErrorKind) -> &'static str {
    match kind {
        CloudErrorKind::NotFound => "not_found",
        CloudErrorKind::AlreadyExists => "already_exists",
        CloudErrorKind::Conflict => "conflict",
        CloudErrorKind::PreconditionFailed => "precondition_failed",
        CloudErrorKind::AccessDenied => "access_denied",
        CloudErrorKind::Throttled => "throttled",
        CloudErrorKind::Invalid => "invalid_request",
        CloudErrorKind::Credentials => "credentials",
        CloudErrorKind::Unreachable => "unreachable",
        CloudErrorKind::Stopped => "interrupted",
        CloudErrorKind::Unexpected => "unexpected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(kind: CloudErrorKind) -> ApplyError {
        let (service, operation, message) = ("AWS Lambda", "GetFunction", "no".to_owned());
        CloudError { service, operation, kind, code: None, status: None, message, request_id: None }.into()
    }

    #[test]
    fn the_stage_says_how_far_the_world_had_changed() {
        let unsettled = ApplyError::AliasUnsettled {
            what: "alias live".to_owned(),
            version: "7".parse().unwrap(),
            found: String::new(),
        };
        let table = [
            (cloud(CloudErrorKind::Credentials), false, Stage::Usage),
            (cloud(CloudErrorKind::Credentials), true, Stage::BeforeTraffic),
            (cloud(CloudErrorKind::AccessDenied), false, Stage::BeforeChange),
            (cloud(CloudErrorKind::AccessDenied), true, Stage::BeforeTraffic),
            (ApplyError::Interrupted, false, Stage::BeforeChange),
            (ApplyError::Interrupted, true, Stage::BeforeTraffic),
            (unsettled, true, Stage::TrafficUnknown),
        ];
        for (error, changed, stage) in table {
            assert_eq!(error.failure(changed).stage, stage, "{error} {changed}");
        }
    }

    #[test]
    fn a_refusal_for_lack_of_permission_names_the_permission() {
        let hint = cloud(CloudErrorKind::AccessDenied).failure(false).hint.unwrap();
        assert!(hint.contains("lambda:GetFunction"), "{hint}");
    }
}
