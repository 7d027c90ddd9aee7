//! Tags of functions.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::call::Answer;

use super::answer;
use super::reference::Reference;
use super::refusal::Refusal;
use super::session::Session;

const MOST_TAGS: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TagRequest {
    tags: BTreeMap<String, String>,
}

/// Refuses more tags than a function can have.
pub(super) fn check_count(count: usize) -> Result<(), Refusal> {
    if count > MOST_TAGS {
        return Err(Refusal::invalid("Number of tags exceeds resource tag limit."));
    }
    Ok(())
}

impl Session<'_> {
    pub(super) fn list_tags(&self, arn: &str) -> Result<Answer, Refusal> {
        let name = self.tagged(arn)?;
        Ok(answer::json(200, &json!({"Tags": self.function(&name)?.tags})))
    }

    pub(super) fn tag_resource(&mut self, arn: &str) -> Result<Answer, Refusal> {
        let request: TagRequest = self.body()?;
        let name = self.tagged(arn)?;
        if request.tags.is_empty() {
            return Err(Refusal::invalid("An error occurred and the request cannot be processed."));
        }
        let function = self.function_mut(&name)?;
        let mut tags = function.tags.clone();
        tags.extend(request.tags);
        check_count(tags.len())?;
        function.tags = tags;
        function.latest.touch();
        Ok(answer::empty(204))
    }

    pub(super) fn untag_resource(&mut self, arn: &str) -> Result<Answer, Refusal> {
        let name = self.tagged(arn)?;
        let keys: Vec<String> =
            self.call.query.iter().filter(|(key, _)| key == "tagKeys").map(|(_, tag)| tag.clone()).collect();
        if keys.is_empty() {
            return Err(Refusal::missing("tagKeys"));
        }
        let function = self.function_mut(&name)?;
        function.tags.retain(|key, _| !keys.contains(key));
        function.latest.touch();
        Ok(answer::empty(204))
    }

    /// The name of the function that an ARN names: here only an ARN will do.
    fn tagged(&self, arn: &str) -> Result<String, Refusal> {
        if !(arn.starts_with("arn:") && arn.contains(":lambda:") && arn.contains(":function:")) {
            return Err(Refusal::constraint(
                "resource",
                arn,
                "Member must satisfy regular expression pattern: \
                 arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:\
                 (function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?)",
            ));
        }
        let reference = Reference::parse(arn, None, self.home, self.operation)?;
        if reference.qualifier.is_some() {
            return Err(Refusal::invalid(
                "Tags on function aliases and versions are not supported. Please specify a function ARN.",
            ));
        }
        Ok(reference.name)
    }
}
