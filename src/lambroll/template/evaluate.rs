//! Fills a template.

use super::TemplateError;
use super::functions::{Functions, is_open};
use super::parser::{Command, Node, Pipeline, Term, TermKind, parse};
use super::rendered::Rendered;
use super::value::Value;
use crate::lambroll::Lookups;
use crate::values::Ask;

/// The text with its templates filled in.
pub(in crate::lambroll) fn render(text: &str, lookups: &dyn Lookups) -> Result<Rendered, TemplateError> {
    let nodes = parse(text)?;
    let functions = Functions { lookups };
    let mut asks = Vec::new();
    foreseen(&nodes, &functions, &mut asks);
    // Fetched together: what is wrong with one is told where it is used.
    lookups.prefetch(&asks);
    let mut rendered = Rendered::default();
    Filling { text, functions }.nodes(&nodes, &mut rendered)?;
    Ok(rendered)
}

struct Filling<'a> {
    text: &'a str,
    functions: Functions<'a>,
}

impl Filling<'_> {
    fn nodes(&self, nodes: &[Node], into: &mut Rendered) -> Result<(), TemplateError> {
        for node in nodes {
            match node {
                Node::Text { from, to } => into.literal(&self.text[*from..*to], *from),
                Node::Output(pipeline) => {
                    let value = self.pipeline(pipeline)?;
                    into.filled(&value.written(), pipeline.at, !is_open(pipeline));
                }
                Node::If { branches, otherwise } => {
                    let mut chosen = otherwise;
                    for (condition, nodes) in branches {
                        if self.pipeline(condition)?.holds() {
                            chosen = nodes;
                            break;
                        }
                    }
                    self.nodes(chosen, into)?;
                }
            }
        }
        Ok(())
    }

    fn pipeline(&self, pipeline: &Pipeline) -> Result<Value, TemplateError> {
        let mut last = None;
        for command in &pipeline.commands {
            last = Some(self.command(command, last)?);
        }
        last.ok_or_else(|| TemplateError::new(pipeline.at, "an action has nothing in it"))
    }

    fn command(&self, command: &Command, last: Option<Value>) -> Result<Value, TemplateError> {
        let Command { first, arguments } = command;
        let TermKind::Function(name) = &first.kind else {
            if last.is_some() || !arguments.is_empty() {
                return Err(TemplateError::new(first.at, "only a function takes what stands behind it"));
            }
            return self.term(first);
        };
        if !first.fields.is_empty() && (last.is_some() || !arguments.is_empty()) {
            return Err(TemplateError::new(
                first.at,
                format!("write the call of {name} in parentheses, and the field behind them"),
            ));
        }
        let mut values = arguments.iter().map(|term| self.term(term)).collect::<Result<Vec<_>, _>>()?;
        values.extend(last);
        let value = self.functions.call(name, &values, first.at)?;
        fields_of(value, first)
    }

    fn term(&self, term: &Term) -> Result<Value, TemplateError> {
        let value = match &term.kind {
            TermKind::Text(text) => Value::Text(text.clone()),
            TermKind::Integer(number) => Value::Integer(*number),
            TermKind::Flag(flag) => Value::Flag(*flag),
            TermKind::Pipeline(pipeline) => self.pipeline(pipeline)?,
            TermKind::Function(name) => self.functions.call(name, &[], term.at)?,
        };
        fields_of(value, term)
    }
}

fn fields_of(value: Value, term: &Term) -> Result<Value, TemplateError> {
    term.fields.iter().try_fold(value, |value, field| match value {
        Value::Fields(fields) => {
            let found = fields.iter().find(|(name, _)| name == field);
            found.map(|(_, text)| Value::Text(text.clone())).ok_or_else(|| {
                let known: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
                TemplateError::new(term.at, format!(".{field} is not there"))
                    .hint(format!("there are .{}", known.join(", .")))
            })
        }
        other => Err(TemplateError::new(term.at, format!("{} has no field .{field}", other.kind()))),
    })
}

/// The remote values that are sure to be needed, as far as the template's words alone say.
fn foreseen(nodes: &[Node], functions: &Functions<'_>, asks: &mut Vec<Ask>) {
    for node in nodes {
        // What stands in a condition's branches may never be asked for.
        match node {
            Node::Output(pipeline) => in_pipeline(pipeline, functions, asks),
            Node::If { branches, .. } => {
                if let Some((condition, _)) = branches.first() {
                    in_pipeline(condition, functions, asks);
                }
            }
            Node::Text { .. } => {}
        }
    }
}

fn in_pipeline(pipeline: &Pipeline, functions: &Functions<'_>, asks: &mut Vec<Ask>) {
    for command in &pipeline.commands {
        let terms = || std::iter::once(&command.first).chain(&command.arguments);
        for inner in terms().filter_map(|term| match &term.kind {
            TermKind::Pipeline(pipeline) => Some(pipeline),
            _ => None,
        }) {
            in_pipeline(inner, functions, asks);
        }
        for term in terms() {
            if let TermKind::Function(name) = &term.kind {
                let literal = command.arguments.first().and_then(|term| match &term.kind {
                    TermKind::Text(text) => Some(text.as_str()),
                    _ => None,
                });
                asks.extend(functions.ask(name, literal));
            }
        }
    }
}
