//! Evaluation as IAM does it (facts, how a policy is evaluated): explicit Deny, then Allow, then nothing.

use std::collections::BTreeSet;

use super::assessment::{Assessment, Side, Verdict};
use super::context::Context;
use super::document::Document;
use super::principal::Party;
use super::request::{PULL_ACTIONS, Request};
use super::statement::{Effect, Listing, Statement, StatementLabel};
use super::truth::{Doubt, Truth};
use super::variable::Environment;

/// Judges a request by a repository's policy; none is a repository without one.
pub fn evaluate(document: Option<&Document>, request: &Request) -> Assessment {
    let judge = |party, context: &Context| match document {
        Some(document) => judge(document, party, context),
        None => side_of(PULL_ACTIONS.map(Ruling::empty).into(), BTreeSet::new()),
    };
    let service = judge(Party::Service, &Context::of_service(request));
    let caller =
        request.crosses_accounts().then(|| judge(Party::Caller(request), &Context::of_caller(request)));
    Assessment { service, caller }
}

/// What all statements together say about one action.
struct Ruling {
    action: &'static str,
    allow: Truth,
    deny: Truth,
    denied_by: Vec<StatementLabel>,
}

impl Ruling {
    fn empty(action: &'static str) -> Self {
        Self { action, allow: Truth::No, deny: Truth::No, denied_by: Vec::new() }
    }

    fn verdict(&self) -> Verdict {
        match (&self.deny, &self.allow) {
            (Truth::Yes, _) => Verdict::Denied,
            // Whatever the open Deny turns out to be, without an Allow there is no access.
            (_, Truth::No) => Verdict::Missing,
            (Truth::No, Truth::Yes) => Verdict::Granted,
            _ => Verdict::Unknown,
        }
    }
}

fn judge(document: &Document, party: Party<'_>, context: &Context) -> Side {
    let environment = Environment { context, variables: document.has_variables() };
    let mut notes = BTreeSet::new();
    let mut rulings = Vec::new();
    for action in PULL_ACTIONS {
        let mut ruling = Ruling::empty(action);
        for statement in document.statements() {
            let applies = statement.applies(party, action, environment);
            if !applies.is_no() {
                notes.extend(broad_grant(statement));
            }
            match statement.effect {
                Effect::Allow => ruling.allow = ruling.allow.or(applies),
                Effect::Deny => {
                    if applies.is_yes() {
                        ruling.denied_by.push(statement.label.clone());
                    }
                    ruling.deny = ruling.deny.or(applies);
                }
            }
        }
        // An element that nobody here knows may narrow what the document allows.
        ruling.allow = document.unknown_elements().iter().fold(ruling.allow, |allow, element| {
            allow.and(Truth::doubtful(format!("the policy has the unknown element {element:?}")))
        });
        rulings.push(ruling);
    }
    side_of(rulings, notes)
}

/// The warning that an Allow with NotPrincipal deserves: it opens the repository to the whole world.
fn broad_grant(statement: &Statement) -> Option<String> {
    let broad = statement.effect == Effect::Allow && matches!(statement.principals, Listing::AllBut(_));
    let label = &statement.label;
    broad
        .then(|| format!("statement {label} allows everyone whom it does not list (Allow with NotPrincipal)"))
}

fn side_of(rulings: Vec<Ruling>, notes: BTreeSet<String>) -> Side {
    let with = |verdict| rulings.iter().filter(move |ruling| ruling.verdict() == verdict);
    let denied_by: BTreeSet<StatementLabel> =
        rulings.iter().flat_map(|ruling| ruling.denied_by.iter().cloned()).collect();
    let doubt = with(Verdict::Unknown).flat_map(|ruling| [&ruling.allow, &ruling.deny]).fold(
        Doubt { notes, ..Doubt::default() },
        |doubt, truth| match truth {
            Truth::Unknown(more) => doubt.join(more.clone()),
            Truth::Yes | Truth::No => doubt,
        },
    );
    Side {
        verdict: rulings.iter().map(Ruling::verdict).max().unwrap_or(Verdict::Missing),
        missing_actions: with(Verdict::Missing).map(|ruling| ruling.action).collect(),
        denied_actions: with(Verdict::Denied).map(|ruling| ruling.action).collect(),
        denied_by: denied_by.into_iter().collect(),
        conditions: doubt.keys.into_iter().collect(),
        notes: doubt.notes.into_iter().collect(),
        surely_allowed: rulings.iter().all(|ruling| ruling.allow.is_yes()),
    }
}
