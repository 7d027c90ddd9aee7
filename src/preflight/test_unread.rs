//! What is judged of an image some of whose layers nobody read.

use crate::name::Digest;
use crate::rootfs::samples::{ARM64, Archive, X86_64, elf, layer_contents};
use crate::rootfs::{ImageContents, KnownContent, Unread};
use crate::samples::image;

use super::{Finding, Severity, Wanted, check_files};

const CLIENT: &str = "AWS_LAMBDA_RUNTIME_API";

/// Layers, the base first; those that are not known are told by why.
fn judge(
    layers: Vec<Result<Archive, Unread>>,
    spoil: impl Fn(&mut crate::image::LocalImage),
) -> Vec<Finding> {
    let known = layers.into_iter().enumerate().map(|(place, layer)| KnownContent {
        diff_id: Digest::of(&[u8::try_from(place).unwrap()]),
        content: layer.map(|archive| layer_contents(&[archive]).remove(0)),
    });
    let mut image = image();
    spoil(&mut image);
    check_files(&image, &Wanted::default(), &ImageContents::of_known(&known.collect::<Vec<_>>()))
}

fn told(findings: &[Finding]) -> Vec<(&'static str, Severity)> {
    findings.iter().map(|finding| (finding.check, finding.severity)).collect()
}

#[test]
fn what_may_lie_below_is_neither_missing_nor_refused() {
    let top = || Archive::default().file("app/data").hard_link("app/link", "below");
    assert_eq!(
        told(&judge(vec![Err(Unread::Running), Ok(top())], |_| {})),
        [("unread-layers", Severity::Info)]
    );
    assert_eq!(
        told(&judge(vec![Err(Unread::Stored), Ok(top())], |_| {})),
        [("unread-layers", Severity::Unknown)]
    );
    assert_eq!(
        told(&judge(vec![Ok(top()), Err(Unread::Pending)], |_| {})),
        [("unread-layers", Severity::Info)]
    );
}

#[test]
fn what_the_upper_layers_show_by_themselves_is_judged() {
    let findings = |top: Archive| {
        let found = judge(vec![Ok(Archive::default()), Err(Unread::Running), Ok(top)], |_| {});
        told(&found).into_iter().filter(|(check, _)| *check != "unread-layers").collect::<Vec<_>>()
    };
    let refused = |check| vec![(check, Severity::Refuse)];
    let program = |machine, mode| Archive::default().with("bootstrap", mode, elf(machine, None, CLIENT));
    assert_eq!(findings(program(X86_64, 0o755)), []);
    assert_eq!(findings(program(X86_64, 0o644)), refused("entrypoint-file"));
    assert_eq!(findings(program(ARM64, 0o755)), refused("entrypoint-architecture"));
    let script = Archive::default().with("bootstrap", 0o755, "#!/bin/sh\n");
    assert_eq!(findings(script), [], "its interpreter may lie below");
    let closed = Archive::default().with("var/task/app.py", 0o600, "x").file("app/.env");
    assert_eq!(findings(closed), [("readable", Severity::Warn), ("secrets", Severity::Warn)]);
}

#[test]
fn a_program_that_is_looked_for_may_be_found_below_first() {
    let top = Archive::default().with("usr/bin/app", 0o644, elf(ARM64, None, CLIENT));
    let by_name = |image: &mut crate::image::LocalImage| image.config.entrypoint = vec!["app".to_owned()];
    assert_eq!(
        told(&judge(vec![Err(Unread::Running), Ok(top)], by_name)),
        [("unread-layers", Severity::Info)]
    );
}

#[test]
fn the_reason_names_the_layers_and_who_has_them() {
    let said = |layers| judge(layers, |_| {}).remove(0).message;
    let one = said(vec![Err(Unread::Running)]);
    assert!(one.starts_with("layer sha256:") && one.contains(" was not read in this run"), "{one}");
    assert!(one.contains("the image that runs now has it"), "{one}");
    let both = said(vec![Err(Unread::Running), Err(Unread::Stored)]);
    assert!(both.starts_with("2 layers (sha256:") && both.contains("the repository has them"), "{both}");
    let many = said(vec![Err(Unread::Pending); 5]);
    assert!(
        many.starts_with("5 layers (") && many.contains(", …) are read when a deploy sends them"),
        "{many}"
    );
}
