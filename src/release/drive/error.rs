//! How a move of an alias fails.

use crate::apply::cloud_kind;
use crate::cloud::{CloudError, CloudErrorKind};
use crate::report::{Failure, Stage, chain};

/// A move that did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// AWS refused, or did not answer a question.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The user asked to stop before anything was moved.
    #[error("stopped on request")]
    Interrupted,
    /// What was typed does not fit together.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// It cannot work, or must not be done.
    #[error("{message}")]
    Refused {
        /// A stable word for programs.
        kind: &'static str,
        /// Why.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Somebody else moved the alias.
    #[error("{what} was moved by somebody else: now it sends its traffic to {found}")]
    Changed {
        /// The alias and its function.
        what: String,
        /// Where it points.
        found: String,
    },
    /// Another run goes on with the release.
    #[error("another run, by {by}, has taken the release of {what} over")]
    Taken {
        /// The alias and its function.
        what: String,
        /// Who.
        by: String,
    },
    /// Whether the alias was moved could not be found out, or it does not come to rest.
    #[error("whether {what} sends its traffic to {wanted} is not known: {sent}; looking at it: {read}")]
    Unknown {
        /// The alias and its function.
        what: String,
        /// Where it should point.
        wanted: String,
        /// What became of the change.
        sent: String,
        /// What became of the look at it.
        read: String,
    },
}

impl ReleaseError {
    /// The failure to report before anything was changed or the alias looked at.
    pub fn before_change(&self) -> Failure {
        self.failure("lambda-lift status")
    }

    /// The failure to report, where no traffic was moved before. `look` is the command that shows the alias.
    pub(super) fn failure(&self, look: &str) -> Failure {
        let look = || Some(format!("look at it with: {look}"));
        let (kind, stage, hint) = match self {
            Self::Cloud(error) if error.kind == CloudErrorKind::Credentials => {
                (cloud_kind(error.kind), Stage::Usage, error.hint())
            }
            Self::Cloud(error) => {
                let hint = gone_meanwhile(error).or_else(|| error.hint());
                (cloud_kind(error.kind), Stage::BeforeChange, hint)
            }
            Self::Interrupted => {
                ("interrupted", Stage::BeforeChange, Some("run the same command again".to_owned()))
            }
            Self::Usage { hint, .. } => ("usage", Stage::Usage, Some(hint.clone())),
            Self::Refused { kind, hint, .. } => (*kind, Stage::Refused, Some(hint.clone())),
            Self::Changed { .. } | Self::Taken { .. } => ("changed_underneath", Stage::BeforeChange, look()),
            Self::Unknown { .. } => ("alias_unknown", Stage::TrafficUnknown, look()),
        };
        Failure { kind, stage, message: chain(self), hint }
    }
}

/// AWS says no more than that something which an alias was to be moved to is not found.
fn gone_meanwhile(error: &CloudError) -> Option<String> {
    let is_move = error.kind == CloudErrorKind::NotFound && error.operation == "UpdateAlias";
    is_move.then(|| {
        "the version may have been deleted meanwhile, by lambda-lift prune or by hand; see which are left with: lambda-lift status"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_went_while_the_alias_was_moved_is_told() {
        let hint = |kind: CloudErrorKind, operation: &'static str| {
            let error = CloudError {
                service: "AWS Lambda",
                operation,
                kind,
                code: Some("ResourceNotFoundException".to_owned()),
                status: Some(404),
                message: "Function not found".to_owned(),
                request_id: None,
            };
            ReleaseError::from(error).before_change().hint.unwrap_or_default()
        };
        let told = |hint: String| hint.contains("may have been deleted meanwhile");
        assert!(told(hint(CloudErrorKind::NotFound, "UpdateAlias")));
        assert!(!told(hint(CloudErrorKind::NotFound, "GetAlias")));
        assert!(!told(hint(CloudErrorKind::Conflict, "UpdateAlias")));
    }
}
