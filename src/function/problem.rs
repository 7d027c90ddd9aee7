//! What is wrong with a declaration, or worth saying about it.

/// Something in a declaration that cannot work. It never carries an environment value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, as a path of CreateFunction's keys: `VpcConfig.SubnetIds[2]`.
    pub key: String,
    /// What is wrong, with the value and the rule that it breaks.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.key, self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Worth knowing, nothing to do.
    Info,
    /// It may not do what the user expects.
    Warn,
}

/// Something about a declaration that does not stop a deploy. It never carries an environment value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The setting, as in [`Problem::key`].
    pub key: String,
    /// How much it matters.
    pub weight: Weight,
    /// What there is to say, for a person.
    pub message: String,
}

/// A declaration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// The function file is not one JSON object.
    #[error("the function file is not valid JSON at line {line}, column {column}: {message}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What is wrong there. It names keys, never values.
        message: String,
    },
    /// Settings that cannot work: all of them, not only the first.
    #[error("{}", list(.0))]
    Invalid(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    match &lines[..] {
        [only] => format!("the function's declaration cannot be used: {only}"),
        _ => format!("the function's declaration cannot be used:\n  {}", lines.join("\n  ")),
    }
}
