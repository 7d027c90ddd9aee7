//! What the extended headers of a tar archive say about the entry that follows them (pax, GNU).

/// What is known of the next entry beside its own header.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extension {
    /// The whole name, when the header has no room for it.
    pub(super) path: Option<Vec<u8>>,
    /// The whole target of a link.
    pub(super) link: Option<Vec<u8>>,
    /// The size of what is stored, when the header has no room for it.
    pub(super) size: Option<u64>,
    /// The size of a sparse file with its holes.
    pub(super) real_size: Option<u64>,
}

impl Extension {
    /// Takes in the records of a pax header: `LENGTH KEY=VALUE\n` each, the length counting the whole record. Later
    /// records go before earlier ones. None when they are malformed.
    pub(super) fn read_pax(&mut self, mut records: &[u8]) -> Option<()> {
        while !records.is_empty() {
            let space = records.iter().position(|byte| *byte == b' ')?;
            let length = usize::try_from(number(&records[..space])?).ok()?;
            let pair = records.get(space + 1..length)?.strip_suffix(b"\n")?;
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            let (key, value) = (&pair[..equals], &pair[equals + 1..]);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(number(value)?),
                // The name in the header of a sparse file is one that GNU tar makes up.
                b"GNU.sparse.name" => self.path = Some(value.to_vec()),
                b"GNU.sparse.realsize" | b"GNU.sparse.size" => self.real_size = Some(number(value)?),
                _ => {}
            }
            records = &records[length..];
        }
        Some(())
    }
}

/// A name out of a GNU header: it ends with a NUL.
pub(super) fn long_name(mut data: Vec<u8>) -> Vec<u8> {
    let length = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    data.truncate(length);
    data
}

fn number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_records_of_a_pax_header_are_read_and_the_last_one_counts() {
        let mut extension = Extension::default();
        let records = b"13 path=a/b=\n14 linkpath=x\n12 size=513\n15 mtime=1.5e9\n12 size=514\n";
        extension.read_pax(records).unwrap();
        let expected = Extension {
            path: Some(b"a/b=".to_vec()),
            link: Some(b"x".to_vec()),
            size: Some(514),
            real_size: None,
        };
        assert_eq!(extension, expected);
    }

    #[test]
    fn malformed_records_are_refused() {
        for records in [
            &b"99999 size=1\n"[..],
            b"12 size=5x3\n",
            b"size=1\n",
            b"0 ",
            b"13 size=513\n",
            b"7 size\n",
            b"5 =\n",
        ] {
            assert_eq!(Extension::default().read_pax(records), None, "{records:?}");
        }
    }
}
