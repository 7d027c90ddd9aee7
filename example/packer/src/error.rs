//! What can go wrong while packing.

use std::io;
use std::path::PathBuf;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// cargo or rustc could not be run, or failed; their own words are on standard error.
    #[error("{0} failed; see its messages above")]
    Build(&'static str),
    /// cargo ended well without naming the function's binary.
    #[error("cargo built no binary named bootstrap")]
    NoBinary,
    /// Only Linux runs in Lambda, on one of two instruction sets.
    #[error(
        "the example builds for the machine it is on, and Lambda does not run {0}; use Linux on x86_64 or arm64"
    )]
    Host(String),
    /// The linker made something else than a static executable.
    #[error("{} is not a static executable: {reason}; install the static C library (libc6-dev, glibc-static)", path.display())]
    NotStatic {
        /// The binary.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A destination that names no format, or no file.
    #[error(
        "'{0}' is no destination; use docker-archive:FILE[:REFERENCE], oci-archive:FILE[:REFERENCE] or oci:DIR[:REFERENCE]"
    )]
    Destination(String),
    /// A file could not be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
