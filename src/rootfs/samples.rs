//! Images for the tests of the pure parts, put together entry by entry.

use crate::layer::{LayerContent, scan};
use crate::samples::layer;

use super::ImageContents;

/// Builds one layer's archive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Archive(pub(super) Vec<u8>);

impl Archive {
    pub(crate) fn add(
        mut self,
        kind: tar::EntryType,
        path: &str,
        mode: u32,
        content: &[u8],
        link: &str,
    ) -> Self {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        if !link.is_empty() {
            header.set_link_name_literal(link).unwrap();
        }
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn with(self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        self.add(tar::EntryType::Regular, path, mode, content.as_ref(), "")
    }

    pub(crate) fn file(self, path: &str) -> Self {
        self.with(path, 0o644, path)
    }

    pub(crate) fn folder(self, path: &str) -> Self {
        self.folder_with(path, 0o755)
    }

    pub(crate) fn folder_with(self, path: &str, mode: u32) -> Self {
        self.add(tar::EntryType::Directory, path, mode, b"", "")
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.add(tar::EntryType::Symlink, path, 0o777, b"", target)
    }

    pub(crate) fn hard_link(self, path: &str, target: &str) -> Self {
        self.add(tar::EntryType::Link, path, 0o644, b"", target)
    }
}

impl Archive {
    /// The folders that its entries lie in, as a base image has them.
    pub(crate) fn folders(&self) -> Self {
        let mut archive = tar::Archive::new(&self.0[..]);
        let mut folders = std::collections::BTreeSet::new();
        for entry in archive.entries().unwrap() {
            let path = String::from_utf8_lossy(&entry.unwrap().path_bytes()).into_owned();
            let ends =
                path.trim_end_matches('/').match_indices('/').map(|(end, _)| format!("{}/", &path[..end]));
            folders.extend(ends.filter(|folder| !folder.contains("..")));
        }
        folders.iter().fold(Self::default(), |archive, folder| archive.folder(folder))
    }
}

/// What a pass over these layers finds in each.
pub(crate) fn layer_contents(layers: &[Archive]) -> Vec<LayerContent> {
    let layers: Vec<_> = layers.iter().map(|Archive(content)| layer(content)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(scan(&layers, u64::MAX, None)).unwrap()
}

/// What a pass over these layers finds.
pub(crate) fn contents(layers: Vec<Archive>) -> ImageContents {
    ImageContents::of(&layer_contents(&layers))
}

/// `e_machine` of the two architectures that Lambda has.
pub(crate) const X86_64: u16 = 62;
pub(crate) const ARM64: u16 = 183;

/// An ELF program, as small as one can be: with a loader, or static, and with some text in it.
pub(crate) fn elf(machine: u16, loader: Option<&str>, text: &str) -> Vec<u8> {
    let loader = loader.map(|loader| [loader.as_bytes(), b"\0"].concat());
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend(3_u16.to_le_bytes()); // e_type: a position-independent program
    file.extend(machine.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    file.extend([0, 64, 0].map(u64::to_le_bytes).concat()); // e_entry, e_phoff, e_shoff
    file.extend(0_u32.to_le_bytes());
    let segments = u16::from(loader.is_some());
    file.extend([64, 56, segments, 0, 0, 0].map(u16::to_le_bytes).concat());
    if let Some(loader) = &loader {
        let length = loader.len() as u64;
        file.extend([3, 4].map(u32::to_le_bytes).concat()); // PT_INTERP, readable
        file.extend([120, 0, 0, length, length, 1].map(u64::to_le_bytes).concat());
        file.extend(loader);
    }
    file.extend(text.as_bytes());
    file
}
