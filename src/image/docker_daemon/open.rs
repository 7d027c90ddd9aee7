//! Opening an image of a daemon: from what is remembered of it, else from an export.

use std::sync::Arc;

use super::DaemonProblem;
use super::client::Daemon;
use super::export::Export;
use super::layers::{ExportedLayers, Remembered};
use super::records::Records;
use super::reference::ImageReference;
use super::spool::{Keep, SpoolSettings};
use crate::image::archive::Archive;
use crate::image::error::Problem;
use crate::image::files::Files;
use crate::image::open::Archived;
use crate::image::selector::Selector;
use crate::image::{BlobLocation, BlobStore, ImageErrorKind, Layer, LocalImage, SourceAccess, SourceRef};
use crate::name::{Architecture, Digest};

/// Opens the image that `source` names. Must be called within a Tokio runtime; dropping the future ends everything.
pub(in crate::image) async fn open(
    source: &SourceRef,
    wanted: Option<Architecture>,
    access: &SourceAccess,
) -> Result<LocalImage, Problem> {
    let reference = ImageReference::parse(source.rest())?;
    let settings = &access.daemon;
    let (daemon, id) = Daemon::find(settings, &reference).await?;
    let records = Records::new(&settings.cache, settings.remember);
    let reporter = Arc::clone(&access.reporter);
    let export = Export { daemon, id, spool: SpoolSettings::in_folder(&settings.cache), reporter };
    if let Some(archive) = records.look_up(&id) {
        match open_exported(archive, source, wanted, &export) {
            Ok(image) => {
                let source = source.clone();
                let remembered = Remembered { source, wanted, export, records };
                return Ok(over_export(image, remembered));
            }
            // A spoilt record is as good as none; what is to be chosen or is missing was so in the export.
            Err(problem) if problem.kind() == ImageErrorKind::Malformed => records.forget(&id),
            Err(problem) => return Err(problem),
        }
    }
    let archive = export.read(&Keep::Everything).await?;
    // Before the image is chosen: choosing again for another architecture needs no second export. A record that cannot
    // be written costs an export at the next run, no more.
    let _ = records.store(&id, &archive);
    open_exported(archive, source, wanted, &export)
}

/// The same image, its layers in an export that is yet to be read.
fn over_export(mut image: LocalImage, remembered: Remembered) -> LocalImage {
    let store: Arc<dyn BlobStore> = Arc::new(ExportedLayers::new(remembered, &image));
    for layer in &mut image.layers {
        layer.location = BlobLocation::InStore {
            store: Arc::clone(&store),
            digest: stored_name(layer),
            size: layer.stored_size,
        };
    }
    image
}

/// What a layer is called in an export: the digest of its stored bytes. Where none is stated, it is not compressed.
pub(super) fn stored_name(layer: &Layer) -> Digest {
    layer.stored_digest.unwrap_or(layer.diff_id)
}

/// Opens the image of an export, and sees to it that it is the one that was asked for.
pub(super) fn open_exported(
    archive: Archive,
    source: &SourceRef,
    wanted: Option<Architecture>,
    export: &Export,
) -> Result<LocalImage, Problem> {
    let files = Files::Archive(archive);
    // Where containerd keeps the images, the id is the digest of a manifest or of an index, and named as such.
    let mut archived = Archived { files, source, selector: Selector::Digest(export.id) };
    match archived.open_named_manifest(wanted) {
        Err(Problem::NoSuchImage { .. }) => {}
        opened => return opened,
    }
    archived.selector = Selector::Only;
    let image = archived.open(wanted)?;
    if image.config_digest == export.id {
        return Ok(image);
    }
    Err(DaemonProblem::OtherImage { place: export.daemon.place().to_owned(), id: export.id }.into())
}
