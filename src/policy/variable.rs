//! Policy variables (`${aws:SourceAccount}`) in the values of string and ARN conditions.

use super::context::{Context, Known, Text};
use super::pattern::Pattern;
use super::truth::Truth;

/// What variables are replaced from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Environment<'a> {
    pub(super) context: &'a Context,
    /// Only a policy of version 2012-10-17 has variables; in an older one `${…}` is plain text.
    pub(super) variables: bool,
}

/// Turns a value into the pattern it stands for. `wildcards` says whether `*` and `?` are special; what comes
/// out of a variable never is.
///
/// The error is the undecided truth of a variable that cannot be replaced from here.
pub(super) fn expand(value: &str, wildcards: bool, environment: Environment<'_>) -> Result<Pattern, Truth> {
    let mut pattern = Pattern::default();
    let mut rest = value;
    while let Some((plain, variable)) = rest.split_once("${").filter(|_| environment.variables) {
        push(&mut pattern, plain, wildcards);
        let Some((name, tail)) = variable.split_once('}') else {
            return Err(Truth::doubtful(format!("the policy variable in {value:?} has no end")));
        };
        pattern.push_literal(&replacement(name, environment.context)?);
        rest = tail;
    }
    push(&mut pattern, rest, wildcards);
    Ok(pattern)
}

fn push(pattern: &mut Pattern, text: &str, wildcards: bool) {
    if wildcards {
        pattern.push_wildcard(text);
    } else {
        pattern.push_literal(text);
    }
}

/// What stands between `${` and `}`: one of the special characters, a key, or a key with a default.
fn replacement(name: &str, context: &Context) -> Result<String, Truth> {
    if matches!(name, "*" | "?" | "$") {
        return Ok(name.to_owned());
    }
    let (key, default) = match name.split_once(',') {
        Some((key, default)) => (key.trim(), Some(default.trim())),
        None => (name.trim(), None),
    };
    let quoted = |text: &'_ str| Some(text.strip_prefix('\'')?.strip_suffix('\'')?.to_owned());
    match (context.lookup(key), default.map(quoted)) {
        (Known::Value(Text { start, then_any_name: false }), _) => Ok(start.clone()),
        (Known::Absent, Some(Some(default))) => Ok(default),
        _ => Err(Truth::depends_on(key)),
    }
}
