//! What happens, told as it happens: one closed enum that feeds every renderer.
//!
//! No event carries a secret (invariant 7): no token, no environment value, no query of a signed URL.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::cloud::VersionTraffic;
use crate::name::Digest;
use crate::preflight::Finding;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A check found something.
    Found(Finding),
    /// A step of the plan begins.
    StepStarted {
        /// The step's stable name, as in the JSON document.
        step: &'static str,
        /// What it is about to do, for a person.
        detail: String,
    },
    /// A step of the plan ended well.
    StepDone {
        /// The step's stable name.
        step: &'static str,
        /// What it did, for a person.
        detail: String,
        /// How long it took.
        elapsed: Duration,
    },
    /// A layer begins to move.
    LayerStarted {
        /// The layer's diff id.
        diff_id: Digest,
        /// The bytes that will be read from the source.
        stored_size: u64,
    },
    /// More bytes of a layer were read from the source (and are on their way).
    LayerProgress {
        /// The layer's diff id.
        diff_id: Digest,
        /// Bytes read of it so far; it may fall when a layer is begun again.
        read: u64,
    },
    /// A layer that an earlier run had begun to send goes on from where the registry has it.
    LayerResumed {
        /// The layer's diff id.
        diff_id: Digest,
        /// Bytes that the registry has of it already.
        from: u64,
    },
    /// A layer is where it should be.
    LayerDone {
        /// The layer's diff id.
        diff_id: Digest,
        /// What was done with it.
        action: LayerAction,
        /// Bytes of it that were sent.
        sent: u64,
    },
    /// Something failed and is tried again.
    Retrying {
        /// What is tried again, for a person.
        what: String,
        /// Why.
        reason: String,
        /// After how long.
        wait: Duration,
    },
    /// A function is up, and answers invocations of this machine.
    Serving {
        /// Where.
        address: SocketAddr,
    },
    /// A function that is kept up was given an event.
    Served {
        /// Which, for a person.
        what: String,
        /// The error in the place of an answer, for a person. It is the user's own.
        error: Option<String>,
        /// How long it took.
        elapsed: Duration,
    },
    /// The end of the log of a function that we invoked. It is the user's own.
    FunctionLog {
        /// The text, a few lines, without control characters.
        text: String,
    },
    /// Something went another way than usual, and just as well: for who wants to know everything.
    Note {
        /// What, for a person.
        text: String,
    },
    /// How an alias's traffic stands while a release waits; told about each second.
    Traffic(TrafficView),
    /// AWS, or whoever has the image, is busy and we wait for it.
    Waiting {
        /// For what, for a person: `function checkout`.
        what: String,
        /// How it stands: `LastUpdateStatus is InProgress`.
        state: String,
    },
    /// Something happened to one of many targets.
    Of {
        /// The target, or the registry that several share.
        target: Arc<str>,
        /// What happened; never another of these.
        event: Box<Event>,
    },
}

/// How an alias's traffic stands.
#[derive(Debug, Clone, PartialEq)]
pub struct TrafficView {
    /// The alias.
    pub alias: String,
    /// The version that had all traffic.
    pub old: String,
    /// The version that is released.
    pub new: String,
    /// The new version's share, 0.0–1.0.
    pub share: f64,
    /// Until the next shift, or the end.
    pub rest: Duration,
    /// What the new version did, and the old one; none where nobody looks at metrics.
    pub traffic: Option<(VersionTraffic, Option<VersionTraffic>)>,
}

/// What was done with a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerAction {
    /// Sent to the registry.
    Uploaded,
    /// The registry had it under the digest that we know.
    Exists,
    /// Taken over from another repository of the registry.
    Mounted,
    /// Known by its diff id from what runs or from the cache, and confirmed by the registry; never read.
    Reused,
}

/// Where events go. Shared between tasks.
pub trait Reporter: Send + Sync {
    /// Takes one event. Must not block.
    fn report(&self, event: Event);
}

/// A reporter that forgets everything, for quiet runs and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silence;

impl Reporter for Silence {
    fn report(&self, _: Event) {}
}

/// A reporter for one of many targets: says of which each event is.
pub struct Named {
    target: Arc<str>,
    reporter: Arc<dyn Reporter>,
}

impl Named {
    /// Tells `reporter` what happens to `target`.
    pub fn new(target: &str, reporter: Arc<dyn Reporter>) -> Self {
        Self { target: target.into(), reporter }
    }
}

impl Reporter for Named {
    fn report(&self, event: Event) {
        self.reporter.report(Event::Of { target: Arc::clone(&self.target), event: Box::new(event) });
    }
}
