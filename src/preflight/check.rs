//! What a check is: an id, the requirement it stands for, and a pure function.

use crate::function::Definition;
use crate::image::LocalImage;
use crate::layer::Encoding;
use crate::name::Architecture;
use crate::observe::Facts;
use crate::plan::DeploySpec;

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
    /// Both sides.
    Facts(fn(&DeploySpec, &Facts) -> Vec<Finding>),
}

/// What flags and the function file say about an image.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The architecture that was asked for.
    pub architecture: Option<Architecture>,
    /// Whether the function's ImageConfig brings an entry point or a command of its own.
    pub overrides_entrypoint: bool,
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

    /// What a function's declaration says about its image.
    pub fn declared(definition: &Definition) -> Self {
        let image_config = definition.settings().get("ImageConfig");
        let names = |key: &str| image_config.is_some_and(|config| config.get(key).is_some());
        Self {
            architecture: definition.architecture,
            overrides_entrypoint: names("EntryPoint") || names("Command"),
            encoding: Encoding::default(),
        }
    }
}
