//! Inputs that get past checksums and digests, which no mutation would ever get right by itself.

use std::io::Write;

use memchr::{memchr2, memmem};
use sha2::{Digest, Sha256};

/// Parts the files of an archive that is written as text.
const BETWEEN_FILES: &[u8] = b"\n%%\n";

/// A tar archive of files that are written one after the other: a line with the name, then the content. `NAME -> TARGET` is
/// a symbolic link. In names and contents `@3` is the digest (hexadecimal) of the content of file 3, and `#3` its length;
/// in a name `@` alone is the file's own. Only files after a file can be meant in it.
pub fn archive(text: &[u8]) -> Vec<u8> {
    let mut files: Vec<File> = split(text, BETWEEN_FILES).take(10).map(File::read).collect();
    // From the last to the first, since what a file means must be known.
    for index in (0..files.len()).rev() {
        let content = with_references(&files[index].content, &files, None);
        let digest = hex(&content);
        let name = with_references(&files[index].name, &files, Some(&digest));
        files[index] = File { name, content, digest };
    }
    let mut bytes = Vec::new();
    for File { name, content, .. } in &files {
        match split(name, b" -> ").collect::<Vec<_>>()[..] {
            [name, target] => entry(&mut bytes, b'2', name, target, b""),
            _ => entry(&mut bytes, b'0', name, b"", content),
        }
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// One file of an archive.
struct File {
    name: Vec<u8>,
    content: Vec<u8>,
    /// Empty until it is known.
    digest: String,
}

impl File {
    fn read(text: &[u8]) -> Self {
        let mut parts = text.splitn(2, |byte| *byte == b'\n').map(<[u8]>::to_vec);
        let (name, content) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        Self { name, content, digest: String::new() }
    }
}

/// Appends an entry with a correct header. Long names get a pax header.
pub fn entry(archive: &mut Vec<u8>, kind: u8, name: &[u8], target: &[u8], content: &[u8]) {
    entry_with_mode(archive, kind, 0o755, name, target, content);
}

/// The same with these permissions.
pub fn entry_with_mode(
    archive: &mut Vec<u8>,
    kind: u8,
    mode: u32,
    name: &[u8],
    target: &[u8],
    content: &[u8],
) {
    if name.len() > 100 || target.len() > 100 {
        for (kind, text) in [(b'L', name), (b'K', target)] {
            entry_with_mode(archive, kind, 0, b"long", b"", &[text, b"\0"].concat());
        }
    }
    let mut header = tar::Header::new_gnu();
    let bytes = header.as_mut_bytes();
    bytes[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
    bytes[157..157 + target.len().min(100)].copy_from_slice(&target[..target.len().min(100)]);
    bytes[156] = kind;
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    header.set_cksum();
    archive.extend_from_slice(header.as_bytes());
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

/// The same archive with the checksum right in every block that stands where a header would, as far as sizes can be followed.
pub fn with_checksums(archive: &[u8]) -> Vec<u8> {
    let mut archive = archive.to_vec();
    let mut at = 0;
    while let Some(block) = archive.get_mut(at..at + 512) {
        let mut header = tar::Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        header.set_cksum();
        block.copy_from_slice(header.as_bytes());
        let Ok(size) = header.entry_size() else { break };
        let Some(end) = usize::try_from(size).ok().and_then(|size| size.checked_next_multiple_of(512)) else {
            break;
        };
        let Some(next) = at.checked_add(512).and_then(|at| at.checked_add(end)) else { break };
        at = next;
    }
    archive
}

/// As gzip.
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// As Zstandard.
pub fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 1).unwrap()
}

/// SHA-256 in hexadecimal digits.
pub fn hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The parts between `separator`s.
pub fn split<'a>(mut text: &'a [u8], separator: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let found = memmem::find(text, separator);
        is_over = found.is_none();
        let part = &text[..found.unwrap_or(text.len())];
        text = found.map_or(&[], |at| &text[at + separator.len()..]);
        Some(part)
    })
}

/// The text with digests and lengths in the place of `@DIGIT` and `#DIGIT`. `own` is what `@` alone stands for.
fn with_references(mut text: &[u8], files: &[File], own: Option<&str>) -> Vec<u8> {
    let mut whole = Vec::with_capacity(text.len());
    while let Some(at) = memchr2(b'@', b'#', text) {
        let (before, rest) = text.split_at(at);
        whole.extend_from_slice(before);
        let digit = rest.get(1).filter(|byte| byte.is_ascii_digit()).map(|byte| usize::from(byte - b'0'));
        let file = digit.and_then(|index| files.get(index)).filter(|file| !file.digest.is_empty());
        let taken = match (rest[0], file, own) {
            (b'@', Some(file), _) => {
                whole.extend_from_slice(file.digest.as_bytes());
                2
            }
            (b'#', Some(file), _) => {
                whole.extend_from_slice(file.content.len().to_string().as_bytes());
                2
            }
            (b'@', None, Some(own)) => {
                whole.extend_from_slice(own.as_bytes());
                1
            }
            _ => {
                whole.push(rest[0]);
                1
            }
        };
        text = &rest[taken..];
    }
    whole.extend_from_slice(text);
    whole
}
