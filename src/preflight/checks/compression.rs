//! Layers that are kept as they are stored, in forms that Lambda may not take.

use crate::image::{Compression, LocalImage, MediaFlavor};
use crate::layer::Encoding;
use crate::preflight::{Check, Finding, Judge, Wanted};

pub(super) const CHECK: Check = Check {
    id: "compression",
    requirement: "Lambda takes gzip layers. It refuses an uncompressed layer under a Docker manifest \
                  (UnsupportedImageLayerDetected); whether it takes other forms is not known.",
    evidence: "The first bytes of each layer and the kind of manifest, with --compression keep.",
    remedy: "Leave --compression out, or give it a level: layers that are not gzip become gzip.",
    may_be_allowed: true,
    judge: Judge::Image(judge),
};

fn judge(image: &LocalImage, wanted: &Wanted) -> Vec<Finding> {
    if wanted.encoding != Encoding::Keep {
        return Vec::new();
    }
    let stored = |compression| image.layers.iter().filter(|layer| layer.compression == compression).count();
    let (plain, zstd) = (stored(Compression::None), stored(Compression::Zstd));
    let hint = "leave --compression keep out, or give it a level from 1 to 9";
    let mut findings = Vec::new();
    match image.flavor {
        MediaFlavor::Docker if plain > 0 => findings.push(Finding::refuse(
            CHECK.id,
            format!(
                "{plain} of the layers are not compressed, and Lambda refuses that under a Docker manifest"
            ),
            hint,
        )),
        MediaFlavor::Oci if plain > 0 => findings.push(Finding::warn(
            CHECK.id,
            format!("{plain} of the layers are not compressed; that Lambda takes such layers is not proven"),
            hint,
        )),
        MediaFlavor::Docker | MediaFlavor::Oci => {}
    }
    if zstd > 0 {
        findings.push(Finding::warn(
            CHECK.id,
            format!("{zstd} of the layers are zstd; that Lambda takes such layers is not proven"),
            hint,
        ));
    }
    findings
}
