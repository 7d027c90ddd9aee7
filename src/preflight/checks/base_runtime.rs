//! The language runtime in the image is one that AWS still maintains.

use crate::image::LocalImage;
use crate::layer::FileContent;
use crate::preflight::{Check, Day, Finding, Judge, Wanted};
use crate::rootfs::{FileSystem, ImageContents};

/// The day on which the table was held against AWS's list of runtimes.
const CHECKED: Day = Day::new(2026, 11, 27);
/// How long before its end a runtime is worth a word.
const NOTICE_MONTHS: u32 = 6;

/// How an AWS base image is told: what is in it, its name, and the day from which AWS does not maintain it any more; none when
/// that day was past already.
const RUNTIMES: [(&str, &str, Option<Day>); 11] = [
    ("/var/lang/bin/python3.6", "python3.6", None),
    ("/var/lang/bin/python3.7", "python3.7", None),
    ("/var/lang/bin/python3.8", "python3.8", None),
    ("/var/lang/bin/python3.9", "python3.9", None),
    ("/var/lang/bin/python3.10", "python3.10", Some(Day::new(2026, 10, 31))),
    ("/var/lang/bin/python3.11", "python3.11", Some(Day::new(2027, 6, 30))),
    ("/var/lang/bin/python3.12", "python3.12", Some(Day::new(2028, 10, 31))),
    ("/var/lang/bin/python3.13", "python3.13", Some(Day::new(2029, 6, 30))),
    ("/var/lang/bin/python3.14", "python3.14", Some(Day::new(2029, 6, 30))),
    ("/var/lang/lib/ruby/3.3.0", "ruby3.3", Some(Day::new(2027, 3, 31))),
    ("/var/lang/lib/ruby/3.4.0", "ruby3.4", Some(Day::new(2028, 3, 31))),
];
/// Amazon Linux 2, the system of the older base images.
const AMAZON_LINUX_2_ENDS: Option<Day> = Some(Day::new(2026, 7, 31));

pub(super) const CHECK: Check = Check {
    id: "base-runtime",
    requirement: "AWS ends the maintenance of its base images one by one: functions go on running, without security fixes.",
    evidence: "What is in /var/lang of an AWS base image, and os-release, held against AWS's table of deprecation dates as it was on 2026-11-27. \
               Other images have no finding: their age is not known here.",
    remedy: "Build on a newer base image.",
    may_be_allowed: true,
    judge: Judge::Files(judge),
};

fn judge(_: &LocalImage, wanted: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let files = &contents.files;
    // A clock that is behind the table is wrong.
    let today = wanted.today.unwrap_or(CHECKED).max(CHECKED);
    // The image has one language in its place; links are for other names of it.
    let runtime = RUNTIMES.iter().find(|(path, ..)| files.resolve(path.as_bytes()).is_ok());
    if let Some((_, name, ends)) = runtime {
        return told(&format!("the runtime {name}"), *ends, today);
    }
    let is_base_image =
        files.resolve(b"/var/runtime").is_ok() || files.resolve(b"/lambda-entrypoint.sh").is_ok();
    if is_base_image && is_amazon_linux_2(files) {
        return told("Amazon Linux 2, on which the image is based,", AMAZON_LINUX_2_ENDS, today);
    }
    Vec::new()
}

fn told(what: &str, ends: Option<Day>, today: Day) -> Vec<Finding> {
    let ended = |since: String| {
        let hint = "build on a newer base image: gallery.ecr.aws/lambda";
        vec![Finding::warn(CHECK.id, format!("{what} is not maintained by AWS any more{since}"), hint)]
    };
    match ends {
        None => ended(String::new()),
        Some(ends) if ends <= today => ended(format!(", since {ends}")),
        Some(ends) if ends.months() - today.months() <= NOTICE_MONTHS => {
            let message = format!("{what} is maintained by AWS until {ends} (as known on {CHECKED})");
            vec![Finding::info(CHECK.id, message)]
        }
        Some(_) => Vec::new(),
    }
}

fn is_amazon_linux_2(files: &FileSystem) -> bool {
    let paths: [&[u8]; 2] = [b"/etc/os-release", b"/usr/lib/os-release"];
    let texts = paths.iter().filter_map(|path| match files.resolve(path).ok()?.node.content()? {
        FileContent::Text(text) => Some(text),
        FileContent::Program(_) | FileContent::PrivateKey => None,
    });
    let line = |text: &[u8], wanted: &[u8]| text.split(|byte| *byte == b'\n').any(|line| line == wanted);
    texts.into_iter().any(|text| line(text, b"ID=\"amzn\"") && line(text, b"VERSION_ID=\"2\""))
}
