//! One condition of a statement: an operator, a key, and the values it is compared with.

use super::context::Known;
use super::operator::{Operator, Quantifier};
use super::truth::Truth;
use super::variable::Environment;

/// `{"OPERATOR": {"KEY": VALUES}}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    /// As written.
    pub(super) operator: String,
    /// As written; its case does not matter.
    pub(super) key: String,
    /// Numbers and booleans as written.
    pub(super) values: Vec<String>,
}

impl Condition {
    /// Whether a request with this context meets the condition.
    pub(super) fn holds(&self, environment: Environment<'_>) -> Truth {
        let known = environment.context.lookup(&self.key);
        match Operator::named(&self.operator) {
            Operator::Unknown => {
                let note =
                    format!("the condition operator {:?} is not one that IAM documents", self.operator);
                Truth::depends_on(&self.key).and(Truth::doubtful(note))
            }
            Operator::Null => self.absence(known),
            Operator::Compare { comparison, negated, quantifier, if_exists } => match known {
                Known::Undecided => Truth::depends_on(&self.key),
                Known::Absent => match (quantifier, if_exists) {
                    (Some(Quantifier::ForAllValues), _) | (None, true) => Truth::Yes,
                    (Some(Quantifier::ForAnyValue), false) => Truth::No,
                    // One rule says yes and the other no, and AWS does not say which of them wins.
                    (Some(Quantifier::ForAnyValue), true) => Truth::depends_on(&self.key),
                    (None, false) => negated.into(),
                },
                Known::Value(text) => {
                    // A request carries one value of each key that is known here, so "for all" and "for any"
                    // ask the same of it.
                    let fits = |value: &String| comparison.fits(&self.key, text, value, environment);
                    let fitting = Truth::any(self.values.iter().map(fits));
                    if negated { fitting.not() } else { fitting }
                }
            },
        }
    }

    /// `Null`: "true" asks that the key is absent, "false" that it is there.
    fn absence(&self, known: &Known) -> Truth {
        let absent = match known {
            Known::Absent => Truth::Yes,
            Known::Value(_) => Truth::No,
            Known::Undecided => Truth::depends_on(&self.key),
        };
        Truth::any(self.values.iter().map(|value| match value.to_ascii_lowercase().as_str() {
            "true" => absent.clone(),
            "false" => absent.clone().not(),
            _ => Truth::depends_on(&self.key),
        }))
    }
}
