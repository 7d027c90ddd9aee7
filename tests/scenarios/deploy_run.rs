//! `deploy --run`: the image proves itself on this machine before it is sent anywhere.

use std::fs;
use std::sync::LazyLock;

use lambda_lift_example::Function;
use serde_json::{Value, json};

use crate::account::{Account, deploy_arguments};
use crate::image::{Image, together};

/// The example function: a static program that is its own runtime.
static FUNCTION: LazyLock<Function> = LazyLock::new(|| Function::build().unwrap());

fn function(note: &str) -> Image {
    let architecture = FUNCTION.architecture.go_name();
    let small = Image::small(note);
    let program = crate::image::layer("var/task/bootstrap", &FUNCTION.binary);
    Image { layers: vec![together(&small.layers[1], &program)], architecture, ..small }
}

fn event(account: &Account, name: &Value) -> String {
    let path = account.path("event.json");
    fs::write(&path, json!({ "name": name }).to_string()).unwrap();
    path.display().to_string()
}

fn architecture() -> &'static str {
    if FUNCTION.architecture.go_name() == "arm64" { "arm64" } else { "x86_64" }
}

#[test]
fn an_image_that_answers_is_deployed_with_the_proof_in_the_document() {
    let account = Account::new();
    let image = account.image("one", &function("one"));
    let ada = event(&account, &json!("Ada"));
    let more = ["--run", "--event", &ada, "--arch", architecture(), "--env", "GREETING=Good morning"];
    let document = account.deploy_with(&image, &more).expect(0).clone();
    assert_eq!((&document["outcome"], &document["run"]["status"]), (&json!("deployed"), &json!("ok")));
    assert_eq!(document["run"]["invocations"][0]["payload"]["message"], "Good morning, Ada!");

    // A variable that the function has and nobody declares is there for the next image, too.
    let image = account.image("two", &function("two"));
    let document = account.deploy_with(&image, &["--run", "--event", &ada]).expect(0).clone();
    assert_eq!(document["run"]["invocations"][0]["payload"]["message"], "Good morning, Ada!");
    // With nothing to do there is nothing to prove.
    let document = account.deploy_with(&image, &["--run", "--event", &ada]).expect(0).clone();
    assert_eq!((&document["outcome"], &document["run"]), (&json!("unchanged"), &Value::Null));
}

#[test]
fn an_image_that_fails_is_refused_before_anything_is_sent() {
    let account = Account::new();
    let image = account.image("one", &function("one"));
    let nobody = event(&account, &json!(7));
    let role = account.role();
    for verb in ["deploy", "plan", "push"] {
        let mut arguments = match verb {
            "push" => vec!["push", "--image", &image, "--repository", "hello", "--create-repository"],
            _ => deploy_arguments(&image, &role),
        };
        arguments[0] = verb;
        let run =
            account.run(&[&arguments[..], &["--run", "--event", &nobody, "--arch", architecture()]].concat());
        let document = run.expect(3);
        assert_eq!((&document["outcome"], &document["run"]["status"]), (&json!("refused"), &json!("error")));
        assert!(run.refusals().contains("run here, it fails"), "{verb}: {}", run.refusals());
        assert_eq!(account.writes(), Vec::<String>::new(), "{verb}");
    }
    // Whoever wants to know only, and not to be kept from it.
    let more = ["--run", "--event", &nobody, "--allow", "run", "--arch", architecture()];
    let document = account.deploy_with(&image, &more).expect(0).clone();
    assert_eq!((&document["outcome"], &document["run"]["status"]), (&json!("deployed"), &json!("error")));
}

#[test]
fn what_only_a_run_has_use_for_wants_one_and_is_read_before_anybody_is_asked() {
    let account = Account::new();
    let image = account.small_image("one");
    let bad = account.path("bad.json");
    fs::write(&bad, "{").unwrap();
    let bad = bad.display().to_string();
    account.deploy_with(&image, &["--event", &bad]).expect(2);
    account.deploy_with(&image, &["--run-timeout", "3s"]).expect(2);
    let run = account.deploy_with(&image, &["--run", "--event", &bad]);
    assert!(run.expect(2)["error"]["message"].as_str().unwrap().contains("is not JSON"));
    account.deploy_with(&image, &["--run", "--run-timeout", "soon"]).expect(2);
    assert_eq!(account.operations(), Vec::<String>::new());
}

#[test]
fn targets_of_one_image_with_the_same_settings_have_it_run_once() {
    let account = Account::new();
    account.image("image", &function("one"));
    let file = format!(
        "image = \"image.tar\"\nrepository = \"shop\"\ncreate-repository = true\narch = \"{}\"\n\
         [function]\nRole = \"{}\"\n\
         [[target]]\nname = \"one\"\nfunction = \"one\"\n[[target]]\nname = \"two\"\nfunction = \"two\"\n",
        architecture(),
        account.role()
    );
    fs::write(account.path("lambda-lift.toml"), file).unwrap();
    let ada = event(&account, &json!("Ada"));
    let run = account.run(&["deploy", "--target", "*", "--run", "--event", &ada, "--verbose"]);
    assert_eq!(run.expect(0)["outcome"], "deployed");
    assert_eq!(run.stderr.matches("it is run here under Lambda's constraints").count(), 1, "{}", run.stderr);
    for target in run.document["targets"].as_array().unwrap() {
        assert_eq!(target["run"]["status"], "ok", "{target:#}");
    }
}
