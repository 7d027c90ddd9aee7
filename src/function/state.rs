//! Whether a function has settled, and how.

use super::reasons::reason;
use crate::cloud::FunctionState;

/// How a function or version stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It runs what it was last given.
    Ready,
    /// Lambda is at work: wait.
    Busy {
        /// How it stands, for a person: `State is Pending (Creating): …`.
        state: String,
    },
    /// Lambda has put it aside because it was not used. It takes updates; the first invocation wakes it up and is
    /// refused itself.
    Inactive {
        /// How it stands, for a person.
        state: String,
    },
    /// It will not get better by waiting.
    Failed(Failure),
}

/// What failed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What failed.
    pub subject: FailureSubject,
    /// AWS's reason code, such as `ImageAccessDenied`.
    pub code: Option<String>,
    /// AWS's own words, or what it says about its state.
    pub message: String,
    /// What the code means and what to do, when it is known.
    pub hint: Option<String>,
}

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureSubject {
    /// The function itself (`State`): it cannot be invoked.
    Function,
    /// Its last update (`LastUpdateStatus`): the code before it still serves (facts: states).
    Update,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let subject = match self.subject {
            FailureSubject::Function => "the function failed",
            FailureSubject::Update => "the update failed, and the code before it still serves",
        };
        match &self.code {
            Some(code) => write!(formatter, "{subject}: {code}: {}", self.message),
            None => write!(formatter, "{subject}: {}", self.message),
        }
    }
}

/// Judges how a function or version stands.
///
/// What is in progress goes before what has failed: an update of a failed function may mend it. A word that is not
/// known is taken for work in progress, since the wait for it ends some time; no word at all is taken for settled,
/// as in the answers of emulators and of ListVersionsByFunction.
pub fn judge(function: &FunctionState) -> Settled {
    let state = Told {
        name: "State",
        word: function.state.as_deref(),
        code: function.state_reason_code.as_deref(),
        reason: function.state_reason.as_deref(),
    };
    let update = Told {
        name: "LastUpdateStatus",
        word: function.last_update_status.as_deref(),
        code: function.last_update_reason_code.as_deref(),
        reason: function.last_update_reason.as_deref(),
    };
    match (state.word, update.word) {
        (Some("Deleting"), _) => Settled::Failed(state.failure(FailureSubject::Function)),
        (_, Some("InProgress")) => update.busy(),
        (Some("Failed"), _) => Settled::Failed(state.failure(FailureSubject::Function)),
        (Some("Pending" | "Deactivating"), _) => state.busy(),
        (Some(word), _) if !SETTLED_STATES.contains(&word) => state.busy(),
        (_, Some("Failed")) => Settled::Failed(update.failure(FailureSubject::Update)),
        (Some("Inactive" | "Deactivated"), _) => Settled::Inactive { state: state.sentence() },
        (_, None | Some("Successful")) => Settled::Ready,
        (_, Some(_)) => update.busy(),
    }
}

/// The states that last. `ActiveNonInvocable` is that of `$LATEST` on a capacity provider: it is not invoked, but
/// its versions are.
const SETTLED_STATES: [&str; 4] = ["Active", "ActiveNonInvocable", "Inactive", "Deactivated"];

/// What AWS says about the function or about its update.
struct Told<'a> {
    name: &'static str,
    word: Option<&'a str>,
    code: Option<&'a str>,
    reason: Option<&'a str>,
}

impl Told<'_> {
    fn sentence(&self) -> String {
        let code = self.code.map(|code| format!(" ({code})")).unwrap_or_default();
        let reason = self.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{} is {}{code}{reason}", self.name, self.word.unwrap_or("unknown"))
    }

    fn busy(&self) -> Settled {
        Settled::Busy { state: self.sentence() }
    }

    fn failure(&self, subject: FailureSubject) -> Failure {
        Failure {
            subject,
            code: self.code.map(str::to_owned),
            message: self.reason.map_or_else(|| self.sentence(), str::to_owned),
            hint: self.code.and_then(reason).map(|reason| format!("{}: {}", reason.meaning, reason.remedy)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(state: Option<&str>, update: Option<&str>) -> FunctionState {
        FunctionState {
            state: state.map(str::to_owned),
            last_update_status: update.map(str::to_owned),
            ..FunctionState::default()
        }
    }

    #[test]
    fn each_pair_of_state_and_update_has_a_judgement() {
        let table = [
            (Some("Active"), Some("Successful"), "ready"),
            (Some("Active"), None, "ready"),
            (None, None, "ready"),
            (Some("ActiveNonInvocable"), Some("Successful"), "ready"),
            (Some("Pending"), None, "busy"),
            (Some("Pending"), Some("InProgress"), "busy"),
            (Some("Pending"), Some("Failed"), "busy"),
            (Some("Active"), Some("InProgress"), "busy"),
            (Some("Inactive"), Some("InProgress"), "busy"),
            (Some("Failed"), Some("InProgress"), "busy"),
            (Some("Deactivating"), Some("Successful"), "busy"),
            (Some("Hibernating"), Some("Successful"), "busy"),
            (Some("Active"), Some("Queued"), "busy"),
            (Some("Inactive"), Some("Successful"), "inactive"),
            (Some("Deactivated"), None, "inactive"),
            (Some("Failed"), Some("Successful"), "function failed"),
            (Some("Failed"), None, "function failed"),
            (Some("Deleting"), Some("InProgress"), "function failed"),
            (Some("Active"), Some("Failed"), "update failed"),
            (Some("Inactive"), Some("Failed"), "update failed"),
        ];
        for (function, update, expected) in table {
            let judged = match judge(&state(function, update)) {
                Settled::Ready => "ready",
                Settled::Busy { .. } => "busy",
                Settled::Inactive { .. } => "inactive",
                Settled::Failed(Failure { subject: FailureSubject::Function, .. }) => "function failed",
                Settled::Failed(Failure { subject: FailureSubject::Update, .. }) => "update failed",
            };
            assert_eq!(judged, expected, "{function:?} {update:?}");
        }
    }

    #[test]
    fn a_failure_carries_code_message_and_hint() {
        let failed = FunctionState {
            last_update_reason: Some(
                "The function does not have permission to access the specified image.".to_owned(),
            ),
            last_update_reason_code: Some("ImageAccessDenied".to_owned()),
            ..state(Some("Active"), Some("Failed"))
        };
        let Settled::Failed(failure) = judge(&failed) else { panic!("not failed") };
        assert_eq!(failure.code.as_deref(), Some("ImageAccessDenied"));
        assert!(failure.message.contains("permission to access the specified image"));
        assert!(failure.hint.as_ref().unwrap().contains("lambda-lift policy ensure"));
        assert!(failure.to_string().contains("still serves"));
    }

    #[test]
    fn a_failure_with_an_unknown_code_or_none_is_told_as_it_is() {
        let mut failed = state(Some("Failed"), None);
        let Settled::Failed(failure) = judge(&failed) else { panic!("not failed") };
        assert_eq!((failure.code, failure.hint, failure.message.as_str()), (None, None, "State is Failed"));
        failed.state_reason_code = Some("Unheard".to_owned());
        let Settled::Failed(failure) = judge(&failed) else { panic!("not failed") };
        assert_eq!((failure.hint, failure.message.as_str()), (None, "State is Failed (Unheard)"));
    }

    #[test]
    fn a_wait_tells_how_it_stands() {
        let pending = FunctionState {
            state_reason: Some("The function is being created.".to_owned()),
            state_reason_code: Some("Creating".to_owned()),
            ..state(Some("Pending"), None)
        };
        let state = "State is Pending (Creating): The function is being created.".to_owned();
        assert_eq!(judge(&pending), Settled::Busy { state });
    }
}
