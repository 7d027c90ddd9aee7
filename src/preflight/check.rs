//! What a check is: an id, the requirement it stands for, and a pure function.

use serde_json::{Map, Value};

use crate::function::{Definition, environment_bytes};
use crate::image::LocalImage;
use crate::layer::Encoding;
use crate::name::Architecture;
use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::rootfs::ImageContents;

use super::Finding;

/// One requirement and how it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// The stable name that findings carry.
    pub id: &'static str,
    /// What must hold, and why, for the manual.
    pub requirement: &'static str,
    /// How it is known.
    pub evidence: &'static str,
    /// What a person can do when it does not hold.
    pub remedy: &'static str,
    /// Whether a person may answer for it (`--allow`): where AWS, or the function when it runs, has the last word. Never
    /// where this tool itself could not go on, or something else than the new image would suffer.
    pub may_be_allowed: bool,
    /// The judgement.
    pub judge: Judge,
}

/// What a check looks at. The earliest moment at which it can judge.
#[derive(Debug, Clone, Copy)]
pub enum Judge {
    /// The arguments alone, before AWS is asked anything.
    Arguments(fn(&DeploySpec) -> Vec<Finding>),
    /// The local image alone.
    Image(fn(&LocalImage, &Wanted) -> Vec<Finding>),
    /// The local image and the file system that all of its layers make.
    Files(fn(&LocalImage, &Wanted, &ImageContents) -> Vec<Finding>),
    /// The same, where what is found holds whatever the layers below are: judged even when those were not read.
    Entries(fn(&LocalImage, &Wanted, &ImageContents) -> Vec<Finding>),
    /// Both sides.
    Facts(fn(&DeploySpec, &Facts) -> Vec<Finding>),
}

/// What flags and the function file say about an image.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The architecture that was asked for.
    pub architecture: Option<Architecture>,
    /// EntryPoint of the function's ImageConfig, which goes before the image's ENTRYPOINT.
    pub entrypoint: Option<Vec<String>>,
    /// Command of the function's ImageConfig, which goes before CMD.
    pub command: Option<Vec<String>>,
    /// WorkingDirectory of the function's ImageConfig, which goes before WORKDIR.
    pub working_directory: Option<String>,
    /// PATH of the function's environment, which goes before the image's.
    pub path: Option<String>,
    /// LD_LIBRARY_PATH of the function's environment, which goes before the image's.
    pub library_path: Option<String>,
    /// Today's date, for what is known to end some day; none when that does not matter.
    pub today: Option<Day>,
    /// How many bytes the function's environment variables have, as Lambda counts them.
    pub environment_bytes: usize,
    /// The form in which its layers will be pushed.
    pub encoding: Encoding,
}

impl Wanted {
    /// What `spec` says about its image.
    pub fn of(spec: &DeploySpec) -> Self {
        let declared = spec.function.as_ref().map(|function| Self::declared(&function.definition));
        let (architecture, encoding) = (spec.architecture, spec.encoding);
        Self { architecture, encoding, ..declared.unwrap_or_default() }
    }

    /// Whether the function brings an entry point or a command of its own.
    pub fn overrides_entrypoint(&self) -> bool {
        self.entrypoint.is_some() || self.command.is_some()
    }

    /// What a function's declaration says about its image.
    pub fn declared(definition: &Definition) -> Self {
        Self { architecture: definition.architecture, ..Self::of_settings(definition.settings()) }
    }

    /// What settings of a function, in the shape of the CreateFunction request, say about its image.
    pub fn of_settings(settings: &Map<String, Value>) -> Self {
        let setting = |key: &str| settings.get("ImageConfig")?.get(key).cloned();
        let words = |key| -> Option<Vec<String>> {
            let words: Vec<String> = serde_json::from_value(setting(key)?).ok()?;
            // An empty list overrides nothing.
            (!words.is_empty()).then_some(words)
        };
        let variables =
            settings.get("Environment").and_then(|environment| environment.get("Variables")?.as_object());
        // No other variable is looked at: it may be a secret.
        let variable = |name: &str| Some(variables?.get(name)?.as_str()?.to_owned());
        let folder = setting("WorkingDirectory").and_then(|value| Some(value.as_str()?.to_owned()));
        Self {
            entrypoint: words("EntryPoint"),
            command: words("Command"),
            working_directory: folder.filter(|folder| !folder.is_empty()),
            path: variable("PATH"),
            library_path: variable("LD_LIBRARY_PATH"),
            environment_bytes: variables.map_or(0, environment_bytes),
            ..Self::default()
        }
    }
}

/// A day, as the number that `YYYYMMDD` makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(u32);

impl Day {
    /// A day of the calendar.
    pub const fn new(year: u32, month: u32, day: u32) -> Self {
        Self(year * 10_000 + month * 100 + day)
    }

    /// The months from the beginning of the calendar to it.
    pub(super) const fn months(self) -> u32 {
        self.0 / 10_000 * 12 + self.0 / 100 % 100
    }

    /// The day that RFC 3339 writes at the beginning of a moment: `2026-11-27T…`.
    pub fn of(moment: &str) -> Option<Self> {
        let digits: String = moment.get(..10)?.split('-').collect();
        digits.parse().ok().filter(|_| digits.len() == 8).map(Self)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(number) = self;
        write!(formatter, "{:04}-{:02}-{:02}", number / 10_000, number / 100 % 100, number % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_functions_environment_only_the_two_search_paths_are_kept() {
        let settings = serde_json::json!({ "Environment": { "Variables": {
            "PATH": "/app/bin", "LD_LIBRARY_PATH": "/app/lib", "TOKEN": "hunter2",
        } } });
        let wanted = Wanted::of_settings(settings.as_object().unwrap());
        let paths = (wanted.path.as_deref(), wanted.library_path.as_deref());
        assert_eq!(paths, (Some("/app/bin"), Some("/app/lib")));
        assert!(!format!("{wanted:?}").contains("hunter2"));
        assert_eq!(Wanted::of_settings(&Map::new()).path, None);
    }

    #[test]
    fn days_are_read_and_written_and_ordered() {
        let day = Day::of("2026-11-27T04:00:00Z").unwrap();
        assert_eq!(day, Day::new(2026, 11, 27));
        assert_eq!(day.to_string(), "2026-11-27");
        assert!(day < Day::new(2027, 1, 1));
        for wrong in ["", "2026-11", "27.11.2026", "2026-11-2x", "2026/11/27"] {
            assert_eq!(Day::of(wrong), None, "{wrong}");
        }
    }
}
