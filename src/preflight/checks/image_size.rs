//! At most 10 GB uncompressed.

use crate::image::{LocalImage, UNCOMPRESSED_LIMIT};
use crate::preflight::{Check, Finding, Judge, Wanted};

pub(super) const CHECK: Check = Check {
    id: "image-size",
    requirement: "Lambda supports a maximum uncompressed image size of 10 GB, including all layers.",
    evidence: "The sizes of uncompressed layers before the push; compressed layers are counted while they are read, and \
               the manifest is not published when the sum is too large.",
    remedy: "Use a multi-stage build and copy only what the function needs.",
    judge: Judge::Image(judge),
};

fn judge(image: &LocalImage, _: &Wanted) -> Vec<Finding> {
    let sizes = image.layers.iter().filter_map(|layer| layer.known_uncompressed_size());
    let known = sizes.fold(0, u64::saturating_add);
    if known <= UNCOMPRESSED_LIMIT {
        return Vec::new();
    }
    let mut sizes: Vec<(u64, String)> = image
        .layers
        .iter()
        .filter_map(|layer| Some((layer.known_uncompressed_size()?, layer.diff_id.short())))
        .collect();
    sizes.sort_by(|a, b| b.cmp(a));
    let largest: Vec<String> =
        sizes.iter().take(3).map(|(size, id)| format!("{id} ({size} bytes)")).collect();
    vec![Finding::refuse(
        CHECK.id,
        format!("the image has {known} bytes uncompressed; Lambda's limit is {UNCOMPRESSED_LIMIT}"),
        format!("make it smaller; the largest layers are {}", largest.join(", ")),
    )]
}
