//! Says which image was chosen out of an index.

use crate::image::LocalImage;
use crate::preflight::{Check, Finding, Judge, Wanted};

pub(super) const CHECK: Check = Check {
    id: "platform",
    requirement: "Lambda takes a single-platform manifest; an index is refused even when it holds one platform only. \
                  An index is therefore resolved to the one manifest that fits, and attestations are left out.",
    evidence: "The index in the source.",
    remedy: "Nothing to do; `--arch` chooses another platform.",
    may_be_allowed: false,
    judge: Judge::Image(judge),
};

fn judge(image: &LocalImage, _: &Wanted) -> Vec<Finding> {
    let Some(choice) = &image.choice else {
        return Vec::new();
    };
    let left_out = match choice.left_out.as_slice() {
        [] => String::new(),
        left_out => format!("; left out: {}", left_out.join(", ")),
    };
    vec![Finding::info(CHECK.id, format!("chose {}{left_out}", choice.chosen))]
}
