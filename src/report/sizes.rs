//! Byte counts and durations as a person reads them.

use std::time::Duration;

/// `1.5 MiB`, with one decimal from KiB on.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// All of these together. AWS tells sizes, and a wrong one must not end the program.
pub(crate) fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

/// `350 ms`, `4.2 s`, `3 min 05 s`.
pub(crate) fn duration(elapsed: Duration) -> String {
    let millis = elapsed.as_millis();
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{:.1} s", elapsed.as_secs_f64()),
        _ => format!("{} min {:02} s", elapsed.as_secs() / 60, elapsed.as_secs() % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_well() {
        let table = [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (10 << 30, "10.0 GiB")];
        for (count, expect) in table {
            assert_eq!(bytes(count), expect);
        }
        assert_eq!((sum([1, 2].into_iter()), sum([u64::MAX, 2].into_iter())), (3, u64::MAX));
        let table = [(350, "350 ms"), (4_200, "4.2 s"), (185_000, "3 min 05 s")];
        for (millis, expect) in table {
            assert_eq!(duration(Duration::from_millis(millis)), expect);
        }
    }
}
