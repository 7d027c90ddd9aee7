//! Images from the programs that build containers: Docker, podman, buildah.

use std::path::Path;
use std::process::Command;

use super::{Images, LocalImage};
use crate::Dockerd;
use crate::tool::{output_of, privileged};

impl Images {
    /// `docker save` of an image that a Docker daemon built.
    pub fn docker_save(&self, note: &str) -> LocalImage {
        let path = self.kept("docker-save.tar", note, |file| {
            let docker = Dockerd::start();
            docker.build("hello:docker", self.content.context(note).path());
            docker.save(&["hello:docker"], file);
        });
        LocalImage::file("docker-archive", path)
    }

    /// `docker save` of two images in one archive: `hello:one` and `hello:two`.
    pub fn docker_save_of_two(&self) -> LocalImage {
        let path = self.kept("docker-save-two.tar", "two images", |file| {
            let docker = Dockerd::start();
            for tag in ["one", "two"] {
                docker.build(&format!("hello:{tag}"), self.content.context(tag).path());
            }
            docker.save(&["hello:one", "hello:two"], file);
        });
        LocalImage::file("docker-archive", path)
    }

    /// `podman save --format docker-archive`.
    pub fn podman_docker_archive(&self, note: &str) -> LocalImage {
        let path = self.kept("podman-docker.tar", note, |file| {
            let store = Store::new("podman");
            store.build("hello:podman", self.content.context(note).path());
            store.run(&[
                "save",
                "--quiet",
                "--format=docker-archive",
                "--output",
                &text(file),
                "hello:podman",
            ]);
        });
        LocalImage::file("docker-archive", path)
    }

    /// `podman save --format oci-archive`.
    pub fn podman_oci_archive(&self, note: &str) -> LocalImage {
        let path = self.kept("podman-oci.tar", note, |file| {
            let store = Store::new("podman");
            store.build("hello:podman", self.content.context(note).path());
            store.run(&["save", "--quiet", "--format=oci-archive", "--output", &text(file), "hello:podman"]);
        });
        LocalImage::file("oci-archive", path)
    }

    /// `buildah push docker-archive:`.
    pub fn buildah_docker_archive(&self, note: &str) -> LocalImage {
        let path =
            self.kept("buildah-docker.tar", note, |file| self.buildah_push(note, "docker-archive", file));
        LocalImage::file("docker-archive", path)
    }

    /// `buildah push oci-archive:`.
    pub fn buildah_oci_archive(&self, note: &str) -> LocalImage {
        let path = self.kept("buildah-oci.tar", note, |file| self.buildah_push(note, "oci-archive", file));
        LocalImage::file("oci-archive", path)
    }

    fn buildah_push(&self, note: &str, format: &str, file: &Path) {
        let store = Store::new("buildah");
        store.build("hello:buildah", self.content.context(note).path());
        store.run(&["push", "--quiet", "hello:buildah", &format!("{format}:{}:hello:buildah", text(file))]);
    }

    /// An index of the two architectures that Lambda has, by `buildah manifest push --all oci-archive:`. The binary
    /// in both is the same: nothing here runs it.
    pub fn buildah_two_architectures(&self, note: &str) -> LocalImage {
        let path = self.kept("buildah-two-architectures.tar", note, |file| {
            let store = Store::new("buildah");
            let context = self.content.context(note);
            store.run(&["manifest", "create", "two"]);
            for platform in ["linux/amd64", "linux/arm64"] {
                let context = text(context.path());
                store.run(&[
                    "build",
                    "--quiet",
                    "--isolation=chroot",
                    "--platform",
                    platform,
                    "--manifest=two",
                    &context,
                ]);
            }
            store.run(&[
                "manifest",
                "push",
                "--quiet",
                "--all",
                "two",
                &format!("oci-archive:{}:two", text(file)),
            ]);
        });
        LocalImage::file("oci-archive", path)
    }
}

/// podman's or buildah's storage in a folder of its own. Both need root for it, and neither needs more here.
pub(super) struct Store {
    program: &'static str,
    folder: tempfile::TempDir,
}

impl Store {
    pub(super) fn new(program: &'static str) -> Self {
        Self { program, folder: crate::server::folder(program) }
    }

    fn build(&self, tag: &str, context: &Path) {
        self.run(&["build", "--quiet", "--isolation=chroot", "--tag", tag, &text(context)]);
    }

    pub(super) fn run(&self, arguments: &[&str]) {
        output_of(self.command().args(arguments));
    }

    fn command(&self) -> Command {
        let mut command = privileged(self.program);
        let path = |name: &str| text(&self.folder.path().join(name));
        // Copying files needs neither an overlay nor a mount, so it works inside containers too.
        command.args(["--storage-driver=vfs", "--root", &path("root"), "--runroot", &path("run")]);
        command
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The files may belong to root, and some of them are mounts' remains that only root may remove.
        let _ = privileged("rm").arg("-rf").arg(self.folder.path()).status();
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
