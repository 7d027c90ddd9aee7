//! One revision of a function (`$LATEST` or a published version), and how it settles.

use serde::{Deserialize, Serialize};

use crate::uuid::uuid;

use super::configuration::Configuration;
use super::settings::Reason;

/// A function's code and settings at one moment, and how well they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Revision {
    /// `$LATEST`, or a number.
    pub(super) version: String,
    pub(super) content: Content,
    /// What still runs while an update is in progress, or after it failed.
    pub(super) serving: Option<Box<Content>>,
    /// What `$LATEST` was when this version was published: the description may differ.
    pub(super) published_from: Option<Box<Content>>,
    /// Milliseconds since 1970.
    pub(super) last_modified: u64,
    pub(super) revision_id: String,
    pub(super) state: State,
    pub(super) state_reason: Option<Reason>,
    pub(super) update: Option<Update>,
    pub(super) settling: Option<Settling>,
}

/// What a version freezes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) configuration: Configuration,
    pub(super) architecture: String,
    pub(super) code: Code,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Code {
    Image(ImageCode),
    Zip(ZipCode),
}

/// An image, resolved once and for all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ImageCode {
    /// As the request gave it.
    pub(super) image_uri: String,
    /// Registry host and repository.
    pub(super) repository_uri: String,
    pub(super) account: String,
    pub(super) repository: String,
    /// `sha256:…`
    pub(super) digest: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ZipCode {
    /// Base64 of the archive's SHA-256.
    pub(super) sha256: String,
    pub(super) size: u64,
}

impl Code {
    /// What `CodeSha256` shows: for an image the bare hex of its manifest's digest.
    pub(super) fn sha256(&self) -> &str {
        match self {
            Code::Image(image) => image.digest.trim_start_matches("sha256:"),
            Code::Zip(zip) => &zip.sha256,
        }
    }

    pub(super) fn package_type(&self) -> &'static str {
        match self {
            Code::Image(_) => "Image",
            Code::Zip(_) => "Zip",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    Pending,
    Active,
    Inactive,
    Failed,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            State::Pending => "Pending",
            State::Active => "Active",
            State::Inactive => "Inactive",
            State::Failed => "Failed",
        }
    }
}

/// `LastUpdateStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Update {
    Successful,
    InProgress,
    Failed(Reason),
}

/// Something that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settling {
    /// When it ends, in milliseconds since 1970.
    pub(super) at: u64,
    /// How a mishap makes it end.
    pub(super) failure: Option<Reason>,
}

impl Revision {
    /// A revision that is being created.
    pub(super) fn pending(version: &str, content: Content, now: u64, settling: Settling) -> Self {
        Revision {
            version: version.to_owned(),
            content,
            serving: None,
            published_from: None,
            last_modified: now,
            revision_id: uuid(),
            state: State::Pending,
            state_reason: Some(Reason::creating()),
            update: None,
            settling: Some(settling),
        }
    }

    /// Starts an update: the new content shows at once, the old one serves until the update has settled.
    pub(super) fn start_update(&mut self, content: Content, now: u64, settling: Settling) {
        let old = std::mem::replace(&mut self.content, content);
        self.serving.get_or_insert_with(|| Box::new(old));
        self.last_modified = now;
        self.update = Some(Update::InProgress);
        self.settling = Some(settling);
        self.touch();
    }

    /// Starts to prepare an idle revision again.
    pub(super) fn wake(&mut self, at: u64) {
        self.state = State::Pending;
        self.state_reason =
            Some(Reason::new("Restoring", "The function is being restored after it was idle."));
        self.settling = Some(Settling { at, failure: None });
        self.touch();
    }

    /// A new revision id: something changed.
    pub(super) fn touch(&mut self) {
        self.revision_id = uuid();
    }

    /// Ends what was to end by now. `trouble` says what keeps the code from being used.
    pub(super) fn settle(&mut self, now: u64, trouble: impl Fn(&Code) -> Option<Reason>) {
        let Some(settling) = self.settling.take_if(|settling| settling.at <= now) else { return };
        let failure = settling.failure.or_else(|| trouble(&self.content.code));
        let creating = self.state == State::Pending;
        match failure {
            None => {
                self.state = State::Active;
                self.state_reason = None;
                self.update = Some(Update::Successful);
                self.serving = None;
            }
            Some(reason) => {
                if creating {
                    // An image that is gone leaves a function inactive, everything else makes it fail.
                    let restoring =
                        self.state_reason.as_ref().is_some_and(|reason| reason.code == "Restoring");
                    let gone = restoring && reason.code == "ImageDeleted";
                    self.state = if gone { State::Inactive } else { State::Failed };
                    self.state_reason = Some(reason.clone());
                }
                self.update = Some(Update::Failed(reason));
            }
        }
        self.touch();
    }

    /// What an invocation of this revision runs.
    pub(super) fn running(&self) -> &Content {
        self.serving.as_deref().unwrap_or(&self.content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(digest: &str) -> Content {
        Content {
            configuration: Configuration::default(),
            architecture: "x86_64".to_owned(),
            code: Code::Zip(ZipCode { sha256: digest.to_owned(), size: 1 }),
        }
    }

    fn until(at: u64) -> Settling {
        Settling { at, failure: None }
    }

    #[test]
    fn nothing_settles_before_its_time() {
        let mut revision = Revision::pending("$LATEST", content("a"), 0, until(10));
        let before = revision.revision_id.clone();
        revision.settle(9, |_| None);
        assert_eq!((revision.state, &revision.revision_id), (State::Pending, &before));
        revision.settle(10, |_| None);
        assert_eq!((revision.state, &revision.update), (State::Active, &Some(Update::Successful)));
        assert_ne!(revision.revision_id, before);
    }

    #[test]
    fn a_failed_update_leaves_the_old_content_running() {
        let reason = || Some(Reason::new("InvalidImage", "no"));
        let mut revision = Revision::pending("$LATEST", content("a"), 0, until(0));
        revision.settle(0, |_| None);
        revision.start_update(content("b"), 1, until(5));
        assert_eq!(revision.running().code.sha256(), "a");
        revision.settle(5, |_| reason());
        assert_eq!(revision.state, State::Active);
        assert_eq!(revision.update, Some(Update::Failed(reason().unwrap())));
        assert_eq!((revision.running().code.sha256(), revision.content.code.sha256()), ("a", "b"));
        revision.start_update(content("c"), 6, until(7));
        assert_eq!(revision.running().code.sha256(), "a", "b never ran");
        revision.settle(7, |_| None);
        assert_eq!(revision.running().code.sha256(), "c");
    }

    #[test]
    fn a_creation_that_fails_says_why_in_state_and_update() {
        let mut revision = Revision::pending("$LATEST", content("a"), 0, until(0));
        revision.settle(0, |_| Some(Reason::new("ImageAccessDenied", "no")));
        assert_eq!(revision.state, State::Failed);
        assert_eq!(revision.state_reason.unwrap().code, "ImageAccessDenied");
        assert!(matches!(revision.update, Some(Update::Failed(_))));
    }
}
