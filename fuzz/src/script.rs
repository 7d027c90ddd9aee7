//! Layers as lines of text, and a second, naive way to say what file system they make.

use std::collections::BTreeMap;

use crate::assemble::{entry_with_mode, split};

/// One line: a letter for the kind, a digit for the permissions, the path, and for links ` -> TARGET`.
///
/// `f` file, `d` folder, `l` symbolic link, `h` hard link, `p` pipe; a file's content is what follows ` = `.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The letter.
    pub kind: u8,
    /// Permissions for all three classes.
    pub mode: u16,
    /// As written.
    pub path: &'a [u8],
    /// What a link leads to, or a file's content.
    pub rest: &'a [u8],
}

impl<'a> Line<'a> {
    /// Reads one; none when it is of no kind.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let [kind @ (b'f' | b'd' | b'l' | b'h' | b'p'), digit @ b'0'..=b'7', path @ ..] = line else {
            return None;
        };
        let separator: &[u8] = if matches!(kind, b'l' | b'h') { b" -> " } else { b" = " };
        let mut parts = split(path, separator);
        let path = parts.next()?;
        let rest = parts.next().unwrap_or_default();
        // A NUL ends a name in a header, which the second way does not know.
        if path.contains(&0) || rest.contains(&0) && matches!(kind, b'l' | b'h') {
            return None;
        }
        Some(Self { kind: *kind, mode: u16::from(digit - b'0') * 0o111, path, rest })
    }
}

/// The lines of a layer.
pub fn lines(text: &[u8]) -> impl Iterator<Item = Line<'_>> {
    text.split(|byte| *byte == b'\n').filter_map(Line::read)
}

/// The layer as a tar archive.
pub fn archive(text: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    for line in lines(text) {
        let (flag, target, content): (u8, &[u8], &[u8]) = match line.kind {
            b'd' => (b'5', b"", b""),
            b'l' => (b'2', line.rest, b""),
            b'h' => (b'1', line.rest, b""),
            b'p' => (b'6', b"", b""),
            _ => (b'0', b"", line.rest),
        };
        entry_with_mode(&mut archive, flag, line.mode.into(), line.path, target, content);
    }
    archive
}

/// What is at a path: the letter of its kind, its permissions, and the bytes of a file.
pub type Node = (u8, u16, u64);

/// The file system that layers make, by path. The root is the empty path.
pub type Tree = BTreeMap<Vec<u8>, Node>;

/// Lays the layers over one another by the words of the OCI image specification ("Applying Changesets"). None where a link
/// is among them: following links is what the real one is for.
pub fn merged<'a>(layers: impl IntoIterator<Item = &'a [u8]>) -> Option<Tree> {
    let mut tree = Tree::from([(Vec::new(), (b'd', 0o755, 0))]);
    for layer in layers {
        let entries = entries(layer)?;
        for (path, _) in &entries {
            take_away(&mut tree, path);
        }
        for (path, node) in entries {
            add(&mut tree, path, node);
        }
    }
    Some(tree)
}

/// The entries of a layer under the names that they mean.
fn entries(layer: &[u8]) -> Option<Vec<(Vec<u8>, Node)>> {
    let mut entries = Vec::new();
    for line in lines(layer) {
        let is_folder = line.kind == b'd' || (line.kind == b'f' && line.path.ends_with(b"/"));
        let (kind, size) = match line.kind {
            b'l' | b'h' => return None,
            _ if is_folder => (b'd', 0),
            b'f' => (b'f', line.rest.len() as u64),
            kind => (kind, 0),
        };
        let mut names: Vec<&[u8]> = Vec::new();
        let mut is_outside = false;
        for name in line.path.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => is_outside |= names.pop().is_none(),
                name => names.push(name),
            }
        }
        let path = names.join(&b'/');
        if !is_outside && path.len() <= 4096 && names.iter().all(|name| name.len() <= 255) {
            entries.push((path, (kind, line.mode, size)));
        }
    }
    Some(entries)
}

fn take_away(tree: &mut Tree, path: &[u8]) {
    let (folder, name) = parted(path);
    let Some(gone) = name.strip_prefix(b".wh.") else { return };
    let is_folder = tree.get(folder).is_some_and(|node| node.0 == b'd');
    if name == b".wh..wh..opq" && is_folder {
        tree.retain(|path, _| !is_below(path, folder));
    } else if is_folder && !name.starts_with(b".wh..wh.") && !matches!(gone, b"" | b"." | b"..") {
        remove(tree, &joined(folder, gone));
    }
}

fn add(tree: &mut Tree, path: Vec<u8>, node: Node) {
    let (folder, name) = parted(&path);
    if name.starts_with(b".wh.") {
        return;
    }
    if path.is_empty() {
        tree.insert(path, (b'd', node.1, 0));
        return;
    }
    let mut above: Vec<&[u8]> = vec![folder];
    while let Some(last) = above.last().filter(|last| !last.is_empty()) {
        above.push(parted(last).0);
    }
    if above.iter().any(|folder| tree.get(*folder).is_some_and(|node| node.0 != b'd')) {
        return;
    }
    for folder in above.into_iter().rev() {
        tree.entry(folder.to_vec()).or_insert((b'd', 0o755, 0));
    }
    match tree.get_mut(&path) {
        Some(known) if known.0 == b'd' && node.0 == b'd' => known.1 = node.1,
        _ => {
            remove(tree, &path);
            tree.insert(path, node);
        }
    }
}

fn remove(tree: &mut Tree, path: &[u8]) {
    tree.retain(|other, _| other != path && !is_below(other, path));
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    match path.strip_prefix(folder) {
        Some(rest) => !rest.is_empty() && (folder.is_empty() || rest[0] == b'/'),
        None => false,
    }
}

/// The folder and the name in it.
fn parted(path: &[u8]) -> (&[u8], &[u8]) {
    path.iter()
        .rposition(|byte| *byte == b'/')
        .map_or((b"", path), |slash| (&path[..slash], &path[slash + 1..]))
}

fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}
