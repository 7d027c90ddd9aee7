//! What `check` found as SARIF 2.1.0, for code scanning: the checks as rules, the findings as results in the image that was looked at.
//!
//! The format: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>. Where that leaves a choice, GitHub's code scanning decides it.

use serde_json::{Value, json};

use super::document::severity;
use super::printable::printable_json;
use crate::name::Digest;
use crate::preflight::{CHECKS, Check, Finding, IMAGE, Judge, RUN, Severity};
use crate::report::{Outcome, Report};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Every character that a path keeps in a URI reference (RFC 3986, `pchar` and `/`), but for a colon, which would begin a scheme.
const KEPT: &[u8] = b"/-._~!$&'()*+,;=@";

/// The log of a check of `source`, which ended with this exit code.
pub fn sarif(report: &Report, source: &str, exit: u8) -> String {
    let rules = rules();
    let artifact = uri(source);
    let results: Vec<Value> =
        report.findings.iter().map(|finding| result(finding, &rules, &artifact)).collect();
    let notifications: Vec<Value> = report.error.iter().map(|failure| {
        let text = [Some(failure.message.as_str()), failure.advice()].into_iter().flatten().collect::<Vec<_>>();
        json!({ "level": "error", "message": { "text": text.join("\nhint: ") }, "descriptor": { "id": failure.code() } })
    }).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "lambda-lift",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "invocations": [{
                "executionSuccessful": matches!(report.outcome, Outcome::Checked | Outcome::Refused),
                "exitCode": exit,
                "toolExecutionNotifications": notifications,
            }],
            "artifacts": [{ "location": { "uri": artifact }, "roles": ["analysisTarget"] }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).expect("a log of strings and numbers serialises");
    text.push('\n');
    printable_json(&text)
}

/// The rules: the checks of an image alone, and what is no check of the table.
fn rules() -> Vec<Value> {
    let is_of_image =
        |check: &&Check| matches!(check.judge, Judge::Image(_) | Judge::Files(_) | Judge::Entries(_));
    let of_check = |check: &Check| rule(check.id, check.requirement, check.evidence, check.remedy);
    let mut rules: Vec<Value> = CHECKS.iter().filter(is_of_image).map(of_check).collect();
    rules.push(rule(
        RUN,
        "Run under Lambda's constraints, the image starts and answers every event.",
        "The image was run on this machine.",
        "See the end of its log.",
    ));
    rules.push(rule(
        IMAGE,
        "The image can be opened, and is what its manifest and its configuration say.",
        "Its files, their sizes and digests.",
        "Build or save the image again.",
    ));
    rules
}

fn rule(id: &str, requirement: &str, evidence: &str, remedy: &str) -> Value {
    let short = requirement.split_once(". ").map_or(requirement, |(first, _)| first).trim_end_matches('.');
    json!({
        "id": id,
        "shortDescription": { "text": format!("{short}.") },
        "fullDescription": { "text": requirement },
        "help": {
            "text": format!("{requirement}\n\nHow it is known: {evidence}\n\nWhat to do: {remedy}"),
            "markdown": format!("{requirement}\n\n**How it is known.** {evidence}\n\n**What to do.** {remedy}"),
        },
    })
}

fn result(finding: &Finding, rules: &[Value], artifact: &str) -> Value {
    let message = match &finding.hint {
        Some(hint) => format!("{}\nhint: {hint}", finding.message),
        None => finding.message.clone(),
    };
    let files: Vec<Value> =
        finding.files.iter().map(|path| json!({ "fullyQualifiedName": path, "kind": "resource" })).collect();
    let mut location = json!({
        // An image has no lines; code scanning wants one all the same.
        "physicalLocation": { "artifactLocation": { "uri": artifact, "index": 0 }, "region": { "startLine": 1 } },
    });
    if !files.is_empty() {
        location["logicalLocations"] = files.into();
    }
    let mut result = json!({
        "ruleId": finding.check,
        "level": level(finding.severity),
        "message": { "text": message },
        "locations": [location],
        "partialFingerprints": { "primaryLocationLineHash": fingerprint(finding) },
        "properties": { "severity": severity(finding.severity) },
    });
    if let Some(index) = rules.iter().position(|rule| rule["id"] == finding.check) {
        result["ruleIndex"] = index.into();
    }
    if finding.allowed {
        result["suppressions"] = json!([{ "kind": "external", "justification": "allowed with --allow" }]);
    }
    result
}

/// In SARIF's words. What could not be decided is there to be looked at, as a warning is.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Refuse => "error",
        Severity::Warn | Severity::Unknown => "warning",
        Severity::Info => "note",
    }
}

/// What makes a finding the same one in the next image: its check, and the files that it is about; where it is about none, its words.
fn fingerprint(finding: &Finding) -> String {
    let about = if finding.files.is_empty() { finding.message.clone() } else { finding.files.join("\n") };
    format!("{}:1", Digest::of(format!("{}\n{about}", finding.check).as_bytes()).short())
}

/// Where the image is: a path, relative as it was given, or the address of a daemon or registry.
fn uri(source: &str) -> String {
    let (transport, rest) = source.split_once(':').unwrap_or(("", source));
    let path = match transport {
        "docker" | "docker-daemon" => return format!("{transport}:{}", encoded(rest, b":%")),
        "docker-archive" | "oci" | "oci-archive" => rest,
        _ => source,
    };
    let path = path.replace('\\', "/");
    let root = if path.starts_with('/') { "file://" } else { "" };
    format!("{root}{}", encoded(&path, b""))
}

fn encoded(text: &str, also_kept: &[u8]) -> String {
    let is_kept =
        |byte: u8| byte.is_ascii_alphanumeric() || KEPT.contains(&byte) || also_kept.contains(&byte);
    let one = |byte: u8| if is_kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Failure, Stage};

    fn log(report: &Report) -> Value {
        serde_json::from_str(&sarif(report, "docker-archive:out/app.tar", 3)).unwrap()
    }

    #[test]
    fn a_source_is_a_uri_reference() {
        for (source, expected) in [
            ("docker-archive:out/my app.tar:v1", "out/my%20app.tar%3Av1"),
            ("oci:/srv/layout", "file:///srv/layout"),
            ("app.tar", "app.tar"),
            ("docker-daemon:app:latest", "docker-daemon:app:latest"),
            ("docker://public.ecr.aws/x/y:1", "docker://public.ecr.aws/x/y:1"),
            ("image-ä.tar", "image-%C3%A4.tar"),
        ] {
            assert_eq!(uri(source), expected, "{source}");
        }
    }

    #[test]
    fn a_finding_is_a_result_of_a_rule_with_its_files() {
        let findings = vec![
            Finding::refuse("entrypoint-file", "mode 0644", "chmod it").about(["/bootstrap".to_owned()]),
            Finding::unknown("run", "it could not be run", "elsewhere"),
            Finding { allowed: true, ..Finding::info("secrets", "a key") },
        ];
        let log = log(&Report { findings, outcome: Outcome::Refused, ..Report::new("check") });
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            let location = &result["locations"][0]["physicalLocation"]["artifactLocation"];
            assert_eq!(location["uri"], "out/app.tar");
        }
        let levels: Vec<_> =
            run["results"].as_array().unwrap().iter().map(|result| &result["level"]).collect();
        assert_eq!(levels, ["error", "warning", "note"]);
        assert_eq!(
            run["results"][0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"],
            "/bootstrap"
        );
        assert_eq!(run["results"][2]["suppressions"][0]["kind"], "external");
        assert_eq!(
            (&run["invocations"][0]["exitCode"], &run["invocations"][0]["executionSuccessful"]),
            (&json!(3), &json!(true))
        );
    }

    #[test]
    fn the_same_finding_has_the_same_fingerprint_in_the_next_image() {
        let about = |message: &str, file: &str| {
            fingerprint(&Finding::info("privileges", message).about([file.to_owned()]))
        };
        assert_eq!(about("1 file", "/a"), about("2 files", "/a"));
        assert_ne!(about("1 file", "/a"), about("1 file", "/b"));
        let words = |message: &str| fingerprint(&Finding::info("layers", message));
        assert_ne!(words("one"), words("two"));
    }

    #[test]
    fn a_check_that_failed_says_so_in_a_log_that_is_one() {
        let error = Failure {
            kind: "usage",
            stage: Stage::Usage,
            message: "no such file".to_owned(),
            hint: Some("name one".to_owned()),
        };
        let log = log(&Report { error: Some(error), ..Report::new("check") });
        let invocation = &log["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        let text = invocation["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap();
        assert_eq!(text, "no such file\nhint: name one");
    }
}
