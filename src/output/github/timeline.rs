//! The steps of a command on a line of time, as the Gantt chart that Mermaid draws.

use std::time::Duration;

use crate::report::{Report, StepReport, StepStatus, sizes};

/// How many steps are drawn. More would be too small to be seen.
const MOST: usize = 100;

/// The chart; none where nothing took time. Steps come one after the other.
pub(super) fn timeline(report: &Report) -> Option<String> {
    let begun = |step: &&StepReport| matches!(step.status, StepStatus::Done | StepStatus::Failed);
    let mut rows = Vec::new();
    let mut at = Duration::ZERO;
    for step in report.steps.iter().filter(begun).take(MOST) {
        rows.push(row(step, at));
        at += step.elapsed;
    }
    if at.is_zero() {
        return None;
    }
    let axis = if at < Duration::from_secs(3600) { "%M:%S" } else { "%H:%M:%S" };
    Some(format!(
        "```mermaid\ngantt\n    dateFormat YYYY-MM-DD HH:mm:ss.SSS\n    axisFormat {axis}\n    todayMarker off\n{}```\n",
        rows.concat()
    ))
}

/// `push image (1.2 s) :done, 2000-01-01 00:00:00.350, 1200ms`. Only our own words: nothing in it can be another row.
fn row(step: &StepReport, at: Duration) -> String {
    let mark = if step.status == StepStatus::Failed { "crit" } else { "done" };
    let name = step.step.replace('_', " ");
    // A row without a length would not be drawn.
    let length = step.elapsed.as_millis().max(1);
    format!("    {name} ({}) :{mark}, {}, {length}ms\n", sizes::duration(step.elapsed), moment(at))
}

/// A moment of a day on which no clock is changed: Mermaid reads it, and shows the hours, in the reader's own time zone, so the
/// line begins at 0:00 everywhere.
fn moment(at: Duration) -> String {
    let seconds = at.as_secs();
    let (day, hour) = (1 + seconds / 86_400, seconds / 3600 % 24);
    format!(
        "2000-01-{:02} {hour:02}:{:02}:{:02}.{:03}",
        day.min(31),
        seconds / 60 % 60,
        seconds % 60,
        at.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: &'static str, status: StepStatus, millis: u64) -> StepReport {
        StepReport {
            step,
            status,
            detail: "foreign: #;\nend".to_owned(),
            elapsed: Duration::from_millis(millis),
        }
    }

    #[test]
    fn steps_stand_one_behind_the_other() {
        let steps = vec![
            step("push_image", StepStatus::Done, 61_200),
            step("publish_version", StepStatus::Failed, 0),
            step("move_alias", StepStatus::Skipped, 0),
        ];
        let chart = timeline(&Report { steps, ..Report::new("deploy") }).unwrap();
        let expected = "```mermaid\ngantt\n    dateFormat YYYY-MM-DD HH:mm:ss.SSS\n    axisFormat %M:%S\n    todayMarker off\n    \
                        push image (1 min 01 s) :done, 2000-01-01 00:00:00.000, 61200ms\n    \
                        publish version (0 ms) :crit, 2000-01-01 00:01:01.200, 1ms\n```\n";
        assert_eq!(chart, expected);
    }

    #[test]
    fn what_took_no_time_has_no_chart() {
        let steps = vec![step("push_image", StepStatus::Planned, 0)];
        assert_eq!(timeline(&Report { steps, ..Report::new("plan") }), None);
        assert_eq!(timeline(&Report::new("deploy")), None);
    }

    #[test]
    fn a_release_of_a_day_is_drawn() {
        let steps = vec![
            step("shift_traffic", StepStatus::Done, 90_000_000),
            step("move_alias", StepStatus::Done, 5),
        ];
        let chart = timeline(&Report { steps, ..Report::new("release") }).unwrap();
        assert!(chart.contains("%H:%M:%S") && chart.contains(", 2000-01-02 01:00:00.000, 5ms"), "{chart}");
    }
}
