//! Many functions within Lambda's quota: what we take beside what the quota allows, and beside one run a function.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::contenders::{Contenders, variable};
use crate::sample::Samples;
use crate::stand::StandIn;
use crate::table;

/// How many functions.
const FUNCTIONS: usize = 200;
/// How many of them are deployed one after the other, to say what all of them would take.
const ONE_BY_ONE: usize = 20;
/// AWS's quotas, in calls a second.
const OTHERS: f64 = 15.0;
const GET_FUNCTION: f64 = 100.0;

/// A first deploy, one that changes nothing, and one that changes the image, of all functions; and of some one by one.
pub(crate) fn targets(_: &mut Contenders, samples: &Samples) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let images = ["1", "2", "3"].map(|top| -> Result<_, Box<dyn Error>> {
        Ok(samples.archive(&format!("tiny-{top}"), &[samples.top_layer(top)?])?)
    });
    let [first, second, third] = images;
    let (first, second, third) = (first?, second?, third?);
    let log = folder.path().join("calls");
    let stand = StandIn::start_with(&[
        "--lambda-rates",
        "--lambda-settle",
        "2000",
        "--log",
        &log.display().to_string(),
    ])?;
    write_file(folder.path(), &first)?;
    let run = |image: &Path, globs: &[String]| -> Result<Duration, Box<dyn Error>> {
        let begun = Instant::now();
        for glob in globs {
            deploy(folder.path(), &stand.url, image, glob)?;
        }
        Ok(begun.elapsed())
    };
    table::say(&format!("\n{FUNCTIONS} functions, AWS's rates, 2 s to settle after each change\n"));
    let all = ["*".to_owned()];
    for (what, image) in [("created", &first), ("unchanged", &first), ("updated", &second)] {
        let took = run(image, &all)?;
        say(what, took, &Calls::take(&log)?);
    }
    let some: Vec<String> = (0..ONE_BY_ONE).map(|number| format!("f{number}")).collect();
    let took = run(&third, &some)?;
    say(&format!("updated, {ONE_BY_ONE} of them one by one"), took, &Calls::take(&log)?);
    Ok(())
}

fn write_file(folder: &Path, image: &Path) -> Result<(), Box<dyn Error>> {
    let mut text = format!(
        "image = {:?}\nrepository = \"shop\"\ncreate-repository = true\nrelease.alias = \"live\"\n\
         function.Role = \"arn:aws:iam::123456789012:role/shop\"\n",
        image.display().to_string()
    );
    for number in 0..FUNCTIONS {
        writeln!(text, "[[target]]\nname = \"f{number}\"\nfunction = \"shop-{number}\"")?;
    }
    fs::write(folder.join("lambda-lift.toml"), text)?;
    Ok(())
}

fn deploy(folder: &Path, url: &str, image: &Path, glob: &str) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new(variable("LAMBDA_LIFT_BENCH_BINARY")?);
    command.current_dir(folder).args(["deploy", "--quiet", "--target", glob, "--image"]).arg(image);
    command.args(["--endpoint-url", url, "--registry-endpoint", url, "--allow", "entrypoint-file"]);
    command.envs([
        ("AWS_ACCESS_KEY_ID", "123456789012"),
        ("AWS_SECRET_ACCESS_KEY", "any"),
        ("AWS_REGION", "eu-west-1"),
    ]);
    command.env("XDG_CACHE_HOME", folder.join("cache"));
    let output = command.output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stdout).into_owned().into()),
    }
}

/// The calls to Lambda's control plane.
#[derive(Default)]
struct Calls {
    get_function: usize,
    others: usize,
    throttled: usize,
}

impl Calls {
    /// Those in the log, which is emptied.
    fn take(log: &Path) -> Result<Self, Box<dyn Error>> {
        let mut calls = Self::default();
        for line in fs::read_to_string(log)?.lines() {
            let call: Value = serde_json::from_str(line)?;
            match (call["service"].as_str(), call["operation"].as_str()) {
                (Some("lambda"), Some("GetFunction")) => calls.get_function += 1,
                (Some("lambda"), _) => calls.others += 1,
                _ => continue,
            }
            calls.throttled += usize::from(call["status"] == 429);
        }
        fs::write(log, "")?;
        Ok(calls)
    }

    /// The least time in which the quota lets them through: a second's worth at once, the rest evenly.
    fn floor(&self) -> f64 {
        let time = |calls: usize, rate: f64| (calls as f64 - rate).max(0.0) / rate;
        time(self.others, OTHERS).max(time(self.get_function, GET_FUNCTION))
    }
}

fn say(what: &str, took: Duration, calls: &Calls) {
    let (took, floor) = (took.as_secs_f64(), calls.floor());
    table::say(&format!(
        "- {what}: {took:.1} s; {} GetFunction and {} other calls, which the quota lets through in {floor:.1} s ({:.2} ×); throttled: {}",
        calls.get_function,
        calls.others,
        took / floor.max(0.1),
        calls.throttled
    ));
}
