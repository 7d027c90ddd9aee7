//! Stacks of layers that hide, overwrite and link what is below them, as real builders write such layers.

use std::path::Path;

use super::content::write;
use super::{Images, LocalImage};
use crate::tool::{output_of, privileged, tool};

/// Every step is a layer. The last file that is copied says what must be so in the end, and then becomes the function.
const STEPS: &str = "\
FROM scratch
COPY --chmod=755 busybox /bin/busybox
COPY --chmod=755 bootstrap /opt/real/bootstrap
RUN [\"/bin/busybox\", \"sh\", \"-c\", \"/bin/busybox --install -s /bin\"]
RUN mkdir -p /var/task/full /var/task/deep/inner && touch /var/task/full/a /var/task/full/b /var/task/deep/inner/x && echo old >/var/task/old && echo gone >/var/task/gone
RUN ln /opt/real/bootstrap /var/task/bootstrap && ln -s full /var/task/link
RUN rm /var/task/gone && rm -r /var/task/full && mkdir /var/task/full && touch /var/task/full/c
RUN mv /var/task/old /var/task/moved && rm -r /var/task/deep && echo file >/var/task/deep && rm /opt/real/bootstrap
COPY --chmod=755 start /var/task/start
WORKDIR /var/task
ENTRYPOINT [\"/var/task/start\"]
";

/// What must be so, whoever put the layers together.
const START: &str = "\
#!/bin/sh
fail() { echo \"it is not so: $*\" && exit 9; }
[ ! -e /var/task/gone ] || fail a removed file is gone
[ \"$(ls /var/task/link/)\" = c ] || fail a folder that was made anew has nothing of the old one
[ \"$(cat /var/task/moved)\" = old ] && [ ! -e /var/task/old ] || fail a moved file is moved
[ \"$(cat /var/task/deep)\" = file ] || fail a folder became a file
[ ! -e /opt/real/bootstrap ] || fail one of two names is gone
exec /var/task/bootstrap
";

/// What umoci adds: a folder made anew by an opaque mark, a whiteout, and links.
const UMOCI_START: &str = "\
#!/bin/sh
fail() { echo \"it is not so: $*\" && exit 9; }
[ \"$(ls /var/task/full)\" = d ] || fail an opaque folder hides what is below
[ ! -e /var/task/moved ] || fail a whiteout hides a file
[ /var/task/bootstrap -ef /var/task/again ] || fail two names of one file
[ \"$(cat /var/task/chain)\" = inside ] || fail a link through a link
exec /var/task/again
";

impl Images {
    /// `buildah build --layers`: whiteouts, a folder removed and made again, a hard link to a file of a layer below.
    pub fn buildah_stack(&self, busybox: &[u8]) -> LocalImage {
        let note = format!("{STEPS}{START}");
        let path = self.kept("buildah-stack", &note, |layout| {
            let context = self.content.context(&note);
            let put = |name: &str, contents: &[u8]| write(&context.path().join(name), contents);
            put("busybox", busybox);
            put("start", START.as_bytes());
            put("Dockerfile", STEPS.as_bytes());
            let store = super::containers::Store::new("buildah");
            let context = context.path().display().to_string();
            store.run(&["build", "--quiet", "--layers", "--isolation=chroot", "--tag", "stack", &context]);
            store.run(&["push", "--quiet", "stack", &format!("oci:{}:hello", layout.display())]);
            // Whoever runs the tests may read what root wrote.
            output_of(privileged("chmod").args(["-R", "a+rX"]).arg(layout));
        });
        LocalImage::layout(path)
    }

    /// The same with layers of umoci's above: `insert --opaque` and `--whiteout`, and `unpack` and `repack` with hard links.
    pub fn umoci_stack(&self, busybox: &[u8]) -> LocalImage {
        let below = self.buildah_stack(busybox).path;
        let path = self.kept("umoci-stack", &format!("{STEPS}{START}{UMOCI_START}"), |layout| {
            output_of(tool("cp").args(["--recursive"]).arg(&below).arg(layout));
            let place = crate::server::folder("umoci");
            let made = place.path().join("made");
            output_of(tool("mkdir").arg(&made));
            write(&made.join("d"), b"");
            let image = format!("{}:hello", layout.display());
            let umoci = |arguments: &[&str]| {
                output_of(privileged("umoci").args(arguments));
            };
            let made = made.display().to_string();
            umoci(&["insert", "--image", &image, "--opaque", &made, "/var/task/full"]);
            umoci(&["insert", "--image", &image, "--whiteout", "/var/task/moved"]);
            let bundle = place.path().join("bundle");
            umoci(&["unpack", "--image", &image, &bundle.display().to_string()]);
            change(&bundle.join("rootfs"), &place.path().join("start"));
            umoci(&["repack", "--image", &image, &bundle.display().to_string()]);
            output_of(privileged("chmod").args(["-R", "a+rX"]).arg(layout));
            output_of(privileged("rm").arg("-rf").arg(bundle));
        });
        LocalImage::layout(path)
    }
}

fn change(root: &Path, start: &Path) {
    write(start, UMOCI_START.as_bytes());
    let script = "cd \"$1\"/var/task && ln bootstrap again && ln -s ../../var/task/next chain && ln -s /var/task/inside next \
                  && echo inside >inside && cat \"$2\" >start";
    output_of(privileged("sh").args(["-euc", script, "sh"]).arg(root).arg(start));
}
