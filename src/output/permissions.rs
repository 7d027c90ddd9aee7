//! `permissions`, as JSON and for people.

use serde_json::{Value, json};

use crate::permission::Identity;
use crate::report::{
    DocumentKind, LackingPermission, PermissionsCheck, PermissionsDocument, PermissionsReport,
};

use super::Style;

/// The value of the document's key `permissions`.
pub(super) fn value(report: &PermissionsReport) -> Value {
    json!({
        "documents": report.documents.iter().map(document).collect::<Vec<_>>(),
        "check": report.check.as_ref().map(check),
    })
}

fn document(document: &PermissionsDocument) -> Value {
    let (kind, identity) = match document.kind {
        DocumentKind::Permissions(identity) => ("permissions", Some(identity)),
        DocumentKind::Trust => ("trust", None),
    };
    let identity = identity.map(|identity| match identity {
        Identity::Deployer => "deployer",
        Identity::Repository => "repository",
        Identity::Source => "source",
    });
    json!({
        "kind": kind,
        "identity": identity,
        "title": document.title,
        "characters": document.characters,
        "limit": document.limit,
        "document": document.document,
    })
}

fn check(check: &PermissionsCheck) -> Value {
    let lacking = |lacking: &LackingPermission| {
        json!({
            "action": lacking.action,
            "resource": lacking.resource,
            "step": lacking.step,
            "denied": lacking.is_denied,
        })
    };
    json!({
        "principal": check.principal,
        "lacking": check.lacking.iter().map(lacking).collect::<Vec<_>>(),
        "unknown": check.unknown,
    })
}

/// For a person, and for a file: a lone document is nothing but itself. Several have their title before them; the answer to a check
/// stands alone, since it is what was asked for.
pub(super) fn lines(report: &PermissionsReport, style: Style) -> Vec<String> {
    if let Some(check) = &report.check {
        return check_lines(check, style);
    }
    let pretty = |document: &PermissionsDocument| {
        serde_json::to_string_pretty(&document.document).expect("a JSON value serialises")
    };
    match report.documents.as_slice() {
        [only] => vec![pretty(only)],
        several => several
            .iter()
            .flat_map(|document| [style.strong(&format!("# {}", document.title)), pretty(document)])
            .collect(),
    }
}

fn check_lines(check: &PermissionsCheck, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    let who = check.principal.as_deref().unwrap_or("the caller");
    for LackingPermission { action, resource, step, is_denied } in &check.lacking {
        let how = if *is_denied { "is denied" } else { "lacks" };
        lines.push(format!("{} {action} on {resource}: to {step}", style.bad(how)));
    }
    match (&check.unknown, check.lacking.len()) {
        (Some(unknown), _) => lines.push(format!("{}: {unknown}", style.notice("unknown"))),
        (None, 0) => lines.push(format!("{}: {who} has every permission", style.good("checked"))),
        (None, count) => {
            let noun = if count == 1 { "permission" } else { "permissions" };
            lines.push(format!("{who} lacks {count} {noun}"));
        }
    }
    lines
}
