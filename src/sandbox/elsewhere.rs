//! Systems without Linux's namespaces.

use std::path::Path;
use std::process::ExitCode;

use super::RunOrder;
use crate::image::LocalImage;
use crate::report::RunReport;

/// No process is a stage here.
pub fn run_stage() -> Option<ExitCode> {
    None
}

/// Says that an image cannot be run here.
pub async fn run_image(_image: &LocalImage, _order: RunOrder, _temporary: &Path) -> RunReport {
    RunReport::unavailable("images can only be run on Linux".to_owned(), None)
}
