//! What is in the image is known.

use crate::image::LocalImage;
use crate::name::Digest;
use crate::preflight::{Check, Finding, Judge, Severity, Wanted};
use crate::rootfs::{ImageContents, Unread};

/// How many layers are named.
const SHOWN: usize = 3;
const HINT: &str = "lambda-lift check reads every layer, and remembers what is in it";

pub(super) const CHECK: Check = Check {
    id: "unread-layers",
    requirement: "What is in an image is judged by the file system that all of its layers make. Layers of the image that runs now, \
                  and those of a published image in another registry, are not read for that: where nothing is remembered of one, only what the layers above it show by themselves is judged.",
    evidence: "The layers that this run reads, and what is remembered of layers that were read on this machine before, by diff id.",
    remedy: "Usually nothing: layers of the image that runs now are proven by it. `lambda-lift check` reads them all, and what it \
             finds is remembered for the deploy.",
    may_be_allowed: true,
    judge: Judge::Entries(judge),
};

fn judge(_: &LocalImage, _: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let of = |why: Unread| -> Vec<Digest> {
        contents.unread.iter().filter(|(_, found)| *found == why).map(|(layer, _)| *layer).collect()
    };
    let (running, stored, pending) = (of(Unread::Running), of(Unread::Stored), of(Unread::Pending));
    let all: Vec<Digest> = running.iter().chain(&stored).copied().collect();
    let severity = if stored.is_empty() { Severity::Info } else { Severity::Unknown };
    let unread = (!all.is_empty()).then(|| {
        let (were, them) = counted(&all);
        let who = if stored.is_empty() { "the image that runs now has" } else { "the repository has" };
        let message = format!(
            "{were} not read in this run, and nothing is remembered of {them}; {who} {them}, so what is in the image was judged only by the layers above"
        );
        Finding::new(CHECK.id, severity, message).with_hint(HINT)
    });
    let pending = (!pending.is_empty()).then(|| {
        let (were, them) = counted(&pending);
        let are = if pending.len() == 1 { "is" } else { "are" };
        let subject = were.rsplit_once(' ').map_or(were.as_str(), |(subject, _)| subject);
        let message = format!(
            "{subject} {are} read when a deploy sends {them}; then what is in the image is judged, before it is published"
        );
        Finding::new(CHECK.id, Severity::Info, message).with_hint(HINT)
    });
    unread.into_iter().chain(pending).collect()
}

/// `layer sha256:… was` and `it`, or `4 layers (sha256:…, …) were` and `them`.
fn counted(layers: &[Digest]) -> (String, &'static str) {
    if let [layer] = layers {
        return (format!("layer {} was", named(layer)), "it");
    }
    let shown: Vec<String> = layers.iter().take(SHOWN).map(named).collect();
    let more = if layers.len() > SHOWN { ", …" } else { "" };
    (format!("{} layers ({}{more}) were", layers.len(), shown.join(", ")), "them")
}

fn named(layer: &Digest) -> String {
    format!("sha256:{}", layer.short())
}
