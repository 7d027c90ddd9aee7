//! One thing that was looked at, and what lies below it.

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Not looked at, or not there and not needed.
    Skip,
    /// In order.
    Ok,
    /// Not in order.
    Ng,
}

/// A thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// What, in a word or two.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// What was seen.
    pub detail: String,
    /// What to do.
    pub hint: Option<String>,
    /// Its parts.
    pub parts: Vec<Examination>,
}

impl Examination {
    /// In order.
    pub fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, Health::Ok, detail, None)
    }

    /// Not in order, and what to do.
    pub fn ng(name: impl Into<String>, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(name, Health::Ng, detail, Some(hint.into()))
    }

    /// Not looked at, and why.
    pub fn skip(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, Health::Skip, detail, None)
    }

    /// A heading: it is as bad as the worst of its parts, and skipped only when all of them are.
    pub fn of_parts(name: impl Into<String>, parts: Vec<Self>) -> Self {
        let health = parts.iter().map(|part| part.health).max().unwrap_or(Health::Skip);
        Self { parts, ..Self::new(name, health, "", None) }
    }

    fn new(name: impl Into<String>, health: Health, detail: impl Into<String>, hint: Option<String>) -> Self {
        Self { name: name.into(), health, detail: detail.into(), hint, parts: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_as_bad_as_its_worst_part() {
        let (ok, ng, skip) =
            (Examination::ok("a", ""), Examination::ng("b", "", ""), Examination::skip("c", ""));
        for (parts, health) in [
            (vec![ok.clone(), skip.clone()], Health::Ok),
            (vec![ok, ng, skip.clone()], Health::Ng),
            (vec![skip], Health::Skip),
            (Vec::new(), Health::Skip),
        ] {
            assert_eq!(Examination::of_parts("x", parts).health, health);
        }
    }
}
