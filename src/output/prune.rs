//! What `prune` looked at: as a table for a person, and as JSON.

use serde_json::{Value, json};

use crate::report::{Fate, Outcome, PruneReport, PrunedImage, PrunedVersion, Report, sizes};

use super::printable::one_line;
use super::{Style, printable};

/// The table before a question is asked.
pub fn prune_plan(report: &Report, style: Style) -> String {
    let table = report.prune.as_ref().map(|prune| table(prune, Outcome::Planned, style));
    printable(&table.unwrap_or_default().join("\n"), style)
}

/// Each function and repository with all that was looked at.
pub(super) fn table(prune: &PruneReport, outcome: Outcome, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    for versions in prune.versions.chunk_by(|one, other| one.function == other.function) {
        let (going, all) = counts(versions.iter().map(|one| &one.fate));
        let name = one_line(&versions[0].function);
        lines.push(
            style.strong(&format!("function {name}: {going} of {all} versions {}", goes(going, outcome))),
        );
        lines.extend(versions.iter().map(|one| version_line(one, outcome, style)));
    }
    for images in prune.images.chunk_by(|one, other| one.repository == other.repository) {
        let (going, all) = counts(images.iter().map(|one| &one.fate));
        let name = one_line(&images[0].repository);
        lines.push(
            style.strong(&format!("repository {name}: {going} of {all} images {}", goes(going, outcome))),
        );
        lines.extend(images.iter().map(|one| image_line(one, outcome, style)));
    }
    if prune.bytes() > 0 {
        let bytes = sizes::bytes(prune.bytes());
        lines.push(format!("at most {bytes}: layers that an image shares with one that stays are not freed"));
    }
    lines
}

fn counts<'a>(fates: impl Iterator<Item = &'a Fate>) -> (usize, usize) {
    fates.fold((0, 0), |(going, all), fate| (going + usize::from(fate.goes), all + 1))
}

fn goes(count: usize, outcome: Outcome) -> &'static str {
    match (outcome, count) {
        (Outcome::Pruned, _) => "deleted",
        (_, 1) => "goes",
        _ => "go",
    }
}

fn word(fate: &Fate, outcome: Outcome, style: Style) -> String {
    match (fate.goes, fate.deleted, outcome) {
        (true, true, _) => style.bad("deleted  "),
        (true, false, Outcome::Planned) => style.bad("delete   "),
        (true, false, _) => style.notice("not yet  "),
        (false, ..) => style.good("keep     "),
    }
}

fn version_line(one: &PrunedVersion, outcome: Outcome, style: Style) -> String {
    let PrunedVersion { version, digest, fate, .. } = one;
    let code = digest.map_or_else(|| "zip".to_owned(), |digest| digest.short());
    let detail = style.faint(&one_line(&fate.detail));
    let version = one_line(version);
    format!("  {}{version:<6} {code:<12}  {detail}", word(fate, outcome, style))
}

fn image_line(one: &PrunedImage, outcome: Outcome, style: Style) -> String {
    let PrunedImage { digest, tags, size, fate, .. } = one;
    let size = size.map_or_else(|| "index".to_owned(), sizes::bytes);
    let tags = if tags.is_empty() { "untagged".to_owned() } else { one_line(&tags.join(", ")) };
    let detail = style.faint(&one_line(&fate.detail));
    format!("  {}{} {size:>10}  {tags}: {detail}", word(fate, outcome, style), digest.short())
}

/// The end of the story, where nothing failed.
pub(super) fn closing(report: &Report, prune: &PruneReport) -> &'static str {
    match report.outcome {
        Outcome::Planned if prune.declined => "nothing was deleted",
        Outcome::Planned => "nothing was deleted: add --yes to delete what is marked",
        Outcome::Pruned => "pruned",
        _ => "nothing to delete",
    }
}

/// As JSON.
pub(super) fn value(prune: &PruneReport) -> Value {
    json!({
        "keep": prune.keep,
        "min_age_seconds": prune.min_age.as_secs(),
        "bytes_at_most": prune.bytes(),
        "versions": prune.versions.iter().map(version).collect::<Vec<_>>(),
        "images": prune.images.iter().map(image).collect::<Vec<_>>(),
    })
}

fn version(one: &PrunedVersion) -> Value {
    let PrunedVersion { function, version, digest, fate } = one;
    json!({
        "function": function,
        "version": version,
        "digest": digest.map(|digest| digest.to_string()),
        "action": action(fate),
        "reason": fate.reason,
        "detail": fate.detail,
        "deleted": fate.deleted,
    })
}

fn image(one: &PrunedImage) -> Value {
    let PrunedImage { repository, digest, tags, size, pushed, fate } = one;
    json!({
        "repository": repository,
        "digest": digest.to_string(),
        "tags": tags,
        "size": size,
        "pushed_at": pushed,
        "action": action(fate),
        "reason": fate.reason,
        "detail": fate.detail,
        "deleted": fate.deleted,
    })
}

fn action(fate: &Fate) -> &'static str {
    if fate.goes { "delete" } else { "keep" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::name::Digest;

    fn fate(goes: bool, deleted: bool) -> Fate {
        let (reason, detail) = if goes { ("unused", "no function runs it") } else { ("in_use", "it is run") };
        Fate { goes, reason, detail: detail.to_owned(), deleted }
    }

    fn prune() -> PruneReport {
        let image = |number: u8, size: Option<u64>, goes: bool| PrunedImage {
            repository: "shop".to_owned(),
            digest: Digest::of(&[number]),
            tags: if goes { Vec::new() } else { vec!["v1".to_owned(), "v2".to_owned()] },
            size,
            pushed: Some(7),
            fate: fate(goes, false),
        };
        PruneReport {
            keep: 2,
            min_age: Duration::from_secs(60),
            versions: vec![PrunedVersion {
                function: "hello".to_owned(),
                version: "1".to_owned(),
                digest: None,
                fate: fate(true, true),
            }],
            images: vec![image(1, Some(1536), true), image(2, None, true), image(3, Some(1 << 20), false)],
            declined: false,
        }
    }

    #[test]
    fn the_table_says_of_everything_what_is_done_with_it_and_why() {
        let (one, two, three) =
            (Digest::of(&[1]).short(), Digest::of(&[2]).short(), Digest::of(&[3]).short());
        let lines = table(&prune(), Outcome::Planned, Style::new(false));
        let expected = [
            "function hello: 1 of 1 versions goes".to_owned(),
            "  deleted  1      zip           no function runs it".to_owned(),
            "repository shop: 2 of 3 images go".to_owned(),
            format!("  delete   {one}    1.5 KiB  untagged: no function runs it"),
            format!("  delete   {two}      index  untagged: no function runs it"),
            format!("  keep     {three}    1.0 MiB  v1, v2: it is run"),
            "at most 1.5 KiB: layers that an image shares with one that stays are not freed".to_owned(),
        ];
        assert_eq!(lines, expected);
        let failed = table(&prune(), Outcome::Failed, Style::new(false));
        assert!(failed[3].starts_with("  not yet  "), "{failed:?}");
    }

    #[test]
    fn the_document_has_every_key_for_every_item() {
        let value = value(&prune());
        assert_eq!(value["bytes_at_most"], 1536);
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let end = ["action", "reason", "detail", "deleted"];
        assert_eq!(keys(&value["versions"][0]), [&["function", "version", "digest"][..], &end].concat());
        let image = ["repository", "digest", "tags", "size", "pushed_at"];
        assert_eq!(keys(&value["images"][0]), [&image[..], &end].concat());
        assert_eq!(
            (&value["images"][0]["action"], &value["images"][2]["action"]),
            (&json!("delete"), &json!("keep"))
        );
    }
}
