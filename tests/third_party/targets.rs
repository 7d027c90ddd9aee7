//! Many targets: two Regions, and a function in another account whose role is assumed and whose image lies in the first account.

use lambda_lift_rig::{ThirdPartyCloud, skopeo};
use serde_json::json;

use crate::account::{Account, images};

const OTHER: &str = "222222222222";

#[test]
fn functions_of_two_regions_and_two_accounts_are_deployed_by_one_command() {
    let account = Account::new();
    let other = account.boto3.in_account(OTHER);
    let role_of_other = other.create_role("hello");
    // Nobody makes a repository in another account's registry.
    account.boto3.call("ecr", "create_repository", json!({ "repositoryName": "hello" }));
    let image = images().docker_save("one");
    let central = ThirdPartyCloud::repository_uri(&account.cloud, "hello");
    let (image_source, role) = (&image.source, &account.role);
    let text = format!(
        "image = {image_source:?}\nrepository = \"hello\"\ncreate-repository = true\nfunction.FunctionName = \"hello\"\n\
         function.Role = {role:?}\nrelease.alias = \"live\"\n\
         [[target]]\nname = \"here\"\n\
         [[target]]\nname = \"west\"\nregion = \"eu-west-1\"\nfunction = \"hello-west\"\n\
         [[target]]\nname = \"other\"\naccount = {OTHER:?}\nassume-role = \"arn:aws:iam::{OTHER}:role/deployer\"\n\
         repository = {central:?}\nfunction.Role = {role_of_other:?}\n"
    );
    std::fs::write(account.lambda_lift.home().join("lambda-lift.toml"), text).unwrap();

    let run = account.lambda_lift.run(&["deploy", "--target", "*"]);
    let document = run.expect(0);
    assert_eq!(document["outcome"], "deployed");
    let targets = document["targets"].as_array().unwrap();
    let told: Vec<_> = targets
        .iter()
        .map(|target| {
            json!([target["name"], target["outcome"], target["function"]["account"], target["exit"]])
        })
        .collect();
    let first = account.cloud.account();
    let expected = [
        json!(["here", "deployed", first, 0]),
        json!(["west", "deployed", first, 0]),
        json!(["other", "deployed", OTHER, 0]),
    ];
    assert_eq!(told, expected);
    // Two shelves: the central repository is pushed to once for both accounts.
    let pushes = document["steps"].as_array().unwrap().iter().filter(|step| step["step"] == "push_image");
    assert_eq!(pushes.count(), 2);
    let digest = targets[0]["image"]["digest"].as_str().unwrap();
    assert_eq!(skopeo::inspect_pushed(&account.cloud.registry, &format!("hello@{digest}")).digest, digest);

    let alias = |boto3: &lambda_lift_rig::Boto3, name: &str| {
        boto3.call("lambda", "get_alias", json!({ "FunctionName": name, "Name": "live" }))["FunctionVersion"]
            .clone()
    };
    assert_eq!(alias(&account.boto3, "hello"), "1");
    assert_eq!(alias(&account.boto3.in_region("eu-west-1"), "hello-west"), "1");
    assert_eq!(alias(&other, "hello"), "1");
    let policy = account.boto3.repository_policy("hello").unwrap().to_string();
    assert!(policy.contains(OTHER), "{policy}");

    let before = account.cloud.mark();
    let again = account.lambda_lift.run(&["deploy", "--target", "*"]);
    assert_eq!(again.expect(0)["outcome"], "unchanged");
    let writes = account.cloud.writes_since(before);
    assert!(writes.iter().all(|write| write.contains("AssumeRole")), "{writes:?}");
}
