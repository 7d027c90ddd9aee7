//! IAM's own interface, as far as somebody asks what a caller may do: SimulatePrincipalPolicy and GetRole (query protocol, XML).

use std::sync::Arc;

use super::{Decision, Guard, Permission, decide};
use crate::call::{Answer, Call};
use crate::partition::of_region;
use crate::protocol::escaped;
use crate::query::Query;
use crate::service::Service;
use crate::text;

const QUERY: Query = Query::new("https://iam.amazonaws.com/doc/2010-05-08/");

/// The service.
#[derive(Debug)]
pub(crate) struct Iam {
    guard: Arc<Guard>,
}

impl Iam {
    pub(crate) fn new(guard: Arc<Guard>) -> Self {
        Self { guard }
    }

    /// Judges by the account's identity policy; without one everything is allowed.
    fn simulate(&self, call: &Call, form: &[(String, String)]) -> Answer {
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let Some(principal) = field("PolicySourceArn") else {
            return QUERY.error(400, "ValidationError", "PolicySourceArn must not be null");
        };
        if !principal.contains(&format!(":iam::{}:", call.account)) {
            return QUERY.error(404, "NoSuchEntity", &format!("{principal} does not exist"));
        }
        let listed = |list: &str| {
            let prefix = format!("{list}.member.");
            let values = form.iter().filter(move |(key, _)| key.starts_with(&prefix));
            values.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let said = |name: &str| field(&format!("ContextEntries.member.1.{name}")).map(str::to_owned);
        let context = said("ContextKeyName").zip(said("ContextKeyValues.member.1"));
        let policy = self.guard.policy(&call.account);
        let resource = listed("ResourceArns").into_iter().next().unwrap_or_else(|| "*".to_owned());
        let mut members = String::new();
        for action in listed("ActionNames") {
            let wanted = Permission {
                action: action.clone(),
                resource: Some(resource.clone()),
                context: context.clone(),
            };
            let decision = match policy.as_ref().map(|policy| decide(policy, &wanted)) {
                None | Some(Decision::Allowed) => "allowed",
                Some(Decision::ExplicitlyDenied) => "explicitDeny",
                Some(Decision::ImplicitlyDenied) => "implicitDeny",
            };
            members.push_str(&format!(
                "<member><EvalActionName>{}</EvalActionName><EvalResourceName>{}</EvalResourceName>\
                 <EvalDecision>{decision}</EvalDecision></member>",
                escaped(&action),
                escaped(&resource)
            ));
        }
        let results =
            format!("<IsTruncated>false</IsTruncated><EvaluationResults>{members}</EvaluationResults>");
        QUERY.result("SimulatePrincipalPolicy", &results)
    }

    /// Every role exists, and has no path.
    fn role(call: &Call, form: &[(String, String)]) -> Answer {
        let Some((_, name)) = form.iter().find(|(key, _)| key == "RoleName") else {
            return QUERY.error(400, "ValidationError", "RoleName must not be null");
        };
        let arn = format!("arn:{}:iam::{}:role/{name}", of_region(&call.region).0, call.account);
        let role = format!(
            "<Role><Path>/</Path><RoleName>{}</RoleName><Arn>{}</Arn></Role>",
            escaped(name),
            escaped(&arn)
        );
        QUERY.result("GetRole", &role)
    }
}

impl Service for Iam {
    fn handle(&self, call: &Call) -> Answer {
        let form = text::fields(&String::from_utf8_lossy(&call.body), true);
        let action = form.iter().find(|(name, _)| name == "Action").map(|(_, action)| action.as_str());
        match action {
            Some("SimulatePrincipalPolicy") => self.simulate(call, &form),
            Some("GetRole") => Self::role(call, &form),
            other => {
                let asked = other.unwrap_or("(no Action)");
                QUERY.error(400, "InvalidAction", &format!("the stand-in has no IAM operation {asked}"))
            }
        }
    }
}
