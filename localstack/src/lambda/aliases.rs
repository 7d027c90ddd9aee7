//! Aliases: names for versions, with a share of the traffic for at most one further version.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::call::Answer;
use crate::uuid::uuid;

use super::answer;
use super::function::{Alias, Function};
use super::reference::is_name;
use super::refusal::Refusal;
use super::session::{Session, check_revision};
use super::versions::list;
use super::view;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct AliasRequest {
    name: Option<String>,
    function_version: Option<String>,
    description: Option<String>,
    routing_config: Option<RoutingConfig>,
    revision_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RoutingConfig {
    additional_version_weights: Option<BTreeMap<String, f64>>,
}

impl AliasRequest {
    /// The weights that the request sets; none when it leaves them as they are.
    fn weights(&self) -> Option<BTreeMap<String, f64>> {
        self.routing_config
            .as_ref()
            .map(|config| config.additional_version_weights.clone().unwrap_or_default())
    }
}

impl Session<'_> {
    pub(super) fn create_alias(&mut self, named: &str) -> Result<Answer, Refusal> {
        let request: AliasRequest = self.body()?;
        let function_name = self.reference(named)?.name;
        let weights = request.weights().unwrap_or_default();
        let name = request.name.ok_or_else(|| Refusal::missing("name"))?;
        check_name(&name)?;
        let version = request.function_version.ok_or_else(|| Refusal::missing("functionVersion"))?;
        check_weights(&weights)?;
        let absent = Refusal::no_function(&self.arn(&function_name, Some(&version)));
        let function = self.shelf.functions.get(&function_name).ok_or(absent)?;
        if function.aliases.contains_key(&name) {
            let arn = self.arn(&function_name, Some(&name));
            return Err(Refusal::conflict(format!("Alias already exists: {arn}")));
        }
        let alias = Alias {
            name,
            version,
            description: request.description.unwrap_or_default(),
            weights,
            revision_id: uuid(),
            invocations: 0,
        };
        self.check_routing(function, &alias)?;
        let view = view::alias(&alias, &function_name, self.home);
        self.function_mut(&function_name)?.aliases.insert(alias.name.clone(), alias);
        Ok(answer::json(201, &view))
    }

    pub(super) fn update_alias(&mut self, named: &str, name: &str) -> Result<Answer, Refusal> {
        let request: AliasRequest = self.body()?;
        let function_name = self.reference(named)?.name;
        let weights = request.weights();
        check_weights(weights.as_ref().unwrap_or(&BTreeMap::new()))?;
        let arn = self.arn(&function_name, Some(name));
        let absent = || Refusal::not_found(format!("Alias not found: {arn}"));
        let function = self.shelf.functions.get(&function_name).ok_or_else(absent)?;
        let mut alias = function.aliases.get(name).ok_or_else(absent)?.clone();
        check_revision(request.revision_id.as_deref(), &alias.revision_id)?;
        let before = (alias.version.clone(), alias.weights.clone());
        alias.version = request.function_version.unwrap_or(alias.version);
        alias.description = request.description.unwrap_or(alias.description);
        // Weights that the request does not mention stay, even when the alias moves to another version.
        alias.weights = weights.unwrap_or(alias.weights);
        self.check_routing(function, &alias)?;
        if before != (alias.version.clone(), alias.weights.clone()) {
            alias.invocations = 0;
        }
        alias.revision_id = uuid();
        let view = view::alias(&alias, &function_name, self.home);
        self.function_mut(&function_name)?.aliases.insert(name.to_owned(), alias);
        Ok(answer::json(200, &view))
    }

    pub(super) fn get_alias(&self, named: &str, name: &str) -> Result<Answer, Refusal> {
        let function_name = self.reference(named)?.name;
        let alias = self.shelf.functions.get(&function_name).and_then(|function| function.aliases.get(name));
        let alias = alias.ok_or_else(|| Refusal::no_alias(&self.arn(&function_name, Some(name))))?;
        Ok(answer::json(200, &view::alias(alias, &function_name, self.home)))
    }

    pub(super) fn delete_alias(&mut self, named: &str, name: &str) -> Result<Answer, Refusal> {
        let function_name = self.reference(named)?.name;
        let function = self.function_mut(&function_name)?;
        function.aliases.remove(name);
        function.provisioned.remove(name);
        Ok(answer::empty(204))
    }

    pub(super) fn list_aliases(&self, named: &str) -> Result<Answer, Refusal> {
        let function_name = self.reference(named)?.name;
        let version = self.call.parameter("FunctionVersion");
        let function = self.function(&function_name)?;
        let aliases: Vec<Value> = function
            .aliases
            .values()
            .filter(|alias| {
                version.is_none_or(|version| alias.version == version || alias.weights.contains_key(version))
            })
            .map(|alias| view::alias(alias, &function_name, self.home))
            .collect();
        let (aliases, next) = view::page(aliases, self.call.parameter("Marker"), self.page_size());
        Ok(list("Aliases", aliases, next))
    }

    /// Whether an alias may point where it points.
    fn check_routing(&self, function: &Function, alias: &Alias) -> Result<(), Refusal> {
        let absent = |version: &str| Refusal::no_function(&self.arn(&function.name, Some(version)));
        if alias.version == "$LATEST" && !alias.weights.is_empty() {
            return Err(Refusal::invalid(
                "$LATEST is not supported for an alias pointing to more than 1 version",
            ));
        }
        let main = function.revision(&alias.version).ok_or_else(|| absent(&alias.version))?;
        for version in alias.weights.keys() {
            if *version == alias.version {
                return Err(Refusal::invalid(format!(
                    "Invalid function version {version}. Function version {version} is already included in \
                     routing configuration."
                )));
            }
            let further = function.revision(version).ok_or_else(|| absent(version))?;
            let (main, further) = (&main.content.configuration, &further.content.configuration);
            if main.role != further.role {
                return Err(Refusal::invalid(
                    "The versions that an alias points to must have the same execution role.",
                ));
            }
            if main.dead_letter_config != further.dead_letter_config {
                return Err(Refusal::invalid(
                    "The versions that an alias points to must have the same dead-letter queue configuration.",
                ));
            }
        }
        if !alias.weights.is_empty() && function.provisioned.contains_key(&alias.name) {
            return Err(Refusal::invalid("Alias with weights can not be used with Provisioned Concurrency"));
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if name.len() > 128 {
        let constraint = "Member must have length less than or equal to 128";
        return Err(Refusal::constraint("name", name, constraint));
    }
    if !is_name(name) || name.bytes().all(|byte| byte.is_ascii_digit()) {
        let constraint = "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)";
        return Err(Refusal::constraint("name", name, constraint));
    }
    Ok(())
}

fn check_weights(weights: &BTreeMap<String, f64>) -> Result<(), Refusal> {
    const MEMBER: &str = "routingConfig.additionalVersionWeights";
    let shown = || {
        let entries: Vec<String> =
            weights.iter().map(|(version, weight)| format!("{version}={weight:?}")).collect();
        format!("{{{}}}", entries.join(", "))
    };
    if weights.keys().any(|version| version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Err(Refusal::constraint(
            MEMBER,
            shown(),
            "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must \
             have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]",
        ));
    }
    if weights.values().any(|weight| !(0.0..=1.0).contains(weight)) {
        return Err(Refusal::constraint(
            MEMBER,
            shown(),
            "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must \
             have value greater than or equal to 0.0, Member must not be null]",
        ));
    }
    if weights.len() > 1 {
        return Err(Refusal::invalid("Number of items in AdditionalVersionWeights cannot be greater than 1"));
    }
    Ok(())
}
