//! The smallest addition to a repository policy that grants what is missing.

use super::assessment::{Assessment, Side, Verdict};
use super::document::{Document, DocumentError, MAX_POLICY_CHARACTERS};
use super::evaluate::evaluate;
use super::grant::{Grant, GrantKind, PolicyScope, StatementChange, contains, extended};
use super::layout;
use super::request::Request;
use crate::name::AccountId;

/// What is to be granted.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// For whom: all of one repository.
    pub requests: &'a [Request],
    /// How narrow the grant for the Lambda service is.
    pub scope: PolicyScope,
    /// What is done where the policy may already grant it.
    pub doubtful: Doubtful,
}

/// What is done with a side that the policy may or may not allow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Doubtful {
    /// It is left as it is, with a warning: what a deploy does.
    #[default]
    Leave,
    /// It is granted, so that there is no doubt: what a person asks for with `policy ensure`.
    Grant,
}

/// What must be done so that a wish is fulfilled. The assessments are in the order of the requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ensured {
    /// Nothing.
    AlreadyGranted(Vec<Assessment>),
    /// The policy must be replaced by another text.
    Add(Addition),
    /// Nothing can be done by adding: a statement denies it.
    Denied(Vec<Assessment>),
    /// Nothing is missing for certain, and what is in doubt is left, or no statement would settle it.
    Unknown(Vec<Assessment>),
    /// The policy would be longer than ECR takes, even without any space in it.
    TooLarge {
        /// How many characters it would have; the limit is [`MAX_POLICY_CHARACTERS`].
        characters: usize,
        /// What would change.
        changes: Vec<StatementChange>,
    },
}

/// A policy with what was missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The whole new policy for SetRepositoryPolicy: indented, or without space where it is too long.
    pub text: String,
    /// The statements that are new or extended, all of them our own.
    pub changes: Vec<StatementChange>,
    /// What the policy says before.
    pub before: Vec<Assessment>,
    /// What it will say. A side may still be unknown, for a Deny with a condition that cannot be decided.
    pub after: Vec<Assessment>,
}

impl Addition {
    /// The Sids of the statements that are new or extended.
    pub fn sids(&self) -> Vec<&str> {
        self.changes.iter().map(|change| change.sid.as_str()).collect()
    }
}

/// Why a wish makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnsureError {
    /// The scope is one function, and which one was not said.
    #[error("the policy scope \"function\" needs the name of the function in account {account}")]
    ScopeNeedsFunction {
        /// The account of the request without a function.
        account: AccountId,
    },
    /// The policy can be read now but could not be with our statements in it (it nests too deep).
    #[error("the repository policy leaves no room for another statement")]
    Unreadable(#[from] DocumentError),
}

/// Finds the smallest addition to a policy (none is a repository without one) that fulfils a wish.
///
/// Only statements of our own are added or extended; every other one stays as it is, in its place.
/// What `Add` gives, given back as `current`, never gives `Add` again.
pub fn ensure(current: Option<&Document>, wish: Wish<'_>) -> Result<Ensured, EnsureError> {
    let assess =
        |document| wish.requests.iter().map(|request| evaluate(document, request)).collect::<Vec<_>>();
    let before = assess(current);
    if before.iter().any(|assessment| assessment.verdict() == Verdict::Denied) {
        return Ok(Ensured::Denied(before));
    }
    let nothing_to_add = |before: Vec<Assessment>| {
        let granted = before.iter().all(|assessment| assessment.verdict() == Verdict::Granted);
        if granted { Ensured::AlreadyGranted(before) } else { Ensured::Unknown(before) }
    };
    let base = current.cloned().map_or_else(|| EMPTY_POLICY.parse(), Ok)?;
    let mut draft = Draft::new(&base);
    for grant in missing_grants(wish, &before)? {
        draft.add(grant);
    }
    if draft.edits.is_empty() {
        return Ok(nothing_to_add(before));
    }
    let (text, changes) = draft.finish();
    let text = match fitting(&text) {
        Ok(text) => text,
        Err(characters) => return Ok(Ensured::TooLarge { characters, changes }),
    };
    let after = assess(Some(&text.parse()?));
    if !improves(&before, &after) {
        return Ok(nothing_to_add(before));
    }
    Ok(Ensured::Add(Addition { text, changes, before, after }))
}

const EMPTY_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

/// What each side of each request lacks.
fn missing_grants(wish: Wish<'_>, before: &[Assessment]) -> Result<Vec<Grant>, EnsureError> {
    let lacks = |side: &Side| match wish.doubtful {
        Doubtful::Leave => side.verdict == Verdict::Missing,
        Doubtful::Grant => !side.surely_allowed,
    };
    let mut grants = Vec::new();
    for (request, assessment) in wish.requests.iter().zip(before) {
        if assessment.caller.as_ref().is_some_and(lacks) {
            grants.push(Grant::for_caller(request));
        }
        if lacks(&assessment.service) {
            let missing = || EnsureError::ScopeNeedsFunction { account: request.account.clone() };
            grants.push(Grant::for_service(request, wish.scope).ok_or_else(missing)?);
        }
    }
    Ok(grants)
}

/// The text as ECR takes it, readable if possible; else how many characters it has at least.
fn fitting(text: &str) -> Result<String, usize> {
    let length = |text: &String| text.chars().count();
    let pretty = layout::pretty(text);
    if length(&pretty) <= MAX_POLICY_CHARACTERS {
        return Ok(pretty);
    }
    let compact = layout::compact(text);
    if length(&compact) <= MAX_POLICY_CHARACTERS { Ok(compact) } else { Err(length(&compact)) }
}

/// Whether any side is better off: an addition that changes no verdict is not worth a write.
fn improves(before: &[Assessment], after: &[Assessment]) -> bool {
    let sides = |assessments: &[Assessment]| {
        let sides = assessments.iter().flat_map(|one| one.sides().map(|(_, side)| side.clone()));
        sides.collect::<Vec<_>>()
    };
    sides(before).iter().zip(sides(after)).any(|(before, after)| {
        after.verdict < before.verdict || (after.surely_allowed && !before.surely_allowed)
    })
}

/// A document with changes to statements of our own.
struct Draft<'a> {
    base: &'a Document,
    edits: Vec<Edit>,
}

struct Edit {
    kind: GrantKind,
    place: Place,
    /// Empty for a statement without condition.
    values: Vec<String>,
}

enum Place {
    Existing(usize),
    New { sid: String },
}

impl<'a> Draft<'a> {
    fn new(base: &'a Document) -> Self {
        Self { base, edits: Vec::new() }
    }

    fn add(&mut self, grant: Grant) {
        let Grant { kind, value } = grant;
        let like_this = |edit: &&mut Edit| edit.kind == kind && edit.values.is_empty() == value.is_none();
        if let Some(edit) = self.edits.iter_mut().find(like_this) {
            edit.values.extend(value.filter(|value| !edit.values.contains(value)));
            return;
        }
        let lists =
            || self.base.statements().iter().filter_map(|one| Some((one, kind.extensible_list(one)?)));
        let place = match &value {
            Some(value) if lists().any(|(_, list)| contains(list, value)) => return,
            Some(_) => lists().next().map(|(statement, _)| Place::Existing(statement.label.index)),
            None => None,
        };
        let place = place.unwrap_or_else(|| Place::New { sid: self.free_sid(kind) });
        self.edits.push(Edit { kind, place, values: value.into_iter().collect() });
    }

    /// Our Sid for the kind, numbered when a statement that is not ours has it.
    fn free_sid(&self, kind: GrantKind) -> String {
        let used = |sid: &String| {
            let new =
                self.edits.iter().any(|edit| matches!(&edit.place, Place::New { sid: new } if new == sid));
            new || self.base.labels().any(|label| label.sid.as_ref() == Some(sid))
        };
        let numbered = (2..).map(|number| format!("{}{number}", kind.sid()));
        let mut candidates = std::iter::once(kind.sid().to_owned()).chain(numbered);
        candidates.find(|sid| !used(sid)).unwrap_or_default()
    }

    /// The new text of the document, and what changed.
    fn finish(self) -> (String, Vec<StatementChange>) {
        let text = self.base.text();
        let mut statements: Vec<String> =
            self.base.statements().iter().map(|one| text[one.node.span.clone()].to_owned()).collect();
        let mut changes = Vec::new();
        for edit in &self.edits {
            match &edit.place {
                Place::New { sid } => {
                    let statement = edit.kind.statement(sid, &edit.values);
                    changes.push(StatementChange::new(sid, None, &statement));
                    statements.push(statement);
                }
                Place::Existing(index) => {
                    let statement = &self.base.statements()[*index];
                    if let Some(list) = edit.kind.extensible_list(statement) {
                        let after = extended(text, &statement.node, list, &edit.values);
                        let before = std::mem::replace(&mut statements[*index], after.clone());
                        let sid = statement.label.to_string();
                        changes.push(StatementChange::new(&sid, Some(&before), &after));
                    }
                }
            }
        }
        (self.base.text_with_statements(&statements), changes)
    }
}
