//! A layer that several registries lack: read, verified and compressed once, and kept in a file for as long as they are filled.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;

use super::pass::{LayerPass, PassSettings, Piece};
use super::{Compressors, LayerError, LayerSummary};
use crate::image::{BlobLocation, Layer};

/// Why a layer could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The layer is not what it claims to be, or cannot be read.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// There is no place for it.
    #[error("the layer cannot be kept in a file of {folder}")]
    Write {
        /// Where it was to be.
        folder: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Makes a pass over a layer into a file of `folder` without a name, which is gone when nobody reads it any more, however the process
/// ends. Gives the layer as it lies there, with the digest of its stored bytes, and what the pass found.
///
/// # Errors
/// Fails where the layer cannot be sent either, and where the file cannot be written.
pub async fn spool(
    compressors: &Compressors,
    layer: &Layer,
    settings: PassSettings,
    folder: &Path,
) -> Result<(Layer, LayerSummary), SpoolError> {
    let failed = |source| SpoolError::Write { folder: folder.display().to_string(), source };
    let file = Arc::new(tempfile::tempfile_in(folder).map_err(failed)?);
    let summary = fill(&file, LayerPass::start(compressors, layer, settings), failed).await?;
    summary.sound()?;
    let location =
        BlobLocation::InFile { file, path: layer.location.path().to_owned(), offset: 0, size: summary.size };
    let kept = Layer {
        location,
        stored_size: summary.size,
        stored_digest: Some(summary.digest),
        compression: summary.compression,
        ..layer.clone()
    };
    Ok((kept, summary))
}

async fn fill(
    file: &File,
    mut pass: LayerPass,
    failed: impl Fn(io::Error) -> SpoolError,
) -> Result<LayerSummary, SpoolError> {
    let mut writer = tokio::fs::File::from_std(file.try_clone().map_err(&failed)?);
    loop {
        match pass.next().await? {
            Piece::Bytes(bytes) => writer.write_all(&bytes).await.map_err(&failed)?,
            Piece::Summary(summary) => {
                writer.flush().await.map_err(&failed)?;
                return Ok(summary);
            }
        }
    }
}
