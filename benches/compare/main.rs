//! lambda-lift beside skopeo and beside a bare upload, in one run and in turns. `benches/run` starts it.

mod cases;
mod check;
mod contenders;
mod docker_push;
mod fleet;
mod floor;
mod link;
mod measure;
mod sample;
mod stand;
mod table;
mod trips;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use contenders::Contenders;
use sample::Samples;

/// Something to measure, by name.
type Case = (&'static str, fn(&mut Contenders, &Samples) -> Result<(), Box<dyn Error>>);

const CASES: &[Case] = &[
    ("archive", cases::archive),
    ("layout", cases::layout),
    ("small", cases::small),
    ("large", cases::large),
    ("latency", cases::latency),
    ("trips", cases::trips),
    ("changed", cases::changed),
    ("unchanged", cases::unchanged),
    ("parts", cases::parts),
    ("slow", cases::slow),
    ("memory", cases::memory),
    ("start", cases::start),
    ("check", check::check),
    ("targets", fleet::targets),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).collect();
    match run(&wanted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            table::say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(wanted: &[String]) -> Result<(), Box<dyn Error>> {
    if wanted.iter().any(|name| name == "--list") {
        CASES.iter().for_each(|(name, _)| table::say(name));
        return Ok(());
    }
    if let Some(unknown) = wanted.iter().find(|name| CASES.iter().all(|(case, _)| case != name)) {
        return Err(format!("there is no case {unknown}; --list names them").into());
    }
    let samples = Samples::below(contenders::variable("LAMBDA_LIFT_BENCH_IMAGES")?.into())?;
    let mut contenders = Contenders::start()?;
    for (name, case) in CASES {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            case(&mut contenders, &samples)?;
        }
    }
    Ok(())
}
