//! The small parts of an image, manifests and configurations, each read whole and verified.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::error::RemoteError;
use super::repository::{Document, Repository, Request, is_html};
use super::{Pin, RemoteReference};
use crate::image::candidates::Documents;
use crate::image::descriptor::Descriptor;
use crate::image::error::Problem;
use crate::image::files::{MAX_CONFIG, MAX_MANIFEST};
use crate::image::media_type;
use crate::name::Digest;

/// The types that are asked for. A registry that has another one converts it or refuses, so every type that is known is
/// here: the oldest too, which is told from what cannot be read.
const EVERY_TYPE: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.1, \
     application/vnd.docker.distribution.manifest.v1+json;q=0.1";

/// The header in which a registry says what a manifest's digest is.
const DIGEST_HEADER: &str = "docker-content-digest";

/// What a name leads to: a manifest or an index.
#[derive(Debug, Clone)]
pub(super) struct Root {
    pub(super) descriptor: Descriptor,
    pub(super) bytes: Vec<u8>,
}

/// Reads the document that the reference names.
pub(super) async fn read_root(repository: &Repository) -> Result<Root, RemoteError> {
    match &repository.reference().pin {
        Pin::Digest(digest) => root_by_digest(repository, digest).await,
        Pin::Tag(tag) => {
            let document =
                repository.read(&manifest_request(repository, &tag.to_string()), limit(MAX_MANIFEST)).await?;
            if media_type::is_schema_one(&content_type(&document)) {
                // Its digest is not that of its bytes; it is refused anyway.
                return root(document);
            }
            match stated_digest(&document)? {
                Some(stated) => {
                    verify(&document, &stated)?;
                    root(document)
                }
                None => agree_with_head(repository, &tag.to_string(), document).await,
            }
        }
    }
}

async fn root_by_digest(repository: &Repository, digest: &Digest) -> Result<Root, RemoteError> {
    let document =
        repository.read(&manifest_request(repository, &digest.to_string()), limit(MAX_MANIFEST)).await?;
    if !media_type::is_schema_one(&content_type(&document)) {
        verify(&document, digest)?;
    }
    root(document)
}

/// Amazon ECR says the digest in answer to HEAD only. Where that is another one, the tag has moved in between or
/// what came by tag was converted; by digest nothing is.
async fn agree_with_head(
    repository: &Repository,
    tag: &str,
    document: Document,
) -> Result<Root, RemoteError> {
    let head = Request { method: Method::HEAD, ..manifest_request(repository, tag) };
    match repository.read(&head, 0).await {
        Ok(answer) => match stated_digest(&answer)? {
            Some(stated) if stated != Digest::of(&document.bytes) => {
                root_by_digest(repository, &stated).await
            }
            _ => root(document),
        },
        // Some registries do not know HEAD; the bytes have their own digest.
        Err(RemoteError::Refused(_) | RemoteError::NotFound { .. }) => root(document),
        Err(error) => Err(error),
    }
}

fn manifest_request(repository: &Repository, reference: &str) -> Request {
    let what = named(repository.reference(), reference);
    Request { accept: Some(EVERY_TYPE), ..Request::get(format!("manifests/{reference}"), what) }
}

fn named(reference: &RemoteReference, pin: &str) -> String {
    let mark = if pin.contains(':') { '@' } else { ':' };
    format!("{}{mark}{pin}", reference.place())
}

fn root(document: Document) -> Result<Root, RemoteError> {
    let content_type = content_type(&document);
    let bytes = document.bytes.to_vec();
    // Whatever else a server calls it, the document itself says what it is.
    let known = media_type::is_index(&content_type)
        || media_type::is_manifest(&content_type)
        || media_type::is_schema_one(&content_type);
    let media_type = if known { content_type } else { String::new() };
    if is_html(&document.headers) || bytes.trim_ascii_start().first() != Some(&b'{') {
        let what =
            if bytes.is_empty() { "it is empty" } else { "it is not a manifest but something for people" };
        return Err(RemoteError::NotARegistry { url: document.url, what: what.to_owned() });
    }
    Ok(Root { descriptor: Descriptor::plain(media_type, Digest::of(&bytes), bytes.len() as u64), bytes })
}

/// The media type without its parameters.
fn content_type(document: &Document) -> String {
    let header = document.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim().to_owned()
}

fn stated_digest(document: &Document) -> Result<Option<Digest>, RemoteError> {
    let Some(header) = document.headers.get(DIGEST_HEADER) else { return Ok(None) };
    let text = header.to_str().unwrap_or_default();
    // Another algorithm than sha256 says nothing that could be compared.
    match text.parse() {
        Ok(digest) => Ok(Some(digest)),
        Err(_) if text.starts_with("sha512:") => Ok(None),
        Err(_) => {
            let problem = "a Docker-Content-Digest that is none".to_owned();
            Err(RemoteError::Protocol { url: document.url.clone(), problem })
        }
    }
}

fn verify(document: &Document, expected: &Digest) -> Result<(), RemoteError> {
    let found = Digest::of(&document.bytes);
    if found == *expected {
        return Ok(());
    }
    if is_html(&document.headers) {
        let what = "it is a web page".to_owned();
        return Err(RemoteError::NotARegistry { url: document.url.clone(), what });
    }
    Err(RemoteError::Digest { url: document.url.clone(), expected: *expected, found })
}

fn limit(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// The documents of a repository, for code that runs on a blocking thread.
pub(super) struct RemoteDocuments {
    pub(super) repository: Arc<Repository>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) root: Root,
    /// The last configuration, which is read to tell a platform and then again for the image.
    pub(super) config: Mutex<Option<(Digest, Vec<u8>)>>,
}

impl RemoteDocuments {
    fn fetch(
        &self,
        request: Request,
        descriptor: &Descriptor,
        what: &str,
        most: u64,
    ) -> Result<Vec<u8>, Problem> {
        let Descriptor { digest, size, .. } = *descriptor;
        if size > most {
            return Err(Problem::TooLarge { what: what.to_owned(), size, limit: most });
        }
        let repository = Arc::clone(&self.repository);
        // A task of its own: this thread may outlive the runtime, and then hears of the task's end.
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.runtime.spawn(async move {
            let read = repository.read(&request, limit(most)).await;
            // Nobody waits any more when the program is ending.
            let _ = sender.send(read);
        });
        let document = receiver.blocking_recv().unwrap_or(Err(RemoteError::Stopped))?;
        let found = document.bytes.len() as u64;
        verify(&document, &digest)?;
        if found != size {
            return Err(Problem::WrongSize { what: what.to_owned(), stated: size, found });
        }
        Ok(document.bytes.to_vec())
    }
}

impl Documents for RemoteDocuments {
    /// A registry takes a manifest only with all that it names. What is missing all the same shows when it is read.
    fn has(&self, _: &Descriptor) -> bool {
        true
    }

    fn manifest(&self, descriptor: &Descriptor, what: &str) -> Result<Vec<u8>, Problem> {
        if descriptor.digest == self.root.descriptor.digest {
            return Ok(self.root.bytes.clone());
        }
        let request = manifest_request(&self.repository, &descriptor.digest.to_string());
        self.fetch(request, descriptor, what, MAX_MANIFEST)
    }

    fn config(&self, descriptor: &Descriptor, what: &str) -> Result<Vec<u8>, Problem> {
        let mut last = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = last.as_ref().filter(|(digest, _)| *digest == descriptor.digest) {
            return Ok(bytes.clone());
        }
        let path = format!("blobs/{}", descriptor.digest);
        let request = Request::get(path, named(self.repository.reference(), &descriptor.digest.to_string()));
        let bytes = self.fetch(request, descriptor, what, MAX_CONFIG)?;
        *last = Some((descriptor.digest, bytes.clone()));
        Ok(bytes)
    }

    fn is_far(&self) -> bool {
        true
    }
}
