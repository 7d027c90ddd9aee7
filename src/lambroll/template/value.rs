//! What functions take and give.

/// A value. Its `Debug` hides it: it may be a secret.
#[derive(Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Flag(bool),
    /// Something with named parts, such as the caller's identity.
    Fields(Vec<(&'static str, String)>),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.kind())
    }
}

impl Value {
    /// What it is, for a person.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::Fields(_) => "an object",
        }
    }

    /// Whether a condition holds: everything but nothing does.
    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Integer(number) => *number != 0,
            Self::Flag(flag) => *flag,
            Self::Fields(fields) => !fields.is_empty(),
        }
    }

    /// As it is written into the text, in Go's words.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Fields(fields) => {
                let parts: Vec<String> =
                    fields.iter().map(|(name, value)| format!("{name}:{value}")).collect();
                format!("map[{}]", parts.join(" "))
            }
        }
    }
}
