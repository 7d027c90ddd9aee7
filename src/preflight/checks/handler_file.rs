//! The file that a handler is in is there.

use crate::image::LocalImage;
use crate::preflight::start::{Start, variable};
use crate::preflight::{Check, Finding, Judge, Wanted};
use crate::rootfs::{FileSystem, ImageContents, NodeKind};

/// What the base images of AWS start.
const BASE_IMAGE: &str = "/lambda-entrypoint.sh";
/// Where a base image has its language.
const LANGUAGES: &[u8] = b"/var/lang/bin";
const TASK_ROOT: &str = "/var/task";

pub(super) const CHECK: Check = Check {
    id: "handler-file",
    requirement: "The clients of Lambda's runtime API for Python and Node.js load the handler that CMD names: `app.handler` is `handler` in app.py, or in \
                  app.js, app.mjs or app.cjs. Without that file every invocation fails (`Runtime.ImportModuleError`).",
    evidence: "The handler in the command line, where it starts awslambdaric, aws-lambda-ric or a base image of AWS, and the files in WORKDIR and \
               LAMBDA_TASK_ROOT; for Python also PYTHONPATH and installed packages, for Node.js node_modules. Handlers of other clients are not judged.",
    remedy: "COPY the file to where it is looked for, or correct CMD.",
    may_be_allowed: true,
    judge: Judge::Files(judge),
};

/// A client that loads handlers from files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Python,
    Node,
}

fn judge(image: &LocalImage, wanted: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let files = &contents.files;
    let Some(start) = Start::of(image, wanted) else { return Vec::new() };
    let Some((client, handler)) = client_of(&start.arguments, files) else { return Vec::new() };
    let warn = |message: String, hint: &str| vec![Finding::warn(CHECK.id, message, hint)];
    let Some(handler) = handler else {
        let name = "name it in CMD, such as CMD [\"app.handler\"], or with --command";
        return warn(format!("{} is started without the name of a handler", start.arguments[0]), name);
    };
    let Some(module) = client.module(handler) else {
        let form = "write it as FILE.FUNCTION, such as app.handler";
        return warn(format!("the handler {handler:?} names no file and no function"), form);
    };
    let roots = roots(image, &start);
    if client.finds(files, &module, &roots, image) {
        return Vec::new();
    }
    let looked: Vec<&str> = roots.iter().map(String::as_str).collect();
    let names = client.file_names(&module).join(", ");
    warn(
        format!("the handler {handler} is in none of {names} in {}", looked.join(" or ")),
        "COPY the file there, or correct CMD",
    )
}

/// The client that the command line starts, and the handler that it gives to it.
fn client_of<'a>(arguments: &'a [String], files: &FileSystem) -> Option<(Client, Option<&'a str>)> {
    let place = |name: &str| {
        arguments.iter().position(|argument| argument.rsplit('/').next().is_some_and(|last| last == name))
    };
    let after = |place: usize| arguments.get(place + 1).map(String::as_str);
    if let Some(place) = place("awslambdaric") {
        return Some((Client::Python, after(place)));
    }
    if let Some(place) = place("aws-lambda-ric") {
        return Some((Client::Node, after(place)));
    }
    if arguments[0] != BASE_IMAGE {
        return None;
    }
    let folder = files.resolve(LANGUAGES).ok()?.node;
    let has = |name: &[u8]| folder.children().any(|node| node.name().starts_with(name));
    match (has(b"python3"), has(b"node")) {
        (true, false) => Some((Client::Python, after(0))),
        (false, true) => Some((Client::Node, after(0))),
        _ => None,
    }
}

/// Where handlers are looked for.
fn roots(image: &LocalImage, start: &Start) -> Vec<String> {
    let task_root = variable(image, "LAMBDA_TASK_ROOT").unwrap_or(TASK_ROOT);
    let mut roots = vec![start.folder.clone(), task_root.to_owned()];
    roots.dedup();
    roots
}

impl Client {
    /// The path of the file that a handler is in, without an ending.
    fn module(self, handler: &str) -> Option<String> {
        let module = match self {
            Self::Python => handler.rsplit_once('.')?.0.replace('.', "/"),
            // Only the name after the last slash is cut, at its first dot.
            Self::Node => {
                let name_at = handler.rfind('/').map_or(0, |slash| slash + 1);
                let dot = handler[name_at..].find('.')? + name_at;
                handler[..dot].to_owned()
            }
        };
        let module = module.trim_start_matches("./").to_owned();
        (!module.is_empty()).then_some(module)
    }

    fn file_names(self, module: &str) -> Vec<String> {
        let endings: &[&str] = match self {
            Self::Python => &[".py", "/__init__.py"],
            Self::Node => &[".js", ".mjs", ".cjs"],
        };
        endings.iter().map(|ending| format!("{module}{ending}")).collect()
    }

    fn finds(self, files: &FileSystem, module: &str, roots: &[String], image: &LocalImage) -> bool {
        let is_there = |path: &str| files.resolve(path.as_bytes()).is_ok();
        let names = self.file_names(module);
        let in_folder = |root: &str| {
            names.iter().any(|name| is_there(&format!("{root}/{name}")))
                || self.is_of_another_form(files, root, module)
        };
        if roots.iter().any(|root| in_folder(root)) {
            return true;
        }
        match self {
            Self::Python => {
                let named = variable(image, "PYTHONPATH").unwrap_or_default().split(':');
                named.filter(|folder| !folder.is_empty()).any(in_folder) || is_installed(files, module)
            }
            Self::Node => roots.iter().any(|root| is_there(&format!("{root}/node_modules/{module}"))),
        }
    }

    /// A compiled module or a package without `__init__`; a file without an ending, or a folder with an index.
    fn is_of_another_form(self, files: &FileSystem, root: &str, module: &str) -> bool {
        let path = format!("{root}/{module}");
        if files.resolve(path.as_bytes()).is_ok() {
            return true;
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let is_compiled = |other: &[u8]| {
            let rest = other.strip_prefix(name.as_bytes());
            rest.is_some_and(|rest| {
                rest.starts_with(b".") && (rest.ends_with(b".so") || rest.ends_with(b".pyc"))
            })
        };
        let Ok(folder) = files.resolve(format!("{folder}/").as_bytes()) else { return false };
        self == Self::Python && folder.node.children().any(|node| is_compiled(node.name()))
    }
}

/// Whether a module is in a folder of installed packages, by its first name.
fn is_installed(files: &FileSystem, module: &str) -> bool {
    let first = module.split('/').next().unwrap_or(module).as_bytes();
    let is_packages = |name: &[u8]| name == b"site-packages" || name == b"dist-packages";
    files.root().descendants().any(|node| {
        node.kind() == NodeKind::Folder
            && is_packages(node.name())
            && (node.child(first).is_some() || node.child(&[first, b".py"].concat()).is_some())
    })
}
