//! Definitions and live functions for the tests of this module.

use serde_json::Value;

use super::{Definition, Flags};
use crate::cloud::{FunctionState, LiveFunction, PackageType};
use crate::name::{Architecture, Digest};

pub(crate) fn declared(settings: Value) -> Definition {
    Definition::new(Some(&settings.to_string()), &Flags::default(), None).unwrap()
}

/// The image function `shop` with these settings.
pub(crate) fn live(settings: Value) -> LiveFunction {
    LiveFunction {
        arn: "arn:aws:lambda:eu-west-1:123456789012:function:shop".to_owned(),
        version: "$LATEST".to_owned(),
        package_type: PackageType::Image,
        architecture: Architecture::X86_64,
        image_digest: Some(Digest::of(b"manifest")),
        image_uri: None,
        resolved_image_uri: None,
        state: FunctionState::default(),
        revision_id: None,
        modified: None,
        settings: settings.as_object().unwrap().clone(),
    }
}
