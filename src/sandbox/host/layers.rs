//! Gives the layers' stored bytes to the stage that unpacks them, and says of each at its end that it was verified.

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::launch::BuildError;
use crate::image::{LocalImage, UNCOMPRESSED_LIMIT, announce};
use crate::layer::{Compressors, Encoding, LayerPass, PassSettings, Piece};

/// Sends all layers, base layer first. They are decompressed on both sides: here to be verified, there to be unpacked.
pub(super) async fn send_layers(
    image: &LocalImage,
    sink: &mut (impl AsyncWrite + Unpin),
) -> Result<(), BuildError> {
    announce(&image.layers);
    let compressors = Compressors::for_this_machine();
    let settings =
        PassSettings { encoding: Encoding::Keep, uncompressed_limit: UNCOMPRESSED_LIMIT, verified: None };
    for layer in &image.layers {
        let mut pass = LayerPass::start(&compressors, layer, settings);
        loop {
            match pass.next().await? {
                Piece::Bytes(bytes) if bytes.is_empty() => {}
                Piece::Bytes(bytes) => write_frame(sink, &bytes).await?,
                Piece::Summary(summary) => {
                    summary.sound()?;
                    write_frame(sink, &[]).await?;
                    break;
                }
            }
        }
    }
    Ok(())
}

/// As [`wire::write_frame`](crate::sandbox::wire::write_frame), without blocking.
pub(super) async fn write_frame(
    sink: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
) -> Result<(), BuildError> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let gone = |_| BuildError::Gone;
    sink.write_all(&length.to_le_bytes()).await.map_err(gone)?;
    sink.write_all(bytes).await.map_err(gone)
}
