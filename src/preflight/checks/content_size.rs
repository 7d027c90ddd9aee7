//! At most 10 GB uncompressed, counted.

use crate::image::LocalImage;
use crate::preflight::{Check, Finding, Judge, Wanted};
use crate::rootfs::ImageContents;

use super::image_size::too_large;

/// How many of the largest files are told.
const SHOWN: usize = 5;

pub(super) const CHECK: Check = Check {
    id: "content-size",
    requirement: "Lambda supports a maximum uncompressed image size of 10 GB, including all layers. How large a compressed layer is shows when it is read.",
    evidence: "The bytes of the layers' archives, counted.",
    remedy: "Use a multi-stage build and copy only what the function needs; the finding names the largest layers and files.",
    may_be_allowed: false,
    judge: Judge::Files(judge),
};

fn judge(_: &LocalImage, _: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let bytes = contents.uncompressed_bytes();
    let largest_files = || contents.largest_files(SHOWN);
    too_large(CHECK.id, bytes, &contents.layers, largest_files).into_iter().collect()
}
