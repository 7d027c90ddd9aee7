//! One version of a function against another.

use super::settings::settings_part;
use super::{Diff, Part};
use crate::cloud::LiveFunction;
use crate::function::compared_versions;

/// The difference between two versions, each with the name under which it was asked for.
pub fn between_versions(from: (&str, &LiveFunction), to: (&str, &LiveFunction)) -> Diff {
    let name = |(asked, function): (&str, &LiveFunction)| match asked == function.version {
        true if asked == "$LATEST" => asked.to_owned(),
        true => format!("version {asked}"),
        false => format!("version {} ({asked})", function.version),
    };
    let digest = |function: &LiveFunction| function.running_digest().map(|digest| digest.to_string());
    let architecture = |function: &LiveFunction| Some(function.architecture.to_string());
    let mut parts = vec![Part::of_value("image", digest(from.1), digest(to.1))];
    if from.1.architecture != to.1.architecture {
        parts.push(Part::of_value("architecture", architecture(from.1), architecture(to.1)));
    }
    parts.push(settings_part(&compared_versions(from.1, to.1)));
    Diff { from: name(from), to: name(to), parts }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::function::samples::live;
    use crate::name::{Architecture, Digest};

    #[test]
    fn versions_are_told_by_image_architecture_and_settings() {
        let one = LiveFunction { version: "6".to_owned(), ..live(json!({"MemorySize": 256})) };
        let same = between_versions(("6", &one), ("live", &one));
        assert_eq!(
            (same.from.as_str(), same.to.as_str(), same.is_different()),
            ("version 6", "version 6 (live)", false)
        );
        let two = LiveFunction {
            version: "$LATEST".to_owned(),
            image_digest: Some(Digest::of(b"other")),
            architecture: Architecture::Arm64,
            ..live(json!({"MemorySize": 512}))
        };
        let diff = between_versions(("6", &one), ("$LATEST", &two));
        assert_eq!(diff.to, "$LATEST");
        let names: Vec<&str> =
            diff.parts.iter().filter(|part| part.is_different()).map(|part| part.name).collect();
        assert_eq!(names, ["image", "architecture", "settings"]);
    }
}
