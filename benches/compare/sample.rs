//! Images to measure with, made of this machine's own files: real content, and none of it in the repository.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest as _, Sha256};
use tar::{Builder, Header};

/// Where files are taken from: libraries, interpreters, data, documents.
const ROOTS: [&str; 2] = ["/usr/lib", "/usr/share"];
/// A larger file would be a layer of its own.
const LARGEST_FILE: u64 = 16 << 20;

/// Makes images below a folder, and keeps them for the next run.
pub(crate) struct Samples {
    folder: PathBuf,
    files: Vec<(PathBuf, u64)>,
}

/// An uncompressed layer on disk.
#[derive(Clone)]
pub(crate) struct Layer {
    path: PathBuf,
    diff_id: String,
}

impl Samples {
    /// Lists this machine's files, in an order that mixes their kinds and is the same every time.
    pub(crate) fn below(folder: PathBuf) -> io::Result<Self> {
        let mut files = Vec::new();
        for root in ROOTS {
            list(Path::new(root), &mut files)?;
        }
        files.sort_by_cached_key(|(path, _)| Sha256::digest(path.as_os_str().as_encoded_bytes()));
        Ok(Self { folder, files })
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Layers of these many bytes of files, no file twice as long as there are enough.
    pub(crate) fn layers(&self, name: &str, sizes: &[u64]) -> io::Result<Vec<Layer>> {
        let mut files = self.files.iter().cycle();
        let one = |(index, size): (usize, &u64)| {
            let mut taken = Vec::new();
            let mut sum = 0;
            while sum < *size {
                let (path, length) = files.next().ok_or_else(|| io::Error::other("no files to sample"))?;
                sum += length;
                taken.push(path);
            }
            taken.sort();
            self.layer(&format!("{name}-{index}"), |tar| {
                taken.iter().try_for_each(|path| append_file(tar, path))
            })
        };
        sizes.iter().enumerate().map(one).collect()
    }

    /// A layer of one 4 KB file that differs from every other `version`.
    pub(crate) fn top_layer(&self, version: &str) -> io::Result<Layer> {
        let text = format!("# version {version}\n").repeat(4096 / 16);
        self.layer(&format!("top-{version}"), |tar| {
            append(tar, "function/app.py", text.len() as u64, text.as_bytes())
        })
    }

    /// A layer of one file of noise, which does not compress.
    pub(crate) fn noise_layer(&self, bytes: u64) -> io::Result<Layer> {
        self.layer(&format!("noise-{bytes}"), |tar| append(tar, "model.bin", bytes, Noise::new().take(bytes)))
    }

    /// A layer of so many files of a few bytes, a thousand in each folder.
    pub(crate) fn many_files_layer(&self, files: u64) -> io::Result<Layer> {
        self.layer(&format!("files-{files}"), |tar| {
            let mut folder = Header::new_gnu();
            folder.set_entry_type(tar::EntryType::Directory);
            folder.set_mode(0o755);
            folder.set_size(0);
            for number in 0..files {
                let package = format!("node_modules/package-{}", number / 1000);
                if number % 1000 == 0 {
                    for name in [format!("{package}/"), format!("{package}/lib/")] {
                        tar.append_data(&mut folder, name, io::empty())?;
                    }
                }
                append(tar, &format!("{package}/lib/module-{}.js", number % 1000), 11, &b"exports={};"[..])?;
            }
            Ok(())
        })
    }

    /// Removes layers that are in an archive by now: they may be large.
    pub(crate) fn forget(&self, layers: &[Layer]) -> io::Result<()> {
        layers.iter().try_for_each(|layer| {
            fs::remove_file(&layer.path)?;
            fs::remove_file(layer.path.with_extension("digest"))
        })
    }

    /// A docker-archive, as `docker save` writes it.
    pub(crate) fn archive(&self, name: &str, layers: &[Layer]) -> io::Result<PathBuf> {
        let path = self.path(&format!("{name}.tar"));
        if path.exists() {
            return Ok(path);
        }
        let part = path.with_extension("part");
        let mut tar = Builder::new(BufWriter::with_capacity(1 << 20, File::create(&part)?));
        for layer in layers {
            let file = File::open(&layer.path)?;
            append(&mut tar, &format!("{}/layer.tar", layer.diff_id), file.metadata()?.len(), file)?;
        }
        let diff_ids: Vec<_> = layers.iter().map(|layer| format!("sha256:{}", layer.diff_id)).collect();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": { "Entrypoint": ["/function/app.py"], "WorkingDir": "/" },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let files: Vec<_> = layers.iter().map(|layer| format!("{}/layer.tar", layer.diff_id)).collect();
        let manifest = json!([{ "Config": "config.json", "RepoTags": ["sample:1"], "Layers": files }]);
        for (name, contents) in [("config.json", config.to_string()), ("manifest.json", manifest.to_string())]
        {
            append(&mut tar, name, contents.len() as u64, contents.as_bytes())?;
        }
        tar.into_inner()?.flush()?;
        fs::rename(&part, &path)?;
        Ok(path)
    }

    fn layer(
        &self,
        name: &str,
        fill: impl FnOnce(&mut Builder<Hashed<BufWriter<File>>>) -> io::Result<()>,
    ) -> io::Result<Layer> {
        let path = self.path(&format!("{name}.layer"));
        let digest = path.with_extension("digest");
        if let Ok(diff_id) = fs::read_to_string(&digest) {
            return Ok(Layer { path, diff_id });
        }
        let file = BufWriter::with_capacity(1 << 20, File::create(&path)?);
        let mut tar = Builder::new(Hashed { inner: file, hash: Sha256::new() });
        fill(&mut tar)?;
        let mut hashed = tar.into_inner()?;
        hashed.flush()?;
        let diff_id = hex::encode(hashed.hash.finalize());
        fs::write(&digest, &diff_id)?;
        Ok(Layer { path, diff_id })
    }
}

fn list(folder: &Path, files: &mut Vec<(PathBuf, u64)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(&entry.path(), files)?;
        } else if kind.is_file() {
            let length = entry.metadata()?.len();
            if length <= LARGEST_FILE {
                files.push((entry.path(), length));
            }
        }
    }
    Ok(())
}

fn append_file(tar: &mut Builder<impl Write>, path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let name = path.strip_prefix("/").unwrap_or(path).to_string_lossy().into_owned();
    append(tar, &name, length, file)
}

fn append(tar: &mut Builder<impl Write>, name: &str, size: u64, contents: impl Read) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(size);
    tar.append_data(&mut header, name, contents)
}

/// Hashes what is written through it.
struct Hashed<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A mebibyte of noise again and again: longer than gzip's window, which therefore finds nothing in it.
struct Noise {
    block: Vec<u8>,
    position: usize,
}

impl Noise {
    fn new() -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut block = Vec::with_capacity(1 << 20);
        while block.len() < block.capacity() {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend(state.to_le_bytes());
        }
        Self { block, position: 0 }
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
