//! One guarded move of an alias, whatever becomes of its answer.

use std::time::Duration;

use super::tries::Tries;
use super::{Clock, ReleaseError};
use crate::cloud::{AliasTarget, CloudError, CloudErrorKind, LambdaReader, LambdaWriter, LiveAlias};
use crate::event::{Event, Reporter};
use crate::name::{AliasName, FunctionName};
use crate::release::{Journal, Place};

/// How long an alias may take to come to rest by default.
pub(super) const REST: Duration = Duration::from_secs(600);

/// Moves one alias.
pub(super) struct Shifter<'a> {
    pub(super) reader: &'a dyn LambdaReader,
    pub(super) writer: &'a dyn LambdaWriter,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) clock: &'a dyn Clock,
    pub(super) function: &'a FunctionName,
    pub(super) alias: &'a AliasName,
    /// For how long refusals that pass by themselves, and lost answers, are followed.
    pub(super) patience: Duration,
    /// The ids of releases in the journal that are no reason to stop: this run's own, and the one that was there before it. None
    /// where whoever has the alias in hand does not matter.
    pub(super) known: Option<[&'a str; 2]>,
}

/// An alias as it was seen or left.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) place: Place,
    pub(super) revision_id: Option<String>,
}

impl Seen {
    pub(super) fn of(alias: &LiveAlias) -> Self {
        Self { place: Place::of(alias), revision_id: alias.revision_id.clone() }
    }
}

impl Shifter<'_> {
    fn what(&self) -> String {
        format!("alias {} of function {}", self.alias, self.function)
    }

    /// Moves the alias from where it was seen to `to`, guarded by its revision. At the end AWS itself has said that it is there.
    pub(super) async fn shift(&self, seen: &Seen, to: &Place) -> Result<Seen, ReleaseError> {
        let mut revision_id = seen.revision_id.clone();
        let mut tries = Tries::new(self.patience);
        loop {
            let target = AliasTarget {
                name: self.alias.clone(),
                version: to.version.clone(),
                weights: to.weights.clone(),
                revision_id: revision_id.clone(),
            };
            let error = match self.writer.move_alias(self.function, &target).await {
                Ok(alias) if Place::of(&alias) == *to => return Ok(Seen::of(&alias)),
                Ok(alias) => return self.at_rest(&alias, to).await,
                Err(error) => error,
            };
            let found = self.look_after(&error, to).await?;
            if found.place == *to {
                return Ok(found);
            }
            if found.place != seen.place {
                return Err(ReleaseError::Changed { what: self.what(), found: found.place.to_string() });
            }
            if error.kind == CloudErrorKind::PreconditionFailed {
                self.still_ours().await?;
            }
            // The same traffic under another revision: nobody moved it.
            revision_id = found.revision_id;
            let passes = matches!(
                error.kind,
                CloudErrorKind::Conflict | CloudErrorKind::PreconditionFailed | CloudErrorKind::Throttled
            );
            if !(passes || error.is_answer_lost()) {
                return Err(error.into());
            }
            self.wait_told(&error.message);
            if !tries.pause(self.clock).await {
                return Err(error.into());
            }
        }
    }

    /// Whether another run has taken the release over: it says so in the journal, and gives the alias a new revision.
    async fn still_ours(&self) -> Result<(), ReleaseError> {
        let Some(known) = self.known else { return Ok(()) };
        let Ok(Some(function)) = self.reader.function(self.function, None).await else { return Ok(()) };
        match Journal::read(&function.settings, self.alias).intent() {
            Some(intent) if !known.contains(&intent.id.as_str()) => {
                Err(ReleaseError::Taken { what: self.what(), by: intent.actor.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Where the alias is after a move that was not answered well.
    async fn look_after(&self, sent: &CloudError, to: &Place) -> Result<Seen, ReleaseError> {
        let mut tries = Tries::new(self.patience);
        loop {
            let read = match self.reader.alias(self.function, self.alias).await {
                Ok(Some(alias)) => return Ok(Seen::of(&alias)),
                Ok(None) => "it does not exist any more".to_owned(),
                Err(error) => error.to_string(),
            };
            // Whoever may not look after a refusal that is certain has at least that certainty.
            if !sent.is_answer_lost() && sent.kind != CloudErrorKind::PreconditionFailed {
                return Err(sent.clone().into());
            }
            if !tries.pause(self.clock).await {
                let (what, wanted) = (self.what(), to.to_string());
                return Err(ReleaseError::Unknown { what, wanted, sent: sent.to_string(), read });
            }
        }
    }

    /// Waits until an alias whose move AWS accepted is there: with provisioned concurrency AWS itself shifts it by weights for a
    /// while.
    async fn at_rest(&self, answer: &LiveAlias, to: &Place) -> Result<Seen, ReleaseError> {
        let mut state = Place::of(answer).to_string();
        let mut tries = Tries::new(REST.max(self.patience));
        loop {
            self.wait_told(&state);
            if !tries.pause(self.clock).await {
                let (what, wanted) = (self.what(), to.to_string());
                let sent = "AWS accepted the move".to_owned();
                return Err(ReleaseError::Unknown { what, wanted, sent, read: state });
            }
            match self.reader.alias(self.function, self.alias).await {
                Ok(Some(alias)) if Place::of(&alias) == *to => return Ok(Seen::of(&alias)),
                Ok(Some(alias)) => state = Place::of(&alias).to_string(),
                Ok(None) => state = "it does not exist any more".to_owned(),
                Err(error) => state = error.to_string(),
            }
        }
    }

    fn wait_told(&self, state: &str) {
        self.reporter.report(Event::Waiting { what: self.what(), state: state.to_owned() });
    }
}

#[cfg(test)]
mod tests;
