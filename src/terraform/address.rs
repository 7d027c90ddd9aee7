//! The end of an address: the way from a resource to one of its values, `.tags.Name`, `["key"]`, `[0]`.

/// A step of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// `.name` or `["name"]`
    Name(String),
    /// `[0]`; `[-1]` is the last.
    Place(i64),
}

/// The steps; none where the text is not a way.
pub(super) fn steps(way: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = way;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix("[\"").or_else(|| rest.strip_prefix(".[\"")) {
            let (name, behind) = inside.split_once("\"]")?;
            steps.push(Step::Name(name.to_owned()));
            rest = behind;
        } else if let Some(inside) = rest.strip_prefix('[') {
            let (place, behind) = inside.split_once(']')?;
            steps.push(Step::Place(place.parse().ok()?));
            rest = behind;
        } else {
            let inside = rest.strip_prefix('.')?;
            let end = inside.find(['.', '[']).unwrap_or(inside.len());
            // Old addresses write `.0` for `[0]`; which it is, what is found says.
            let (name, behind) = inside.split_at(end);
            if name.is_empty() {
                return None;
            }
            steps.push(Step::Name(name.to_owned()));
            rest = behind;
        }
    }
    Some(steps)
}
