//! What is wrong with a configuration file, and where.

/// A place in a text: line and column, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl std::fmt::Display for Position {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// Something in a configuration that cannot work. It never carries what a template stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it is.
    pub at: Position,
    /// What is wrong there. It begins with the key, where there is one.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    pub(super) fn new(at: Position, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A configuration file that cannot be used: everything that is wrong with it, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(file, problems))]
pub struct ConfigError {
    /// The file, as it is named to the user.
    pub file: String,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self { file: file.to_owned(), problems }
    }

    /// What to do, where there is one thing to do: several problems have their hints in the message.
    pub fn hint(&self) -> Option<String> {
        match &self.problems[..] {
            [only] => only.hint.clone(),
            _ => None,
        }
    }
}

fn list(file: &str, problems: &[Problem]) -> String {
    let line = |problem: &Problem| format!("{file}:{}: {}", problem.at, problem.message);
    match problems {
        [only] => line(only),
        _ => {
            let lines = problems.iter().map(|problem| match &problem.hint {
                Some(hint) => format!("\n  {} ({hint})", line(problem)),
                None => format!("\n  {}", line(problem)),
            });
            format!("{file} cannot be used:{}", lines.collect::<String>())
        }
    }
}
