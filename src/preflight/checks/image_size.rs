//! At most 10 GB uncompressed.

use crate::image::{LocalImage, UNCOMPRESSED_LIMIT};
use crate::name::Digest;
use crate::preflight::{Check, Finding, Judge, Wanted};

pub(super) const CHECK: Check = Check {
    id: "image-size",
    requirement: "Lambda supports a maximum uncompressed image size of 10 GB, including all layers.",
    evidence: "The sizes of uncompressed layers before the push; compressed layers are counted while they are read, and \
               the manifest is not published when the sum is too large.",
    remedy: "Use a multi-stage build and copy only what the function needs.",
    may_be_allowed: false,
    judge: Judge::Image(judge),
};

fn judge(image: &LocalImage, _: &Wanted) -> Vec<Finding> {
    let sizes = image.layers.iter().filter_map(|layer| layer.known_uncompressed_size());
    let known = sizes.fold(0, u64::saturating_add);
    let sizes =
        image.layers.iter().filter_map(|layer| Some((layer.diff_id, layer.known_uncompressed_size()?)));
    let sizes: Vec<_> = sizes.collect();
    too_large(CHECK.id, known, &sizes, Vec::new).into_iter().collect()
}

/// The finding, when so many bytes are too many. Only then the largest files are looked for.
pub(super) fn too_large(
    check: &'static str,
    bytes: u64,
    layers: &[(Digest, u64)],
    files: impl FnOnce() -> Vec<(String, u64)>,
) -> Option<Finding> {
    if bytes <= UNCOMPRESSED_LIMIT {
        return None;
    }
    let mut layers = layers.to_vec();
    layers.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let largest = layers.iter().take(3).map(|(diff_id, size)| format!("{} ({size} bytes)", diff_id.short()));
    let largest: Vec<String> = largest.collect();
    let files: Vec<String> = files().iter().map(|(path, size)| format!("{path} ({size} bytes)")).collect();
    let files =
        if files.is_empty() { String::new() } else { format!("; the largest files {}", files.join(", ")) };
    Some(Finding::refuse(
        check,
        format!("the image has {bytes} bytes uncompressed; Lambda's limit is {UNCOMPRESSED_LIMIT}"),
        format!("make it smaller; the largest layers are {}{files}", largest.join(", ")),
    ))
}
