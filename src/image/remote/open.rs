//! Opening: from a name to one image for one platform, of which only the documents are read.

use std::sync::{Arc, Mutex};

use super::RemoteReference;
use super::documents::{RemoteDocuments, Root, read_root};
use super::error::RemoteError;
use super::repository::Repository;
use super::store::RemoteStore;
use crate::image::assemble::{WholeImage, described_layer};
use crate::image::candidates::{Candidate, Candidates, read_config};
use crate::image::descriptor::{Descriptor, Manifest};
use crate::image::error::Problem;
use crate::image::files::blob_name;
use crate::image::media_type::{self, LayerType};
use crate::image::{BlobLocation, BlobStore, Compression, Layer, LocalImage, SourceAccess, platform};
use crate::name::{Architecture, Digest};

/// Opens the image that `reference` names.
pub(in crate::image) async fn open(
    source: &str,
    reference: RemoteReference,
    wanted: Option<Architecture>,
    access: &SourceAccess,
) -> Result<LocalImage, Problem> {
    let repository = Arc::new(Repository::connect(reference, access)?);
    let root = read_root(&repository).await?;
    let opening = Opening { source: source.to_owned(), repository, root, wanted };
    let runtime = tokio::runtime::Handle::current();
    // The choice is made by the same code as for files, which waits for what it reads.
    match tokio::task::spawn_blocking(move || opening.run(runtime)).await {
        Ok(opened) => opened,
        Err(ended) => match ended.try_into_panic() {
            Ok(panicked) => std::panic::resume_unwind(panicked),
            Err(_) => Err(RemoteError::Stopped.into()),
        },
    }
}

struct Opening {
    source: String,
    repository: Arc<Repository>,
    root: Root,
    wanted: Option<Architecture>,
}

impl Opening {
    fn run(self, runtime: tokio::runtime::Handle) -> Result<LocalImage, Problem> {
        let descriptor = self.root.descriptor.clone();
        let repository = Arc::clone(&self.repository);
        let (config, root) = (Mutex::new(None), self.root);
        let documents = RemoteDocuments { repository, runtime: runtime.clone(), root, config };
        let candidates = Candidates::collect(&documents, &[descriptor])?;
        let (candidate, choice) = platform::choose(candidates, self.wanted)?;
        let (descriptor, bytes, manifest) = read_chosen(candidate, &documents)?;
        let (config_bytes, parsed) = read_config(&documents, &manifest)?;
        parsed.check_layer_count(manifest.layers.len())?;
        let store: Arc<dyn BlobStore> =
            Arc::new(RemoteStore::new(self.repository, runtime, &manifest.layers));
        let layers = manifest.layers.iter().zip(&parsed.diff_ids);
        let layers = layers
            .map(|(layer, diff_id)| locate(&store, layer, *diff_id, &parsed.config.os))
            .collect::<Result<Vec<Layer>, Problem>>()?;
        let whole = WholeImage { descriptor, bytes, manifest, config_bytes, config: parsed.config, layers };
        Ok(LocalImage { choice, ..whole.into_view(&self.source) })
    }
}

/// An index may list what the registry does not have: copies are often of one platform only.
fn read_chosen(
    candidate: Candidate,
    documents: &RemoteDocuments,
) -> Result<(Descriptor, Vec<u8>, Manifest), Problem> {
    let (platform, digest) = (candidate.platform.to_string(), candidate.descriptor.digest);
    let from_index = candidate.from_index;
    candidate.read(documents).map_err(|problem| match problem {
        Problem::Remote(RemoteError::NotFound { .. }) if from_index => {
            Problem::PlatformAbsent { platform, name: blob_name(&digest) }
        }
        other => other,
    })
}

fn locate(
    store: &Arc<dyn BlobStore>,
    descriptor: &Descriptor,
    diff_id: Digest,
    operating_system: &str,
) -> Result<Layer, Problem> {
    let Descriptor { digest, size, .. } = *descriptor;
    media_type::require_ordinary_layer(&descriptor.media_type, digest, operating_system)?;
    let compression = stated_compression(&descriptor.media_type, digest == diff_id);
    let location = BlobLocation::InStore { store: Arc::clone(store), digest, size };
    Ok(described_layer(descriptor, diff_id, compression, location))
}

/// How the layer is compressed, as far as that is known without a request: content that has its own diff id as its
/// digest is not, whatever it is called. The pass that reads the layer believes its first bytes, not this.
fn stated_compression(media_type: &str, is_content: bool) -> Compression {
    match media_type::layer_type(media_type) {
        _ if is_content => Compression::None,
        LayerType::Ordinary(_, compression) => compression,
        _ => Compression::None,
    }
}
