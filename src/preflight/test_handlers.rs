//! The check of the file that a handler is in, client by client.

use crate::image::LocalImage;
use crate::rootfs::samples::{Archive, X86_64, contents, elf};
use crate::samples::image;

use super::{Finding, Severity, Wanted, check_files};

const PYTHON: [&str; 4] = ["/usr/bin/python3", "-m", "awslambdaric", "app.handler"];
const NODE: [&str; 3] = ["/usr/bin/npx", "aws-lambda-ric", "app.handler"];
const BASE: [&str; 2] = ["/lambda-entrypoint.sh", "app.handler"];

/// A root with the programs of all of them, and one language of a base image.
fn root(language: &str) -> Archive {
    let program =
        |archive: Archive, path: &str| archive.with(path, 0o755, elf(X86_64, None, "AWS_LAMBDA_RUNTIME_API"));
    let paths = ["usr/bin/python3", "usr/bin/npx", "lambda-entrypoint.sh", language];
    paths.iter().fold(Archive::default().folder("var/task/"), |archive, path| program(archive, path))
}

fn judge(archive: Archive, command: &[&str], spoil: impl Fn(&mut LocalImage)) -> Vec<Finding> {
    let mut image = image();
    image.config.entrypoint = command.iter().map(|word| (*word).to_owned()).collect();
    image.config.working_directory = "/var/task".to_owned();
    spoil(&mut image);
    let findings = check_files(&image, &Wanted::default(), &contents(vec![archive.folders(), archive]));
    findings.into_iter().filter(|finding| finding.check == "handler-file").collect()
}

#[test]
fn a_handler_is_found_where_its_client_looks() {
    let python = "var/lang/bin/python3.12";
    let table: [(&[&str], &str, &str); 18] = [
        (&PYTHON, python, "var/task/app.py"),
        (&PYTHON, python, "var/task/app/__init__.py"),
        (&PYTHON, python, "var/task/app/other.py"),
        (&PYTHON, python, "var/task/app.cpython-312-x86_64-linux-gnu.so"),
        (&PYTHON, python, "usr/lib/python3/dist-packages/app/main.py"),
        (&["/usr/bin/python3", "-m", "awslambdaric", "src.app.handler"], python, "var/task/src/app.py"),
        (&["/usr/bin/python3", "-m", "awslambdaric", "src/app.handler"], python, "var/task/src/app.py"),
        (&["/usr/local/bin/awslambdaric", "app.handler"], python, "var/task/app.py"),
        (&BASE, python, "var/task/app.py"),
        (&NODE, python, "var/task/app.js"),
        (&NODE, python, "var/task/app.mjs"),
        (&NODE, python, "var/task/app.cjs"),
        (&NODE, python, "var/task/app/index.js"),
        (&NODE, python, "var/task/node_modules/app/package.json"),
        (&["/usr/bin/npx", "aws-lambda-ric", "dist/app.a.b"], python, "var/task/dist/app.js"),
        (&BASE, "var/lang/bin/node", "var/task/app.js"),
        // Whoever else starts something knows where it lies.
        (&["/usr/bin/npx", "app.handler"], python, "nothing"),
        (&BASE, "var/lang/bin/ruby", "nothing"),
    ];
    for (command, language, file) in table {
        assert_eq!(judge(root(language).file(file), command, |_| {}), [], "{command:?} {file}");
    }
    let set = |image: &mut LocalImage| {
        image.config.environment =
            vec!["PYTHONPATH=/nowhere:/srv".to_owned(), "LAMBDA_TASK_ROOT=/app".to_owned()];
    };
    for file in ["srv/app.py", "app/app.py"] {
        assert_eq!(judge(root(python).file(file), &PYTHON, set), [], "{file}");
    }
}

#[test]
fn a_handler_that_is_elsewhere_or_named_wrongly_is_warned_about_and_never_refused() {
    let python = "var/lang/bin/python3.12";
    let in_python = |handler: &'static str| ["/usr/bin/python3", "-m", "awslambdaric", handler];
    let table: [(&[&str], &str, &str, &str); 7] = [
        (
            &PYTHON,
            python,
            "srv/app.py",
            "the handler app.handler is in none of app.py, app/__init__.py in /var/task",
        ),
        (
            &NODE,
            python,
            "srv/app.js",
            "the handler app.handler is in none of app.js, app.mjs, app.cjs in /var/task",
        ),
        (&BASE, "var/lang/bin/node", "var/task/app.py", "is in none of app.js"),
        (&BASE, python, "var/task/app.js", "is in none of app.py"),
        (&in_python("handler"), python, "var/task/handler.py", "names no file and no function"),
        (&PYTHON[..3], python, "var/task/app.py", "started without the name of a handler"),
        (&BASE[..1], python, "var/task/app.py", "started without the name of a handler"),
    ];
    for (command, language, file, message) in table {
        let findings = judge(root(language).file(file), command, |_| {});
        assert_eq!(findings.len(), 1, "{command:?} {file}");
        assert_eq!(findings[0].severity, Severity::Warn);
        assert!(findings[0].message.contains(message), "{}", findings[0].message);
    }
}
