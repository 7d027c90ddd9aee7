//! Go's text templates, as far as function files use them: `{{ must_env `NAME` }}`, `{{ env `A` | json_escape }}`,
//! `{{ tfstatef `res['%s'].id` (must_env `B`) }}`, `{{ if eq (env `STAGE`) `prod` }}…{{ else }}…{{ end }}`.
//!
//! Pure: what functions stand for comes from [`super::Lookups`]. Ranges, variables and templates within templates are none of it, and are refused
//! where they stand. The grammar is that of Go's package text/template.

mod evaluate;
mod functions;
mod lexer;
mod parser;
mod rendered;
mod value;

pub(super) use evaluate::render;
pub(super) use rendered::Rendered;

/// What is wrong with a template, and where: a byte of its text. It never carries what a function gave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct TemplateError {
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl TemplateError {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
