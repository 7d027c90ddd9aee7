//! What a layer's archive says of one name, in the words of a file system.

use serde::{Deserialize, Serialize};

/// One entry of a layer's archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Relative to the root, its components separated by single slashes; empty for the root itself.
    pub path: &'a [u8],
    /// Permissions, and the bits for set-user-id, set-group-id and sticky: `0o7777` at most.
    pub mode: u16,
    /// What it is.
    pub kind: EntryKind<'a>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind<'a> {
    /// A regular file, of so many bytes.
    File {
        /// Bytes as read from it; holes of a sparse file count.
        size: u64,
        /// What its content says, when that matters here.
        content: Option<FileContent>,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// As written: absolute, or relative to the folder of the link.
        target: &'a [u8],
    },
    /// Another name for a file of this layer or one below.
    HardLink {
        /// The other name, as [`Entry::path`] is written.
        target: &'a [u8],
    },
    /// A device or a pipe.
    Special,
}

/// What was seen of a regular file's content while it went by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileContent {
    /// Something that a kernel can start.
    Program(Program),
    /// The text of one of the few small files that decide how programs start.
    Text(Vec<u8>),
    /// A private key, by its first line.
    PrivateKey,
}

impl FileContent {
    /// How many bytes of memory it takes, roughly.
    pub fn memory(&self) -> usize {
        /// What an allocation costs beside its bytes.
        const EACH: usize = size_of::<Vec<u8>>() + 16;
        let text = |text: &Vec<u8>| EACH + text.len();
        let more = match self {
            Self::Text(kept) => text(kept),
            Self::PrivateKey => 0,
            Self::Program(Program { form: ProgramForm::Script { interpreter, argument }, .. }) => {
                text(interpreter) + argument.as_ref().map_or(0, text)
            }
            Self::Program(Program { form: ProgramForm::Elf(elf), .. }) => {
                let needed = elf.needed.iter().flatten().map(text);
                let paths = elf.loader.iter().chain(&elf.search_path).map(text);
                needed.chain(paths).sum()
            }
        };
        size_of::<Self>() + more
    }
}

/// A file that begins as a program does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// How the kernel starts it.
    pub form: ProgramForm,
    /// Whether its bytes name Lambda's runtime API, or one of AWS's clients of it.
    pub names_runtime_api: bool,
}

/// How the kernel starts a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProgramForm {
    /// `#!INTERPRETER ARGUMENT`
    Script {
        /// The path after `#!`.
        interpreter: Vec<u8>,
        /// What follows on that line, as one argument; for `env` the program to look for.
        argument: Option<Vec<u8>>,
    },
    /// An ELF executable or library.
    Elf(ElfProgram),
}

/// What an ELF file's headers say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElfProgram {
    /// `e_machine`: 62 is x86_64, 183 is arm64.
    pub machine: u16,
    /// Whether it is a 64-bit file.
    pub is_64_bit: bool,
    /// The dynamic loader (`PT_INTERP`); none for a static program or a library.
    pub loader: Option<Vec<u8>>,
    /// The libraries that it needs (`DT_NEEDED`); none when the list lies where the scan does not look.
    pub needed: Option<Vec<Vec<u8>>>,
    /// Where it wants them to be looked for (`DT_RUNPATH`, `DT_RPATH`), separated by colons.
    pub search_path: Option<Vec<u8>>,
}
