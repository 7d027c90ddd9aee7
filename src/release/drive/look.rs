//! What both directions read of a function.

use crate::cloud::LiveFunction;
use crate::name::{FunctionName, FunctionRef, ImageUri};
use crate::report::FunctionReport;

/// Where a function's image lies; none for a zip function.
pub(super) fn image_of(function: &LiveFunction) -> Option<ImageUri> {
    let uri = function.resolved_image_uri.as_deref().or(function.image_uri.as_deref());
    let uri: ImageUri = uri?.parse().ok()?;
    Some(ImageUri { digest: function.running_digest().or(uri.digest), ..uri })
}

/// The function in the report, from its own ARN.
pub(super) fn function_report(name: &FunctionName, live: &LiveFunction) -> Option<FunctionReport> {
    let arn: FunctionRef = live.arn.parse().ok()?;
    let (region, account) = (arn.region?, arn.account?);
    Some(FunctionReport { name: name.clone(), arn: live.arn.clone(), region, account, created: false })
}
