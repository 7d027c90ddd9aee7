//! A function as it is, against what is declared: drawn from what a plan would do.

use crate::function::compared;
use crate::name::{AliasName, Digest};
use crate::observe::FunctionFacts;
use crate::plan::{CodeStep, FunctionSpec, GrantStep, Step};

use super::lines::{compared as lines_compared, with_context};
use super::model::{Diff, Line, Part};
use super::settings::settings_part;
use crate::function::{Change, ChangeKind, Shown};

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub struct Against<'a> {
    /// What is declared.
    pub wanted: &'a FunctionSpec,
    /// The function as it is.
    pub function: &'a FunctionFacts,
    /// What a plan would do.
    pub steps: &'a [Step],
    /// Whether an image was named to compare with.
    pub has_image: bool,
    /// What would be added to the repository's policy; none where that was not looked at, or nothing is.
    pub grant: Option<&'a GrantStep>,
}

/// The difference between a function and its declaration: there is one exactly where a plan would touch the function, its alias or the policy.
pub fn against_declaration(against: Against<'_>) -> Diff {
    let name = &against.wanted.name;
    let live = against.function.live.as_ref();
    let mut parts = Vec::new();
    if live.is_none() {
        parts.push(Part::of_value("function", None, Some(name.to_string())));
    }
    parts.push(settings_part(&compared(&against.wanted.definition, live)));
    parts.extend(code_parts(against));
    parts.extend(against.grant.map(policy_part));
    parts.extend(alias_part(against));
    Diff { from: format!("function {name} as it is"), to: "as it is declared".to_owned(), parts }
}

/// Image and architecture.
fn code_parts(against: Against<'_>) -> Vec<Part> {
    let Some(live) = &against.function.live else { return Vec::new() };
    let digest = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
    let step = against.steps.iter().find_map(|step| match step {
        Step::UpdateCode(code) => Some(code),
        _ => None,
    });
    let Some(CodeStep { from, to, architecture }) = step else {
        let same = digest(live.running_digest());
        return against.has_image.then(|| Part::of_value("image", same.clone(), same)).into_iter().collect();
    };
    let mut parts = Vec::new();
    if live.architecture != *architecture {
        let (from, to) = (live.architecture.to_string(), architecture.to_string());
        parts.push(Part::of_value("architecture", Some(from), Some(to)));
    }
    if from != to {
        let to = digest(*to).unwrap_or_else(|| "(known once it is pushed)".to_owned());
        parts.push(Part::of_value("image", digest(*from), Some(to)));
    } else if parts.is_empty() {
        let (from, to) = (digest(*from), digest(*to));
        parts.push(Part::of_value("image", from.map(|text| format!("{text} (its update failed)")), to));
    }
    parts
}

fn policy_part(grant: &GrantStep) -> Part {
    let pretty = |text: &str| -> Vec<String> {
        let laid_out = text.parse::<crate::policy::Document>().map(|document| document.pretty());
        laid_out.unwrap_or_else(|_| text.to_owned()).lines().map(str::to_owned).collect()
    };
    let before = grant.current.as_deref().map(pretty).unwrap_or_default();
    let lines = lines_compared(&before, &pretty(&grant.text)).into_iter().map(|(mark, text)| {
        let depth = text.chars().take_while(|character| *character == ' ').count() / 2;
        Line::new(mark, depth, text.trim_start())
    });
    let change = |sid: &String| Change {
        key: "policy".to_owned(),
        kind: ChangeKind::Add,
        from: None,
        to: Some(Shown::Value(sid.clone())),
    };
    let changes = grant.statements.iter().map(change).collect();
    Part { name: "policy", changes, lines: with_context(lines.collect()) }
}

/// Where the alias points, or, without one, that what is there is not published.
fn alias_part(against: Against<'_>) -> Option<Part> {
    let publishes = against.steps.iter().any(|step| matches!(step, Step::PublishVersion));
    let moves = against.steps.iter().find_map(|step| match step {
        Step::MoveAlias(step) => Some(step),
        _ => None,
    });
    let to_be = |name: &AliasName, version: Option<String>| {
        format!(
            "{name}: {}",
            version.map_or("the version to be published".to_owned(), |to| format!("version {to}"))
        )
    };
    if let Some(step) = moves {
        let from = step.current.as_ref().map(|current| {
            let shares = step
                .weights
                .iter()
                .map(|(version, weight)| format!(", {:.0}% version {version}", weight * 100.0));
            format!("{}: version {current}{}", step.name, shares.collect::<String>())
        });
        let to = to_be(&step.name, step.to.map(|to| to.to_string()));
        return Some(Part::of_value("alias", from, Some(to)));
    }
    if publishes {
        return Some(Part::of_value(
            "version",
            None,
            Some("a version of what $LATEST is, or will be".to_owned()),
        ));
    }
    let alias = against.function.alias.as_ref()?;
    let same = Some(to_be(&alias.name, Some(alias.version.clone())));
    Some(Part::of_value("alias", same.clone(), same))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diff::Mark;
    use crate::plan::{plan, plan_function};
    use crate::samples::{declare, facts, live_of, spec, with_alias};

    /// The names of the parts that differ.
    fn different(diff: &Diff) -> Vec<&'static str> {
        diff.parts.iter().filter(|part| part.is_different()).map(|part| part.name).collect()
    }

    #[test]
    fn there_is_a_difference_where_a_plan_has_steps() {
        type Spoil = fn(&mut crate::plan::DeploySpec, &mut crate::observe::Facts);
        let table: [(Spoil, &[&str]); 7] = [
            (|_, _| {}, &[]),
            (|spec, _| declare(spec, json!({"MemorySize": 512})), &["settings", "version"]),
            (|spec, facts| with_alias(spec, facts, &[]), &[]),
            (|spec, facts| with_alias(spec, facts, &[("2", 0.1)]), &["alias"]),
            (|spec, _| spec.function.as_mut().unwrap().alias = Some("live".parse().unwrap()), &["alias"]),
            (|_, facts| live_of(facts).image_digest = Some(Digest::of(b"old")), &["image", "version"]),
            (
                |_, facts| live_of(facts).architecture = crate::name::Architecture::Arm64,
                &["architecture", "version"],
            ),
        ];
        for (spoil, names) in table {
            let (mut spec, mut facts) = (spec(), facts());
            spoil(&mut spec, &mut facts);
            let steps = plan(&spec, &facts).steps;
            let wanted = spec.function.as_ref().unwrap();
            let function = facts.function.as_ref().unwrap();
            let against = Against { wanted, function, steps: &steps, has_image: true, grant: None };
            let diff = against_declaration(against);
            assert_eq!(different(&diff), names);
            assert_eq!(diff.is_different(), !steps.is_empty());
        }
    }

    #[test]
    fn without_an_image_the_one_that_runs_is_kept() {
        let (mut spec, mut facts) = (spec(), facts());
        live_of(&mut facts).image_digest = Some(Digest::of(b"other"));
        for version in &mut facts.function.as_mut().unwrap().versions {
            version.image_digest = Some(Digest::of(b"other"));
        }
        let wanted = spec.function.as_ref().unwrap();
        assert!(plan_function(wanted, None, facts.function.as_ref().unwrap()).is_empty());
        declare(&mut spec, json!({"Timeout": 9}));
        let wanted = spec.function.as_ref().unwrap();
        let steps = plan_function(wanted, None, facts.function.as_ref().unwrap());
        let names: Vec<&str> = steps.iter().map(Step::name).collect();
        assert_eq!(names, ["update_configuration", "publish_version"]);
    }

    #[test]
    fn a_policy_that_grows_is_shown_with_what_is_around() {
        let current = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Own", "Effect": "Allow",
            "Principal": {"AWS": "123456789012"}, "Action": "ecr:*"}]});
        let mut grown = current.clone();
        grown["Statement"].as_array_mut().unwrap().push(json!({"Sid": "New", "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "ecr:BatchGetImage"}));
        let grant = GrantStep {
            current: Some(current.to_string()),
            text: grown.to_string(),
            statements: vec!["New".to_owned()],
            preview: String::new(),
        };
        let part = policy_part(&grant);
        let new: Vec<&str> =
            part.lines.iter().filter(|line| line.mark == Mark::New).map(|line| line.text.as_str()).collect();
        assert!(new.iter().any(|line| line.contains("\"New\"")), "{:?}", part.lines);
        assert!(!new.iter().any(|line| line.contains("\"Own\"")), "{:?}", part.lines);
        assert_eq!(part.changes[0].to_string(), "+ policy = New");
    }
}
