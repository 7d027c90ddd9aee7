//! State that outlives the process.

use lambda_lift_localstack::lambda::LambdaSettings;
use serde_json::{Value, json};

use crate::bench::{Bench, merged};

#[test]
fn everything_is_there_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Bench::kept(LambdaSettings::default(), Some(folder.path().join("state")));
    let before = {
        let bench = open().ready();
        bench.version("one");
        bench.version("two");
        let alias = json!({"Name": "live", "FunctionVersion": "1",
                           "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.3}}});
        bench.post("/2015-03-31/functions/app/aliases", alias).expect(201);
        let tags = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aapp";
        bench.post(tags, json!({"Tags": {"a": "1"}})).expect(204);
        snapshot(&bench)
    };
    assert_eq!(snapshot(&open()), before);
    let files: Vec<_> = std::fs::read_dir(folder.path().join("state")).unwrap().collect();
    assert_eq!(files.len(), 1, "nothing is left beside the state file: {files:?}");
}

fn snapshot(bench: &Bench) -> [Value; 4] {
    [
        "/2015-03-31/functions/app",
        "/2015-03-31/functions/app/versions",
        "/2015-03-31/functions/app/aliases",
        "/2015-03-31/functions/app/configuration?Qualifier=live",
    ]
    .map(|target| bench.get(target).expect(200).body)
}

#[test]
fn what_was_under_way_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Bench::kept(LambdaSettings::default(), Some(folder.path().to_owned()));
    open().create(json!({})).expect(201);
    let bench = open();
    assert_eq!(bench.configuration().text("State"), "Pending");
    bench.wait(1000);
    assert_eq!(bench.configuration().text("State"), "Active");
}

#[test]
fn a_broken_state_file_is_reported_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lambda.json");
    std::fs::write(&file, "{\"half\":").unwrap();
    let bench = Bench::kept(LambdaSettings::default(), Some(folder.path().to_owned()));
    let reply = bench.create(json!({}));
    reply.refused(500, "ServiceException", "is not a state file of this version");
    assert_eq!(merged(reply.body, json!({"Message": null})), json!({"Type": "Service"}));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"half\":");
}
