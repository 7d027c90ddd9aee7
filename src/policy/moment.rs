//! Dates as conditions write them: ISO 8601 in the W3C profile, or seconds since 1970.

/// A moment as nanoseconds since 1970 (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i128);

const NANOSECONDS: i128 = 1_000_000_000;

impl Moment {
    /// Reads `2026`, `2026-11`, `2026-11-23`, `2026-11-23T09:57[:00[.5]]` with `Z` or `±hh:mm`, or epoch
    /// seconds of more than four digits. None for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits_only && text.len() > 4 {
            return Some(Self(text.parse::<u64>().map(i128::from).ok()? * NANOSECONDS));
        }
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut parts = date.split('-');
        let year = number(parts.next()?, 4, 0..=9999)?;
        let month = parts.next().map_or(Some(1), |part| number(part, 2, 1..=12))?;
        let day = parts.next().map_or(Some(1), |part| number(part, 2, 1..=days_of(year, month)))?;
        // A time needs the whole date before it.
        if parts.next().is_some() || (time.is_some() && date.len() != 10) {
            return None;
        }
        let midnight = i128::from(days_since_1970(year, month, day)) * 86_400 * NANOSECONDS;
        Some(Self(midnight + time.map_or(Some(0), nanoseconds_of_day)?))
    }
}

/// A number of exactly that many digits within the range.
fn number(text: &str, digits: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    let shaped = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|value| shaped && range.contains(value))
}

/// Reads `hh:mm[:ss[.fraction]]` with its zone; the zone may lead into the day before or after.
fn nanoseconds_of_day(text: &str) -> Option<i128> {
    let (clock, offset_minutes) = match text.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let (clock, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
            let sign = if offset.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = offset.strip_prefix(['+', '-'])?.split_once(':')?;
            (clock, sign * (number(hours, 2, 0..=23)? * 60 + number(minutes, 2, 0..=59)?))
        }
    };
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, rest)| (clock, Some(rest)));
    let mut parts = clock.split(':');
    let hours = number(parts.next()?, 2, 0..=23)?;
    let minutes = number(parts.next()?, 2, 0..=59)? - offset_minutes;
    let seconds = match (parts.next(), fraction) {
        (Some(seconds), _) => number(seconds, 2, 0..=59)?,
        (None, None) => 0,
        (None, Some(_)) => return None,
    };
    let fraction = match fraction {
        Some(digits) if (1..=9).contains(&digits.len()) => {
            number(&format!("{digits:0<9}"), 9, 0..=999_999_999)?
        }
        Some(_) => return None,
        None => 0,
    };
    let whole = i128::from((hours * 60 + minutes) * 60 + seconds);
    parts.next().is_none().then_some(whole * NANOSECONDS + i128::from(fraction))
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let leap_days_before = |year: i64| {
        let last = year - 1;
        last.div_euclid(4) - last.div_euclid(100) + last.div_euclid(400)
    };
    let years = (year - 1970) * 365 + leap_days_before(year) - leap_days_before(1970);
    years + (1..month).map(|month| days_of(year, month)).sum::<i64>() + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_one_moment_are_equal() {
        let table = [
            ("1970", "1970-01-01T00:00:00Z"),
            ("2026-11", "2026-11-01T00:00Z"),
            ("2026-11-23T00:57:00+02:00", "2026-11-22T22:57:00Z"),
            ("2026-11-23T23:57:00.5-02:00", "2026-11-24T01:57:00.500Z"),
            ("951782400", "2000-02-29T00:00:00Z"),
            ("1795427820", "2026-11-23T09:57:00Z"),
        ];
        for (one, other) in table {
            let (one, other) = (Moment::parse(one), Moment::parse(other));
            assert!(one.is_some() && one == other, "{one:?} {other:?}");
        }
        assert!(Moment::parse("1969-12-31T23:59:59Z") < Moment::parse("1970"));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "x",
            "20",
            "2026-13",
            "2026-02-29",
            "2026-1-1",
            "2026-11-23T",
            "2026-11-23T24:00Z",
            "2026-11-23T09:57",
            "2026-11T09:57Z",
            "2026-11-23T09Z",
            "2026-11-23T09:57.5Z",
            "2026-11-23T09:57:00.Z",
            "2026-11-23T09:57:00+2:00",
            "2026-11-23T09:57:00é0:00",
            "99999999999999999999999",
            "2026-11-23-01",
            "-5",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
