//! What a user who owns nothing may do with a file, where every file belongs to one and the same id.

/// The mode under which a file with `mode` gives its owner what it gives others.
///
/// Where the kernel maps only one id, the sandbox's user owns every file, and the owner's bits decide. So they become those that
/// would decide on Lambda: the bits of others. The bits that lend rights (set-user-id and set-group-id) go: they name nobody here.
pub(super) fn as_seen_by_others(mode: u32) -> u32 {
    let others = mode & 0o7;
    (mode & 0o1000) | others << 6 | others << 3 | others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_gets_what_others_have() {
        let table = [
            (0o600, 0o000),
            (0o644, 0o444),
            (0o755, 0o555),
            (0o700, 0o000),
            (0o640, 0o000),
            (0o4755, 0o555),
            (0o1777, 0o1777),
            (0o007, 0o777),
        ];
        for (mode, expected) in table {
            assert_eq!(as_seen_by_others(mode), expected, "{mode:o}");
        }
    }
}
