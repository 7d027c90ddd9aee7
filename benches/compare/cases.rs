//! The cases: who does what, on which image.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use crate::contenders::{Contenders, layout_of};
use crate::docker_push::DockerPush;
use crate::floor;
use crate::link::{self, Link};
use crate::sample::Samples;
use crate::stand::StandIn;
use crate::table::Table;
use crate::trips::Trips;

type Measured = Result<(), Box<dyn Error>>;

const MB: u64 = 1_000_000;
/// Layers as an application's image has them: base system, packages, libraries, code.
const LAYERS: [u64; 4] = [180 * MB, 120 * MB, 80 * MB, 40 * MB];

/// An uncompressed archive into an empty registry.
pub(crate) fn archive(contenders: &mut Contenders, samples: &Samples) -> Measured {
    let archive = sample(samples, "1")?;
    let title = format!("docker-archive, {}, into an empty registry", size_of(&archive)?);
    cold(contenders, &source("docker-archive", &archive), &layout_of(&archive)?, &title)
}

/// A layout with gzip layers into an empty registry.
pub(crate) fn layout(contenders: &mut Contenders, samples: &Samples) -> Measured {
    let layout = layout_of(&sample(samples, "1")?)?;
    cold(
        contenders,
        &format!("oci:{}:1", layout.display()),
        &layout,
        "OCI layout of it, gzip, into an empty registry",
    )
}

/// Many small layers into an empty registry.
pub(crate) fn small(contenders: &mut Contenders, samples: &Samples) -> Measured {
    let archive = samples.archive("small", &samples.layers("small", &[MB / 2; 60])?)?;
    let title = format!("60 layers, docker-archive, {}, into an empty registry", size_of(&archive)?);
    cold(contenders, &source("docker-archive", &archive), &layout_of(&archive)?, &title)
}

fn cold(contenders: &mut Contenders, source: &str, layout: &Path, title: &str) -> Measured {
    let docker = match source.strip_prefix("docker-archive:") {
        Some(archive) => Some(DockerPush::load(Path::new(archive))?),
        None => None,
    };
    let mut table = Table::new();
    for _ in 0..contenders.rounds {
        contenders.empty_registry();
        table.add("lambda-lift push", contenders.push(source, &[])?);
        table.note(format!("lambda-lift's blobs: {}.", megabytes(contenders.stored_bytes()?)));
        contenders.empty_registry();
        table.add("skopeo copy", contenders.skopeo(source)?);
        table.note(format!("skopeo's blobs: {}.", megabytes(contenders.stored_bytes()?)));
        match &docker {
            Some(docker) => {
                table.add("docker push (CPU of the daemon)", docker.push(contenders.empty_registry())?)
            }
            None => table.note("docker push has no layout to push from.".to_owned()),
        }
        contenders.empty_registry();
        match contenders.crane(source)? {
            Some(figures) => table.add("crane push", figures),
            None => table.note("There was no crane in PATH.".to_owned()),
        }
        let registry = contenders.empty_registry();
        let sent = floor::send_blobs(registry, &layout.join("blobs/sha256"))?;
        table.add("PUT of the gzip blobs", sent);
    }
    table.print(title)?;
    Ok(())
}

/// One layer of 2 GB.
pub(crate) fn large(contenders: &mut Contenders, samples: &Samples) -> Measured {
    let layers = samples.layers("large", &[2000 * MB])?;
    let archive = samples.archive("large-layer", &layers)?;
    samples.forget(&layers)?;
    let image = source("docker-archive", &archive);
    let mut table = Table::new();
    for _ in 0..contenders.rounds.min(3) {
        contenders.empty_registry();
        table.add("lambda-lift push", contenders.push(&image, &[])?);
        contenders.empty_registry();
        table.add("skopeo copy", contenders.skopeo(&image)?);
    }
    table.print(&format!("one layer, docker-archive, {}, into an empty registry", size_of(&archive)?))?;
    std::fs::remove_file(archive)?;
    Ok(())
}

/// An archive and a layout over lines with latency and without a bound on bytes.
pub(crate) fn latency(contenders: &mut Contenders, samples: &Samples) -> Measured {
    let archive = sample(samples, "1")?;
    let stored = format!("oci:{}:1", layout_of(&archive)?.display());
    for (kind, image) in
        [("docker-archive", source("docker-archive", &archive)), ("OCI layout, gzip", stored)]
    {
        for milliseconds in [20, 100] {
            let link = Link { round_trip: Duration::from_millis(milliseconds), rate: None };
            let mut table = Table::new();
            for _ in 0..contenders.rounds.min(3) {
                let port = link::start(contenders.empty_registry().authority(), link)?;
                table.add("lambda-lift push", contenders.push_through(port, &image, &[])?);
                let port = link::start(contenders.empty_registry().authority(), link)?;
                table.add("skopeo copy", contenders.skopeo_through(port, &image)?);
            }
            table.print(&format!("{kind}, {milliseconds} ms round trip, into an empty registry"))?;
        }
    }
    Ok(())
}

/// Many small layers, where round trips are most of the time.
pub(crate) fn trips(contenders: &mut Contenders, samples: &Samples) -> Measured {
    const LAYERS: usize = 60;
    /// The default.
    const JOBS: usize = 4;
    /// So many small layers move at a time for each job.
    const AT_ONCE: usize = 4 * JOBS;
    let archive = samples.archive("small", &samples.layers("small", &[MB / 2; LAYERS])?)?;
    let image = source("docker-archive", &archive);
    let link = Link { round_trip: Duration::from_millis(50), rate: None };
    let mut table = Table::new();
    for _ in 0..contenders.rounds.min(3) {
        let port = link::start(contenders.empty_registry().authority(), link)?;
        let jobs = JOBS.to_string();
        table.add("lambda-lift push", contenders.push_through(port, &image, &["--jobs", &jobs])?);
        let calls = Trips::of(&contenders.cloud.registry.calls());
        table.note(format!("lambda-lift made {calls}."));
        // A layer that is not there cannot be sent in less than a POST and a PUT; the manifest comes after all.
        let waves = (2 * (LAYERS + 1)).div_ceil(AT_ONCE) + 1;
        let unavoidable = link.round_trip * waves as u32;
        table.note(format!(
            "At {AT_ONCE} at a time, POST and PUT for each layer and the configuration, then the manifest, are {waves} \
             round trips one after the other: {:.2} s; the calls above are {:.2} s.",
            unavoidable.as_secs_f64(),
            (link.round_trip * calls.total().div_ceil(AT_ONCE) as u32).as_secs_f64()
        ));
        let port = link::start(contenders.empty_registry().authority(), link)?;
        table.add("skopeo copy", contenders.skopeo_through(port, &image)?);
        table.note(format!("skopeo made {}.", Trips::of(&contenders.cloud.registry.calls())));
    }
    table.print(&format!("{LAYERS} layers, docker-archive, {}, 50 ms round trip", size_of(&archive)?))?;
    Ok(())
}

/// Only the top layer, 4 KB, differs from what runs; no cache on this machine.
pub(crate) fn changed(contenders: &mut Contenders, samples: &Samples) -> Measured {
    let old = source("docker-archive", &sample(samples, "1")?);
    let new = source("docker-archive", &sample(samples, "2")?);
    let mut table = Table::new();
    for _ in 0..contenders.rounds {
        let stand = StandIn::start()?;
        contenders.deploy(&stand, &old)?;
        table.add("lambda-lift deploy (push, update, publish, alias)", contenders.deploy(&stand, &new)?);
        contenders.empty_registry();
        contenders.skopeo(&old)?;
        table.add("skopeo copy (push only)", contenders.skopeo(&new)?);
    }
    table.print("the top layer of 4 KB changed, no cache on the machine")?;
    Ok(())
}

/// Nothing differs from what runs; no cache on this machine.
pub(crate) fn unchanged(contenders: &mut Contenders, samples: &Samples) -> Measured {
    let archive = sample(samples, "1")?;
    let stored = format!("oci:{}:1", layout_of(&archive)?.display());
    for (kind, image) in [("docker-archive", source("docker-archive", &archive)), ("OCI layout", stored)] {
        let stand = StandIn::start()?;
        contenders.deploy(&stand, &image)?;
        contenders.empty_registry();
        contenders.skopeo(&image)?;
        let mut table = Table::new();
        for _ in 0..contenders.rounds {
            table.add("lambda-lift deploy", contenders.deploy(&stand, &image)?);
            table.add("skopeo copy (push only)", contenders.skopeo(&image)?);
        }
        table.print(&format!("nothing changed, {kind}, no cache on the machine"))?;
    }
    Ok(())
}

/// Part sizes on loopback.
pub(crate) fn parts(contenders: &mut Contenders, samples: &Samples) -> Measured {
    let archive = sample(samples, "1")?;
    let stored = format!("oci:{}:1", layout_of(&archive)?.display());
    for (kind, image) in
        [("docker-archive", source("docker-archive", &archive)), ("OCI layout, gzip", stored)]
    {
        let mut table = Table::new();
        for _ in 0..contenders.rounds {
            for size in ["8", "16", "32", "64"] {
                contenders.empty_registry();
                table.add(&format!("{size} MiB"), contenders.push(&image, &["--chunk-size", size])?);
            }
        }
        table.print(&format!("size of parts, loopback, {kind}"))?;
    }
    Ok(())
}

/// Part sizes over links that have latency.
pub(crate) fn slow(contenders: &mut Contenders, samples: &Samples) -> Measured {
    let layout = layout_of(&sample(samples, "1")?)?;
    let image = format!("oci:{}:1", layout.display());
    for (rate, delay) in [(100.0, 20), (25.0, 60)] {
        let mut table = Table::new();
        for _ in 0..contenders.rounds {
            for size in ["8", "16", "32", "64"] {
                let authority = contenders.empty_registry().authority();
                let link = Link { round_trip: Duration::from_millis(delay), rate: Some(rate * 1e6) };
                let port = link::start(authority, link)?;
                table.add(
                    &format!("{size} MiB"),
                    contenders.push_through(port, &image, &["--chunk-size", size])?,
                );
            }
        }
        table
            .print(&format!("size of parts, {rate} MB/s a connection, {delay} ms round trip, OCI layout"))?;
    }
    Ok(())
}

/// How memory grows with one layer.
pub(crate) fn memory(contenders: &mut Contenders, samples: &Samples) -> Measured {
    let mut table = Table::new();
    for (gigabytes, kind) in [(0.5, "noise"), (2.0, "noise"), (4.0, "noise"), (2.0, "files")] {
        let bytes = (gigabytes * 1e9) as u64;
        let layers = match kind {
            "noise" => vec![samples.noise_layer(bytes)?],
            _ => samples.layers("large", &[bytes])?,
        };
        let archive = samples.archive("large", &layers)?;
        samples.forget(&layers)?;
        let image = source("docker-archive", &archive);
        contenders.empty_registry();
        table.add(&format!("lambda-lift, {gigabytes} GB of {kind}"), contenders.push(&image, &[])?);
        contenders.empty_registry();
        if gigabytes < 4.0 {
            table.add(&format!("skopeo, {gigabytes} GB of {kind}"), contenders.skopeo(&image)?);
        }
        std::fs::remove_file(archive)?;
    }
    table.print("one layer, docker-archive, into an empty registry")?;
    Ok(())
}

/// What the user waits for when there is nothing to do.
pub(crate) fn start(contenders: &mut Contenders, samples: &Samples) -> Measured {
    let tiny = samples.archive("tiny", &[samples.top_layer("1")?])?;
    let image = source("docker-archive", &tiny);
    let stand = StandIn::start()?;
    contenders.deploy(&stand, &image)?;
    let mut table = Table::new();
    for _ in 0..20 {
        table.add("--help", contenders.bare(&["--help"])?);
        table.add("check of a tiny image", contenders.bare(&["check", &image])?);
        table.add("deploy, unchanged, tiny image", contenders.deploy(&stand, &image)?);
    }
    table.print("start and no-op")?;
    Ok(())
}

/// The image of all comparisons, with this top layer.
fn sample(samples: &Samples, top: &str) -> Result<std::path::PathBuf, Box<dyn Error>> {
    let mut layers = samples.layers("sample", &LAYERS)?;
    layers.push(samples.top_layer(top)?);
    Ok(samples.archive(&format!("sample-{top}"), &layers)?)
}

fn source(kind: &str, path: &Path) -> String {
    format!("{kind}:{}", path.display())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

fn size_of(path: &Path) -> Result<String, Box<dyn Error>> {
    Ok(format!("{} MB", std::fs::metadata(path)?.len() / MB))
}
