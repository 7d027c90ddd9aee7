//! Names in a layer that stand for no file, but for what is gone of the layers below (OCI image specification, "Whiteouts").

const PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Names of this prefix are an unpacker's own (AUFS).
const RESERVED: &[u8] = b".wh..wh.";

/// What a name takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whiteout<'a> {
    /// Everything that layers below have in the folder of the name.
    Folder,
    /// What has this name there.
    Name(&'a [u8]),
    /// Nothing: it is an unpacker's own, or names no file.
    Nothing,
}

impl<'a> Whiteout<'a> {
    /// What the last component of a path stands for; none for a file's own name.
    pub fn of(name: &'a [u8]) -> Option<Self> {
        let gone = name.strip_prefix(PREFIX)?;
        Some(match gone {
            _ if name == OPAQUE => Self::Folder,
            _ if name.starts_with(RESERVED) => Self::Nothing,
            b"" | b"." | b".." => Self::Nothing,
            _ => Self::Name(gone),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_take_something_away_are_told_from_those_that_only_look_so() {
        let table: [(&[u8], _); 8] = [
            (b"app", None),
            (b"a.wh.b", None),
            (b".wh.app", Some(Whiteout::Name(b"app"))),
            (b".wh..wh..opq", Some(Whiteout::Folder)),
            (b".wh..wh.plnk", Some(Whiteout::Nothing)),
            (b".wh.", Some(Whiteout::Nothing)),
            (b".wh..", Some(Whiteout::Nothing)),
            (b".wh...", Some(Whiteout::Nothing)),
        ];
        for (name, expected) in table {
            assert_eq!(Whiteout::of(name), expected, "{}", String::from_utf8_lossy(name));
        }
    }
}
