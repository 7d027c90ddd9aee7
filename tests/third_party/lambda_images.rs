//! Real images: what `check` says of them, what `check --run` shows, and that the two agree.

use lambda_lift_rig::{Emulator, FunctionImage};
use serde_json::{Value, json};

use crate::lambda_scene::{Scene, found, functions, of_layers, on_debian, python_image, script_image};

/// One image, and what is true of it.
struct Case {
    name: &'static str,
    image: FunctionImage,
    /// The function's settings.
    settings: Value,
    /// Ids of the checks that refuse, and that warn.
    refusals: &'static [&'static str],
    warnings: &'static [&'static str],
    /// The status of the run, and words of its reason or hint.
    status: &'static str,
    words: &'static [&'static str],
}

impl Case {
    /// An image that nothing is said against and that answers.
    fn fit(name: &'static str, image: FunctionImage) -> Self {
        Self { name, image, settings: json!({}), refusals: &[], warnings: &[], status: "ok", words: &[] }
    }

    fn refused(self, refusals: &'static [&'static str]) -> Self {
        Self { refusals, ..self }
    }

    fn warned(self, warnings: &'static [&'static str]) -> Self {
        Self { warnings, ..self }
    }

    fn fails(self, words: &'static [&'static str]) -> Self {
        Self { status: "error", words, ..self }
    }

    fn with_memory(self, megabytes: u32) -> Self {
        Self { settings: json!({ "MemorySize": megabytes, "Timeout": 30 }), ..self }
    }

    /// Checks it, runs it, and holds both to what is true and to each other.
    fn play(self) {
        let scene = Scene::new();
        let name = self.name;
        let image = scene.image(self.image);
        let settings = scene.file(&self.settings);
        let checked = scene.check(&image, &["--function-file", &settings]);
        assert_eq!(found(&checked, "refuse"), self.refusals, "{name}: {:#}", checked.document);
        assert_eq!(found(&checked, "warn"), self.warnings, "{name}: {:#}", checked.document);
        assert_eq!(checked.code, Some(if self.refusals.is_empty() { 0 } else { 3 }), "{name}");

        let run = scene.run(&image, &[json!({ "name": "Ada" })], &["--function-file", &settings]);
        let told = &run.document["run"];
        assert_eq!(told["status"], self.status, "{name}: {:#}\n{}", run.document, run.stderr);
        let said = format!("{} {}", told["reason"].as_str().unwrap_or_default(), run.document["findings"]);
        assert!(self.words.iter().all(|word| said.contains(word)), "{name}: {:#}", run.document);

        let started = told["init_milliseconds"].is_u64();
        assert!(!started || self.refusals.is_empty(), "{name}: it is refused, and starts");
        let is_clean =
            self.refusals.is_empty() && self.warnings.is_empty() && found(&checked, "unknown").is_empty();
        assert!(started || !is_clean, "{name}: nothing is said against it, and it does not start");
    }
}

const ECHO: &str = "def handler(event, context):\n    return event\n";

#[test]
fn debian_with_python_and_aws_client_is_fit() {
    Case::fit("python", python_image(ECHO)).play();
}

#[test]
fn node_with_aws_client_is_fit() {
    let client = "/var/task/node_modules/aws-lambda-ric/index.mjs";
    let layers = [functions().debian(), functions().node_client()];
    let image = FunctionImage::new(&layers, &["/usr/local/bin/node", client])
        .file("/var/task/app.mjs", 0o644, "export const handler = async (event) => event;\n")
        .with("Cmd", json!(["app.handler"]))
        .with("WorkingDir", json!("/var/task"));
    Case::fit("node", image).with_memory(256).play();
}

#[test]
fn a_static_program_on_aws_crate_is_fit_without_anything_beside_it() {
    Case::fit("rust", of_layers(&[], "/var/task/bootstrap", &functions().rust_function())).play();
}

#[test]
fn a_busybox_script_that_is_no_client_is_warned_of_and_ends() {
    let image = script_image("#!/bin/busybox sh\necho hello\n");
    let words = ["Runtime.ExitError", "without ever asking", "runtime interface client"];
    Case::fit("busybox", image).warned(&["runtime-client"]).fails(Box::leak(Box::new(words))).play();
}

#[test]
fn a_script_that_becomes_the_real_program_is_fit() {
    let script = "#!/bin/sh\nexport STARTED=yes\nexec /var/task/bootstrap \"$@\"\n";
    let image = script_image(script).file("/var/task/bootstrap", 0o755, functions().rust_function());
    Case::fit("script", image).play();
}

#[test]
fn a_program_for_another_machine_is_refused_and_cannot_be_executed() {
    let other = if cfg!(target_arch = "aarch64") { "x86_64" } else { "aarch64" };
    let program = std::fs::read(Emulator::binary(other)).unwrap();
    Case::fit("foreign", on_debian("/var/task/bootstrap", &program))
        .refused(&["entrypoint-architecture"])
        .warned(&[])
        .fails(&["Runtime.InvalidEntrypoint", "exec format error"])
        .play();
}

#[test]
fn a_module_that_only_its_owner_may_read_is_warned_of_and_cannot_be_imported() {
    let image = python_image("import mine\n\ndef handler(event, context):\n    return event\n").file(
        "/var/task/mine.py",
        0o600,
        "VALUE = 7\n",
    );
    Case::fit("closed", image).warned(&["readable"]).fails(&["/var/task/mine.py", "chmod"]).play();
}

#[test]
fn a_write_beside_the_code_fails_at_the_event_and_the_place_is_named() {
    let code =
        "def handler(event, context):\n    open('/var/task/state', 'w').write('x')\n    return event\n";
    Case::fit("writes", python_image(code)).fails(&["OSError", "/var/task/state", "/tmp"]).play();
}

/// Two gibibytes, each page of them touched.
const LARGE: &str = "\
def handler(event, context):
    held = bytearray(2 << 30)
    for place in range(0, len(held), 4096):
        held[place] = 1
    return len(held)
";

#[test]
fn two_gigabytes_are_too_much_for_half_of_one_and_not_for_three() {
    let words = ["Runtime.OutOfMemory", "512 MB", "MemorySize"];
    Case::fit("large", python_image(LARGE)).with_memory(512).fails(Box::leak(Box::new(words))).play();
    Case::fit("large", python_image(LARGE)).with_memory(3008).play();
}
