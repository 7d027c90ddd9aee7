//! A release as a pure state machine: (state, observation, time) → what to do, and the state after it is done.

use std::time::Duration;

use super::{Strategy, Weight};

/// A moment, as the time since a fixed one. Which one does not matter as long as it stays the same.
type Moment = Duration;

/// How far a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No traffic has moved.
    Before,
    /// A step's share is on the new version.
    Holding {
        /// Which step, from 0.
        step: usize,
        /// Since when.
        since: Moment,
    },
    /// All traffic is on the new version, and is still watched.
    Baking {
        /// Since when.
        since: Moment,
    },
    /// All traffic is on the new version.
    Finished,
    /// The alias is what it was before.
    MovedBack,
    /// Left as it is, on request.
    Held,
}

impl State {
    /// The same, begun at another moment: a move takes its time, and what it leads to counts from its end.
    #[must_use]
    pub fn begun_at(self, since: Moment) -> Self {
        match self {
            Self::Holding { step, .. } => Self::Holding { step, since },
            Self::Baking { .. } => Self::Baking { since },
            other => other,
        }
    }
}

/// How things look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// Nothing speaks against going on.
    Well,
    /// The new version must not have traffic.
    Bad,
    /// The user, or whoever runs this, wants it to end now.
    Stop(OnStop),
}

/// What to do when asked to end now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStop {
    /// Move back to what was before.
    Rollback,
    /// Leave the traffic as it is, to be resumed.
    Hold,
    /// Move all traffic to the new version at once.
    Finish,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Give the new version this share.
    Shift(Weight),
    /// Give the new version all traffic, and leave no weight.
    ShiftAll,
    /// Look again, at the latest after this long.
    Wait(Duration),
    /// Make the alias exactly what it was.
    MoveBack,
    /// Nothing more.
    End,
}

impl Strategy {
    /// What to do in `state` at `now`, and the state once that is done. `bake` is for how long the new version is watched after
    /// all traffic has moved.
    pub fn next(&self, state: State, bake: Duration, seen: Observation, now: Moment) -> (Action, State) {
        match (state, seen) {
            (State::Finished | State::MovedBack | State::Held, _) => (Action::End, state),
            (State::Before, Observation::Bad | Observation::Stop(_)) => (Action::End, State::MovedBack),
            (_, Observation::Bad | Observation::Stop(OnStop::Rollback)) => {
                (Action::MoveBack, State::MovedBack)
            }
            (State::Baking { .. }, Observation::Stop(OnStop::Hold | OnStop::Finish)) => {
                (Action::End, State::Finished)
            }
            (State::Holding { .. }, Observation::Stop(OnStop::Hold)) => (Action::End, State::Held),
            (State::Holding { .. }, Observation::Stop(OnStop::Finish)) => (Action::ShiftAll, State::Finished),
            (State::Before, Observation::Well) => self.shift(0, now),
            (State::Holding { step, since }, Observation::Well) => {
                let hold = self.steps().get(step).map_or(Duration::ZERO, |step| step.hold);
                match remaining(hold, since, now) {
                    Some(rest) => (Action::Wait(rest), state),
                    None => self.shift(step + 1, now),
                }
            }
            (State::Baking { since }, Observation::Well) => match remaining(bake, since, now) {
                Some(rest) => (Action::Wait(rest), state),
                None => (Action::End, State::Finished),
            },
        }
    }

    fn shift(&self, step: usize, now: Moment) -> (Action, State) {
        match self.steps().get(step) {
            Some(next) => (Action::Shift(next.weight), State::Holding { step, since: now }),
            None => (Action::ShiftAll, State::Baking { since: now }),
        }
    }

    /// The step whose share this is; none for a share that the strategy does not have.
    pub fn step_of(&self, weight: f64) -> Option<usize> {
        self.steps().iter().position(|step| (step.weight.fraction() - weight).abs() < 1e-9)
    }
}

/// What is left of a time; none when it is over. A clock that was set back begins it anew and never ends it early.
fn remaining(whole: Duration, since: Moment, now: Moment) -> Option<Duration> {
    let passed = now.saturating_sub(since);
    whole.checked_sub(passed).filter(|rest| !rest.is_zero())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::strategy::Strategy as Generator;

    use super::{Action, Duration, Observation, OnStop, State, Strategy, Weight};
    use crate::release::Place;

    const SECOND: Duration = Duration::from_secs(1);

    /// A time in seconds, what is seen then, and what is done.
    type Row = (u64, Observation, Action);

    fn play(strategy: &str, bake: u64, rows: &[Row]) -> State {
        let strategy: Strategy = strategy.parse().unwrap();
        let mut state = State::Before;
        for (at, seen, expected) in rows {
            let (action, next) = strategy.next(state, SECOND * bake as u32, *seen, Duration::from_secs(*at));
            assert_eq!(action, *expected, "{strategy} at {at} in {state:?}");
            state = next;
        }
        state
    }

    fn percent(percent: u16) -> Action {
        Action::Shift(Weight::new(percent * 100).unwrap())
    }

    #[test]
    fn a_release_moves_by_the_clock() {
        use Observation::Well;
        let wait = |seconds| Action::Wait(Duration::from_secs(seconds));
        let canary = [
            (0, Well, percent(10)),
            (0, Well, wait(60)),
            (59, Well, wait(1)),
            (60, Well, Action::ShiftAll),
            (60, Well, wait(30)),
            (90, Well, Action::End),
        ];
        assert_eq!(play("canary:10%:1m", 30, &canary), State::Finished);
        let steps = [
            (5, Well, percent(1)),
            (65, Well, percent(50)),
            (66, Well, wait(59)),
            (500, Well, Action::ShiftAll),
            (500, Well, Action::End),
        ];
        assert_eq!(play("steps:1%:1m,50%:1m", 0, &steps), State::Finished);
        let clock_set_back = [(500, Well, percent(10)), (100, Well, wait(60)), (560, Well, Action::ShiftAll)];
        play("canary:10%:1m", 0, &clock_set_back);
        assert_eq!(
            play("all-at-once", 0, &[(0, Well, Action::ShiftAll), (0, Well, Action::End)]),
            State::Finished
        );
    }

    #[test]
    fn what_ends_a_release_early_depends_on_how_far_it_is() {
        use Observation::{Bad, Stop, Well};
        let table: [(u64, &[Row], State); 9] = [
            (0, &[(0, Bad, Action::End)], State::MovedBack),
            (0, &[(0, Stop(OnStop::Finish), Action::End)], State::MovedBack),
            (0, &[(0, Well, percent(10)), (1, Bad, Action::MoveBack)], State::MovedBack),
            (0, &[(0, Well, percent(10)), (1, Stop(OnStop::Rollback), Action::MoveBack)], State::MovedBack),
            (0, &[(0, Well, percent(10)), (1, Stop(OnStop::Hold), Action::End)], State::Held),
            (0, &[(0, Well, percent(10)), (1, Stop(OnStop::Finish), Action::ShiftAll)], State::Finished),
            (
                9,
                &[(0, Well, percent(10)), (60, Well, Action::ShiftAll), (61, Bad, Action::MoveBack)],
                State::MovedBack,
            ),
            (
                9,
                &[
                    (0, Well, percent(10)),
                    (60, Well, Action::ShiftAll),
                    (61, Stop(OnStop::Hold), Action::End),
                ],
                State::Finished,
            ),
            (
                9,
                &[
                    (0, Well, percent(10)),
                    (60, Well, Action::ShiftAll),
                    (69, Well, Action::End),
                    (70, Bad, Action::End),
                ],
                State::Finished,
            ),
        ];
        for (bake, rows, end) in table {
            assert_eq!(play("canary:10%:1m", bake, rows), end, "{rows:?}");
        }
    }

    fn strategies() -> impl Generator<Value = Strategy> {
        let steps = vec((1u16..2000, 1u64..4000), 0..6).prop_map(|steps| {
            let mut share = 0;
            let parts: Vec<String> = steps
                .into_iter()
                .map(|(more, hold)| {
                    share += more;
                    (share, hold)
                })
                .filter(|(share, _)| *share < 10_000)
                .map(|(share, hold)| format!("{}.{:02}%:{hold}s", share / 100, share % 100))
                .collect();
            if parts.is_empty() { "all-at-once".to_owned() } else { format!("steps:{}", parts.join(",")) }
        });
        let linear = (1u16..9999, 1u64..17)
            .prop_map(|(share, hold)| format!("linear:{}.{:02}%:{hold}", share / 100, share % 100));
        prop_oneof![steps, linear].prop_map(|text| text.parse::<Strategy>().unwrap())
    }

    fn observation() -> impl Generator<Value = Observation> {
        prop_oneof![
            20 => Just(Observation::Well),
            1 => Just(Observation::Bad),
            1 => Just(Observation::Stop(OnStop::Rollback)),
            1 => Just(Observation::Stop(OnStop::Hold)),
            1 => Just(Observation::Stop(OnStop::Finish)),
        ]
    }

    proptest! {
        #[test]
        fn weights_only_rise_stay_within_bounds_and_an_end_is_whole(
            strategy in strategies(),
            bake in 0u64..100,
            looks in vec((0u64..5000, observation()), 1..60),
        ) {
            let before = Place { version: "6".to_owned(), weights: [("5".to_owned(), 0.25)].into() };
            let (mut place, mut state, mut now) = (before.clone(), State::Before, Duration::ZERO);
            let mut share = 0.0;
            // After all that was drawn, all is well until the end.
            let rest = std::iter::repeat_n((200_000, Observation::Well), strategy.steps().len() * 2 + 4);
            for (pause, seen) in looks.into_iter().chain(rest) {
                now += Duration::from_secs(pause);
                let (action, next) = strategy.next(state, Duration::from_secs(bake), seen, now);
                match action {
                    Action::Shift(weight) => {
                        let fraction = weight.fraction();
                        prop_assert!(fraction > share && fraction > 0.0 && fraction < 1.0);
                        prop_assert!(strategy.step_of(fraction).is_some());
                        share = fraction;
                        place = Place::split("6", "7", weight);
                    }
                    Action::ShiftAll => {
                        prop_assert!(share < 1.0);
                        share = 1.0;
                        place = Place::whole("7");
                    }
                    Action::MoveBack => place = before.clone(),
                    Action::Wait(rest) => prop_assert!(!rest.is_zero() && rest <= strategy.duration() + Duration::from_secs(bake)),
                    Action::End => prop_assert!(matches!(next, State::Finished | State::MovedBack | State::Held)),
                }
                state = next;
            }
            match state {
                State::Finished => prop_assert_eq!(place, Place::whole("7")),
                State::MovedBack => prop_assert_eq!(place, before),
                State::Held => prop_assert!(place.is_split()),
                other => prop_assert!(false, "it never ends: {:?}", other),
            }
        }

        #[test]
        fn a_strategy_parses_back_from_how_it_is_written(strategy in strategies()) {
            prop_assert_eq!(strategy.to_string().parse::<Strategy>().unwrap(), strategy);
        }

        #[test]
        fn no_text_makes_the_parser_fail_in_another_way(text in "\\PC{0,40}") {
            let _ = text.parse::<Strategy>();
        }
    }
}
