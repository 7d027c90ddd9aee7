//! Layers that mean ill, or are merely odd: what `check` says of them, what `check --run` makes of them, and that the two agree. Nothing of
//! this machine is touched, and nothing stays.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use flate2::write::GzEncoder;
use lambda_lift_example::Function;
use lambda_lift_rig::{FunctionImage, LambdaLift, Layer, Remains, Run};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tar::EntryType;
use tempfile::TempDir;

use crate::image::add_entry as add;

static FUNCTION: LazyLock<Function> = LazyLock::new(|| Function::build().unwrap());

/// The most memory that the tool may take, whatever a layer is.
const MOST_MEMORY: u64 = 192 << 20;

/// What came of an image: of `check`, and of `check --run`.
struct Verdicts {
    checked: Run,
    run: Run,
}

impl Verdicts {
    /// Ids of the checks of this severity, without the one that tells of the run.
    fn found(&self, severity: &str) -> Vec<&str> {
        let findings = self.checked.document["findings"].as_array().unwrap();
        let found = findings.iter().filter(|finding| finding["severity"] == severity);
        let mut ids: Vec<&str> = found.map(|finding| finding["check"].as_str().unwrap()).collect();
        ids.dedup();
        ids
    }

    fn status(&self) -> &str {
        self.run.document["run"]["status"].as_str().unwrap_or_default()
    }

    fn reason(&self) -> &str {
        self.run.document["run"]["reason"].as_str().unwrap_or_default()
    }

    /// Nothing is said against it, and it answers.
    fn assert_fit(&self) {
        assert_eq!(
            (self.found("refuse"), self.found("warn")),
            (vec![], vec![]),
            "{:#}",
            self.checked.document
        );
        assert_eq!(self.status(), "ok", "{:#}", self.run.document);
    }

    /// It is warned of by this check, and cannot be unpacked because of that.
    fn assert_warned_and_not_unpacked(&self, check: &str) {
        assert_eq!(self.found("warn"), [check], "{:#}", self.checked.document);
        assert_eq!(self.status(), "error", "{:#}", self.run.document);
        assert!(self.reason().contains("cannot be unpacked"), "{}", self.reason());
    }
}

/// A layer with the example function; what is hostile lies above it.
fn function() -> Layer {
    layer(|archive| add(archive, "var/task/bootstrap", EntryType::Regular, 0o755, "", &FUNCTION.binary))
}

type Archive = tar::Builder<Vec<u8>>;

fn layer(fill: impl FnOnce(&mut Archive)) -> Layer {
    Layer::of(in_folders(fill))
}

/// An archive with the folders that its other entries lie in.
fn in_folders(fill: impl FnOnce(&mut Archive)) -> Vec<u8> {
    archive(|archive| {
        for folder in ["dev", "opt", "var", "var/task"] {
            add(archive, folder, EntryType::Directory, 0o755, "", b"");
        }
        fill(archive);
    })
}

fn archive(fill: impl FnOnce(&mut Archive)) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    fill(&mut archive);
    archive.into_inner().unwrap()
}

/// An entry whose name the library would refuse to write.
fn add_raw(archive: &mut Archive, name: &[u8], kind: EntryType, link: &[u8], content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    let fields = header.as_old_mut();
    fields.name[..name.len()].copy_from_slice(name);
    fields.linkname[..link.len()].copy_from_slice(link);
    header.set_cksum();
    archive.append(&header, content).unwrap();
}

fn play(layers: &[Layer]) -> Verdicts {
    play_as(&["/var/task/bootstrap"], layers)
}

/// Checks an image of these layers that starts these words, and runs it.
fn play_as(entrypoint: &[&str], layers: &[Layer]) -> Verdicts {
    let folder = tempfile::tempdir().unwrap();
    let image = FunctionImage::new(layers, entrypoint).write(&folder.path().join("image"));
    let event = folder.path().join("event.json");
    fs::write(&event, json!({ "name": "Ada" }).to_string()).unwrap();
    let checked = bounded(&folder, &["check", &image]);
    let event = event.display().to_string();
    let run = bounded(&folder, &["check", &image, "--run", "--event", &event, "--metadata-only"]);
    Verdicts { checked, run }
}

/// Runs the tool to its end, with a verdict, and holds it to its memory. Nothing may stay.
fn bounded(folder: &TempDir, arguments: &[&str]) -> Run {
    let temporary = folder.path().join("temporary");
    fs::create_dir_all(&temporary).unwrap();
    let mut lambda_lift = LambdaLift::new(env!("CARGO_BIN_EXE_lambda-lift"));
    lambda_lift.set("TMPDIR", &temporary.display().to_string());
    let begun = Instant::now();
    let child = lambda_lift.start_recorded(arguments);
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || crate::hostile::peak_memory(&status));
    let run = Run::of(child.wait_with_output().unwrap());
    assert!(matches!(run.code, Some(0 | 3)), "{:?}: {:#} {}", run.code, run.document, run.stderr);
    let peak = watch.join().unwrap();
    assert!(peak < MOST_MEMORY, "it held {} MB", peak >> 20);
    assert!(begun.elapsed() < Duration::from_secs(170), "{:?}", begun.elapsed());
    Remains::of(&temporary, "").assert_none_but(0);
    run
}

#[test]
fn a_tree_as_deep_as_a_path_can_be_is_fit_and_a_deeper_one_cannot_be_unpacked() {
    let deep = |levels: usize, first: usize| {
        layer(|archive| {
            for level in first..=levels {
                add(archive, &vec!["d"; level].join("/"), EntryType::Directory, 0o755, "", b"");
            }
            let path = vec!["d"; levels].join("/");
            add(archive, &format!("{path}/file"), EntryType::Regular, 0o644, "", b"deep");
        })
    };
    play(&[function(), deep(2000, 1)]).assert_fit();
    play(&[function(), deep(5000, 5000)]).assert_warned_and_not_unpacked("layer-entries");
}

#[test]
fn links_in_a_circle_do_no_harm_and_cannot_be_started() {
    let circle = layer(|archive| {
        add(archive, "opt/one", EntryType::Symlink, 0o777, "two", b"");
        add(archive, "opt/two", EntryType::Symlink, 0o777, "/opt/one", b"");
        add(archive, "opt/self", EntryType::Symlink, 0o777, ".", b"");
    });
    play(&[function(), circle.clone()]).assert_fit();
    let started = play_as(&["/opt/one"], &[function(), circle]);
    assert_eq!(started.found("refuse"), ["entrypoint-file"]);
    assert!(started.reason().contains("Runtime.InvalidEntrypoint"), "{}", started.reason());
}

#[test]
fn devices_pipes_and_names_that_are_no_text_do_no_harm() {
    let odd = layer(|archive| {
        add(archive, "dev/disk", EntryType::Block, 0o666, "", b"");
        add(archive, "var/zero", EntryType::Char, 0o666, "", b"");
        add(archive, "var/pipe", EntryType::Fifo, 0o666, "", b"");
        add_raw(archive, b"var/\xff\xfe\x80name", EntryType::Regular, b"", b"odd");
        add_raw(archive, b"var/\x1b[2Jnewline\n", EntryType::Regular, b"", b"odd");
    });
    play(&[function(), odd]).assert_fit();
}

#[test]
fn names_and_links_that_lead_out_touch_nothing() {
    let outside = tempfile::tempdir().unwrap();
    let place = outside.path().display().to_string();
    let up = format!("../../../../../../../../..{place}");
    let dots = layer(|archive| add_raw(archive, format!("{up}/a").as_bytes(), EntryType::Regular, b"", b"x"));
    play(&[function(), dots]).assert_warned_and_not_unpacked("layer-entries");
    // As every unpacker does: below the root of the image.
    let absolute =
        layer(|archive| add_raw(archive, format!("{place}/b").as_bytes(), EntryType::Regular, b"", b"x"));
    let verdicts = play(&[function(), absolute]);
    assert_eq!((verdicts.found("warn"), verdicts.status()), (vec!["layer-entries"], "ok"));
    for target in ["/etc/passwd", "../../../../etc/passwd", "var/task/nothing"] {
        let hard =
            layer(|archive| add_raw(archive, b"var/task/stolen", EntryType::Link, target.as_bytes(), b""));
        play(&[function(), hard]).assert_warned_and_not_unpacked("layer-entries");
    }
    for target in [place.clone(), up] {
        let through = layer(|archive| {
            add_raw(archive, b"etc", EntryType::Symlink, target.as_bytes(), b"");
            add(archive, "etc/passwd", EntryType::Regular, 0o644, "", b"root::0:0::/:/bin/sh\n");
        });
        let verdicts = play(&[function(), through]);
        assert_eq!(verdicts.status(), "error", "{:#}", verdicts.run.document);
        assert!(!verdicts.found("warn").is_empty(), "{:#}", verdicts.checked.document);
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "nothing was written there");
}

#[test]
fn a_whiteout_of_everything_leaves_nothing_to_start() {
    for name in [".wh..wh..opq", ".wh.var"] {
        let nothing = layer(|archive| add(archive, name, EntryType::Regular, 0o644, "", b""));
        let verdicts = play(&[function(), nothing]);
        assert_eq!(verdicts.found("refuse"), ["entrypoint-file"], "{name}");
        assert!(verdicts.reason().contains("no such file or directory"), "{name}: {}", verdicts.reason());
    }
}

#[test]
fn a_whiteout_hides_what_is_below_and_nothing_of_its_own_layer_wherever_it_stands() {
    let below =
        layer(|archive| add(archive, "var/task/bootstrap", EntryType::Regular, 0o755, "", b"#!/no/such\n"));
    for (name, explicit) in
        [("var/task/.wh.bootstrap", true), (".wh.var", true), (".wh.var", false), (".wh..wh..opq", false)]
    {
        let above = Layer::of(archive(|archive| {
            for folder in ["var", "var/task"].iter().filter(|_| explicit) {
                add(archive, folder, EntryType::Directory, 0o755, "", b"");
            }
            add(archive, "var/task/bootstrap", EntryType::Regular, 0o755, "", &FUNCTION.binary);
            add(archive, name, EntryType::Regular, 0o644, "", b"");
        }));
        let verdicts = play(&[below.clone(), above]);
        assert_eq!(
            (verdicts.found("refuse"), verdicts.status()),
            (vec![], "ok"),
            "{name}: {:#}",
            verdicts.run.document
        );
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_layer_that_breaks_off_is_refused_wherever_it_does() {
    let whole = in_folders(|archive| {
        add(archive, "var/task/bootstrap", EntryType::Regular, 0o755, "", &FUNCTION.binary)
    });
    let (digest, compressed) = (hex::encode(Sha256::digest(&whole)), gzip(&whole));
    play(&[Layer::gzip(compressed.clone(), &digest)]).assert_fit();
    for end in [1, 9, 1000, compressed.len() / 2, compressed.len() - 9, compressed.len() - 1] {
        let verdicts = play(&[Layer::gzip(compressed[..end].to_vec(), &digest)]);
        assert_eq!(verdicts.found("refuse"), ["image"], "{end}: {:#}", verdicts.checked.document);
        assert_ne!(verdicts.status(), "ok", "{end}: {:#}", verdicts.run.document);
    }
    // The archive itself ends in the middle of a file, in a layer that is whole.
    let broken = whole[..whole.len() / 2].to_vec();
    let verdicts = play(&[Layer::of(broken)]);
    assert_eq!((verdicts.found("refuse"), verdicts.status()), (vec!["image"], "error"));
}

#[test]
fn more_than_ten_gigabytes_of_zeros_are_refused_at_the_limit() {
    // Gzip members one after the other are one stream: a few kilobytes for each of these.
    let piece = vec![0; 64 << 20];
    let member = gzip(&piece);
    let header = archive(|archive| {
        let mut header = tar::Header::new_gnu();
        header.set_path("var/task/zeros").unwrap();
        header.set_mode(0o644);
        header.set_size(200 * (64 << 20));
        header.set_cksum();
        archive.append(&header, std::io::empty()).unwrap();
    });
    let stored = [gzip(&header[..512]), member.repeat(200)].concat();
    let folder = tempfile::tempdir().unwrap();
    // Nobody knows the digest of it before it was read, and nobody reads that far.
    let zeros = Layer::gzip(stored, &"0".repeat(64));
    let image = FunctionImage::new(&[function(), zeros], &["/var/task/bootstrap"])
        .write(&folder.path().join("image"));
    let run = bounded(&folder, &["check", &image, "--run"]);
    let document = run.expect(3);
    assert_eq!(document["findings"][0]["check"], "image", "{document:#}");
    assert!(run.refusals().contains("more than 10737418240 bytes"), "{}", run.refusals());
    assert!(document["run"].is_null(), "what cannot be unpacked is not unpacked up to there");
}

/// What GNU tar makes of these arguments in a folder where `bootstrap` is the example function, with a mebibyte of nothing behind it.
fn by_gnu_tar(arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let task = folder.path().join("var/task");
    fs::create_dir_all(&task).unwrap();
    let path = task.join("bootstrap");
    fs::write(&path, &FUNCTION.binary).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(FUNCTION.binary.len() as u64 + (1 << 20)).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs::write(task.join("end"), "the last bytes").unwrap();
    tar_of(folder.path(), arguments)
}

fn tar_of(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("tar")
        .args(["--create", "--sort=name", "--owner=0", "--group=0"])
        .args(arguments)
        .arg("--directory")
        .arg(folder)
        .arg("./var")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn every_format_of_gnu_tar_is_understood_also_with_holes() {
    let table: [&[&str]; 6] = [
        &["--format=gnu"],
        &["--format=ustar"],
        &["--format=pax", "--pax-option=comment=hello,LAMBDA.own=value"],
        &["--format=gnu", "--sparse"],
        &["--format=pax", "--sparse", "--sparse-version=0.1"],
        &["--format=pax", "--sparse", "--sparse-version=1.0"],
    ];
    for arguments in table {
        let verdicts = play(&[Layer::of(by_gnu_tar(arguments))]);
        assert_eq!(
            verdicts.found("refuse"),
            Vec::<&str>::new(),
            "{arguments:?}: {:#}",
            verdicts.checked.document
        );
        assert_eq!(verdicts.status(), "ok", "{arguments:?}: {:#}", verdicts.run.document);
    }
}

#[test]
fn numbers_and_headers_that_lie_end_in_a_verdict() {
    let pax = |records: &[u8]| {
        layer(|archive| {
            add_raw(archive, b"PaxHeaders/x", EntryType::XHeader, b"", records);
            add(archive, "var/task/x", EntryType::Regular, 0o644, "", b"x");
        })
    };
    let lies: [&[u8]; 7] = [
        b"99999999999 path=x\n",
        b"20 size=99999999999\n",
        b"12 size=-1\n\n\n",
        b"no number\n",
        b"13 path=a\0b\n\n",
        b"30 mtime=99999999999999999999\n",
        b"0 x=y\n",
    ];
    for lie in lies {
        let verdicts = play(&[function(), pax(lie)]);
        let is_agreed = verdicts.status() == "ok"
            || !verdicts.found("refuse").is_empty()
            || !verdicts.found("warn").is_empty();
        assert!(is_agreed, "{lie:?}: {:#} {:#}", verdicts.checked.document, verdicts.run.document);
    }
}
