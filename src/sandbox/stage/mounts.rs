//! What is mounted: the room for the image, and in it /proc, a small /dev, /tmp, and then nothing that can be written any more.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, StatVfsMountFlags, openat, statvfs};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount};

use super::unpack::make_folders;
use super::{StageError, Tried as _};
use crate::sandbox::wire::{Blueprint, Room};

/// The devices that Lambda has too. There is no /dev/shm and no terminal.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// The most inodes of /tmp and of an image in memory.
const INODES: u64 = 5_000_000;

/// Devices of the host, open by name only, so that they can be bound inside after the root was changed.
pub(super) struct Devices(Vec<(&'static str, OwnedFd)>);

impl Devices {
    pub(super) fn open() -> io::Result<Self> {
        let open = |name: &'static str| {
            let descriptor = openat(
                CWD,
                format!("/dev/{name}"),
                OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::empty(),
            )?;
            Ok((name, descriptor))
        };
        DEVICES.into_iter().map(open).collect::<io::Result<_>>().map(Self)
    }
}

/// Cuts the mounts of this namespace off from those of the host, and puts the room in place.
pub(super) fn lay_out(blueprint: &Blueprint) -> Result<(), StageError> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .tried("cut the mounts off from those of this machine")?;
    match blueprint.room {
        Room::Memory => {
            let flags = MountFlags::NOSUID | MountFlags::NODEV;
            // Folders and links take room too.
            tmpfs(&blueprint.root, flags, blueprint.room_bytes + (256 << 10), 0o755)
        }
        Room::Disk => mount_bind(&blueprint.root, &blueprint.root).map_err(io::Error::from),
    }
    .tried("make room for the image's files")
}

fn tmpfs(target: &Path, flags: MountFlags, bytes: u64, mode: u32) -> io::Result<()> {
    let pages = bytes.div_ceil(4096);
    let options = format!("size={},nr_inodes={},mode={mode:o}", pages * 4096, pages.clamp(1024, INODES));
    let options = CString::new(options).map_err(io::Error::other)?;
    Ok(mount("tmpfs", target, "tmpfs", flags, options.as_c_str())?)
}

/// Furnishes the image's root, which is this process's own by now.
pub(super) fn furnish(blueprint: &Blueprint, devices: &Devices) -> Result<(), StageError> {
    for (name, mode) in [("/proc", 0o555), ("/dev", 0o755), ("/tmp", 0o1777)] {
        empty_folder(Path::new(name), mode).tried(format!("make the folder {name}"))?;
    }
    name_resolution().tried("name localhost in /etc/hosts")?;
    let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", quiet, None).tried("mount /proc of the new process namespace")?;
    tmpfs(Path::new("/dev"), MountFlags::NOSUID | MountFlags::NOEXEC, 64 << 10, 0o755).tried("mount /dev")?;
    furnish_devices(devices).tried("furnish /dev")?;
    seal(Path::new("/dev")).tried("make /dev read-only")?;
    tmpfs(Path::new("/tmp"), MountFlags::NOSUID | MountFlags::NODEV, blueprint.temporary_bytes, 0o1777)
        .tried("mount /tmp")?;
    let flags = statvfs("/").map_err(io::Error::from).tried("look at the mount of the root")?.f_flag;
    if flags.contains(StatVfsMountFlags::NOEXEC) {
        let reason = io::Error::other("nothing may be executed on that file system (mounted noexec)");
        return Err(reason).tried("run the image from the folder it was unpacked into");
    }
    seal(Path::new("/")).tried("make the root read-only")
}

/// Makes a mount read-only. What the host forbids on it stays forbidden: the kernel lets nobody in a user namespace take that away.
fn seal(target: &Path) -> io::Result<()> {
    let found = statvfs(target)?.f_flag;
    let mut flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID;
    for (is, flag) in [
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if found.contains(is) {
            flags |= flag;
        }
    }
    Ok(mount_remount(target, flags, c"")?)
}

/// A real folder of that name, whatever the image has there.
fn empty_folder(path: &Path, mode: u32) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// An image need not know `localhost`: whoever runs it tells it. So do Docker and Lambda.
fn name_resolution() -> io::Result<()> {
    let path = Path::new("/etc/hosts");
    if fs::metadata(path).is_ok_and(|found| found.len() > 0) {
        return Ok(());
    }
    // A link there that leads nowhere is the image's own affair.
    if fs::symlink_metadata("/etc").is_ok() && !fs::metadata("/etc").is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    make_folders(Path::new("/etc"))?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::write(path, "127.0.0.1 localhost\n")?;
    fs::set_permissions(path, Permissions::from_mode(0o644))
}

fn furnish_devices(devices: &Devices) -> io::Result<()> {
    for (name, descriptor) in &devices.0 {
        let place = format!("/dev/{name}");
        File::create(&place)?;
        mount_bind(format!("/proc/self/fd/{}", descriptor.as_raw_fd()), &place)?;
    }
    for (name, target) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
        symlink(format!("/proc/self/fd{target}"), format!("/dev/{name}"))?;
    }
    // That they can be opened is what a program will find out first.
    OpenOptions::new().write(true).open("/dev/null").map(|_| ())
}
