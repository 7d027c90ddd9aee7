//! Whether this machine's clock is right enough for AWS.

use std::time::{Duration, SystemTime};

use super::Examination;

/// How far a request's time may lie from AWS's (Signature Version 4).
pub const CLOCK_BOUND: Duration = Duration::from_secs(300);

/// Judges the clock by the `Date` of an answer, which has whole seconds.
pub fn judge_clock(ours: SystemTime, theirs: SystemTime) -> Examination {
    let (apart, word) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let seconds = apart.as_secs();
    if apart > CLOCK_BOUND {
        return Examination::ng(
            "clock",
            format!("{seconds} s {word} AWS's, which takes {} s at most", CLOCK_BOUND.as_secs()),
            "set this machine's clock: sudo timedatectl set-ntp true",
        );
    }
    match seconds {
        0..=2 => Examination::ok("clock", "agrees with AWS's"),
        _ => Examination::ok("clock", format!("{seconds} s {word} AWS's")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn five_minutes_are_the_bound_in_both_directions() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (seconds, health, part) in
            [(0, Health::Ok, "agrees"), (299, Health::Ok, "299 s"), (301, Health::Ng, "301 s")]
        {
            let apart = Duration::from_secs(seconds);
            for (ours, word) in [(now + apart, "ahead of"), (now - apart, "behind")] {
                let judged = judge_clock(ours, now);
                assert_eq!(judged.health, health, "{seconds}");
                assert!(judged.detail.contains(part), "{}", judged.detail);
                assert!(seconds == 0 || judged.detail.contains(word), "{}", judged.detail);
            }
        }
    }
}
