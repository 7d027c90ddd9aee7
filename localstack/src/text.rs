//! Small readings of text that several rooms need: percent-encoding, form fields, times, random ids.

use std::time::{SystemTime, UNIX_EPOCH};

/// Decodes `%XX`; what is not valid stays as it is.
pub(crate) fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while position < bytes.len() {
        let pair = bytes.get(position + 1..position + 3).and_then(|pair| hex::decode(pair).ok());
        match (bytes[position], pair) {
            (b'%', Some(byte)) => {
                decoded.extend(byte);
                position += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                position += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The fields of a query string or of a form, decoded and in order.
///
/// A form writes a space as `+`; a query leaves `+` alone, as registry clients expect of a tag or a digest.
pub(crate) fn fields(text: &str, plus_is_space: bool) -> Vec<(String, String)> {
    let decode = |part: &str| {
        if plus_is_space { percent_decoded(&part.replace('+', " ")) } else { percent_decoded(part) }
    };
    text.split('&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// A random id in the shape of a UUID.
pub(crate) fn random_id() -> String {
    let digits = format!("{:032x}", fastrand::u128(..));
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

/// Seconds since 1970, with milliseconds, as AWS writes times in JSON.
pub(crate) fn epoch_seconds(time: SystemTime) -> f64 {
    epoch_milliseconds(time) as f64 / 1000.0
}

/// Milliseconds since 1970.
pub(crate) fn epoch_milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// `2026-01-31T12:00:00Z`, as the query protocols write times.
pub(crate) fn iso_time(time: SystemTime) -> String {
    let seconds = epoch_milliseconds(time) / 1000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut left) = (1970, days);
    while left >= year_days(year) {
        left -= year_days(year);
        year += 1;
    }
    let february = if year_days(year) == 366 { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", left + 1)
}

fn year_days(year: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if leap { 366 } else { 365 }
}

/// Whether `text` matches a pattern in which `*` stands for any characters and `?` for one.
pub(crate) fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while position < text.len() {
        if at < pattern.len() && pattern[at] == '*' {
            star = Some((at, position));
            at += 1;
        } else if at < pattern.len() && (pattern[at] == '?' || pattern[at] == text[position]) {
            at += 1;
            position += 1;
        } else if let Some((star_at, star_position)) = star {
            star = Some((star_at, star_position + 1));
            at = star_at + 1;
            position = star_position + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&left| left == '*')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn percent_decoding_leaves_broken_escapes_alone() {
        for (text, expected) in [("a%2Fb", "a/b"), ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("a+b", "a+b")] {
            assert_eq!(percent_decoded(text), expected, "{text}");
        }
    }

    #[test]
    fn a_form_reads_plus_as_a_space_and_a_query_does_not() {
        assert_eq!(fields("a=1+2&b", true), [("a".into(), "1 2".into()), ("b".into(), String::new())]);
        assert_eq!(fields("a=1+2", false), [("a".into(), "1+2".into())]);
    }

    #[test]
    fn times_are_written_as_the_calendar_has_them() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
        ] {
            assert_eq!(iso_time(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn wildcards_span_any_characters() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("ecr:*Image", "ecr:BatchGetImage", true),
            ("ecr:Put?mage", "ecr:PutImage", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b", "ac", false),
            ("", "a", false),
        ] {
            assert_eq!(matches_wildcard(pattern, text), expected, "{pattern} {text}");
        }
    }
}
