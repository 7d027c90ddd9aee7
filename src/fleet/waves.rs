//! Targets in waves, some at a time.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

/// How targets are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// So many at a time; at least one.
    pub max_parallel: usize,
    /// Whether a target that does not end well leaves the others alone.
    pub keep_going: bool,
}

/// Works on each target in the order of their waves; a wave begins when the one before has ended. `ended_well` says of a result whether
/// others may be begun after it, and `may_begin` whether any may. Those under way always come to their end; none stands for a target
/// that was not begun.
pub async fn in_waves<T, Work: Future<Output = T>>(
    waves: &[u16],
    order: Order,
    may_begin: impl Fn() -> bool,
    work: impl Fn(usize) -> Work,
    ended_well: impl Fn(&T) -> bool,
) -> Vec<Option<T>> {
    let mut ended: Vec<Option<T>> = waves.iter().map(|_| None).collect();
    let mut by_wave: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (target, wave) in waves.iter().enumerate() {
        by_wave.entry(*wave).or_default().push(target);
    }
    let mut goes_on = true;
    for targets in by_wave.into_values() {
        let mut waiting = targets.into_iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while goes_on && may_begin() && under_way.len() < order.max_parallel.max(1) {
                let Some(target) = waiting.next() else { break };
                let working = work(target);
                under_way.push(async move { (target, working.await) });
            }
            let Some((target, result)) = under_way.next().await else { break };
            goes_on &= order.keep_going || ended_well(&result);
            ended[target] = Some(result);
        }
    }
    ended
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// Which targets were begun, and how many at most at a time; those named `bad` do not end well.
    async fn run(waves: &[u16], order: Order, bad: &[usize]) -> (Vec<usize>, usize, Vec<Option<bool>>) {
        let (begun, now, most) = (RefCell::new(Vec::new()), Cell::new(0_usize), Cell::new(0_usize));
        let work = |target: usize| {
            let (begun, now, most) = (&begun, &now, &most);
            let well = !bad.contains(&target);
            async move {
                begun.borrow_mut().push(target);
                now.set(now.get() + 1);
                most.set(most.get().max(now.get()));
                for _ in 0..=target {
                    tokio::task::yield_now().await;
                }
                now.set(now.get() - 1);
                well
            }
        };
        let ended = in_waves(waves, order, || true, work, |well| *well).await;
        (begun.take(), most.get(), ended)
    }

    #[tokio::test]
    async fn a_wave_begins_when_the_one_before_has_ended() {
        let order = Order { max_parallel: 10, keep_going: false };
        let (begun, most, ended) = run(&[2, 1, 2, 1, 3], order, &[]).await;
        assert_eq!((begun, most), (vec![1, 3, 0, 2, 4], 2));
        assert_eq!(ended, [Some(true); 5]);
    }

    #[tokio::test]
    async fn so_many_are_under_way_at_a_time() {
        let order = Order { max_parallel: 3, keep_going: false };
        assert_eq!(run(&[1; 20], order, &[]).await.1, 3);
    }

    #[tokio::test]
    async fn a_failure_lets_those_under_way_end_and_begins_no_other() {
        let order = Order { max_parallel: 2, keep_going: false };
        let (begun, _, ended) = run(&[1, 1, 1, 2], order, &[0]).await;
        assert_eq!(begun, [0, 1]);
        assert_eq!(ended, [Some(false), Some(true), None, None]);
        let (begun, ..) = run(&[1, 1, 1, 2], Order { keep_going: true, ..order }, &[0]).await;
        assert_eq!(begun, [0, 1, 2, 3]);
    }
}
