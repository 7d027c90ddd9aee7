//! A machine with another kernel: Debian's, in QEMU. For what this machine's kernel may be set up otherwise, such as control groups.
//!
//! Its root is in memory and has what it is given: programs of this machine with their libraries, and files. The kernel comes out of Debian's
//! package; `tests/run` puts it beside the Python of the tests. QEMU plays the processor as well: KVM is not everywhere, and not everywhere whole.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::server::folder;
use crate::tool::{output_of, text_of, tool};

/// What scripts are written in.
const PROGRAMS: [&str; 12] =
    ["bash", "cat", "chown", "cp", "find", "ls", "mkdir", "mount", "setpriv", "sleep", "sort", "switch_root"];

/// The first process. A root that is the kernel's own first one can be in the place of no other, so it moves to one that can be.
const FIRST: &str = r#"#!/bin/bash
PATH=/bin
mkdir -p /root
mount -t tmpfs -o mode=0755 root /root
for each in /*; do
    [ "$each" = /root ] || cp -a "$each" /root
done
exec switch_root /root /second
"#;

/// Then what every machine has, and the script. It has the console to itself.
const SECOND: &str = r#"#!/bin/bash
export PATH=/bin:/usr/bin HOME=/tmp
mkdir -p /proc /sys /dev /tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t cgroup2 groups /sys/fs/cgroup
bash /script 2>&1
echo "script ended with $?"
echo o >/proc/sysrq-trigger
sleep 60
"#;

/// What such a machine begins with.
#[derive(Debug)]
pub struct VirtualMachine {
    folder: TempDir,
}

impl VirtualMachine {
    /// A machine with bash and some programs for scripts.
    ///
    /// # Panics
    /// When this machine lacks one of them.
    #[expect(clippy::new_without_default, reason = "this reads files, and may panic")]
    pub fn new() -> Self {
        let machine = Self { folder: folder("machine") };
        machine.file("etc/passwd", b"root:x:0:0::/root:/bin/bash\nnobody:x:65534:65534::/tmp:/bin/bash\n");
        machine.executable("init", FIRST.as_bytes());
        machine.executable("second", SECOND.as_bytes());
        for name in PROGRAMS {
            let found =
                text_of(tool("sh").args(["-c", "PATH=$PATH:/usr/sbin:/sbin; command -v \"$1\"", "sh", name]));
            machine.program(Path::new(&found));
        }
        machine
    }

    /// Gives it a program of this machine, with its libraries, as `/bin/NAME`.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn program(&self, path: &Path) {
        let name = path.file_name().unwrap_or_else(|| panic!("{} is no program", path.display()));
        self.copy(path, &Path::new("bin").join(name));
        // `ldd` fails for a program that needs none.
        let libraries = tool("ldd").arg(path).output().map(|output| output.stdout).unwrap_or_default();
        for word in String::from_utf8_lossy(&libraries).split_whitespace() {
            if let Some(place) = word.strip_prefix('/') {
                self.copy(Path::new(word), Path::new(place));
            }
        }
    }

    /// Gives it a file that everybody may read.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn file(&self, place: &str, content: &[u8]) {
        let path = self.place(Path::new(place));
        fs::write(&path, content).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }

    fn executable(&self, place: &str, content: &[u8]) {
        self.file(place, content);
        output_of(tool("chmod").arg("755").arg(self.place(Path::new(place))));
    }

    fn copy(&self, source: &Path, place: &Path) {
        let target = self.place(place);
        fs::copy(source, &target).unwrap_or_else(|error| panic!("cannot copy {}: {error}", source.display()));
    }

    fn place(&self, place: &Path) -> PathBuf {
        let path = self.folder.path().join("root").join(place);
        let made = path.parent().map(fs::create_dir_all).transpose();
        made.unwrap_or_else(|error| panic!("cannot make the folder of {}: {error}", path.display()));
        path
    }

    /// Starts it, has it run a script as root, and ends it. Answers what the script said.
    ///
    /// # Panics
    /// When it does not begin, or the script fails.
    pub fn run(self, script: &str) -> String {
        self.file("script", script.as_bytes());
        let archive = self.folder.path().join("root.cpio");
        let pack = "cd \"$1\" && find . | cpio --quiet --create --format=newc --owner=0:0 >\"$2\"";
        output_of(tool("sh").args(["-c", pack, "sh"]).arg(self.folder.path().join("root")).arg(&archive));
        let (system, console) = match std::env::consts::ARCH {
            "aarch64" => ("qemu-system-aarch64", "ttyAMA0"),
            _ => ("qemu-system-x86_64", "ttyS0"),
        };
        let mut machine = tool("setpriv");
        machine.args(["--pdeathsig", "KILL", "--", system]);
        if std::env::consts::ARCH == "aarch64" {
            machine.args(["-machine", "virt"]);
        }
        machine.args(["-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "2048"]);
        machine.args(["-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"]);
        machine.arg("-kernel").arg(kernel()).arg("-initrd").arg(&archive);
        machine.args(["-append", &format!("console={console} quiet loglevel=1 panic=-1")]);
        let said = text_of(machine.stdin(std::process::Stdio::null())).replace('\r', "");
        let ended = said.rsplit_once("script ended with 0");
        ended.unwrap_or_else(|| panic!("the script does not succeed:\n{said}")).0.to_owned()
    }
}

/// The kernel as a file.
fn kernel() -> PathBuf {
    let path = crate::moto::python().with_file_name("vmlinuz");
    assert!(path.exists(), "{} is not there; tests/run installs it", path.display());
    path
}
