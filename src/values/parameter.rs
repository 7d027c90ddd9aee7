//! Parameters of AWS Systems Manager: which one, and which part of a list.

use super::Missing;
use crate::cloud::{Parameter, ParameterKind};

/// A name with a place in a StringList, `/net/subnets[0]`, apart. Parameters' names have no brackets.
pub fn split_place(text: &str) -> Result<(&str, Option<usize>), Missing> {
    let wrong = || {
        Missing::new(format!("{text} is not the name of a parameter"))
            .hint("write /path/name, or /path/name[0] for a part of a StringList")
    };
    let (name, place) = match text.split_once('[') {
        None => (text, None),
        Some((name, rest)) => {
            let place = rest.strip_suffix(']').and_then(|place| place.parse().ok()).ok_or_else(wrong)?;
            (name, Some(place))
        }
    };
    // Letters, digits and `_.-/`; `:` before a version or a label, and in an ARN.
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ':');
    if name.is_empty() || name.len() > 2048 || !name.chars().all(fits) {
        return Err(wrong());
    }
    Ok((name, place))
}

/// The part of a StringList at a place, or all of what is no list.
///
/// # Errors
/// A list without a place, a place without a list, or one beyond its end.
pub fn pick(name: &str, parameter: &Parameter, place: Option<usize>) -> Result<String, Missing> {
    let is_list = parameter.kind == ParameterKind::List;
    match place {
        None if is_list => {
            Err(Missing::new(format!("the parameter {name} is a StringList, and a place in it is wanted"))
                .hint("the first is 0"))
        }
        None => Ok(parameter.value.clone()),
        Some(_) if !is_list => {
            Err(Missing::new(format!("the parameter {name} is no StringList, and has no places"))
                .hint("leave the place out"))
        }
        Some(place) => {
            let parts: Vec<&str> = parameter.value.split(',').collect();
            parts.get(place).map(|part| (*part).to_owned()).ok_or_else(|| {
                Missing::new(format!(
                    "the parameter {name} has {} entries, and none at place {place}",
                    parts.len()
                ))
                .hint("the first is 0")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_from_a_name() {
        for (text, expected) in [
            ("/a/b", ("/a/b", None)),
            ("/a/b[0]", ("/a/b", Some(0))),
            ("plain:3", ("plain:3", None)),
            (
                "arn:aws:ssm:eu-west-1:123456789012:parameter/x[12]",
                ("arn:aws:ssm:eu-west-1:123456789012:parameter/x", Some(12)),
            ),
        ] {
            assert_eq!(split_place(text), Ok(expected), "{text}");
        }
        for text in ["", "[0]", "/a[", "/a[x]", "/a[-1]", "/a[0]b", "/a b", "/ä"] {
            assert!(split_place(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parts_are_picked_of_lists_only() {
        let parameter = |kind| Parameter { kind, value: "hunter2,b,".to_owned() };
        let list = parameter(ParameterKind::List);
        assert_eq!(pick("/l", &list, Some(1)).as_deref(), Ok("b"));
        assert_eq!(pick("/l", &list, Some(2)).as_deref(), Ok(""));
        assert_eq!(pick("/t", &parameter(ParameterKind::Text), None).as_deref(), Ok("hunter2,b,"));
        for (parameter, place, part) in [
            (&list, None, "a place in it is wanted"),
            (&list, Some(3), "has 3 entries, and none at place 3"),
            (&parameter(ParameterKind::Secret), Some(0), "is no StringList"),
        ] {
            let missing = pick("/l", parameter, place).unwrap_err();
            assert!(missing.message.contains(part) && !missing.message.contains("hunter2"), "{missing:?}");
        }
    }
}
