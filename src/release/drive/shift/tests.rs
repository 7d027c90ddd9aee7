//! A guarded move, under everything that can become of its request and its answer.

use serde_json::{Map, Value};

use super::*;
use crate::event::Silence;
use crate::release::drive::scripted::{Answer, FastClock, ScriptedAlias};
use crate::release::drive::tries::PAUSES;
use crate::release::{Begun, Intent, Weight};

const PATIENCE: Duration = Duration::from_secs(30);

/// What a move came to: its end, the clock it went by.
struct Moved {
    end: Result<Seen, ReleaseError>,
    slept: Duration,
}

async fn moved(alias: &ScriptedAlias, to: &Place, known: Option<[&str; 2]>) -> Moved {
    let clock = FastClock::new();
    let (function, name) = ("shop".parse().unwrap(), "live".parse().unwrap());
    let shifter = Shifter {
        reader: alias,
        writer: alias,
        reporter: &Silence,
        clock: &clock,
        function: &function,
        alias: &name,
        patience: PATIENCE,
        known,
    };
    let seen = Seen { place: Place::whole("6"), revision_id: Some("r1".to_owned()) };
    let end = shifter.shift(&seen, to).await;
    Moved { end, slept: clock.slept() }
}

fn split() -> Place {
    Place::split("6", "7", Weight::new(1000).unwrap())
}

/// The tags of a function whose release was begun by the run `id`.
fn tags_of(id: &str) -> Map<String, Value> {
    let begun = Begun { at: 1_800_000_000, id: id.to_owned(), actor: "ci/other".to_owned() };
    let intent = Intent::all_at_once(Place::whole("6"), "7".to_owned(), None, begun);
    let alias = "live".parse().unwrap();
    let tags = Journal::default().begin(&alias, &Place::whole("6"), &intent).unwrap();
    tags.into_iter().map(|(key, value)| (key, Value::String(value))).collect()
}

#[tokio::test]
async fn a_move_is_one_request_that_its_revision_guards() {
    let alias = ScriptedAlias::new(&Place::whole("6"), []);
    let moved = moved(&alias, &split(), None).await;
    let seen = moved.end.unwrap();
    assert_eq!((seen.place, seen.revision_id.as_deref()), (split(), Some("r2")));
    assert_eq!((alias.guards(), alias.reads(), moved.slept), (vec!["r1".to_owned()], 0, Duration::ZERO));
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again_and_ends_where_it_should() {
    let kinds = [CloudErrorKind::Throttled, CloudErrorKind::Conflict, CloudErrorKind::Unexpected];
    let refused = kinds.map(Answer::Refused);
    let alias = ScriptedAlias::new(&Place::whole("6"), refused.into_iter().chain([Answer::Lost]));
    let moved = moved(&alias, &split(), None).await;
    assert_eq!(moved.end.unwrap().place, split());
    assert_eq!(alias.guards(), ["r1"; 5]);
}

#[tokio::test]
async fn a_move_whose_answer_is_lost_is_found_and_not_sent_twice() {
    let alias = ScriptedAlias::new(&Place::whole("6"), [Answer::DoneUnheard]);
    let moved = moved(&alias, &Place::whole("7"), None).await;
    assert_eq!(moved.end.unwrap().place, Place::whole("7"));
    assert_eq!(alias.guards(), ["r1"]);
}

#[tokio::test]
async fn a_new_revision_of_the_same_traffic_is_taken_over() {
    let alias = ScriptedAlias::new(&Place::whole("6"), [Answer::Overtaken(Place::whole("6"))])
        .tagged(tags_of("mine"));
    let moved = moved(&alias, &split(), Some(["mine", "before"])).await;
    assert_eq!(moved.end.unwrap().place, split());
    assert_eq!(alias.guards(), ["r1", "r2"]);
}

#[tokio::test]
async fn a_release_that_another_run_has_taken_over_is_left_to_it() {
    let alias = ScriptedAlias::new(&Place::whole("6"), [Answer::Overtaken(Place::whole("6"))])
        .tagged(tags_of("theirs"));
    let moved = moved(&alias, &split(), Some(["mine", "before"])).await;
    let error = moved.end.unwrap_err();
    assert!(matches!(&error, ReleaseError::Taken { by, .. } if by == "ci/other"), "{error}");
    assert_eq!((alias.guards().len(), alias.place()), (1, Place::whole("6")));
}

#[tokio::test]
async fn traffic_that_somebody_else_moved_is_left_where_it_is() {
    for answer in [CloudErrorKind::PreconditionFailed, CloudErrorKind::Unreachable] {
        let overtaken = Answer::Overtaken(Place::whole("5"));
        // Unreachable: the request was lost, and the alias went elsewhere before it was sent again.
        let script = match answer {
            CloudErrorKind::Unreachable => vec![Answer::Lost, overtaken],
            _ => vec![overtaken],
        };
        let alias = ScriptedAlias::new(&Place::whole("6"), script);
        let error = moved(&alias, &split(), None).await.end.unwrap_err();
        assert!(matches!(&error, ReleaseError::Changed { .. }), "{error}");
        assert_eq!(alias.place(), Place::whole("5"));
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_told_at_once() {
    for kind in [CloudErrorKind::AccessDenied, CloudErrorKind::Invalid, CloudErrorKind::NotFound] {
        let alias = ScriptedAlias::new(&Place::whole("6"), [Answer::Refused(kind)]);
        let moved = moved(&alias, &split(), None).await;
        let error = moved.end.unwrap_err();
        assert!(matches!(&error, ReleaseError::Cloud(error) if error.kind == kind), "{error}");
        assert_eq!((alias.guards().len(), moved.slept), (1, Duration::ZERO));
    }
}

#[tokio::test]
async fn patience_ends() {
    let alias =
        ScriptedAlias::new(&Place::whole("6"), vec![Answer::Refused(CloudErrorKind::Throttled); 1000]);
    let moved = moved(&alias, &split(), None).await;
    let error = moved.end.unwrap_err();
    assert!(
        matches!(&error, ReleaseError::Cloud(error) if error.kind == CloudErrorKind::Throttled),
        "{error}"
    );
    let longest = PAUSES[PAUSES.len() - 1];
    assert!(moved.slept >= PATIENCE && moved.slept <= PATIENCE + longest, "{:?}", moved.slept);
}

#[tokio::test]
async fn an_alias_that_cannot_be_looked_at_after_a_lost_answer_is_unknown() {
    let alias = ScriptedAlias::new(&Place::whole("6"), [Answer::DoneUnheard]).unreadable();
    let moved = moved(&alias, &Place::whole("7"), None).await;
    let error = moved.end.unwrap_err();
    assert!(matches!(&error, ReleaseError::Unknown { .. }), "{error}");
    assert_eq!(alias.guards(), ["r1"], "what may be done already is not sent blindly again");
    assert!(moved.slept >= PATIENCE);
}

#[tokio::test]
async fn an_alias_that_aws_shifts_by_itself_is_waited_for() {
    let on_its_way = vec![Place::whole("6"), split(), split()];
    let alias = ScriptedAlias::new(&Place::whole("6"), [Answer::Slowly(on_its_way)]);
    let moved = moved(&alias, &Place::whole("7"), None).await;
    assert_eq!(moved.end.unwrap().place, Place::whole("7"));
    assert_eq!((alias.guards().len(), alias.reads()), (1, 4));
}

#[tokio::test]
async fn an_alias_that_never_comes_to_rest_is_told_after_ten_minutes() {
    let alias = ScriptedAlias::new(&Place::whole("6"), [Answer::Slowly(vec![split(); 2000])]);
    let moved = moved(&alias, &Place::whole("7"), None).await;
    let error = moved.end.unwrap_err();
    assert!(matches!(&error, ReleaseError::Unknown { .. }), "{error}");
    assert!(moved.slept >= REST && moved.slept < REST + PATIENCE, "{:?}", moved.slept);
}
