//! What the tool and the stages of its sandbox say to each other over one socket: frames of a length and so many bytes.
//!
//! Most frames are a JSON message. While the image is unpacked the frames are the layers' bytes as stored: an empty frame ends
//! a layer, and means that the layer was verified.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The ids of Lambda's user `sbx_user1051`, as functions report them.
pub(super) const USER: u32 = 993;
/// Its group's.
pub(super) const GROUP: u32 = 990;

/// The longest frame. A peer that announces more is broken.
pub(super) const LARGEST_FRAME: usize = 16 << 20;

/// How ids of users and groups inside stand to those outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Identity {
    /// A user namespace with a range of ids: files have the owners that the image gives them.
    Range,
    /// A user namespace with one id: every file belongs to it. What "others" may do with a file is what its owner may then.
    Single,
    /// No user namespace: real ids.
    Real,
}

/// Where the merged file system is put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Room {
    /// Into memory, which nothing can leave behind.
    Memory,
    /// Into the folder itself.
    Disk,
}

/// How the sandbox is made. Each stage is told it in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Blueprint {
    /// Whether a user namespace is made.
    pub(super) user_namespace: bool,
    /// How ids stand.
    pub(super) identity: Identity,
    /// The folder that becomes the root.
    pub(super) root: PathBuf,
    /// Where its files are put.
    pub(super) room: Room,
    /// The most bytes that the files may take.
    pub(super) room_bytes: u64,
    /// The most entries that the layers may have in all.
    pub(super) entry_limit: u64,
    /// How many layers come.
    pub(super) layers: usize,
    /// The size of /tmp in bytes.
    pub(super) temporary_bytes: u64,
    /// The most memory that its processes may have together, in bytes.
    pub(super) memory_bytes: u64,
    /// The port of the runtime API on loopback.
    pub(super) port: u16,
}

/// A process to start in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Program {
    /// What it is called in messages to and fro.
    pub(super) label: u32,
    /// The program and its arguments.
    pub(super) arguments: Vec<String>,
    /// Its environment in full.
    pub(super) environment: Vec<(String, String)>,
    /// Its working directory.
    pub(super) directory: String,
    /// How ids stand, which decides how it becomes an unprivileged user.
    pub(super) identity: Identity,
    /// The sandbox's root as the host names it.
    pub(super) root: PathBuf,
    /// Whether its system calls are watched, which needs a tracer.
    pub(super) traced: bool,
}

/// What the tool tells a stage.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Command {
    /// How the sandbox is made.
    Build(Box<Blueprint>),
    /// The ids of the user namespace were mapped.
    Mapped,
    /// Start a program.
    Start(Box<Program>),
    /// Ask a program to end.
    Terminate(u32),
    /// Measure the memory now.
    Measure,
    /// End everything that runs in the sandbox, but not the sandbox.
    Clear,
}

/// What a stage tells the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Notice {
    /// The namespaces are there, and wait for their ids.
    Unshared,
    /// The listening socket of the runtime API comes with the next byte.
    Listening,
    /// The image lies there, read-only.
    Unpacked(Unpacked),
    /// Programs may be started.
    Ready,
    /// A program runs.
    Started {
        /// Which.
        label: u32,
        /// Whether its system calls are watched.
        watched: bool,
    },
    /// A program could not be started.
    NotStarted(u32, Refusal),
    /// A program has ended.
    Exited(u32, Ending),
    /// A call was refused.
    Denied(Denial),
    /// All of them together had more memory than they may, and were ended.
    MemoryExceeded,
    /// The most memory that they had so far, in bytes.
    Peak(u64),
    /// It was measured, and [`Peak`](Self::Peak) told before when there was more than ever.
    Measured,
    /// Nothing runs any more.
    Cleared,
    /// The sandbox cannot be made, or the image cannot be unpacked.
    Failed {
        /// What was tried.
        what: String,
        /// What came of it.
        reason: String,
        /// Whether there was too little room.
        full: bool,
    },
}

/// What unpacking gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unpacked {
    /// Entries of all layers.
    pub(super) entries: u64,
    /// Bytes of files written.
    pub(super) bytes: u64,
    /// Names of the executable files in /opt/extensions.
    pub(super) extensions: Vec<String>,
}

/// At which step, and with which error of the system, a program could not be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refusal {
    /// What was tried.
    pub(super) step: String,
    /// The system's error number; 0 when there was none.
    pub(super) errno: i32,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ending {
    /// By itself, with this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

/// A system call that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Denial {
    /// The call.
    pub(super) call: String,
    /// The path, as far as it is text.
    pub(super) path: String,
    /// The system's error number.
    pub(super) errno: i32,
    /// Whether it would have changed something.
    pub(super) writes: bool,
}

/// Writes a frame.
pub(super) fn write_frame(sink: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    sink.write_all(&length.to_le_bytes())?;
    sink.write_all(bytes)
}

/// Reads a frame. None at the end of the stream.
pub(super) fn read_frame(source: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match source.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = vec![0; frame_length(length)?];
    source.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

/// The length that a frame announces.
pub(super) fn frame_length(header: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(header) as usize;
    if length > LARGEST_FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is longer than any should be"));
    }
    Ok(length)
}

/// Writes a message.
pub(super) fn send(sink: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    write_frame(sink, &serde_json::to_vec(message)?)
}

/// Reads a message. None at the end of the stream.
pub(super) fn receive<T: for<'de> Deserialize<'de>>(source: &mut impl Read) -> io::Result<Option<T>> {
    Ok(match read_frame(source)? {
        Some(bytes) => Some(serde_json::from_slice(&bytes)?),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_received_and_an_end_is_no_error() {
        let mut bytes = Vec::new();
        send(&mut bytes, &Notice::Peak(7)).unwrap();
        write_frame(&mut bytes, b"").unwrap();
        let mut source = bytes.as_slice();
        assert_eq!(receive::<Notice>(&mut source).unwrap(), Some(Notice::Peak(7)));
        assert_eq!(read_frame(&mut source).unwrap(), Some(Vec::new()));
        assert_eq!(read_frame(&mut source).unwrap(), None);
    }

    #[test]
    fn a_length_beyond_all_sense_is_refused_before_anything_is_allocated() {
        assert!(read_frame(&mut [0xff; 8].as_slice()).is_err());
    }
}
