//! Where values are asked for, by what was typed, what is set, and what files say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, FromArgMatches as _};

use crate::aws::{AssumedRole, ConnectionSettings};
use crate::config::{Given, GivenValue};
use crate::lambroll::{ExternalVariables, FileError, parse_env_file};
use crate::report::{Failure, Stage};
use crate::values::{Location, Missing};

use super::arguments::ValueArguments;
use super::session::{parse_region, usage};
use super::settings::{parse, read_text};
use super::values::Reach;

/// The arguments that say where values are, and so cannot be values from elsewhere themselves.
pub(super) const REACH: [&str; 9] = [
    "assume_role",
    "external_id",
    "region",
    "profile",
    "tfstate",
    "prefixed_tfstate",
    "envfile",
    "ext_str",
    "ext_code",
];

/// All of it.
pub(super) struct Reached {
    pub(super) reach: Reach,
    /// The variables of environment files, which go before the environment.
    pub(super) variables: BTreeMap<String, String>,
    pub(super) external: ExternalVariables,
}

impl Reached {
    /// Completes what was typed or is set by what files gave.
    pub(super) fn of(matches: &ArgMatches, given: &[Given]) -> Result<Self, Failure> {
        let typed = ValueArguments::from_arg_matches(matches).unwrap_or_default();
        let from_file = |id: &str| -> Vec<String> {
            let values = given.iter().filter(|given| given.argument == id).map(|given| &given.value);
            values
                .flat_map(
                    |value| if let GivenValue::Texts(texts) = value { texts.clone() } else { Vec::new() },
                )
                .collect()
        };
        let list = |typed: Vec<String>, id: &str| if typed.is_empty() { from_file(id) } else { typed };
        let one = |id: &str| text(matches, id).or_else(|| from_file(id).pop());
        let envfiles = typed.envfile.iter().map(|path| path.display().to_string()).collect();
        let mut variables = BTreeMap::new();
        for path in list(envfiles, "envfile") {
            let text = read_text(Path::new(&path))?;
            variables.extend(parse_env_file(&path, &text).map_err(unusable)?);
        }
        let mut states = BTreeMap::new();
        for (prefix, place) in pairs("--prefixed-tfstate", list(typed.prefixed_tfstate, "prefixed_tfstate"))?
        {
            states.insert(prefix, location(&place)?);
        }
        if let Some(place) = typed.tfstate.or_else(|| from_file("tfstate").pop()) {
            states.insert(String::new(), location(&place)?);
        }
        let role = match one("assume_role") {
            Some(arn) => Some(AssumedRole { arn: parse(&arn)?, external_id: one("external_id") }),
            None => None,
        };
        let connection = ConnectionSettings {
            region: parse_region(one("region").as_deref())?,
            profile: one("profile"),
            endpoint_url: text(matches, "endpoint_url"),
            credentials: None,
            role,
            paced: false,
        };
        let reach = Reach {
            connection,
            local: matches.try_get_one::<PathBuf>("local").ok().flatten().cloned(),
            allow_plain_http: matches
                .try_get_one::<bool>("allow_plain_http")
                .ok()
                .flatten()
                .is_some_and(|allowed| *allowed),
            states,
            workspace: std::env::var("TF_WORKSPACE").ok().filter(|name| !name.is_empty()),
        };
        let external = ExternalVariables {
            texts: pairs("--ext-str", list(typed.ext_str, "ext_str"))?,
            codes: pairs("--ext-code", list(typed.ext_code, "ext_code"))?,
        };
        Ok(Self { reach, variables, external })
    }
}

fn text(matches: &ArgMatches, id: &str) -> Option<String> {
    matches.try_get_one::<String>(id).ok().flatten().cloned()
}

fn location(place: &str) -> Result<Location, Failure> {
    Location::parse(place, Path::new("")).map_err(|Missing { message, hint }| usage(message, hint))
}

/// `NAME=VALUE`, each name once.
fn pairs(flag: &str, texts: Vec<String>) -> Result<Vec<(String, String)>, Failure> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for text in texts {
        // The text is not repeated: it may hold a secret.
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) = pair.ok_or_else(|| usage(format!("{flag} takes NAME=VALUE"), None))?;
        pairs.retain(|(earlier, _)| earlier != name);
        pairs.push((name.to_owned(), value.to_owned()));
    }
    Ok(pairs)
}

/// A file of lambroll's that cannot be used.
pub(super) fn unusable(error: FileError) -> Failure {
    Failure { kind: "config", stage: Stage::Usage, message: error.to_string(), hint: error.hint }
}
