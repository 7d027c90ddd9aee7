//! What is started finds its loader and its libraries.

use crate::image::LocalImage;
use crate::layer::ProgramForm;
use crate::preflight::start::{Start, Started};
use crate::preflight::{Check, Finding, Judge, Wanted};
use crate::rootfs::{FileSystem, ImageContents, MissingLibrary, Node};

/// What Lambda has in LD_LIBRARY_PATH for every function.
const OF_LAMBDA: &str =
    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib";

pub(super) const CHECK: Check = Check {
    id: "entrypoint-libraries",
    requirement: "A dynamic program needs its loader and its shared libraries in the image. Without the loader it fails with `no such \
                  file or directory`, though the program itself is there.",
    evidence: "PT_INTERP, DT_NEEDED and DT_RUNPATH of the program that starts, of its libraries, and the folders of `ld.so.conf`.",
    remedy: "Install the library in the image, build for the C library that the image has (glibc or musl), or link statically.",
    may_be_allowed: true,
    judge: Judge::Files(judge),
};

fn judge(image: &LocalImage, wanted: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let files = &contents.files;
    let Some(start) = Start::of(image, wanted) else { return Vec::new() };
    let programs = start.programs(files);
    let Some(node) = programs.last().and_then(Started::own_node) else { return Vec::new() };
    let Some(ProgramForm::Elf(elf)) = node.program().map(|program| &program.form) else { return Vec::new() };
    let path = node.path();
    if let Some(loader) = &elf.loader
        && let Err(why) = files.resolve(loader)
    {
        let musl = if loader.windows(4).any(|part| part == b"musl") { "musl (Alpine)" } else { "glibc" };
        return vec![
            Finding::refuse(
                CHECK.id,
                format!("{path} needs a dynamic loader that the image lacks: {why}"),
                format!("it was built for {musl}: build it in the image's own base, or link it statically"),
            )
            .about([path]),
        ];
    }
    let search = [start.library_folders().join(":").as_str(), OF_LAMBDA].join(":");
    match files.missing_libraries(node, search.as_bytes()) {
        None => vec![
            Finding::unknown(
                CHECK.id,
                format!("the libraries that {path} needs could not be told"),
                "see that it starts: lambda-lift check --run, or docker run",
            )
            .about([path]),
        ],
        Some(missing) => {
            missing.first().map(|first| told(first, &missing, files).about([path])).into_iter().collect()
        }
    }
}

fn told(first: &MissingLibrary, missing: &[MissingLibrary], files: &FileSystem) -> Finding {
    let MissingLibrary { name, needed_by } = first;
    let others = match missing.len() - 1 {
        0 => String::new(),
        others => format!(", and {others} more"),
    };
    match files.root().descendants().find(|node| node.name() == name.as_bytes()) {
        // A program may set the search up for itself in ways that no file tells.
        Some(elsewhere) => Finding::warn(
            CHECK.id,
            format!(
                "{needed_by} needs {name}, which is only where no loader looks: {}{others}",
                elsewhere.path()
            ),
            format!("set LD_LIBRARY_PATH to {}, or run ldconfig in the Dockerfile", folder_of(elsewhere)),
        ),
        None => Finding::refuse(
            CHECK.id,
            format!("{needed_by} needs the library {name}, which is not in the image{others}"),
            "install the package that has it in the image, or link statically",
        ),
    }
}

fn folder_of(node: Node<'_>) -> String {
    let path = node.path();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    if folder.is_empty() { "/".to_owned() } else { folder.to_owned() }
}
