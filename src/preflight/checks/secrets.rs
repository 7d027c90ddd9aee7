//! Nothing in the image looks like a secret.

use crate::image::LocalImage;
use crate::layer::FileContent;
use crate::preflight::{Check, Finding, Judge, Wanted};
use crate::rootfs::{ImageContents, Node, NodeKind};

const SHOWN: usize = 5;
/// Names of environment variables that hold secrets by custom.
const SECRET_VARIABLES: [&str; 6] = ["PASSWORD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY", "CREDENTIAL"];

pub(super) const CHECK: Check = Check {
    id: "secrets",
    requirement: "Whoever may pull an image reads all of it. Keys, passwords and a whole git history do not belong there; a file that a later \
                  layer deletes is still in the earlier one.",
    evidence: "Names and first lines of files: private keys, `.git`, `.env`, `.aws/credentials`, `.npmrc`, `.netrc`; names of variables in ENV, and values that \
               have the form of an AWS access key. Values are never shown. Files that a later layer deletes are not looked for.",
    remedy: "Use `.dockerignore` and build secrets (`RUN --mount=type=secret`), and give secrets to the function at run time.",
    may_be_allowed: true,
    judge: Judge::Entries(judge),
};

fn judge(image: &LocalImage, _: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let files = &contents.files;
    let mut findings = Vec::new();
    let variables: Vec<&str> =
        image.config.environment.iter().filter_map(|entry| secret_variable(entry)).collect();
    if !variables.is_empty() {
        findings.push(Finding::warn(
            CHECK.id,
            format!("ENV of the image may hold a secret: {}", variables.join(", ")),
            "take it out of the Dockerfile, change the secret, and set it as a variable of the function",
        ));
    }
    let mut found = Vec::new();
    let mut count = 0;
    for node in files.root().descendants().filter(|node| is_secret(*node)) {
        count += 1;
        if found.len() < SHOWN {
            found.push(node.path());
        }
    }
    if count > 0 {
        let more = if count > SHOWN { ", …" } else { "" };
        findings.push(
            Finding::warn(
                CHECK.id,
                format!("the image may hold secrets in {count} places: {}{more}", found.join(", ")),
                "leave them out with .dockerignore, or use RUN --mount=type=secret",
            )
            .about(found),
        );
    }
    findings
}

/// The name of a variable of the form `NAME=value` that looks like a secret.
fn secret_variable(entry: &str) -> Option<&str> {
    let (name, value) = entry.split_once('=')?;
    let upper = name.to_ascii_uppercase();
    let is_named_so = SECRET_VARIABLES.iter().any(|secret| upper.ends_with(secret));
    // A path or a switch is no secret, whatever the variable is called: SSL_KEY=/etc/key.pem.
    let is_value = value.len() >= 8 && !value.starts_with('/');
    ((is_named_so && is_value) || is_access_key(value)).then_some(name)
}

/// `AKIA` or `ASIA` and sixteen more capitals and digits.
fn is_access_key(value: &str) -> bool {
    let is_prefixed = value.starts_with("AKIA") || value.starts_with("ASIA");
    is_prefixed
        && value.len() == 20
        && value.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn is_secret(node: Node<'_>) -> bool {
    let name = node.name();
    match node.kind() {
        NodeKind::Folder => name == b".git" && node.child(b"HEAD").is_some(),
        NodeKind::File if node.size() == 0 => false,
        NodeKind::File => {
            let is_key = matches!(node.content(), Some(FileContent::PrivateKey));
            // The snake-oil certificates and the test keys of packages are everybody's.
            let is_of_a_package = || node.raw_path().starts_with(b"/usr/");
            let is_named_so = matches!(name, b".env" | b".npmrc" | b".netrc" | b".pypirc")
                || (name == b"credentials" && node.raw_path().ends_with(b"/.aws/credentials"));
            is_named_so || (is_key && !is_of_a_package())
        }
        NodeKind::Symlink | NodeKind::Special => false,
    }
}
