//! What cannot work is refused before anything changes: exit 3, both facts named, no write call.

use lambda_lift_localstack::{Effect, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, REGION, deploy_arguments};
use crate::image::{Image, oci_layout, sparse_archive};

const OTHER_ACCOUNT: &str = "111122223333";

/// A refusal: exit code 3, a refusing finding of this check (or an error of this kind), every word said, and no write
/// call.
fn assert_refused(account: &Account, run: &Run, check: &str, words: &[&str]) {
    let document = run.expect(3);
    assert_eq!(document["outcome"], "refused", "{document:#}");
    let said = run.refusals();
    for word in words {
        assert!(said.contains(word), "{word:?} is not named in:\n{said}");
    }
    let findings = document["findings"].as_array().unwrap();
    let found = findings.iter().any(|finding| finding["check"] == check && finding["severity"] == "refuse");
    assert!(found, "no refusing finding of {check}: {document:#}");
    let hinted = |finding: &Value| {
        finding["severity"] != "refuse" || !finding["hint"].as_str().unwrap_or_default().is_empty()
    };
    assert!(findings.iter().all(hinted), "a refusal without a hint: {document:#}");
    assert_eq!(account.writes(), Vec::<String>::new());
    assert_eq!(document["image"]["pushed_bytes"].as_u64().unwrap_or_default(), 0);
}

/// An account in which `hello` is deployed, for what goes wrong with an update; the calls are cleared.
fn deployed() -> Account {
    Account::deployed(|account| account.small_image("one")).0
}

#[test]
fn a_zip_function_is_not_converted() {
    let account = Account::new();
    let create = json!({ "FunctionName": "hello", "Role": account.role(), "Runtime": "python3.13", "Handler": "a.b",
                         "Code": { "ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==" } });
    account.lambda("POST", "", create);
    account.settled_function("hello");
    account.stand.clear_calls();
    let run = account.deploy(&account.small_image("one"));
    assert_refused(&account, &run, "package-type", &["hello", "zip", "hello-image"]);
    assert_eq!(account.settled_function("hello")["PackageType"], "Zip");
}

#[test]
fn another_region_is_refused_without_a_single_call() {
    let account = Account::new();
    let repository = format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/hello");
    let image = account.small_image("one");
    let (role, layout) = (account.role(), account.path("several"));
    // Even an image that would ask for the function's architecture asks nobody.
    let several = oci_layout(&layout, &[Image::small("a"), Image::small("a").for_architecture("arm64")]);
    let arn = format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:hello");
    for (image, repository, function) in
        [(&image, repository.as_str(), "hello"), (&several, &repository, "hello"), (&image, "hello", &arn)]
    {
        let run = account.run(&[
            "deploy",
            "--image",
            image,
            "--function",
            function,
            "--repository",
            repository,
            "--role",
            &role,
        ]);
        assert_refused(&account, &run, "region", &["us-east-1", REGION]);
        assert_eq!(account.operations(), Vec::<String>::new());
    }
}

#[test]
fn a_fips_address_is_refused_with_the_ordinary_one() {
    let account = Account::new();
    let image = account.small_image("one");
    let repository = format!("{ACCOUNT}.dkr.ecr-fips.{REGION}.amazonaws.com/hello");
    let ordinary = repository.replace("ecr-fips", "ecr");
    let role = account.role();
    let run = account.run(&[
        "deploy",
        "--image",
        &image,
        "--function",
        "hello",
        "--repository",
        &repository,
        "--role",
        &role,
    ]);
    assert_refused(&account, &run, "fips", &["ecr-fips", &ordinary, "--registry-endpoint"]);
    assert_eq!(account.operations(), Vec::<String>::new());
}

#[test]
fn a_missing_repository_is_refused_with_the_flag_that_creates_it() {
    let account = Account::new();
    let image = account.small_image("one");
    let role = account.role();
    let mut arguments = deploy_arguments(&image, &role);
    arguments.retain(|argument| *argument != "--create-repository");
    let run = account.run(&arguments);
    assert_refused(&account, &run, "repository", &["hello", ACCOUNT, "--create-repository"]);
    let run = account.run(&["push", "--image", &image, "--repository", "hello"]);
    assert_refused(&account, &run, "repository", &["hello", ACCOUNT, "--create-repository"]);
}

#[test]
fn an_immutable_tag_is_not_given_to_another_image_and_the_same_image_is_no_change() {
    let account = Account::new();
    let (one, two) = (account.small_image("one"), account.small_image("two"));
    let digest = account.deploy_with(&one, &["--tag", "v1"]).expect(0)["image"]["digest"].clone();
    account.ecr(
        "PutImageTagMutability",
        json!({ "repositoryName": "hello", "imageTagMutability": "IMMUTABLE" }),
    );
    account.stand.clear_calls();
    let run = account.deploy_with(&two, &["--tag", "v1"]);
    assert_refused(&account, &run, "tag", &["v1", "immutable", digest.as_str().unwrap()]);
    let push = ["push", "--image", &two, "--repository", "hello", "--tag", "v1"];
    assert_refused(&account, &account.run(&push), "tag", &["v1", "immutable", digest.as_str().unwrap()]);

    assert_eq!(account.deploy_with(&one, &["--tag", "v1"]).expect(0)["outcome"], "unchanged");
    assert_eq!(account.writes(), Vec::<String>::new());
    // A second tag beside the immutable one is no obstacle.
    account.deploy_with(&one, &["--tag", "v1", "--tag", "v2"]).expect(0);
}

#[test]
fn several_architectures_are_not_guessed_at_and_the_functions_own_decides() {
    let account = Account::new();
    let images = [Image::small("one"), Image::small("one").for_architecture("arm64")];
    let several = oci_layout(&account.path("several"), &images);
    let run = account.deploy(&several);
    assert_refused(&account, &run, "image", &["amd64", "arm64", "--arch"]);
    let run = account.deploy_with(&several, &["--arch", "arm64"]);
    assert_eq!(run.expect(0)["image"]["architecture"], "arm64");
    // Now the function's architecture is known, and nobody has to say it.
    assert_eq!(account.deploy(&several).expect(0)["outcome"], "unchanged");
}

#[test]
fn images_that_lambda_cannot_run_are_refused_before_aws_is_asked() {
    let account = Account::new();
    let windows = Image { os: "windows", ..Image::small("one") };
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    let foreign =
        oci_layout(&account.path("foreign"), &[Image { layer_type: foreign, ..Image::small("one") }]);
    let large = sparse_archive(&account.path("large.tar"), 11 << 30);
    let cases = [
        (account.image("windows", &windows), "operating-system", vec!["windows", "Linux"]),
        (
            account.image("s390x", &Image::small("one").for_architecture("s390x")),
            "architecture",
            vec!["s390x", "arm64"],
        ),
        (foreign, "image", vec!["may not be redistributed", "nondistributable"]),
        (large, "image-size", vec!["11811160064", "10737418240"]),
    ];
    for (image, check, words) in cases {
        let run = account.deploy(&image);
        assert_refused(&account, &run, check, &words);
        assert_eq!(account.operations(), Vec::<String>::new(), "{check}");
        // `check` says the same, and needs no AWS.
        assert_refused(&account, &account.run(&["check", &image]), check, &words);
    }
}

#[test]
fn a_policy_that_denies_is_refused_with_its_statement() {
    let account = Account::new();
    account.create_repository("hello");
    let denial = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "NobodyPulls", "Effect": "Deny", "Principal": "*", "Action": "ecr:BatchGetImage" } ] });
    account.set_policy("hello", &denial);
    account.stand.clear_calls();
    let image = account.small_image("one");
    assert_refused(&account, &account.deploy(&image), "policy", &["NobodyPulls", "lambda.amazonaws.com"]);
    let ensure = account.run(&["policy", "ensure", "--repository", "hello"]);
    ensure.expect(3);
    assert!(ensure.refusals().contains("NobodyPulls"), "{}", ensure.refusals());
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn a_policy_that_cannot_be_read_as_one_is_refused() {
    let account = Account::new();
    account.create_repository("hello");
    let image = account.small_image("one");
    // ECR would not keep such a document, so a proxy in between has to garble it.
    for text in
        ["{\"Version\": \"2012-10-17\", \"Statement\": [", "[]", "{\"Statement\": [{\"Effect\": \"Maybe\"}]}"]
    {
        let body =
            json!({ "registryId": ACCOUNT, "repositoryName": "hello", "policyText": text }).to_string();
        let answer = lambda_lift_localstack::ErrorAnswer {
            status: 200,
            code: String::new(),
            message: String::new(),
            headers: std::collections::BTreeMap::new(),
            body: Some(body),
        };
        account.fault("GetRepositoryPolicy", Turn::Every, Effect::Error(answer));
        account.stand.clear_calls();
        let run = account.deploy(&image);
        assert_refused(&account, &run, "policy", &["policy"]);
    }
}

#[test]
fn a_new_function_without_a_role_is_refused() {
    let account = Account::new();
    let image = account.small_image("one");
    let role = account.role();
    let mut arguments = deploy_arguments(&image, &role);
    arguments.retain(|argument| *argument != "--role" && *argument != role);
    assert_refused(&account, &account.run(&arguments), "definition", &["Role", "--role"]);
}

#[test]
fn a_role_of_another_account_is_refused_with_both_accounts() {
    let account = Account::new();
    let image = account.small_image("one");
    let role = account.role().replace(ACCOUNT, OTHER_ACCOUNT);
    let run = account.run(&deploy_arguments(&image, &role));
    assert_refused(&account, &run, "role", &[OTHER_ACCOUNT, ACCOUNT]);
}

#[test]
fn a_function_of_another_account_is_refused_with_both_accounts() {
    let account = Account::new();
    let image = account.small_image("one");
    let role = account.role();
    let arn = format!("arn:aws:lambda:{REGION}:{OTHER_ACCOUNT}:function:hello");
    let mut arguments = deploy_arguments(&image, &role);
    let named = arguments.iter().position(|argument| *argument == "--function").unwrap();
    arguments[named + 1] = &arn;
    assert_refused(&account, &account.run(&arguments), "account", &[OTHER_ACCOUNT, ACCOUNT]);
}

#[test]
fn an_architecture_that_does_not_fit_is_refused_with_both() {
    let account = deployed();
    let arm = account.image("arm", &Image::small("arm").for_architecture("arm64"));
    let run = account.deploy(&arm);
    assert_refused(&account, &run, "function-architecture", &["arm64", "x86_64", "--arch arm64"]);
    let run = account.deploy_with(&account.small_image("one"), &["--arch", "arm64"]);
    assert_refused(&account, &run, "architecture", &["arm64", "x86_64"]);
    // Asked for, the change is made, in one call with the code.
    account.deploy_with(&arm, &["--arch", "arm64"]).expect(0);
    assert_eq!(account.settled_function("hello")["Architectures"], json!(["arm64"]));
}

#[test]
fn every_refusal_is_told_at_once() {
    let account = deployed();
    let denial = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "NobodyPulls", "Effect": "Deny", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "ecr:*" } ] });
    account.set_policy("hello", &denial);
    account.stand.clear_calls();
    let arm = account.image("arm", &Image::small("arm").for_architecture("arm64"));
    let role = account.role().replace(ACCOUNT, OTHER_ACCOUNT);
    let run = account.run(&deploy_arguments(&arm, &role));
    assert_refused(
        &account,
        &run,
        "function-architecture",
        &["x86_64", "arm64", OTHER_ACCOUNT, "NobodyPulls"],
    );
}

#[test]
fn a_function_in_another_region_than_the_configured_one_is_deployed_where_its_arn_says() {
    let account = Account::new();
    let image = account.small_image("one");
    let role = account.role();
    let arn = format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:hello");
    let repository = format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/hello");
    let run = account.run(&[
        "deploy",
        "--image",
        &image,
        "--function",
        &arn,
        "--repository",
        &repository,
        "--create-repository",
        "--role",
        &role,
    ]);
    // Repository and function agree; only the configuration names another Region.
    let document = run.expect(0);
    assert_eq!(document["function"]["arn"], arn);
    let elsewhere: Vec<_> = account
        .calls()
        .into_iter()
        .filter(|call| matches!(call.service.as_str(), "lambda" | "ecr") && call.region != "us-east-1")
        .map(|call| call.operation)
        .collect();
    assert_eq!(elsewhere, Vec::<String>::new(), "both are in us-east-1");
}
