//! Whether this machine runs programs of an image's architecture.

use std::fs;

use crate::name::Architecture;

/// Why programs of this architecture do not run here; none where they do.
pub(super) fn obstacle(wanted: Option<Architecture>) -> Option<(String, String)> {
    let wanted = wanted?;
    let (machine, emulator, platform) = match wanted {
        Architecture::X86_64 => ("x86_64", "qemu-x86_64", "amd64"),
        Architecture::Arm64 => ("aarch64", "qemu-aarch64", "arm64"),
    };
    let registered = fs::read_to_string(format!("/proc/sys/fs/binfmt_misc/{emulator}"));
    if std::env::consts::ARCH == machine || registered.is_ok_and(|text| is_usable(&text)) {
        return None;
    }
    Some((
        format!("the image is for {wanted}, and this machine is {}", std::env::consts::ARCH),
        format!(
            "run it on such a machine, or register an emulator: docker run --privileged --rm tonistiigi/binfmt --install {platform}"
        ),
    ))
}

/// An emulator runs in any root only where the kernel has opened it before (flag F).
fn is_usable(text: &str) -> bool {
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or_default();
    text.lines().any(|line| line == "enabled") && flags.contains('F')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulator_must_be_enabled_and_open() {
        let text = |state, flags| {
            format!("{state}\ninterpreter /usr/bin/qemu-aarch64-static\nflags: {flags}\noffset 0\n")
        };
        assert!(is_usable(&text("enabled", "OCF")));
        assert!(!is_usable(&text("disabled", "F")));
        assert!(!is_usable(&text("enabled", "OC")));
    }
}
