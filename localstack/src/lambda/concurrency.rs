//! Reserved and provisioned concurrency, and the account's limits.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Answer;

use super::answer;
use super::function::{Function, Provisioned};
use super::reference::Reference;
use super::refusal::Refusal;
use super::session::{Session, milliseconds};
use super::versions::list;
use super::view::{self, timestamp};

/// What AWS keeps free for functions without a reservation.
const LEAST_UNRESERVED: u64 = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReservedRequest {
    reserved_concurrent_executions: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProvisionedRequest {
    provisioned_concurrent_executions: Option<i64>,
}

impl Session<'_> {
    pub(super) fn put_concurrency(&mut self, named: &str) -> Result<Answer, Refusal> {
        let request: ReservedRequest = self.body()?;
        let name = self.whole_function(named)?;
        let asked = request
            .reserved_concurrent_executions
            .ok_or_else(|| Refusal::missing("reservedConcurrentExecutions"))?;
        let asked = at_least("reservedConcurrentExecutions", asked, 0)?;
        let of_others: u64 = self
            .shelf
            .functions
            .values()
            .filter(|function| function.name != name)
            .filter_map(|function| function.reserved_concurrency)
            .sum();
        if of_others.saturating_add(asked).saturating_add(LEAST_UNRESERVED) > self.settings.concurrency_limit
        {
            return Err(Refusal::invalid(format!(
                "Specified ReservedConcurrentExecutions for function decreases account's \
                 UnreservedConcurrentExecution below its minimum value of [{LEAST_UNRESERVED}]."
            )));
        }
        self.function_mut(&name)?.reserved_concurrency = Some(asked);
        Ok(answer::json(200, &json!({"ReservedConcurrentExecutions": asked})))
    }

    pub(super) fn get_concurrency(&self, named: &str) -> Result<Answer, Refusal> {
        let name = self.reference(named)?.name;
        let body = match self.function(&name)?.reserved_concurrency {
            Some(reserved) => json!({"ReservedConcurrentExecutions": reserved}),
            None => json!({}),
        };
        Ok(answer::json(200, &body))
    }

    pub(super) fn delete_concurrency(&mut self, named: &str) -> Result<Answer, Refusal> {
        let name = self.whole_function(named)?;
        self.function_mut(&name)?.reserved_concurrency = None;
        Ok(answer::empty(204))
    }

    pub(super) fn put_provisioned(&mut self, named: &str) -> Result<Answer, Refusal> {
        const MEMBER: &str = "provisionedConcurrentExecutions";
        let request: ProvisionedRequest = self.body()?;
        let asked = request.provisioned_concurrent_executions.ok_or_else(|| Refusal::missing(MEMBER))?;
        let requested = at_least(MEMBER, asked, 1)?;
        let (name, qualifier) = self.published(named)?;
        if qualifier == "$LATEST" {
            return Err(Refusal::invalid(
                "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
            ));
        }
        check_provisionable(self.function(&name)?, &qualifier)?;
        let provisioned = Provisioned {
            requested,
            ready_at: self.now + milliseconds(self.settings.provision_settle),
            last_modified: self.now,
        };
        // The answer says IN_PROGRESS also when nothing takes any time.
        let mut view = provisioned_view(&provisioned, 0);
        view["Status"] = json!("IN_PROGRESS");
        self.function_mut(&name)?.provisioned.insert(qualifier, provisioned);
        Ok(answer::json(202, &view))
    }

    pub(super) fn get_provisioned(&self, named: &str) -> Result<Answer, Refusal> {
        let (name, qualifier) = self.only_published(named)?;
        let provisioned = self.function(&name)?.provisioned.get(&qualifier);
        let provisioned = provisioned.ok_or_else(Refusal::no_provisioned_concurrency)?;
        Ok(answer::json(200, &provisioned_view(provisioned, self.now)))
    }

    pub(super) fn delete_provisioned(&mut self, named: &str) -> Result<Answer, Refusal> {
        let (name, qualifier) = self.only_published(named)?;
        self.function_mut(&name)?.provisioned.remove(&qualifier);
        Ok(answer::empty(204))
    }

    pub(super) fn list_provisioned(&self, named: &str) -> Result<Answer, Refusal> {
        let name = self.reference(named)?.name;
        let configs: Vec<Value> = self
            .function(&name)?
            .provisioned
            .iter()
            .map(|(qualifier, provisioned)| {
                let mut view = provisioned_view(provisioned, self.now);
                view["FunctionArn"] = json!(self.arn(&name, Some(qualifier)));
                view
            })
            .collect();
        let (configs, next) = view::page(configs, self.call.parameter("Marker"), self.page_size());
        Ok(list("ProvisionedConcurrencyConfigs", configs, next))
    }

    pub(super) fn account_settings(&self) -> Answer {
        let limit = self.settings.concurrency_limit;
        let functions = self.shelf.functions.values();
        let reserved: u64 = functions.filter_map(|function| function.reserved_concurrency).sum();
        let body = json!({
            "AccountLimit": {
                "TotalCodeSize": 80_530_636_800_u64,
                "CodeSizeUnzipped": 262_144_000,
                "CodeSizeZipped": 52_428_800,
                "ConcurrentExecutions": limit,
                "UnreservedConcurrentExecutions": limit.saturating_sub(reserved),
            },
            "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": self.shelf.functions.len()},
        });
        answer::json(200, &body)
    }

    /// The name of a function that is meant as a whole.
    fn whole_function(&self, named: &str) -> Result<String, Refusal> {
        let Reference { name, qualifier } = self.reference(named)?;
        if qualifier.is_some() {
            return Err(Refusal::invalid(
                "This operation is permitted on Lambda functions only. Aliases and versions do not support this \
                 operation. Please specify either a function name or an unqualified function ARN.",
            ));
        }
        self.function(&name)?;
        Ok(name)
    }

    /// The function and the qualifier that exists in it.
    fn published(&self, named: &str) -> Result<(String, String), Refusal> {
        let Reference { name, qualifier } = self.reference(named)?;
        let qualifier = qualifier.ok_or_else(|| Refusal::missing("qualifier"))?;
        let known = self
            .shelf
            .functions
            .get(&name)
            .is_some_and(|function| function.resolve(Some(&qualifier)).is_some());
        let arn = self.arn(&name, Some(&qualifier));
        let is_alias = qualifier != "$LATEST" && !qualifier.bytes().all(|byte| byte.is_ascii_digit());
        match (known, is_alias) {
            (true, _) => Ok((name, qualifier)),
            (false, true) => Err(Refusal::no_alias(&arn)),
            (false, false) => Err(Refusal::no_function(&arn)),
        }
    }

    fn only_published(&self, named: &str) -> Result<(String, String), Refusal> {
        let (name, qualifier) = self.published(named)?;
        if qualifier == "$LATEST" {
            return Err(Refusal::invalid(
                "The function resource provided must be an alias or a published version.",
            ));
        }
        Ok((name, qualifier))
    }
}

/// A version is provisioned either by itself or through one alias, and weights forbid it.
fn check_provisionable(function: &Function, qualifier: &str) -> Result<(), Refusal> {
    match function.aliases.get(qualifier) {
        Some(alias) if !alias.weights.is_empty() => {
            Err(Refusal::invalid("Alias with weights can not be used with Provisioned Concurrency"))
        }
        Some(alias) if function.provisioned.contains_key(&alias.version) => Err(Refusal::conflict(
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
        )),
        None if function
            .aliases_of(qualifier)
            .iter()
            .any(|alias| function.provisioned.contains_key(*alias)) =>
        {
            Err(Refusal::conflict("Version is pointed by a Provisioned Concurrency alias"))
        }
        _ => Ok(()),
    }
}

fn provisioned_view(provisioned: &Provisioned, now: u64) -> Value {
    let ready = provisioned.ready_at <= now;
    let allocated = if ready { provisioned.requested } else { 0 };
    json!({
        "RequestedProvisionedConcurrentExecutions": provisioned.requested,
        "AvailableProvisionedConcurrentExecutions": allocated,
        "AllocatedProvisionedConcurrentExecutions": allocated,
        "Status": if ready { "READY" } else { "IN_PROGRESS" },
        "LastModified": timestamp(provisioned.last_modified),
    })
}

fn at_least(member: &str, value: i64, least: u64) -> Result<u64, Refusal> {
    u64::try_from(value).ok().filter(|value| *value >= least).ok_or_else(|| {
        let constraint = format!("Member must have value greater than or equal to {least}");
        Refusal::constraint(member, value, &constraint)
    })
}
