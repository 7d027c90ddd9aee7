//! lambroll's files, with what their templates stand for: the environment, files beside them, and values from elsewhere.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::{Given, GivenValue};
use crate::function::Written;
use crate::lambroll::{ExternalVariables, Lookups, read_function_file, read_option_file};
use crate::output;
use crate::report::Failure;
use crate::terraform::Found;
use crate::values::{Ask, CallerNames, Missing};

use super::configuration_file::{read, variable};
use super::reach::unusable;
use super::settings::read_text;
use super::values::Values;

/// What functions in lambroll's files stand for.
pub(super) struct Sources<'a> {
    /// The variables of environment files.
    pub(super) variables: &'a BTreeMap<String, String>,
    /// Without them nothing is asked of AWS, and no state is read: in option files.
    pub(super) values: Option<&'a Values>,
}

impl Sources<'_> {
    fn values(&self) -> Result<&Values, Missing> {
        self.values.ok_or_else(|| Missing::new("an option file has the functions env and must_env only"))
    }
}

impl Lookups for Sources<'_> {
    fn variable(&self, name: &str) -> Result<Option<String>, Missing> {
        match self.variables.get(name) {
            Some(value) => Ok(Some(value.clone())),
            None => Ok(variable(name)?),
        }
    }

    fn parameter(&self, name: &str, place: Option<usize>) -> Result<String, Missing> {
        self.values()?.parameter(name, place, false)
    }

    fn state(&self, prefix: &str, address: &str) -> Result<Found, Missing> {
        self.values()?.state(prefix, address)
    }

    fn prefixes(&self) -> Vec<String> {
        self.values.map(Values::prefixes).unwrap_or_default()
    }

    fn caller(&self) -> Result<CallerNames, Missing> {
        self.values()?.caller()
    }

    fn prefetch(&self, asks: &[Ask]) {
        if let Some(values) = self.values {
            values.prefetch(asks);
        }
    }

    fn import(&self, path: &Path) -> Result<Vec<u8>, Missing> {
        read(path).map_err(|why| Missing::new(format!("{} {why}", path.display())))
    }
}

/// Reads a function file, with its templates filled in.
pub(super) fn function_file(
    path: &Path,
    external: &ExternalVariables,
    sources: &Sources<'_>,
) -> Result<Written, Failure> {
    let text = read_text(path)?;
    read_function_file(path, &text, external, sources).map_err(unusable)
}

/// Reads an option file, and says which of its keys are ignored.
pub(super) fn option_file(path: &Path, is_quiet: bool) -> Result<Vec<Given>, Failure> {
    let none = BTreeMap::new();
    let text = read_text(path)?;
    let file =
        read_option_file(path, &text, &Sources { variables: &none, values: None }).map_err(unusable)?;
    for (key, instead) in file.ignored.iter().filter(|_| !is_quiet) {
        output::print_message(&format!(
            "warning: {}: {key} is ignored; {instead} says it here",
            path.display()
        ));
    }
    let given = file.given.into_iter().map(|(argument, texts)| Given {
        argument,
        key: argument.to_owned(),
        place: path.display().to_string(),
        value: GivenValue::Texts(texts),
    });
    Ok(given.collect())
}
