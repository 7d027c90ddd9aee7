//! Something in the image speaks to Lambda's runtime API.

use crate::image::LocalImage;
use crate::preflight::start::Start;
use crate::preflight::{Check, Finding, Judge, Wanted};
use crate::rootfs::{FileSystem, ImageContents, NodeKind};

/// AWS's clients, and the adapter for web servers, as they are found on disk: the name of a file or folder, and of the folder it lies in.
const CLIENTS: [(&[u8], &[u8]); 6] = [
    (b"awslambdaric", b"site-packages"),
    (b"awslambdaric", b"dist-packages"),
    (b"awslambdaric", b"task"),
    (b"aws-lambda-ric", b"node_modules"),
    (b"bootstrap", b"runtime"),
    (b"lambda-adapter", b"extensions"),
];
const WEB_ADAPTER: &[u8] = b"/opt/extensions/lambda-adapter";

pub(super) const CHECK: Check = Check {
    id: "runtime-client",
    requirement: "The container image must implement the Lambda runtime API: by a base image of AWS, by a runtime interface client, or by \
                  a program that speaks it itself. Without one every invocation ends with a timeout or `Runtime.ExitError`.",
    evidence: "Names that only a client of the API has: awslambdaric, aws-lambda-ric, /var/runtime/bootstrap, lambda-adapter, and \
               AWS_LAMBDA_RUNTIME_API in the program that starts. A client may have none of them, so this never refuses.",
    remedy: "Add the runtime interface client of your language to the image; `lambda-lift check --run` shows whether it answers.",
    may_be_allowed: true,
    judge: Judge::Files(judge),
};

fn judge(image: &LocalImage, wanted: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let files = &contents.files;
    let Some(start) = Start::of(image, wanted) else { return Vec::new() };
    if files.resolve(WEB_ADAPTER).is_ok() {
        return vec![Finding::info(
            CHECK.id,
            "the image has the Lambda Web Adapter, which turns invocations into HTTP requests for your server",
        )];
    }
    let programs = start.programs(files);
    let found: Vec<_> =
        programs.iter().filter_map(|started| Some(started.found.as_ref().ok()?.node)).collect();
    // What is not there, or no file, has a finding of its own.
    if found.len() < programs.len() || found.iter().any(|node| node.kind() != NodeKind::File) {
        return Vec::new();
    }
    let mut speaks = found.iter().filter_map(|node| node.program());
    let is_named = start
        .arguments
        .iter()
        .any(|argument| argument.contains("awslambdaric") || argument.contains("aws-lambda-ric"));
    let has_client = has_client(files);
    if speaks.any(|program| program.names_runtime_api) || has_client {
        return Vec::new();
    }
    let found =
        if is_named { "the client that the command line names" } else { "a client of Lambda's runtime API" };
    vec![Finding::warn(
        CHECK.id,
        format!("{found} was not found in the image, and {} does not look like one", start.arguments[0]),
        "add the runtime interface client of your language (pip install awslambdaric, npm install aws-lambda-ric, …), or start from a base image of AWS",
    )]
}

fn has_client(files: &FileSystem) -> bool {
    files.root().descendants().any(|node| {
        let name = node.name();
        if node.kind() == NodeKind::File && node.program().is_some_and(|program| program.names_runtime_api) {
            return true;
        }
        CLIENTS.iter().any(|(client, folder)| {
            name == *client && {
                let path = node.raw_path();
                let parent = &path[..path.len() - name.len() - 1];
                parent.ends_with(folder)
            }
        })
    })
}
