//! One authorized request to the registry, and the step that it asks for.

use std::time::SystemTime;

use super::authorization::{TICKET, Visitor};
use super::route::{Route, Step};
use super::{blobs, manifests, uploads};
use crate::ecr::{Ecr, Place, Refusal, check_reference, is_repository};
use crate::head::Head;
use crate::protocol::Protocol;
use crate::reply::Reply;
use crate::request_body::RequestBody;
use crate::settings::UploadLocation;

/// Why a step has no ordinary answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error is the answer.
    Refused(Refusal),
    /// The connection is closed without one.
    Disconnect,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

/// A request, with all that a step may want to know.
pub(crate) struct Visit<'a> {
    pub(crate) ecr: &'a Ecr,
    pub(crate) head: &'a Head,
    /// The port that the stand-in listens on.
    pub(crate) port: u16,
    pub(crate) now: SystemTime,
    pub(crate) place: Place,
    pub(crate) repository: String,
}

impl Visit<'_> {
    /// Does what the route says.
    pub(crate) async fn perform(
        ecr: &Ecr,
        head: &Head,
        port: u16,
        visitor: Visitor,
        route: &Route,
        body: &mut RequestBody,
    ) -> Result<Reply, Failure> {
        if route.step == Step::CheckVersion {
            return Ok(Reply::json(200, &serde_json::json!({})).with(VERSION.0, VERSION.1));
        }
        let repository = route.repository.clone();
        let place = match visitor.named {
            true => visitor.place,
            false => ecr.registries.home_of(&visitor.place, &repository),
        };
        if !is_repository(&repository) {
            return Err(Refusal::repository_missing(&repository, &place.account).into());
        }
        if let Err(refusal) = ecr.authorize(&visitor.caller, &place, &repository, route.step.action()) {
            let hangs_up = route.opens_upload() && ecr.quirks.missing_repository_closes_connection;
            return Err(if hangs_up { Failure::Disconnect } else { refusal.into() });
        }
        let visit = Visit { ecr, head, port, now: SystemTime::now(), place, repository };
        let reply = match &route.step {
            Step::CheckVersion => Reply::empty(200),
            Step::HeadBlob { digest } => blobs::head(&visit, digest)?,
            Step::GetBlob { digest } => blobs::get(&visit, digest)?,
            Step::StartUpload => uploads::start(&visit, body).await?,
            Step::MountBlob { digest, source } => uploads::mount(&visit, digest, source)?,
            Step::UploadPart { upload } => uploads::part(&visit, upload, body).await?,
            Step::FinishUpload { upload } => uploads::finish(&visit, upload, body).await?,
            Step::UploadStatus { upload } => uploads::status(&visit, upload).await?,
            Step::CancelUpload { upload } => uploads::cancel(&visit, upload)?,
            Step::HeadManifest { reference } => {
                check_reference(reference)?;
                manifests::get(&visit, reference, true)?
            }
            Step::GetManifest { reference } => {
                check_reference(reference)?;
                manifests::get(&visit, reference, false)?
            }
            Step::PutManifest { reference } => {
                check_reference(reference)?;
                manifests::put(&visit, reference, body).await?
            }
            Step::ListTags => manifests::list_tags(&visit)?,
        };
        Ok(reply.with(VERSION.0, VERSION.1))
    }

    /// The address of an upload, in the form that the quirks ask for.
    pub(crate) fn upload_address(&self, id: &str) -> String {
        let path = format!("/v2/{}/blobs/uploads/{id}", self.repository);
        match self.ecr.quirks.upload_location {
            UploadLocation::Absolute => format!("http://{}{path}", self.head.host()),
            UploadLocation::Relative => path,
            UploadLocation::OtherHost => {
                let upload = self.ecr.uploads.find(id, &self.place, &self.repository);
                let ticket = upload.map(|upload| upload.ticket.clone()).unwrap_or_default();
                // Whoever has a ticket is on the other host already.
                let is_there = self.head.parameter(TICKET).is_some();
                let host = if is_there { self.head.host().to_owned() } else { self.other_host() };
                format!("http://{host}{path}?{TICKET}={ticket}")
            }
        }
    }

    /// This same server under another name: another host, to its callers.
    pub(crate) fn other_host(&self) -> String {
        let name = if self.head.host().starts_with("localhost") { "127.0.0.1" } else { "localhost" };
        format!("{name}:{}", self.port)
    }

    /// An absolute address on the host that the caller used.
    pub(crate) fn address(&self, rest: &str) -> String {
        format!("http://{}/v2/{}/{rest}", self.head.host(), self.repository)
    }
}

/// The header that says that this is a registry.
const VERSION: (&str, &str) = ("docker-distribution-api-version", "registry/2.0");

/// A refusal in the registry's shape.
pub(crate) fn error(refusal: &Refusal) -> Reply {
    Protocol::Registry.error(refusal.status, refusal.code, &refusal.message)
}

/// The answer to a request that is none of the protocol's steps.
pub(crate) fn unsupported() -> Reply {
    Protocol::Registry.error(405, "UNSUPPORTED", "The operation is unsupported.")
}
