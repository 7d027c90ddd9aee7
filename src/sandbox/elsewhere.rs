//! Systems without Linux's namespaces.

use std::path::Path;
use std::process::ExitCode;

use super::{Answered, Delivery, RunOrder, Serving, Unbuilt};
use crate::image::LocalImage;
use crate::report::RunReport;

const NOT_HERE: &str = "images can only be run on Linux";

/// No process is a stage here.
pub fn run_stage() -> Option<ExitCode> {
    None
}

/// Says that an image cannot be run here.
pub async fn run_image(_image: &LocalImage, _order: RunOrder, _temporary: &Path) -> RunReport {
    RunReport::unavailable(NOT_HERE.to_owned(), None)
}

/// Says that an image cannot be run here.
pub async fn serve_image(
    image: &LocalImage,
    order: RunOrder,
    temporary: &Path,
    _serving: Serving,
    _stop: impl Future<Output = ()>,
) -> RunReport {
    run_image(image, order, temporary).await
}

/// A function that runs here: there is none.
#[derive(Debug)]
pub enum LocalFunction {}

impl LocalFunction {
    /// Says that an image cannot be run here.
    ///
    /// # Errors
    /// Always fails.
    pub async fn build(_image: &LocalImage, _order: RunOrder, _temporary: &Path) -> Result<Self, Unbuilt> {
        Err(Unbuilt { image_is_unfit: false, reason: NOT_HERE.to_owned(), hint: None })
    }

    /// Never called.
    pub async fn warm_up(&mut self) {
        match *self {}
    }

    /// Never called.
    pub async fn answer(&mut self, _delivery: Delivery) -> Answered {
        match *self {}
    }

    /// Never called.
    pub async fn rest(&mut self) {
        match *self {}
    }

    /// Never called.
    pub fn is_gone(&self) -> bool {
        match *self {}
    }

    /// Never called.
    pub async fn end(self) {
        match self {}
    }
}
