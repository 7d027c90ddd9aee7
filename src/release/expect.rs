//! What an answer of a function must say: a path into its JSON, compared with a value.
//!
//! ```text
//! $.ok == true        $.items[0].price < 10        $.version != "1.0"        $['odd key']
//! ```
//!
//! A path begins with `$`, and goes on with `.name`, `['name']` or `[0]`. `==` and `!=` compare with any JSON value; `<`, `<=`, `>` and `>=`
//! compare numbers. A path alone asks that something is there which is neither null nor false.

use std::str::FromStr;

use serde_json::Value;

/// What an answer must say.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    text: String,
    path: Vec<Key>,
    test: Option<(Operator, Value)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Name(String),
    Index(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// Longer ones come first, since the shorter ones begin them.
const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// A text that is no expectation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not an expectation: {why}")]
pub struct ExpectationError {
    given: String,
    why: String,
}

impl ExpectationError {
    /// How one is written.
    pub fn hint(&self) -> &'static str {
        "write a path into the answer and a JSON value: '$.ok == true', '$.items[0].price < 10', '$[\"odd key\"] != \"x\"'"
    }
}

impl Expectation {
    /// Why an answer does not meet it; none when it does.
    pub fn unmet(&self, answer: &Value) -> Option<String> {
        let found = self.path.iter().try_fold(answer, |value, key| match key {
            Key::Name(name) => value.get(name),
            Key::Index(index) => value.get(index),
        });
        let met = match (&self.test, found) {
            (None, found) => found.is_some_and(|found| !found.is_null() && *found != Value::Bool(false)),
            (Some((Operator::Unequal, wanted)), found) => found.is_none_or(|found| !equal(found, wanted)),
            (Some(_), None) => false,
            (Some((operator, wanted)), Some(found)) => compare(*operator, found, wanted),
        };
        let there = found.map_or("nothing".to_owned(), |found| shortened(&found.to_string()));
        (!met).then(|| format!("{} does not hold: {there} is there", self.text))
    }
}

impl std::fmt::Display for Expectation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().take(200).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// Numbers are equal by their value, however they are written.
fn equal(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other).is_eq(),
        _ => one == other,
    }
}

fn compare(operator: Operator, found: &Value, wanted: &Value) -> bool {
    let numbers = found.as_f64().zip(wanted.as_f64());
    let ordered = |holds: fn(f64, f64) -> bool| numbers.is_some_and(|(found, wanted)| holds(found, wanted));
    match operator {
        Operator::Equal => equal(found, wanted),
        Operator::Unequal => !equal(found, wanted),
        Operator::Less => ordered(|found, wanted| found < wanted),
        Operator::AtMost => ordered(|found, wanted| found <= wanted),
        Operator::Greater => ordered(|found, wanted| found > wanted),
        Operator::AtLeast => ordered(|found, wanted| found >= wanted),
    }
}

impl FromStr for Expectation {
    type Err = ExpectationError;

    fn from_str(text: &str) -> Result<Self, ExpectationError> {
        let refuse = |why: &str| ExpectationError { given: shortened(text), why: why.to_owned() };
        let rest = text.trim().strip_prefix('$').ok_or_else(|| refuse("a path begins with $"))?;
        let (path, rest) = keys(rest).map_err(refuse)?;
        let rest = rest.trim();
        if rest.is_empty() {
            return Ok(Self { text: text.trim().to_owned(), path, test: None });
        }
        let operator =
            OPERATORS.iter().find_map(|(sign, operator)| Some((rest.strip_prefix(sign)?, *operator)));
        let (value, operator) =
            operator.ok_or_else(|| refuse("after the path comes ==, !=, <, <=, > or >="))?;
        let value: Value = serde_json::from_str(value.trim())
            .map_err(|_| refuse("what it is compared with must be JSON; texts are in \"quotes\""))?;
        if !matches!(operator, Operator::Equal | Operator::Unequal) && !value.is_number() {
            return Err(refuse("only numbers are more or less than others"));
        }
        Ok(Self { text: text.trim().to_owned(), path, test: Some((operator, value)) })
    }
}

/// The keys at the beginning, and what follows them.
fn keys(mut rest: &str) -> Result<(Vec<Key>, &str), &'static str> {
    let mut path = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('.') {
            let end =
                after.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(after.len());
            if end == 0 {
                return Err("after a dot comes a name");
            }
            path.push(Key::Name(after[..end].to_owned()));
            rest = &after[end..];
        } else if let Some(after) = rest.strip_prefix('[') {
            let (key, after) = bracketed(after)?;
            path.push(key);
            rest = after;
        } else {
            return Ok((path, rest));
        }
    }
}

fn bracketed(text: &str) -> Result<(Key, &str), &'static str> {
    const WRONG: &str = "in brackets stands a number, or a name in quotes";
    match text.chars().next() {
        Some(quote @ ('\'' | '"')) => {
            let (name, after) = text[1..].split_once(quote).ok_or(WRONG)?;
            Ok((Key::Name(name.to_owned()), after.strip_prefix(']').ok_or(WRONG)?))
        }
        _ => {
            let (number, after) = text.split_once(']').ok_or(WRONG)?;
            Ok((Key::Index(number.parse().map_err(|_| WRONG)?), after))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_meets_what_it_must_say_or_is_told_why_not() {
        let answer = json!({"ok": true, "n": 3, "items": [{"price": 9.5}], "odd key": "x", "gone": null, "no": false, "a-b": 1});
        for (text, met) in [
            ("$.ok == true", true),
            ("$.ok==true", true),
            ("$.ok == false", false),
            ("$.ok", true),
            ("$", true),
            ("$.gone", false),
            ("$.no", false),
            ("$.missing", false),
            ("$.missing == null", false),
            ("$.gone == null", true),
            ("$.missing != 1", true),
            ("$.n == 3.0", true),
            ("$.n != 3", false),
            ("$.items[0].price < 10", true),
            ("$.items[0].price >= 9.5", true),
            ("$.items[0].price > 9.5", false),
            ("$.items[1]", false),
            ("$['odd key'] == \"x\"", true),
            ("$[\"odd key\"] != \"x\"", false),
            ("$.items == [{\"price\": 9.5}]", true),
            ("$.ok < 3", false),
            ("$.a-b <= 1", true),
        ] {
            let expectation: Expectation = text.parse().unwrap();
            assert_eq!(expectation.unmet(&answer).is_none(), met, "{text}");
        }
        let unmet = "$.n == 4".parse::<Expectation>().unwrap().unmet(&answer).unwrap();
        assert_eq!(unmet, "$.n == 4 does not hold: 3 is there");
    }

    #[test]
    fn what_is_no_expectation_is_refused_with_the_reason() {
        for (text, part) in [
            ("", "begins with $"),
            ("ok == true", "begins with $"),
            ("$. == 1", "a name"),
            ("$[x]", "in brackets"),
            ("$['x'", "in brackets"),
            ("$[1", "in brackets"),
            ("$.a = 1", "=="),
            ("$.a == x", "quotes"),
            ("$.a ==", "quotes"),
            ("$.a < \"x\"", "numbers"),
        ] {
            let error = text.parse::<Expectation>().unwrap_err();
            assert!(error.to_string().contains(part) && error.hint().contains("$.ok == true"), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_fail_in_another_way(text in "\\$?[\\PC]{0,30}") {
            let _ = text.parse::<Expectation>();
        }
    }
}
