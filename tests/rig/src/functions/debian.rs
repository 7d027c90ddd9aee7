//! The root of a Debian, as debootstrap makes it.

use std::path::Path;

use super::{Functions, Layer};
use crate::tool::{output_of, privileged, tool};

/// Python for functions, busybox for scripts.
const PACKAGES: &str = "python3,busybox-static";
/// Debian 12. Its Python is 3.11, for which `tests/functions/python.txt` is.
const RELEASE: &str = "bookworm";
const MIRROR: &str = "http://deb.debian.org/debian";
/// What no function needs, and what images of Debian leave away too.
const LEFT_AWAY: [&str; 7] = [
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/zoneinfo",
];

impl Functions {
    /// A Debian with Python and busybox.
    pub fn debian(&self) -> Layer {
        let recipe = format!("{PACKAGES} {RELEASE} {MIRROR} {LEFT_AWAY:?} 2");
        self.layer("debian", &recipe, make)
    }

    /// Its busybox, which is one static program.
    pub fn busybox(&self) -> Vec<u8> {
        let debian = self.debian();
        let archive = debian.path().unwrap_or(Path::new("/"));
        output_of(
            tool("tar")
                .arg("--extract")
                .arg("--to-stdout")
                .arg("--file")
                .arg(archive)
                .arg("./usr/bin/busybox"),
        )
    }
}

fn make(root: &Path) {
    let mut command = privileged("debootstrap");
    command.args(["--variant=minbase", &format!("--include={PACKAGES}"), RELEASE]).arg(root).arg(MIRROR);
    output_of(&mut command);
    let mut command = privileged("rm");
    command.arg("-rf").args(LEFT_AWAY.map(|folder| root.join(folder)));
    output_of(&mut command);
    // Not that of this machine.
    output_of(
        privileged("rm").arg("-f").args(["etc/resolv.conf", "etc/hostname"].map(|file| root.join(file))),
    );
}
