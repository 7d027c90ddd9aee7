//! How many requests may be in flight at a time: additive increase, multiplicative decrease, as in TCP.
//!
//! Pure: a state machine that is told what happened and when. [`Gate`](super::gate::Gate) waits for it.

use std::time::{Duration, Instant};

/// What is in flight, and how much may be.
#[derive(Debug)]
pub(super) struct Congestion {
    ceiling: usize,
    limit: usize,
    in_flight: usize,
    /// How many requests were admitted so far: the number of the last one.
    admitted: u64,
    /// Requests up to this number were in flight when the limit was last lowered. They say nothing about the
    /// new limit: a refusal of theirs is the same news again, a success of theirs is old.
    horizon: u64,
    /// Requests that went well since the limit last changed.
    went_well: usize,
    /// The registry asked that nothing be sent before.
    not_before: Option<Instant>,
}

/// A request in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// Whether a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Now.
    Granted(Ticket),
    /// Not before this moment.
    NotBefore(Instant),
    /// When one that is in flight has ended.
    Full,
}

/// How a request ended, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was answered, whatever the answer.
    Answered,
    /// It was turned away for there being too many (429, 503), with how long the registry asks to wait.
    TurnedAway(Option<Duration>),
    /// No answer came, or nobody waited for one.
    Unknown,
}

impl Congestion {
    /// At most `ceiling` in flight, which is also where it begins.
    pub(super) fn new(ceiling: usize) -> Self {
        let ceiling = ceiling.max(1);
        Self {
            ceiling,
            limit: ceiling,
            in_flight: 0,
            admitted: 0,
            horizon: 0,
            went_well: 0,
            not_before: None,
        }
    }

    /// Asks to send a request.
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        match self.not_before {
            Some(moment) if now < moment => return Admission::NotBefore(moment),
            _ => self.not_before = None,
        }
        if self.in_flight >= self.limit {
            return Admission::Full;
        }
        self.in_flight += 1;
        self.admitted += 1;
        Admission::Granted(Ticket(self.admitted))
    }

    /// Notes that a request ended. Answers whether others were in flight beside it: when it was turned away, fewer at
    /// a time may help.
    pub(super) fn ended(&mut self, ticket: Ticket, ending: Ending, now: Instant) -> bool {
        let together = self.in_flight;
        self.in_flight = self.in_flight.saturating_sub(1);
        let is_news = ticket.0 > self.horizon;
        match ending {
            Ending::Answered if is_news => self.grow(),
            Ending::Answered | Ending::Unknown => {}
            Ending::TurnedAway(wait) => {
                if let Some(moment) = wait.and_then(|wait| now.checked_add(wait)) {
                    self.not_before = self.not_before.max(Some(moment));
                }
                // One that was alone was not one too many.
                if is_news && together > 1 {
                    // Of what was really in flight: the limit may have been far above it.
                    self.limit = (together.min(self.limit) / 2).max(1);
                    self.horizon = self.admitted;
                    self.went_well = 0;
                }
            }
        }
        together > 1
    }

    /// One more at a time after as many as are allowed at a time went well.
    fn grow(&mut self) {
        self.went_well += 1;
        if self.went_well >= self.limit && self.limit < self.ceiling {
            self.limit += 1;
            self.went_well = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(congestion: &mut Congestion, now: Instant) -> Ticket {
        match congestion.admit(now) {
            Admission::Granted(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    /// Admits as many as may go.
    fn fill(congestion: &mut Congestion, now: Instant) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        while let Admission::Granted(ticket) = congestion.admit(now) {
            tickets.push(ticket);
        }
        tickets
    }

    #[test]
    fn what_happens_to_one_full_round_decides_the_size_of_the_next() {
        let (good, bad) = (Ending::Answered, Ending::TurnedAway(None));
        let unknown = Ending::Unknown;
        // The ceiling, how each request of the rounds ends in turn, and how many go in the round after.
        let table: [(usize, &[&[Ending]], usize); 9] = [
            (8, &[], 8),
            (8, &[&[good]], 8),
            // Refused together is refused once.
            (8, &[&[bad]], 4),
            (8, &[&[bad, good, good]], 4),
            (8, &[&[bad], &[bad]], 2),
            (8, &[&[bad], &[bad], &[bad], &[bad], &[bad]], 1),
            // A round that goes well allows one more, up to the ceiling.
            (8, &[&[bad], &[good]], 5),
            (4, &[&[bad], &[good], &[good], &[good], &[good]], 4),
            // A broken connection says nothing about how many there may be.
            (8, &[&[bad], &[unknown]], 4),
        ];
        for (ceiling, rounds, expected) in table {
            let mut congestion = Congestion::new(ceiling);
            let now = Instant::now();
            for round in rounds {
                for (index, ticket) in fill(&mut congestion, now).into_iter().enumerate() {
                    congestion.ended(ticket, round[index % round.len()], now);
                }
            }
            assert_eq!(fill(&mut congestion, now).len(), expected, "{ceiling} {rounds:?}");
        }
    }

    #[test]
    fn half_is_of_what_was_in_flight_not_of_what_might_have_been() {
        let mut congestion = Congestion::new(64);
        let now = Instant::now();
        let six: Vec<_> = (0..6).map(|_| granted(&mut congestion, now)).collect();
        congestion.ended(six[0], Ending::TurnedAway(None), now);
        for ticket in &six[1..] {
            congestion.ended(*ticket, Ending::Answered, now);
        }
        assert_eq!(fill(&mut congestion, now).len(), 3);
    }

    #[test]
    fn what_was_sent_before_the_limit_fell_neither_lowers_nor_raises_it() {
        let mut congestion = Congestion::new(8);
        let now = Instant::now();
        let old = fill(&mut congestion, now);
        congestion.ended(old[0], Ending::TurnedAway(None), now);
        for ticket in &old[1..6] {
            congestion.ended(*ticket, Ending::Answered, now);
        }
        // Two old ones are in flight still, so two new ones fit.
        let new = fill(&mut congestion, now);
        assert_eq!(new.len(), 2);
        congestion.ended(old[6], Ending::TurnedAway(None), now);
        congestion.ended(old[7], Ending::TurnedAway(None), now);
        assert_eq!(fill(&mut congestion, now).len(), 2, "still four at a time");
        congestion.ended(new[0], Ending::TurnedAway(None), now);
        assert_eq!(congestion.admit(now), Admission::Full, "a refusal of a new one is news");
    }

    #[test]
    fn a_wish_of_the_registry_holds_for_all_and_the_longest_counts() {
        let mut congestion = Congestion::new(4);
        let start = Instant::now();
        let seconds = Duration::from_secs;
        let (one, two) = (granted(&mut congestion, start), granted(&mut congestion, start));
        congestion.ended(one, Ending::TurnedAway(Some(seconds(5))), start);
        congestion.ended(two, Ending::TurnedAway(Some(seconds(3))), start);
        let moment = start + seconds(5);
        assert_eq!(congestion.admit(start + seconds(4)), Admission::NotBefore(moment));
        assert!(matches!(congestion.admit(moment), Admission::Granted(_)));
    }

    #[test]
    fn one_that_was_alone_was_not_one_too_many() {
        let mut congestion = Congestion::new(8);
        let now = Instant::now();
        let alone = granted(&mut congestion, now);
        assert!(!congestion.ended(alone, Ending::TurnedAway(None), now));
        let all = fill(&mut congestion, now);
        assert_eq!(all.len(), 8);
        assert!(congestion.ended(all[0], Ending::TurnedAway(None), now));
    }
}
