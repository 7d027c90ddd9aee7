//! The variables of function and image fit into what Lambda takes.

use serde_json::{Map, Value};

use crate::function::{MOST_ENVIRONMENT_BYTES, environment_bytes};
use crate::image::LocalImage;
use crate::preflight::{Check, Finding, Judge, Wanted};

pub(super) const CHECK: Check = Check {
    id: "environment-size",
    requirement: "The environment variables of a function have at most 4 KB together. AWS does not say whether ENV of the image counts as well.",
    evidence: "The declared variables and ENV of the image, measured as JSON, as Lambda's own refusal measures. Too many declared variables are refused \
               by themselves (`definition`); only the sum is judged here, and never as more than unknown.",
    remedy: "Keep large values in Parameter Store or Secrets Manager, or in files of the image.",
    may_be_allowed: true,
    judge: Judge::Image(judge),
};

fn judge(image: &LocalImage, wanted: &Wanted) -> Vec<Finding> {
    let variables = image.config.environment.iter().filter_map(|entry| entry.split_once('='));
    let variables: Map<String, Value> =
        variables.map(|(name, value)| (name.to_owned(), value.into())).collect();
    let of_image = environment_bytes(&variables);
    let together = of_image + wanted.environment_bytes;
    if together <= MOST_ENVIRONMENT_BYTES {
        return Vec::new();
    }
    vec![Finding::unknown(
        CHECK.id,
        format!(
            "ENV of the image has {of_image} bytes and the function's variables have {}, together more than the {MOST_ENVIRONMENT_BYTES} that Lambda takes of a \
             function's; whether ENV counts is not documented",
            wanted.environment_bytes
        ),
        "move large values out of ENV, into files of the image or a parameter store",
    )]
}
