//! What an image says and Lambda does not hear.

use crate::image::LocalImage;
use crate::preflight::{Check, Finding, Judge, Wanted};

pub(super) const CHECK: Check = Check {
    id: "ignored-instructions",
    requirement: "Of a Dockerfile's instructions about how a container runs, Lambda honours ENTRYPOINT, CMD, WORKDIR and ENV only. It runs everything as \
                  its own unprivileged user, gives the image no volumes and no ports, and asks no health check.",
    evidence: "The image's configuration.",
    remedy: "Nothing to do, unless the function relies on it: then `lambda-lift check --run` shows how it does without.",
    may_be_allowed: true,
    judge: Judge::Image(judge),
};

fn judge(image: &LocalImage, _: &Wanted) -> Vec<Finding> {
    let config = &image.config;
    let user = (!config.user.is_empty()).then(|| format!("USER {}", config.user));
    let others = config.ignored_instructions.iter().map(|instruction| (*instruction).to_owned());
    let ignored: Vec<String> = user.into_iter().chain(others).collect();
    if ignored.is_empty() {
        return Vec::new();
    }
    vec![Finding::info(CHECK.id, format!("Lambda ignores what the image says with {}", ignored.join(", ")))]
}
