//! Exit codes: each states the condition of the world.

use std::process::ExitCode;

use crate::report::{Outcome, Report, Stage};

/// What an exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitCondition {
    /// 0: done, or nothing to do.
    Done,
    /// 1: unexpected failure before any change to the function.
    Failed,
    /// 2: usage or configuration.
    Usage,
    /// 3: refused by the preflight; nothing changed.
    Refused,
    /// 4: stopped after a change, before traffic moved; safe to run again.
    StoppedBeforeTraffic,
    /// 5: traffic moved and was moved back.
    MovedBack,
    /// 6: the alias needs a person.
    AliasNeedsPerson,
    /// 10: `plan --detailed-exit-code`, and changes are pending; `diff`, and there is a difference.
    ChangesPending,
}

impl ExitCondition {
    /// The condition that a report describes.
    pub fn of(report: &Report) -> Self {
        let stage = report.error.as_ref().map(|error| error.stage);
        match (report.outcome, stage) {
            (Outcome::Different, None) => Self::ChangesPending,
            (Outcome::Refused, _) | (_, Some(Stage::Refused)) => Self::Refused,
            (_, Some(Stage::Usage)) => Self::Usage,
            (_, Some(Stage::BeforeTraffic)) => Self::StoppedBeforeTraffic,
            (_, Some(Stage::MovedBack)) => Self::MovedBack,
            (_, Some(Stage::TrafficUnknown)) => Self::AliasNeedsPerson,
            (_, Some(Stage::BeforeChange)) | (Outcome::Failed, None) => Self::Failed,
            _ => Self::Done,
        }
    }

    /// How much worse it is than others, where several are said in one: what a person must look at comes first, then what was changed,
    /// then what failed, then what was refused.
    pub(super) fn severity(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::ChangesPending => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Failed => 4,
            Self::StoppedBeforeTraffic => 5,
            Self::MovedBack => 6,
            Self::AliasNeedsPerson => 7,
        }
    }

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::StoppedBeforeTraffic => 4,
            Self::MovedBack => 5,
            Self::AliasNeedsPerson => 6,
            Self::ChangesPending => 10,
        }
    }
}

impl From<ExitCondition> for ExitCode {
    fn from(condition: ExitCondition) -> Self {
        Self::from(condition.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Failure;

    #[test]
    fn the_code_states_how_far_the_world_changed() {
        let failed = |stage| Failure { kind: "test", stage, message: String::new(), hint: None };
        let table = [
            (Outcome::Deployed, None, 0),
            (Outcome::Started, None, 0),
            (Outcome::Pruned, None, 0),
            (Outcome::Unchanged, None, 0),
            (Outcome::Planned, None, 0),
            (Outcome::Checked, None, 0),
            (Outcome::Written, None, 0),
            (Outcome::Invoked, None, 0),
            (Outcome::Different, None, 10),
            (Outcome::Refused, None, 3),
            (Outcome::Failed, Some(Stage::Usage), 2),
            (Outcome::Failed, Some(Stage::Refused), 3),
            (Outcome::Failed, Some(Stage::BeforeChange), 1),
            (Outcome::Failed, Some(Stage::BeforeTraffic), 4),
            (Outcome::RolledBack, None, 0),
            (Outcome::RolledBack, Some(Stage::MovedBack), 5),
            (Outcome::Failed, Some(Stage::TrafficUnknown), 6),
        ];
        for (outcome, stage, code) in table {
            let report = Report { outcome, error: stage.map(failed), ..Report::new("deploy") };
            assert_eq!(ExitCondition::of(&report).code(), code, "{outcome:?} {stage:?}");
        }
    }
}
