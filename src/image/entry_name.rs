//! Names of files inside an image store, in one normal form: relative, `/` between the parts, no `.` and no `..`.

/// The longest name that is taken; Linux's own limit for a path.
const MAX_NAME: usize = 4096;

/// The normal form of a name as an archive or manifest has it; empty for the top (`./`). The error completes the
/// sentence "the archive has an entry NAME …".
pub(super) fn normal(raw: &[u8]) -> Result<String, &'static str> {
    if raw.len() > MAX_NAME {
        return Err("whose name is longer than 4096 bytes");
    }
    let name = std::str::from_utf8(raw).map_err(|_| "whose name is not UTF-8")?;
    if name.contains('\0') {
        return Err("whose name contains a zero byte");
    }
    if name.starts_with('/') {
        return Err("with an absolute name");
    }
    if name.split('/').any(|part| part == "..") {
        return Err("whose name leads out of the archive");
    }
    resolve("", name).ok_or("whose name leads out of the archive")
}

/// What the relative `target` means in the directory `base`; none when it leads out of the top.
pub(super) fn resolve(base: &str, target: &str) -> Option<String> {
    if target.starts_with('/') || target.len() > MAX_NAME || target.contains('\0') {
        return None;
    }
    // Unlike an entry's own name, a link's target may go up, as long as it stays inside.
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_one_form() {
        for (raw, normalised) in [
            ("manifest.json", "manifest.json"),
            ("./blobs//sha256/./ab", "blobs/sha256/ab"),
            ("blobs/", "blobs"),
            ("./", ""),
            ("", ""),
            ("..a/b..", "..a/b.."),
        ] {
            assert_eq!(normal(raw.as_bytes()).as_deref(), Ok(normalised));
        }
    }

    #[test]
    fn names_that_leave_the_archive_are_refused() {
        let long = "a".repeat(5000);
        for raw in ["/etc/passwd", "//x", "../x", "a/../../x", "a/..", "..", "a\0b", long.as_str()] {
            assert!(normal(raw.as_bytes()).is_err(), "{raw:?}");
        }
        assert!(normal(b"a\xff").is_err());
    }

    #[test]
    fn a_link_counts_from_its_base_and_stays_inside() {
        for (base, target, resolved) in [
            ("abc", "../def/layer.tar", Some("def/layer.tar")),
            ("", "def/layer.tar", Some("def/layer.tar")),
            ("a/b", "../../c", Some("c")),
            ("a", "../../c", None),
            ("", "..", None),
            ("a", "/etc/passwd", None),
        ] {
            assert_eq!(resolve(base, target).as_deref(), resolved, "{base} {target}");
        }
    }
}
