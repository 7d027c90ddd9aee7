//! What both directions read of a function.

use crate::cloud::LiveFunction;
use crate::name::{FunctionName, ImageUri};
use crate::report::FunctionReport;

/// Where a function's image lies; none for a zip function.
pub(super) fn image_of(function: &LiveFunction) -> Option<ImageUri> {
    function.image()
}

/// The function in the report, from its own ARN.
pub(super) fn function_report(name: &FunctionName, live: &LiveFunction) -> Option<FunctionReport> {
    FunctionReport::of(name, live)
}
