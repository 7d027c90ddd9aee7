//! What a GitHub job sets for its steps.

use std::path::PathBuf;

use crate::output::GithubJob;

/// The job that this process is a step of; none outside of GitHub Actions.
pub(super) fn github_job() -> Option<GithubJob> {
    if std::env::var("GITHUB_ACTIONS").as_deref() != Ok("true") {
        return None;
    }
    Some(GithubJob {
        outputs: path("GITHUB_OUTPUT"),
        summary: path("GITHUB_STEP_SUMMARY"),
        workspace: path("GITHUB_WORKSPACE"),
        folder: std::env::current_dir().unwrap_or_default(),
    })
}

/// A path in a variable. An empty one is as good as none: so a step says that it wants no summary.
fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
