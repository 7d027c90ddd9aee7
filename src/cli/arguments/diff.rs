//! `diff`: what `plan` takes, with an image that may be missing.

use clap::builder::BoolishValueParser;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::function::FunctionArguments;
use super::image::ImageArguments;

/// `diff`
#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArguments {
    /// Compare this with --to, instead of the function with what is declared: a version's number, an alias, or $LATEST
    #[arg(long, env = "LAMBDA_LIFT_FROM", value_name = "VERSION|ALIAS|$LATEST")]
    pub(in crate::cli) from: Option<String>,
    /// What --from is compared with
    #[arg(
        long,
        env = "LAMBDA_LIFT_TO",
        value_name = "VERSION|ALIAS|$LATEST",
        default_value = "$LATEST",
        requires = "from"
    )]
    pub(in crate::cli) to: String,
    /// Compare everything but the image, whatever the configuration file says
    #[arg(long, env = "LAMBDA_LIFT_NO_IMAGE", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) no_image: bool,
    #[command(flatten)]
    pub(in crate::cli) image: OptionalImage,
    #[command(flatten)]
    pub(in crate::cli) function: FunctionArguments,
}

/// All that `plan` takes about an image, where one is named; the repository may be named without.
#[derive(Debug)]
pub(in crate::cli) struct OptionalImage {
    pub(in crate::cli) image: Option<ImageArguments>,
    pub(in crate::cli) repository: Option<String>,
}

fn optional(command: Command) -> Command {
    command
        .mut_arg("image", |argument| {
            argument.required(false).requires("repository").conflicts_with_all(["from", "no_image"])
        })
        .mut_arg("repository", |argument| argument.required(false))
}

impl Args for OptionalImage {
    fn augment_args(command: Command) -> Command {
        optional(ImageArguments::augment_args(command))
    }

    fn augment_args_for_update(command: Command) -> Command {
        optional(ImageArguments::augment_args_for_update(command))
    }
}

impl FromArgMatches for OptionalImage {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let repository = matches.get_one::<String>("repository").cloned();
        let image = matches.contains_id("image").then(|| ImageArguments::from_arg_matches(matches));
        Ok(Self { image: image.transpose()?, repository })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
