//! One statement of a policy, understood: effect, principals, actions, conditions.

use std::ops::Range;

use super::condition::Condition;
use super::json::{Node, Value};
use super::pattern::Pattern;
use super::principal::{Party, Principal};
use super::truth::Truth;
use super::variable::Environment;

/// What a statement does with the requests that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// How a statement is called when it is spoken of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementLabel {
    /// Its place in the document, from 0.
    pub index: usize,
    /// Its `Sid`, when it has one that is not empty.
    pub sid: Option<String>,
}

impl std::fmt::Display for StatementLabel {
    /// The Sid, or `#1` for the first statement when it has none.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.sid {
            Some(sid) => formatter.write_str(sid),
            None => write!(formatter, "#{}", self.index + 1),
        }
    }
}

/// An element that lists what is meant (`Action`) or what is not (`NotAction`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listing<T> {
    Only(Vec<T>),
    AllBut(Vec<T>),
}

/// A statement. Its text stays in the document.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) label: StatementLabel,
    pub(super) effect: Effect,
    pub(super) principals: Listing<Principal>,
    pub(super) actions: Listing<String>,
    /// A repository policy should have none: ECR refuses the element. It is tolerated when read.
    pub(super) resources: Option<Listing<String>>,
    pub(super) conditions: Vec<Condition>,
    /// Elements that IAM does not document.
    pub(super) unknown_elements: Vec<String>,
    pub(super) node: Node,
}

/// What is wrong with a statement, and where.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) element: String,
    pub(super) at: usize,
    pub(super) why: String,
}

impl Fault {
    pub(super) fn new(element: &str, span: &Range<usize>, why: impl Into<String>) -> Self {
        Self { element: element.to_owned(), at: span.start, why: why.into() }
    }
}

impl Statement {
    /// Whether the statement is about this party, this action and a request in this environment.
    pub(super) fn applies(&self, party: Party<'_>, action: &str, environment: Environment<'_>) -> Truth {
        let principal = match &self.principals {
            Listing::Only(list) => party.is_named(list, self.effect),
            Listing::AllBut(list) => party.is_left_by(list, self.effect),
        };
        let conditions = Truth::all(self.conditions.iter().map(|condition| condition.holds(environment)));
        let unknown_elements = Truth::all(self.unknown_elements.iter().map(|element| {
            Truth::doubtful(format!("statement {} has the unknown element {element:?}", self.label))
        }));
        Truth::from(self.is_about(action))
            .and(principal)
            .and(self.resource())
            .and(conditions)
            .and(unknown_elements)
    }

    pub(super) fn is_about(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let matches = |name: &String| Pattern::wildcard(&name.to_ascii_lowercase()).matches(&action);
        match &self.actions {
            Listing::Only(names) => names.iter().any(matches),
            Listing::AllBut(names) => !names.iter().any(matches),
        }
    }

    fn resource(&self) -> Truth {
        let (names, meant) = match &self.resources {
            None => return Truth::Yes,
            Some(Listing::Only(names)) => (names, Truth::Yes),
            Some(Listing::AllBut(names)) => (names, Truth::No),
        };
        if names.iter().any(|name| name == "*") {
            return meant;
        }
        Truth::doubtful(format!("statement {} has a Resource element, which ECR does not take", self.label))
    }

    /// Reads the statement at `index`. `text` is the whole document's.
    pub(super) fn read(node: &Node, index: usize, text: &str) -> Result<Self, Fault> {
        let Value::Object(members) = &node.value else {
            let why = format!("a statement must be an object, not {}", node.kind());
            return Err(Fault::new("Statement", &node.span, why));
        };
        let known = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let unknown = members.iter().map(|member| &member.key).filter(|key| !known.contains(&key.as_str()));
        let principals = one_of(node, "Principal", "NotPrincipal", principals)?;
        let actions = one_of(node, "Action", "NotAction", strings)?;
        Ok(Self {
            label: StatementLabel { index, sid: sid(node)?.filter(|sid| !sid.is_empty()) },
            effect: effect(node)?,
            principals: principals.ok_or_else(|| lacks(node, "Principal"))?,
            actions: actions.ok_or_else(|| lacks(node, "Action"))?,
            resources: one_of(node, "Resource", "NotResource", strings)?,
            conditions: node.get("Condition").map_or(Ok(Vec::new()), |node| conditions(node, text))?,
            unknown_elements: unknown.cloned().collect(),
            node: node.clone(),
        })
    }
}

fn lacks(node: &Node, element: &str) -> Fault {
    Fault::new(element, &node.span, format!("the statement has no {element}"))
}

/// The Sid of a statement that may be wrong elsewhere.
pub(super) fn sid(node: &Node) -> Result<Option<String>, Fault> {
    match node.get("Sid") {
        None => Ok(None),
        Some(Node { value: Value::String(sid), .. }) => Ok(Some(sid.clone())),
        Some(other) => Err(Fault::new("Sid", &other.span, format!("must be a string, not {}", other.kind()))),
    }
}

fn effect(statement: &Node) -> Result<Effect, Fault> {
    let node = statement.get("Effect").ok_or_else(|| lacks(statement, "Effect"))?;
    match &node.value {
        Value::String(effect) if effect == "Allow" => Ok(Effect::Allow),
        Value::String(effect) if effect == "Deny" => Ok(Effect::Deny),
        _ => Err(Fault::new("Effect", &node.span, "must be \"Allow\" or \"Deny\"")),
    }
}

/// The element `only` or its contrary `all_but`, which exclude each other.
fn one_of<T>(
    statement: &Node,
    only: &str,
    all_but: &str,
    read: fn(&Node, &str) -> Result<Vec<T>, Fault>,
) -> Result<Option<Listing<T>>, Fault> {
    match (statement.get(only), statement.get(all_but)) {
        (Some(node), None) => Ok(Some(Listing::Only(read(node, only)?))),
        (None, Some(node)) => Ok(Some(Listing::AllBut(read(node, all_but)?))),
        (None, None) => Ok(None),
        (Some(_), Some(node)) => {
            Err(Fault::new(all_but, &node.span, format!("{only} and {all_but} exclude each other")))
        }
    }
}

/// A value, or a list of values.
pub(super) fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::Array(nodes) => nodes,
        _ => std::slice::from_ref(node),
    }
}

fn strings(node: &Node, element: &str) -> Result<Vec<String>, Fault> {
    let text = |item: &Node| match &item.value {
        Value::String(text) => Ok(text.clone()),
        _ => {
            let why = format!("must be a string or a list of strings; this is {}", item.kind());
            Err(Fault::new(element, &item.span, why))
        }
    };
    items(node).iter().map(text).collect()
}

fn principals(node: &Node, element: &str) -> Result<Vec<Principal>, Fault> {
    match &node.value {
        // "*" alone means the same as {"AWS": "*"}.
        Value::String(text) if text == "*" => Ok(vec![Principal { kind: "AWS".into(), name: "*".into() }]),
        Value::Object(members) => {
            let mut list = Vec::new();
            for member in members {
                let names = strings(&member.node, &format!("{element}.{}", member.key))?;
                list.extend(names.into_iter().map(|name| Principal { kind: member.key.clone(), name }));
            }
            Ok(list)
        }
        _ => Err(Fault::new(element, &node.span, "must be \"*\" or an object such as {\"Service\": \"…\"}")),
    }
}

fn conditions(node: &Node, text: &str) -> Result<Vec<Condition>, Fault> {
    let mut conditions = Vec::new();
    for (operator, keys) in entries(node, "Condition")? {
        let place = format!("Condition.{operator}");
        for (key, values) in entries(keys, &place)? {
            let values = scalars(values, &format!("{place}.{key}"), text)?;
            conditions.push(Condition { operator: operator.to_owned(), key: key.to_owned(), values });
        }
    }
    Ok(conditions)
}

fn entries<'a>(node: &'a Node, element: &str) -> Result<Vec<(&'a str, &'a Node)>, Fault> {
    match &node.value {
        Value::Object(members) => {
            Ok(members.iter().map(|member| (member.key.as_str(), &member.node)).collect())
        }
        _ => Err(Fault::new(element, &node.span, format!("must be an object, not {}", node.kind()))),
    }
}

/// Strings, and numbers and booleans as written.
fn scalars(node: &Node, element: &str, text: &str) -> Result<Vec<String>, Fault> {
    let scalar = |item: &Node| match &item.value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool | Value::Number => Ok(text[item.span.clone()].to_owned()),
        _ => {
            let why = format!("must be a value or a list of values; this is {}", item.kind());
            Err(Fault::new(element, &item.span, why))
        }
    };
    items(node).iter().map(scalar).collect()
}
