//! Memory does not grow with the image.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::Duration;

use lambda_lift_rig::skopeo;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tar::Header;

use crate::account::Account;

/// The size of each of the four layers, which move at the same time.
const LAYER: u64 = 512 << 20;
/// What the process may hold at its peak. A debug build is some twenty megabytes larger by itself.
const MOST_MEMORY: u64 = 128 << 20;

#[test]
fn an_image_of_two_gigabytes_is_pushed_within_128_megabytes_of_memory() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let archive = folder.path().join("large.tar");
    write_archive(&archive, &[LAYER; 4]);
    let account = Account::new();
    let source = format!("docker-archive:{}", archive.display());
    let mut child = account.lambda_lift.start(&[
        "push",
        "--image",
        &source,
        "--repository",
        "large",
        "--create-repository",
    ]);
    let peak = peak_memory(&mut child);
    assert!(child.wait().unwrap().success());
    assert!(peak > 1 << 20, "the peak was not measured: {peak}");
    assert!(peak < MOST_MEMORY, "{} MB at the peak", peak >> 20);
    let tags = skopeo::tags(&account.cloud.registry, "large");
    assert_eq!(tags.len(), 1, "{tags:?}");
}

/// The most memory that the process has had at once, read until it ends (`VmHWM` only grows).
fn peak_memory(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let kilobytes = fs::read_to_string(&status).ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        });
        peak = kilobytes.map_or(peak, |kilobytes| kilobytes << 10);
        thread::sleep(Duration::from_millis(10));
    }
    peak
}

/// A docker-archive with layers of one file each that does not compress, written in one pass.
pub(crate) fn write_archive(path: &Path, layers: &[u64]) {
    let mut archive = tar::Builder::new(BufWriter::with_capacity(1 << 20, File::create(path).unwrap()));
    let mut diff_ids = Vec::new();
    let mut names = Vec::new();
    for (number, &size) in layers.iter().enumerate() {
        let mut member = Header::new_gnu();
        member.set_path(format!("model-{number}.bin")).unwrap();
        // The first of them is what the image starts.
        member.set_mode(0o755);
        member.set_size(size);
        member.set_cksum();
        // A tar ends with two empty blocks.
        let end = io::repeat(0).take(1024);
        let mut layer = Hashed::new(member.as_bytes().chain(Noise::of(size)).chain(end));
        names.push(format!("{number}/layer.tar"));
        append(&mut archive, &names[number], size + 512 + 1024, &mut layer);
        diff_ids.push(layer.digest());
    }
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Entrypoint": ["/model-0.bin"], "WorkingDir": "/" },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let manifest = json!([{ "Config": "config.json", "RepoTags": ["large:1"], "Layers": names }]);
    for (name, contents) in [("config.json", config.to_string()), ("manifest.json", manifest.to_string())] {
        append(&mut archive, name, contents.len() as u64, contents.as_bytes());
    }
    archive.into_inner().unwrap().flush().unwrap();
}

fn append(archive: &mut tar::Builder<impl Write>, name: &str, size: u64, contents: impl Read) {
    let mut header = Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(size);
    archive.append_data(&mut header, name, contents).unwrap();
}

/// A block of noise, again and again. It is longer than the window of gzip, which therefore finds nothing in it.
struct Noise {
    block: Vec<u8>,
    position: usize,
}

impl Noise {
    fn of(length: u64) -> io::Take<Self> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut block = Vec::with_capacity(1 << 20);
        while block.len() < block.capacity() {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend(state.to_le_bytes());
        }
        Self { block, position: 0 }.take(length)
    }
}

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.block[self.position..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.position = (self.position + length) % self.block.len();
        Ok(length)
    }
}

/// Hashes what is read through it.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R> Hashed<R> {
    fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new() }
    }

    fn digest(self) -> String {
        format!("sha256:{}", hex::encode(self.hash.finalize()))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hash.update(&buffer[..length]);
        Ok(length)
    }
}
