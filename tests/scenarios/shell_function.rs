//! A function that does what its event says: a shell script that is its own runtime, in an image of this machine's bash and its libraries.

use std::path::Path;
use std::process::Command;

use crate::image::{Image, layer};

/// Registers, and neither goes by SIGTERM nor when it is told that it is over.
const EXTENSION: &str = r#"#!/bin/bash
trap '' TERM
host=${AWS_LAMBDA_RUNTIME_API%:*} port=${AWS_LAMBDA_RUNTIME_API#*:}
ask() {
    exec 3<>"/dev/tcp/$host/$port"
    printf '%s /2020-01-01/extension/%s HTTP/1.1\r\nHost: api\r\nConnection: close\r\n%s\r\nContent-Length: %s\r\n\r\n%s' \
        "$1" "$2" "$3" "${#4}" "$4" >&3
    while IFS= read -r line <&3; do
        line=${line%$'\r'}
        [ -z "$line" ] && break
        case ${line,,} in lambda-extension-identifier:*) identifier=${line#*: } ;; esac
    done
    IFS= read -r -d '' body <&3
    exec 3>&-
}
ask POST register "Lambda-Extension-Name: stubborn" '{"events":["SHUTDOWN"]}'
echo "the extension is there"
ask GET event/next "Lambda-Extension-Identifier: $identifier" ""
while :; do :; done
"#;

/// `{"read": …}` (a file that may be closed), `{"exit": 7}`, `{"hang": true}`, `{"wait": true}` (half a second), `{"fail": true}`, `{"eat": true}` (all memory); anything else is answered with how many events this
/// process has had, and the event.
const SCRIPT: &str = r#"#!/bin/bash
host=${AWS_LAMBDA_RUNTIME_API%:*} port=${AWS_LAMBDA_RUNTIME_API#*:}
call() {
    exec 3<>"/dev/tcp/$host/$port"
    printf '%s /2018-06-01/runtime/%s HTTP/1.1\r\nHost: api\r\nConnection: close\r\nContent-Length: %s\r\n\r\n%s' \
        "$1" "$2" "${#3}" "$3" >&3
    while IFS= read -r line <&3; do
        line=${line%$'\r'}
        [ -z "$line" ] && break
        case ${line,,} in
        lambda-runtime-aws-request-id:*) id=${line#*: } ;;
        lambda-runtime-invoked-function-arn:*) arn=${line#*: } ;;
        lambda-runtime-client-context:*) context=${line#*: } ;;
        esac
    done
    IFS= read -r -d '' body <&3
    exec 3>&-
}
echo "begins"
count=0
while :; do
    context=null
    call GET invocation/next
    count=$((count + 1))
    echo "event $count"
    case $body in
    *read*) read -r content 2>/dev/null </var/task/closed ;;
    *exit*) exit 7 ;;
    *eat*) all=xxxxxxxxxxxxxxxx; while :; do all=$all$all; done ;;
    *hang*) while :; do :; done ;;
    *wait*) exec 4<>"/dev/tcp/$host/$port"; read -r -t 0.5 -u 4 ;;
    *fail*)
        call POST "invocation/$id/error" '{"errorType":"Refused","errorMessage":"not this one","stackTrace":["here"],"more":1}'
        continue
        ;;
    esac
    call POST "invocation/$id/response" \
        "{\"count\":$count,\"event\":$body,\"arn\":\"$arn\",\"version\":\"$AWS_LAMBDA_FUNCTION_VERSION\",\"greeting\":\"$GREETING\",\"memory\":\"$AWS_LAMBDA_FUNCTION_MEMORY_SIZE\",\"word\":\"$1\",\"read\":\"$content\",\"context\":$context}"
done
"#;

/// The same with an extension that does not go by itself.
pub(crate) fn with_stubborn_extension() -> Image {
    let mut image = image("stubborn");
    image.layers.push(layer("opt/extensions/stubborn-of-the-tests", EXTENSION.as_bytes()));
    image
}

/// The image. What differs in `note` differs in the image's digest.
pub(crate) fn image(note: &str) -> Image {
    let mut files = vec![("var/task/bootstrap".to_owned(), SCRIPT.as_bytes().to_vec())];
    files.push(("var/task/note".to_owned(), note.as_bytes().to_vec()));
    files.push(("bin/bash".to_owned(), std::fs::read("/bin/bash").unwrap()));
    let output = Command::new("ldd").arg("/bin/bash").output().unwrap();
    for word in String::from_utf8(output.stdout).unwrap().split_whitespace() {
        if word.starts_with('/') && Path::new(word).is_file() {
            // Where links of a merged /usr lead is no matter: the loader looks for these names.
            files.push((word.trim_start_matches('/').to_owned(), std::fs::read(word).unwrap()));
        }
    }
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let layers = files.iter().map(|(path, content)| layer(path, content)).collect();
    Image { layers, architecture, ..Image::small("shell") }
}
