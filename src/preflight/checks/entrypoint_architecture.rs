//! What is started is built for the architecture that the function has.

use crate::image::LocalImage;
use crate::layer::{ElfProgram, ProgramForm};
use crate::name::Architecture;
use crate::preflight::start::Start;
use crate::preflight::{Check, Finding, Judge, Wanted};
use crate::rootfs::ImageContents;

pub(super) const CHECK: Check = Check {
    id: "entrypoint-architecture",
    requirement: "The program that starts must be built for the function's architecture, whatever the image's configuration says. \
                  Lambda does not notice at deploy: the first invocation fails with `exec format error`.",
    evidence: "`e_machine` in the ELF header of the entry point, or of the interpreter of a script.",
    remedy: "Build the program for that architecture, or build the image with `docker build --platform`.",
    may_be_allowed: true,
    judge: Judge::Entries(judge),
};

fn judge(image: &LocalImage, wanted: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let files = &contents.files;
    let Some(expected) = wanted.architecture.or(image.config.architecture) else { return Vec::new() };
    let Some(start) = Start::of(image, wanted) else { return Vec::new() };
    let programs = start.programs(files).into_iter();
    let unfit = programs.take_while(|started| started.is_told_by(contents)).find_map(|started| {
        let node = started.own_node()?;
        let ProgramForm::Elf(elf) = &node.program()?.form else { return None };
        (machine_of(expected) != (elf.machine, elf.is_64_bit)).then(|| (node.path(), machine_name(elf)))
    });
    let Some((path, built_for)) = unfit else { return Vec::new() };
    vec![
        Finding::refuse(
            CHECK.id,
            format!("{path} is built for {built_for}, but the image is for {expected}"),
            format!("build it for {expected}: docker build --platform linux/{}", expected.oci_name()),
        )
        .about([path]),
    ]
}

/// `e_machine` and whether the file is a 64-bit one.
fn machine_of(architecture: Architecture) -> (u16, bool) {
    match architecture {
        Architecture::X86_64 => (62, true),
        Architecture::Arm64 => (183, true),
    }
}

fn machine_name(elf: &ElfProgram) -> String {
    let name = match elf.machine {
        3 => "32-bit x86",
        8 => "MIPS",
        21 => "64-bit PowerPC",
        22 => "S/390",
        40 => "32-bit ARM",
        62 if elf.is_64_bit => "x86_64",
        62 => "x32",
        183 => "arm64",
        243 => "RISC-V",
        258 => "LoongArch",
        other => return format!("another machine (ELF number {other})"),
    };
    name.to_owned()
}
