//! Looks at a regular file's content while it goes by: is it a program, and what does it need to start?
//!
//! Most files are decided by their first bytes and cost nothing more.

use memchr::memmem;

use super::elf::{ElfGather, MAGIC};
use super::entry::{FileContent, Program, ProgramForm};

/// The kernel reads no more of a first line than that (`BINPRM_BUF_SIZE`).
const LONGEST_FIRST_LINE: usize = 256;
/// How much is kept of a script, or of a file whose text matters.
const LONGEST_TEXT: usize = 16 << 10;

/// The variable in which a runtime finds the address of Lambda's runtime API: no client can do without its name.
const RUNTIME_API: &[u8] = b"AWS_LAMBDA_RUNTIME_API";
/// AWS's clients of it, as scripts name them.
const RUNTIME_CLIENTS: [&[u8]; 2] = [b"awslambdaric", b"aws-lambda-ric"];

/// The scan of one file.
#[derive(Debug)]
pub(super) struct ProgramScan {
    /// Whether the whole text matters, because of the file's name.
    keeps_text: bool,
    head: Vec<u8>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Too little has been seen to decide.
    Undecided,
    /// Nothing of it matters.
    Unremarkable,
    /// Text that is kept: a script, or a file whose text matters.
    Text,
    Elf {
        gather: Box<ElfGather>,
        search: NameSearch,
    },
}

impl ProgramScan {
    pub(super) fn new(path: &[u8]) -> Self {
        Self { keeps_text: decides_how_programs_start(path), head: Vec::new(), state: State::Undecided }
    }

    /// Whether the rest of the file can be skipped.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Unremarkable)
    }

    pub(super) fn feed(&mut self, mut piece: &[u8]) {
        if matches!(self.state, State::Undecided) {
            let taken = piece.len().min(LONGEST_FIRST_LINE - self.head.len());
            self.head.extend_from_slice(&piece[..taken]);
            piece = &piece[taken..];
            if self.head.len() < LONGEST_FIRST_LINE {
                return;
            }
            self.decide();
        }
        match &mut self.state {
            State::Text => {
                let taken = piece.len().min(LONGEST_TEXT - self.head.len());
                self.head.extend_from_slice(&piece[..taken]);
            }
            State::Elf { gather, search } => {
                gather.feed(piece);
                search.feed(piece);
            }
            State::Undecided | State::Unremarkable => {}
        }
    }

    pub(super) fn finish(mut self) -> Option<FileContent> {
        if matches!(self.state, State::Undecided) {
            self.decide();
        }
        match self.state {
            State::Elf { gather, search } => {
                let form = ProgramForm::Elf(gather.finish()?);
                Some(FileContent::Program(Program { form, names_runtime_api: search.found }))
            }
            State::Text if self.keeps_text => Some(FileContent::Text(self.head)),
            State::Text => script(&self.head).map(FileContent::Program),
            _ => is_private_key(&self.head).then_some(FileContent::PrivateKey),
        }
    }

    fn decide(&mut self) {
        self.state = if self.head.starts_with(MAGIC) {
            let mut gather = Box::new(ElfGather::new());
            let mut search = NameSearch::default();
            gather.feed(&self.head);
            search.feed(&self.head);
            State::Elf { gather, search }
        } else if self.keeps_text || self.head.starts_with(b"#!") {
            State::Text
        } else {
            State::Unremarkable
        };
    }
}

/// Whether the text of the file at `path` says where libraries lie, or which system this is.
fn decides_how_programs_start(path: &[u8]) -> bool {
    let is_list_of_folders =
        path.starts_with(b"etc/ld") && (path.ends_with(b".conf") || path.ends_with(b".path"));
    is_list_of_folders || matches!(path, b"etc/os-release" | b"usr/lib/os-release")
}

fn script(text: &[u8]) -> Option<Program> {
    let head = &text[..text.len().min(LONGEST_FIRST_LINE)];
    let line = trim_blanks(head.split(|byte| *byte == b'\n').next()?.strip_prefix(b"#!")?);
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    let (interpreter, argument) = line.split_at(end);
    if interpreter.is_empty() {
        return None;
    }
    let argument = trim_blanks(argument);
    Some(Program {
        form: ProgramForm::Script {
            interpreter: interpreter.to_vec(),
            argument: (!argument.is_empty()).then(|| argument.to_vec()),
        },
        names_runtime_api: names_runtime_api(text),
    })
}

/// What the kernel takes for blank: a carriage return is none, but the last character of a name.
fn trim_blanks(mut line: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = line {
        line = rest;
    }
    line
}

fn is_private_key(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.starts_with(b"-----BEGIN ") && memmem::find(line, b"PRIVATE KEY-----").is_some()
}

fn names_runtime_api(text: &[u8]) -> bool {
    let mut names = RUNTIME_CLIENTS.into_iter().chain([RUNTIME_API]);
    names.any(|name| memmem::find(text, name).is_some())
}

/// Looks for the variable with the runtime API's address in content that comes in pieces.
#[derive(Debug, Default)]
struct NameSearch {
    found: bool,
    /// The end of what went by, in which the name may have begun.
    tail: Vec<u8>,
}

impl NameSearch {
    fn feed(&mut self, piece: &[u8]) {
        if self.found {
            return;
        }
        self.tail.extend_from_slice(&piece[..piece.len().min(RUNTIME_API.len())]);
        self.found = [&self.tail, piece].iter().any(|content| memmem::find(content, RUNTIME_API).is_some());
        if piece.len() > RUNTIME_API.len() {
            self.tail.clear();
            self.tail.extend_from_slice(&piece[piece.len() - RUNTIME_API.len()..]);
        } else {
            self.tail.drain(..self.tail.len().saturating_sub(RUNTIME_API.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(path: &str, content: &[u8], step: usize) -> Option<FileContent> {
        let mut scan = ProgramScan::new(path.as_bytes());
        content.chunks(step).for_each(|piece| scan.feed(piece));
        scan.finish()
    }

    fn script_of(text: &str) -> Option<(String, Option<String>, bool)> {
        let string = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        match scan("bin/x", text.as_bytes(), 100)? {
            FileContent::Program(Program {
                form: ProgramForm::Script { interpreter, argument },
                names_runtime_api,
            }) => Some((string(interpreter), argument.map(string), names_runtime_api)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn scripts_name_their_interpreter_and_one_argument() {
        let some = |interpreter: &str, argument: Option<&str>, names| {
            Some((interpreter.to_owned(), argument.map(str::to_owned), names))
        };
        assert_eq!(script_of("#!/bin/sh\nexec x\n"), some("/bin/sh", None, false));
        assert_eq!(
            script_of("#! /usr/bin/env -S node --no-warnings \n"),
            some("/usr/bin/env", Some("-S node --no-warnings"), false)
        );
        assert_eq!(
            script_of("#!/bin/sh\nexec python3 -m awslambdaric app.handler"),
            some("/bin/sh", None, true)
        );
        let late = format!("#!/bin/sh\n{}curl $AWS_LAMBDA_RUNTIME_API", "# a comment\n".repeat(200));
        assert_eq!(script_of(&late), some("/bin/sh", None, true));
        assert_eq!(script_of("#!/bin/sh\r\nx\r\n"), some("/bin/sh\r", None, false));
        assert_eq!(script_of("#!\t/bin/sh  -e x\t \r\n"), some("/bin/sh", Some("-e x\t \r"), false));
        assert_eq!(script_of("#!/bin/sh \t\n"), some("/bin/sh", None, false));
        assert_eq!(script_of("#!\n"), None);
        assert_eq!(script_of("#! \t\n"), None);
        assert_eq!(script_of("# no script"), None);
        assert_eq!(script_of(""), None);
    }

    #[test]
    fn the_few_texts_that_matter_are_kept_and_bounded() {
        let text = Some(FileContent::Text(b"/usr/local/lib\n".to_vec()));
        assert_eq!(scan("etc/ld.so.conf.d/libc.conf", b"/usr/local/lib\n", 3), text);
        assert_eq!(scan("etc/other.conf", b"/usr/local/lib\n", 3), None);
        match scan("etc/ld.so.conf", &vec![b'x'; 1 << 20], 1000) {
            Some(FileContent::Text(text)) => assert_eq!(text.len(), LONGEST_TEXT),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn private_keys_are_known_by_their_first_line() {
        let key = |kind: &str| format!("-----BEGIN {kind}PRIVATE KEY-----\nMIIE\n");
        for kind in ["", "RSA ", "OPENSSH ", "EC ", "ENCRYPTED "] {
            assert_eq!(scan("app/key.pem", key(kind).as_bytes(), 7), Some(FileContent::PrivateKey), "{kind}");
        }
        assert_eq!(scan("app/certificate.pem", b"-----BEGIN CERTIFICATE-----\nMIIE\n", 7), None);
    }

    #[test]
    fn a_name_is_found_wherever_the_pieces_part_it() {
        let content = [&[b'.'; 300][..], RUNTIME_API, &[b'.'; 300]].concat();
        for step in 1..330 {
            let mut search = NameSearch::default();
            content.chunks(step).for_each(|piece| search.feed(piece));
            assert!(search.found, "pieces of {step}");
        }
        let mut search = NameSearch::default();
        content.chunks(7).for_each(|piece| search.feed(&piece.to_ascii_lowercase()));
        assert!(!search.found);
    }
}
