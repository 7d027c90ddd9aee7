//! A repository policy: its text, kept as it is, and what it says.

use std::str::FromStr;

use super::json::{self, Node, Value};
use super::layout;
use super::statement::{self, Fault, Statement, StatementLabel, items};

/// The most characters that ECR takes for a repository policy (ECR API, SetRepositoryPolicy).
pub const MAX_POLICY_CHARACTERS: usize = 10_240;

/// A text with more bytes than this is not read: no stored policy can have them, even at four bytes a
/// character.
const MAX_BYTES: usize = 65_536;

/// Why a text is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is far longer than a policy may be.
    #[error("the repository policy has {bytes} bytes; ECR takes at most {MAX_POLICY_CHARACTERS} characters")]
    TooLong {
        /// The length of the text.
        bytes: usize,
    },
    /// It is not JSON, or ambiguous JSON (a key that appears twice).
    #[error("the repository policy is not valid JSON at line {line}, column {column}: {why}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong there.
        why: String,
    },
    /// An element is missing or of the wrong type.
    #[error("the repository policy is malformed in {place} (line {line}, column {column}): {why}")]
    Element {
        /// The element; for one of a statement with the statement's number and Sid.
        place: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// A well-formed repository policy. Every character of its text is kept.
#[derive(Debug, Clone)]
pub struct Document {
    text: String,
    root: Node,
    statements: Vec<Statement>,
    has_variables: bool,
    unknown_elements: Vec<String>,
}

impl Document {
    /// The text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text with each value on a line of its own; strings, numbers and their order as they were.
    pub fn pretty(&self) -> String {
        layout::pretty(&self.text)
    }

    /// The statements in order, by name.
    pub fn labels(&self) -> impl Iterator<Item = &StatementLabel> {
        self.statements.iter().map(|statement| &statement.label)
    }

    /// The JSON of one statement as it was read (`index` from 0).
    pub fn statement_text(&self, index: usize) -> Option<&str> {
        self.statements.get(index).map(|statement| &self.text[statement.node.span.clone()])
    }

    pub(super) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Whether `${…}` in a condition is a policy variable.
    pub(super) fn has_variables(&self) -> bool {
        self.has_variables
    }

    /// Elements beside Version, Id and Statement.
    pub(super) fn unknown_elements(&self) -> &[String] {
        &self.unknown_elements
    }

    /// The text with other statements (JSON texts) in the place of `Statement`; the rest stays as it is.
    pub(super) fn text_with_statements(&self, statements: &[String]) -> String {
        let list = format!("[{}]", statements.join(","));
        match self.root.get("Statement") {
            Some(node) => format!("{}{list}{}", &self.text[..node.span.start], &self.text[node.span.end..]),
            None => list,
        }
    }
}

impl FromStr for Document {
    type Err = DocumentError;

    fn from_str(text: &str) -> Result<Self, DocumentError> {
        if text.len() > MAX_BYTES {
            return Err(DocumentError::TooLong { bytes: text.len() });
        }
        let root = json::read(text).map_err(|error| {
            let (line, column) = json::line_and_column(text, error.at);
            DocumentError::Syntax { line, column, why: error.why }
        })?;
        let refuse = |fault: Fault| {
            let (line, column) = json::line_and_column(text, fault.at);
            DocumentError::Element { place: fault.element, line, column, why: fault.why }
        };
        let (has_variables, unknown_elements) = read_frame(&root).map_err(refuse)?;
        let statements = read_statements(&root, text).map_err(refuse)?;
        Ok(Self { text: text.to_owned(), statements, has_variables, unknown_elements, root })
    }
}

/// Checks all but the statements: tells whether the version has policy variables, and the unknown elements.
fn read_frame(root: &Node) -> Result<(bool, Vec<String>), Fault> {
    let Value::Object(members) = &root.value else {
        return Err(Fault::new(
            "the document",
            &root.span,
            format!("must be an object, not {}", root.kind()),
        ));
    };
    let mut has_variables = false;
    let mut unknown_elements = Vec::new();
    for member in members {
        match (member.key.as_str(), &member.node.value) {
            ("Version", Value::String(version)) if version == "2012-10-17" => has_variables = true,
            ("Version", Value::String(version)) if version == "2008-10-17" => {}
            ("Version", _) => {
                let why = "must be \"2012-10-17\" or \"2008-10-17\"";
                return Err(Fault::new("Version", &member.node.span, why));
            }
            ("Id", Value::String(_)) | ("Statement", _) => {}
            ("Id", _) => {
                let why = format!("must be a string, not {}", member.node.kind());
                return Err(Fault::new("Id", &member.node.span, why));
            }
            _ => unknown_elements.push(member.key.clone()),
        }
    }
    Ok((has_variables, unknown_elements))
}

fn read_statements(root: &Node, text: &str) -> Result<Vec<Statement>, Fault> {
    let node = root.get("Statement");
    let node = node.ok_or_else(|| Fault::new("the document", &root.span, "it has no Statement"))?;
    let name = |index: usize, node: &Node| match statement::sid(node) {
        Ok(Some(sid)) => format!("statement {} ({sid:?})", index + 1),
        _ => format!("statement {}", index + 1),
    };
    let read = |(index, node): (usize, &Node)| {
        Statement::read(node, index, text).map_err(|fault| {
            let element = format!("{}, {}", name(index, node), fault.element);
            Fault { element, ..fault }
        })
    };
    items(node).iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Document>().unwrap_err().to_string()
    }

    #[test]
    fn a_refusal_names_statement_element_and_place() {
        let with = |statement: &str| format!("{{\"Statement\": [\n  {statement}\n]}}");
        let allow = r#""Effect":"Allow","Principal":"*","Action":"ecr:*""#;
        let table = [
            ("[]".to_owned(), "the document (line 1, column 1)", "must be an object, not a list"),
            ("{}".to_owned(), "the document", "no Statement"),
            (
                r#"{"Version":"2020-01-01","Statement":[]}"#.into(),
                "Version (line 1, column 12)",
                "2008-10-17",
            ),
            (r#"{"Version":2012,"Statement":[]}"#.into(), "Version", "must be"),
            (r#"{"Id":7,"Statement":[]}"#.into(), "Id", "must be a string, not a number"),
            (with("7"), "statement 1, Statement (line 2, column 3)", "not a number"),
            (with("{}"), "statement 1, Effect", "has no Effect"),
            (with(r#"{"Effect":"Deny","Action":"*"}"#), "statement 1, Principal", "has no Principal"),
            (with(r#"{"Sid":"A","Principal":"*","Action":"*"}"#), "statement 1 (\"A\"), Effect", "no Effect"),
            (with(&format!("{{{allow}}}, {{\"Sid\":true,{allow}}}")), "statement 2, Sid", "must be a string"),
            (with(r#"{"Effect":"allow","Principal":"*","Action":"*"}"#), "Effect", "\"Allow\" or \"Deny\""),
            (with(r#"{"Effect":"Allow","Principal":"*"}"#), "Action", "no Action"),
            (with(&format!("{{{allow},\"NotAction\":\"x\"}}")), "NotAction", "exclude each other"),
            (with(&format!("{{{allow},\"NotPrincipal\":\"*\"}}")), "NotPrincipal", "exclude each other"),
            (
                with(r#"{"Effect":"Allow","Principal":"123456789012","Action":"*"}"#),
                "Principal",
                "must be \"*\"",
            ),
            (with(r#"{"Effect":"Allow","Principal":{"AWS":[1]},"Action":"*"}"#), "Principal.AWS", "a number"),
            (with(r#"{"Effect":"Allow","Principal":"*","Action":["a",null]}"#), "Action", "this is null"),
            (with(&format!("{{{allow},\"Resource\":{{}}}}")), "Resource", "this is an object"),
            (with(&format!("{{{allow},\"Condition\":[]}}")), "Condition", "not a list"),
            (
                with(&format!("{{{allow},\"Condition\":{{\"Bool\":\"x\"}}}}")),
                "Condition.Bool",
                "not a string",
            ),
            (
                with(&format!("{{{allow},\"Condition\":{{\"Bool\":{{\"k\":[[1]]}}}}}}")),
                "Condition.Bool.k",
                "a list",
            ),
        ];
        for (text, place, why) in table {
            let refusal = refusal(&text);
            assert!(refusal.contains(place) && refusal.contains(why), "{text}\n{refusal}\n{place} / {why}");
        }
    }

    #[test]
    fn broken_and_ambiguous_json_is_refused_with_line_and_column() {
        assert!(refusal("{\"Statement\":\n [}").contains("line 2, column 3"));
        let twice = refusal("{\"Statement\":[{\"Effect\":\"Deny\",\"Effect\":\"Allow\"}]}");
        assert!(twice.contains("\"Effect\" appears twice"), "{twice}");
        assert!(refusal(&" ".repeat(MAX_BYTES + 1)).contains("at most 10240 characters"));
        assert!(refusal("").contains("line 1, column 1"));
    }

    #[test]
    fn a_document_keeps_its_text_and_names_its_statements() {
        let text =
            r#"{"Id":"x","Statement":{"Sid":"","Effect":"Deny","Principal":"*","Action":"*","New":1.0e2}}"#;
        let document: Document = text.parse().unwrap();
        assert_eq!(document.text(), text);
        assert_eq!(document.labels().map(ToString::to_string).collect::<Vec<_>>(), ["#1"]);
        assert!(document.statement_text(0).unwrap().ends_with("\"New\":1.0e2}"));
        assert_eq!(document.statement_text(1), None);
        assert_eq!(document.text_with_statements(&[]), r#"{"Id":"x","Statement":[]}"#);
    }
}
