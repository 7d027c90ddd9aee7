//! One line of how an alias's traffic stands: shares, time to the next shift, and what both versions did lately.

use std::collections::VecDeque;

use crate::cloud::VersionTraffic;
use crate::event::TrafficView;
use crate::report::sizes;

use super::Style;
use super::printable::one_line;

/// Cells of the bar of shares.
const BAR: usize = 20;
/// How many looks a sparkline shows.
const SPARKS: usize = 12;
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The line, and what it remembers from one look to the next.
#[derive(Debug, Default)]
pub(super) struct TrafficLine {
    new: History,
    old: History,
}

/// What a version did between looks.
#[derive(Debug, Default)]
struct History {
    last: VersionTraffic,
    invocations: VecDeque<f64>,
    errors: VecDeque<f64>,
}

impl History {
    /// Takes over what CloudWatch has counted by now. The same numbers again are no new look.
    fn take(&mut self, now: VersionTraffic) {
        if now == self.last {
            return;
        }
        let grown = |now: f64, last: f64| (now - last).max(0.0);
        push(&mut self.invocations, grown(now.invocations, self.last.invocations));
        push(&mut self.errors, grown(now.errors, self.last.errors));
        self.last = now;
    }

    fn draw(&self, name: &str, style: Style) -> String {
        let VersionTraffic { invocations, errors, .. } = self.last;
        let failed = format!("{} {errors} errors", sparkline(&self.errors));
        let failed = if errors > 0.0 { style.bad(&failed) } else { style.faint(&failed) };
        format!("{name} {} {invocations} calls {failed}", sparkline(&self.invocations))
    }
}

fn push(values: &mut VecDeque<f64>, value: f64) {
    if values.len() == SPARKS {
        values.pop_front();
    }
    values.push_back(value);
}

/// A mark for each value, as high as its part of the highest.
fn sparkline(values: &VecDeque<f64>) -> String {
    let highest = values.iter().copied().fold(0.0, f64::max);
    let mark = |value: &f64| {
        let part = if highest > 0.0 { value / highest } else { 0.0 };
        let level = LEVELS.iter().enumerate().rev().find(|(index, _)| part * 7.0 >= *index as f64);
        level.map_or(LEVELS[0], |(_, mark)| *mark)
    };
    values.iter().map(mark).collect()
}

impl TrafficLine {
    /// `live  ██░░░░░░░░░░░░░░░░░░ 10% version 7, 90% version 6  next in 4 min`
    pub(super) fn draw(&mut self, view: &TrafficView, style: Style) -> String {
        let share = view.share.clamp(0.0, 1.0);
        let filled = (1..=BAR).filter(|cell| share * BAR as f64 + 0.5 >= *cell as f64).count();
        let bar = format!("{}{}", style.good(&"█".repeat(filled)), style.faint(&"░".repeat(BAR - filled)));
        let percent = |share: f64| format!("{}%", (share * 1e4).round() / 1e2);
        let shares = if share < 1.0 {
            format!(
                "{} version {}, {} version {}",
                percent(share),
                one_line(&view.new),
                percent(1.0 - share),
                one_line(&view.old)
            )
        } else {
            format!("{} version {}", percent(share), one_line(&view.new))
        };
        let mut line =
            format!("{}  {bar} {shares}  next in {}", one_line(&view.alias), sizes::duration(view.rest));
        if let Some((new, old)) = view.traffic {
            self.new.take(new);
            line.push_str(&format!("  {}", self.new.draw("new", style)));
            if let Some(old) = old {
                self.old.take(old);
                line.push_str(&format!("  {}", self.old.draw("old", style)));
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn traffic(invocations: f64, errors: f64) -> VersionTraffic {
        VersionTraffic { invocations, errors, p95_milliseconds: None }
    }

    #[test]
    fn the_line_shows_shares_time_and_what_both_versions_did_lately() {
        let mut line = TrafficLine::default();
        let mut view = TrafficView {
            alias: "live".to_owned(),
            old: "6".to_owned(),
            new: "7".to_owned(),
            share: 0.1,
            rest: Duration::from_secs(90),
            traffic: None,
        };
        let plain = Style::new(false);
        let drawn = line.draw(&view, plain);
        assert!(
            drawn.starts_with("live  ██░░░░░░░░░░░░░░░░░░ 10% version 7, 90% version 6  next in "),
            "{drawn}"
        );
        for (new, old) in
            [(traffic(10.0, 0.0), traffic(90.0, 0.0)), (traffic(30.0, 2.0), traffic(180.0, 0.0))]
        {
            view.traffic = Some((new, Some(old)));
            line.draw(&view, plain);
        }
        let drawn = line.draw(&view, plain);
        assert!(drawn.ends_with("new ▄█ 30 calls ▁█ 2 errors  old ██ 180 calls ▁▁ 0 errors"), "{drawn}");
        view.share = 1.0;
        view.traffic = None;
        assert!(line.draw(&view, plain).contains("████████████████████ 100% version 7  next"));
    }

    #[test]
    fn a_sparkline_keeps_the_last_looks() {
        let mut history = History::default();
        (1..=40).for_each(|look| history.take(traffic(f64::from(look * look), 0.0)));
        assert_eq!(history.invocations.len(), SPARKS);
        assert_eq!(sparkline(&VecDeque::new()), "");
    }
}
