//! What `check` takes to look into an image, beside the plainest way to list the files of the same layers.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::contenders::{Contenders, layout_of};
use crate::sample::{Layer, Samples};
use crate::table::Table;

const MB: u64 = 1_000_000;
/// As an application's image has them, 300 MB with the headers of the archive.
const LAYERS: [u64; 4] = [125 * MB, 85 * MB, 55 * MB, 25 * MB];
const FILES: u64 = 1_000_000;

/// An image of this machine's files, then one of a million tiny files; each as an archive and as a layout with gzip layers.
pub(crate) fn check(contenders: &mut Contenders, samples: &Samples) -> Result<(), Box<dyn Error>> {
    let image = samples.layers("checked", &LAYERS)?;
    of_image(contenders, samples, "checked", &image)?;
    let image = [samples.many_files_layer(FILES)?];
    of_image(contenders, samples, "many-files", &image)
}

fn of_image(
    contenders: &Contenders,
    samples: &Samples,
    name: &str,
    layers: &[Layer],
) -> Result<(), Box<dyn Error>> {
    let archive = samples.archive(name, layers)?;
    let layout = layout_of(&archive)?;
    let size = fs::metadata(&archive)?.len() / MB;
    for (kind, image) in [
        ("docker-archive", format!("docker-archive:{}", archive.display())),
        ("OCI layout of it, gzip", format!("oci:{}:1", layout.display())),
    ] {
        let mut table = Table::new();
        for _ in 0..contenders.rounds {
            let machine = contenders.machine();
            table.add("lambda-lift check, cold", contenders.check(&machine, &image)?);
            table.add("lambda-lift check, warm", contenders.check(&machine, &image)?);
            table.add("gzip -dc \\| tar t of the layers", contenders.list(&gzip_blobs(&layout)?)?);
        }
        table.print(&format!("check of {name}, {size} MB, {kind}"))?;
    }
    Ok(())
}

/// The blobs of a layout that are layers: its documents are not compressed.
fn gzip_blobs(layout: &Path) -> io::Result<Vec<PathBuf>> {
    let mut blobs = Vec::new();
    for entry in fs::read_dir(layout.join("blobs/sha256"))? {
        let path = entry?.path();
        let mut head = [0; 2];
        File::open(&path)?.read_exact(&mut head)?;
        if head == [0x1f, 0x8b] {
            blobs.push(path);
        }
    }
    Ok(blobs)
}
