//! A verdict in words: one sentence on what is wrong, and one on what to do.

use super::assessment::{Assessment, Side, Verdict};
use super::commands::ensure_command;
use super::document::MAX_POLICY_CHARACTERS;
use super::grant::PolicyScope;
use super::request::{LAMBDA_SERVICE, Request};
use crate::name::RepositoryName;

/// What to tell a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What the policy says, to whom, and for which function.
    pub message: String,
    /// What to do; none when all is well.
    pub hint: Option<String>,
}

/// Puts an assessment into words. Sides that are granted are not mentioned beside one that is not.
pub fn explain(
    assessment: &Assessment,
    request: &Request,
    repository: &RepositoryName,
    scope: PolicyScope,
) -> Explanation {
    let verdict = assessment.verdict();
    let function = match &request.function {
        Some(name) => format!("function {name} of account {}", request.account),
        None => format!("functions of account {}", request.account),
    };
    if verdict == Verdict::Granted {
        let message = format!("the policy of repository {repository} lets Lambda pull images for {function}");
        return Explanation { message: with_notes(message, assessment), hint: None };
    }
    let clause = |(name, side): (&str, &Side)| {
        let who = match name {
            "service" => format!("{LAMBDA_SERVICE}, for {function} in {}", request.region),
            _ => format!("the callers of account {}", request.account),
        };
        clause(side, &who)
    };
    let clauses: Vec<String> = assessment.sides().filter_map(clause).collect();
    let message = format!("the policy of repository {repository} {}", clauses.join("; it "));
    let ensure = ensure_command(repository, request, scope);
    let hint = match verdict {
        Verdict::Granted => return Explanation { message, hint: None },
        Verdict::Missing => format!("add the missing grant with: {ensure}"),
        Verdict::Denied => denied_hint(assessment),
        Verdict::Unknown if assessment.sides().all(|(_, side)| side.surely_allowed) => {
            "make sure that the conditions of its Deny statements spare Lambda and the caller".to_owned()
        }
        Verdict::Unknown => format!("check it by hand, or grant it beyond doubt with: {ensure}"),
    };
    Explanation { message: with_notes(message, assessment), hint: Some(hint) }
}

/// Why a policy could not be extended: it would be longer than ECR takes.
pub fn explain_too_large(characters: usize, repository: &RepositoryName) -> Explanation {
    Explanation {
        message: format!(
            "with the missing grant the policy of repository {repository} would have {characters} characters; \
             ECR takes at most {MAX_POLICY_CHARACTERS}"
        ),
        hint: Some("remove statements or accounts from it that are no longer needed".to_owned()),
    }
}

/// What the policy does to one side, as the rest of a sentence that begins with the policy.
fn clause(side: &Side, who: &str) -> Option<String> {
    match side.verdict {
        Verdict::Granted => None,
        Verdict::Missing => Some(format!("does not allow {} to {who}", side.missing_actions.join(" and "))),
        Verdict::Denied => {
            let labels: Vec<String> = side.denied_by.iter().map(ToString::to_string).collect();
            let word = if labels.len() == 1 { "statement" } else { "statements" };
            let actions = side.denied_actions.join(" and ");
            Some(format!("denies the pull ({actions}) to {who}, by its {word} {}", labels.join(", ")))
        }
        Verdict::Unknown if side.conditions.is_empty() => {
            Some(format!("may or may not allow the pull to {who}"))
        }
        Verdict::Unknown => {
            let keys = side.conditions.join(", ");
            Some(format!(
                "allows the pull to {who} or not, depending on {keys}, which cannot be seen from here"
            ))
        }
    }
}

fn denied_hint(assessment: &Assessment) -> String {
    let spare = if assessment.service.verdict == Verdict::Denied {
        "spare Lambda from it with the condition {\"BoolIfExists\": {\"aws:PrincipalIsAWSService\": \"false\"}}"
    } else {
        "spare the function's account from it"
    };
    format!("nothing that is added can override a Deny: {spare}, or remove it")
}

fn with_notes(message: String, assessment: &Assessment) -> String {
    let mut notes: Vec<&str> =
        assessment.sides().flat_map(|(_, side)| &side.notes).map(String::as_str).collect();
    notes.sort_unstable();
    notes.dedup();
    if notes.is_empty() { message } else { format!("{message} ({})", notes.join("; ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::evaluate::evaluate;
    use super::super::test_vectors::{A, B, allow, deny, policy, request, when};
    use super::*;

    fn told(statements: &Value, request: &Request) -> (String, String) {
        let assessment = evaluate(Some(&policy(statements)), request);
        let told = explain(&assessment, request, &"team/app".parse().unwrap(), PolicyScope::Account);
        (told.message, told.hint.unwrap_or_default())
    }

    #[test]
    fn each_verdict_names_both_parties_and_the_way_out() {
        let granted = told(&json!([allow(json!({}))]), &request(A, A));
        assert_eq!(
            granted.0,
            "the policy of repository team/app lets Lambda pull images for function shop of account 111111111111"
        );
        assert_eq!(granted.1, "");

        let missing = told(&json!([allow(json!({"Action": "ecr:BatchGetImage"}))]), &request(A, B));
        assert_eq!(
            missing.0,
            "the policy of repository team/app does not allow ecr:GetDownloadUrlForLayer to \
             lambda.amazonaws.com, for function shop of account 222222222222 in eu-central-1; it does not allow \
             ecr:BatchGetImage and ecr:GetDownloadUrlForLayer to the callers of account 222222222222"
        );
        assert_eq!(
            missing.1,
            "add the missing grant with: lambda-lift policy ensure --repository team/app --region eu-central-1 \
             --account 222222222222 --function shop"
        );

        let closed = json!([allow(json!({})), deny(json!({"Sid": "Closed"})), deny(json!({}))]);
        let denied = told(&closed, &request(A, A));
        assert!(denied.0.ends_with("in eu-central-1, by its statements Closed, #3"), "{}", denied.0);
        assert!(denied.1.contains("aws:PrincipalIsAWSService"), "{}", denied.1);

        let network = deny(when("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"));
        let open_deny = told(&json!([allow(json!({})), network]), &request(A, A));
        assert!(open_deny.0.contains("depending on aws:SourceIp, which cannot be seen"), "{}", open_deny.0);
        assert!(open_deny.1.contains("Deny statements"), "{}", open_deny.1);

        let everyone = told(&json!([allow(json!({"Principal": "*"}))]), &request(A, A));
        assert!(everyone.0.contains("may or may not allow the pull"), "{}", everyone.0);
        assert!(everyone.0.contains("AWS does not document"), "{}", everyone.0);
        assert!(everyone.1.contains("beyond doubt with: lambda-lift policy ensure"), "{}", everyone.1);
    }

    #[test]
    fn a_denied_caller_is_told_apart_from_a_denied_service() {
        let mut closed = deny(json!({}));
        closed["Principal"] = json!({"AWS": B});
        let denied = told(&json!([allow(json!({})), closed]), &request(A, B));
        assert!(denied.0.contains("to the callers of account 222222222222"), "{}", denied.0);
        assert!(!denied.0.contains("lambda.amazonaws.com"), "{}", denied.0);
        assert!(denied.1.contains("spare the function's account"), "{}", denied.1);
    }

    #[test]
    fn a_policy_that_would_be_too_long_is_told_with_both_numbers() {
        let told = explain_too_large(10_300, &"app".parse().unwrap());
        assert!(told.message.contains("10300") && told.message.contains("10240"), "{}", told.message);
        assert!(told.hint.is_some());
    }
}
