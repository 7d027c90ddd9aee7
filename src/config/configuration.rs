//! A configuration file that is checked, in one of its environments.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::image::SourceRef;

use super::check::{broken, check_text, function_problems, problems};
use super::environments::Environments;
use super::key::{FUNCTION, KEYS, Key, Shape};
use super::node::{Entry, Node, Table, Value, locate, parse, paths_of_table, table_to_json};
use super::problem::{ConfigError, Position, Problem};
use super::targets::{TargetConfiguration, TargetTable, targets_of};
use super::template::{Sources, asks, expand, is_template, may_be_secret};
use crate::function::Written;
use crate::values::Ask;

/// The key of `[function]` with its name.
const NAME: &str = "FunctionName";

/// A configuration file that is checked, in one of its environments. Its templates are not filled in yet.
pub struct Configuration {
    file: String,
    folder: PathBuf,
    table: Table,
    targets: Vec<TargetTable>,
}

impl std::fmt::Debug for Configuration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What it holds may be secret, such as the function's environment.
        formatter.debug_struct("Configuration").field("file", &self.file).finish_non_exhaustive()
    }
}

/// What the file gives to an argument of the command line.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    /// The argument's id on the command line.
    pub argument: &'static str,
    /// The key, as it is told: `release.alias`.
    pub key: String,
    /// Where the key is: `lambda-lift.toml:3:1`.
    pub place: String,
    /// The value.
    pub value: GivenValue,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} at {}", self.key, self.place)
    }
}

/// A value for an argument.
#[derive(Clone, PartialEq, Eq)]
pub enum GivenValue {
    /// A flag that takes no value.
    Flag(bool),
    /// One value, or those of a list.
    Texts(Vec<String>),
}

impl Configuration {
    /// Parses and checks the whole text, and narrows it to an environment.
    ///
    /// # Errors
    /// Everything that is wrong in the file, whether the environment uses it or not.
    pub fn new(path: &Path, bytes: &[u8], environment: Option<&str>) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let refuse = |problems| ConfigError::new(&file, problems);
        let text = std::str::from_utf8(bytes).map_err(|error| refuse(vec![not_utf8(bytes, error)]))?;
        let environments = Environments::of(parse(text).map_err(refuse)?).map_err(|one| refuse(vec![one]))?;
        let found = problems(&environments);
        if !found.is_empty() {
            return Err(refuse(found));
        }
        let table = match environment {
            None => environments.base().clone(),
            Some(name) => environments.select(name).map_err(|one| refuse(vec![one]))?,
        };
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let (table, targets) = targets_of(&table, &mut Vec::new());
        Ok(Self { file, folder, table, targets })
    }

    /// The targets, in the order of the file: what the file is for each of them.
    pub fn targets(&self) -> impl Iterator<Item = TargetConfiguration> {
        self.targets.iter().map(|target| TargetConfiguration {
            name: target.name.clone(),
            wave: target.wave,
            place: self.place(target.at),
            configuration: Self {
                file: self.file.clone(),
                folder: self.folder.clone(),
                table: target.table.clone(),
                targets: Vec::new(),
            },
        })
    }

    /// The file, as it is named to the user.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What the file gives to the arguments that are `wanted`, by the table that their key is in and their ids. Only their templates
    /// are filled in.
    ///
    /// # Errors
    /// Every template that cannot be filled in, and every value of one that cannot be used.
    pub fn arguments(
        &self,
        wanted: &dyn Fn(&str, &str) -> bool,
        sources: &dyn Sources,
    ) -> Result<Vec<Given>, ConfigError> {
        let mut given = Vec::new();
        let mut found = Vec::new();
        for key in &KEYS {
            let Some(entry) = self.entry(key) else { continue };
            for argument in key.arguments.iter().copied().filter(|argument| wanted(key.section, argument)) {
                match self.value(key, &entry.node, sources) {
                    Ok(value) => {
                        let place = self.place(entry.key_at);
                        given.push(Given { argument, key: key.path(), place, value });
                    }
                    Err(problem) => found.push(problem),
                }
            }
        }
        if found.is_empty() { Ok(given) } else { Err(self.refuse(found)) }
    }

    /// What has to be fetched for the arguments that are `wanted`, and with `function` for what is declared of it.
    pub fn asks(&self, wanted: &dyn Fn(&str, &str) -> bool, function: bool) -> Vec<Ask> {
        let mut found = Vec::new();
        for key in
            KEYS.iter().filter(|key| key.arguments.iter().any(|argument| wanted(key.section, argument)))
        {
            if let Some(entry) = self.entry(key) {
                entry.node.each_text(&mut |text| found.extend(asks(text)));
            }
        }
        for entry in self.function_table().filter(|_| function).into_iter().flat_map(Table::values) {
            entry.node.each_text(&mut |text| found.extend(asks(text)));
        }
        found.sort();
        found.dedup();
        found
    }

    /// What has to be fetched to know the function's name.
    pub fn asks_of_name(&self) -> Vec<Ask> {
        let mut found = Vec::new();
        if let Some(entry) = self.function_table().and_then(|table| table.get(NAME)) {
            entry.node.each_text(&mut |text| found.extend(asks(text)));
        }
        found
    }

    /// What `[function]` declares, in the shape of a CreateFunction request; none where it is not there.
    ///
    /// # Errors
    /// As [`Self::arguments`].
    pub fn function(&self, sources: &dyn Sources) -> Result<Option<Written>, ConfigError> {
        let Some(table) = self.function_table() else { return Ok(None) };
        let settings = table_to_json(table, &mut |at, text| {
            let plainly = |error: super::template::TemplateError| Problem {
                at,
                message: format!("function: {}", error.message),
                hint: error.hint,
            };
            expand(text, sources).map_err(plainly)
        });
        let settings: Map<String, Json> = settings.map_err(|problem| self.refuse(vec![problem]))?;
        let settings = Json::Object(settings);
        let found = function_problems(table, &settings, false);
        if !found.is_empty() {
            return Err(self.refuse(found));
        }
        let mut hidden = Vec::new();
        paths_of_table("", table, &may_be_secret, &mut hidden);
        Ok(Some(Written { text: settings.to_string(), hidden }))
    }

    /// `FunctionName` of `[function]`, for the argument with this id.
    ///
    /// # Errors
    /// As [`Self::arguments`].
    pub fn function_name(
        &self,
        argument: &'static str,
        sources: &dyn Sources,
    ) -> Result<Option<Given>, ConfigError> {
        let Some(entry) = self.function_table().and_then(|table| table.get(NAME)) else { return Ok(None) };
        let alone = Table::from([(NAME.to_owned(), entry.clone())]);
        let only = Self {
            table: within(FUNCTION, alone),
            file: self.file.clone(),
            folder: PathBuf::new(),
            targets: Vec::new(),
        };
        let declared = only.function(sources)?.unwrap_or_default();
        let settings: Json = serde_json::from_str(&declared.text).unwrap_or_default();
        let name = settings[NAME].as_str().unwrap_or_default().to_owned();
        Ok(Some(Given {
            argument,
            key: format!("{FUNCTION}.{NAME}"),
            place: self.place(entry.key_at),
            value: GivenValue::Texts(vec![name]),
        }))
    }

    /// The path of `function-file`, and its place; none where it is not there.
    ///
    /// # Errors
    /// As [`Self::arguments`].
    pub fn function_file(&self, sources: &dyn Sources) -> Result<Option<(PathBuf, String)>, ConfigError> {
        let Some(key) = KEYS.iter().find(|key| key.name == "function-file") else { return Ok(None) };
        let Some(entry) = self.entry(key) else { return Ok(None) };
        match self.value(key, &entry.node, sources) {
            Ok(GivenValue::Texts(texts)) => {
                Ok(texts.first().map(|path| (PathBuf::from(path), self.place(entry.key_at))))
            }
            Ok(GivenValue::Flag(_)) => Ok(None),
            Err(problem) => Err(self.refuse(vec![problem])),
        }
    }

    fn entry(&self, key: &Key) -> Option<&Entry> {
        match key.section {
            "" => self.table.get(key.name),
            section => match &self.table.get(section)?.node.value {
                Value::Table(table) => table.get(key.name),
                _ => None,
            },
        }
    }

    fn function_table(&self) -> Option<&Table> {
        match locate(&self.table, FUNCTION) {
            Some((_, Node { value: Value::Table(table), .. })) => Some(table),
            _ => None,
        }
    }

    fn value(&self, key: &Key, node: &Node, sources: &dyn Sources) -> Result<GivenValue, Problem> {
        let texts = match &node.value {
            Value::Flag(flag) => return Ok(GivenValue::Flag(*flag)),
            Value::List(entries) => {
                entries.iter().map(|entry| self.text(key, entry, sources)).collect::<Result<_, _>>()?
            }
            _ => vec![self.text(key, node, sources)?],
        };
        Ok(GivenValue::Texts(texts))
    }

    fn text(&self, key: &Key, node: &Node, sources: &dyn Sources) -> Result<String, Problem> {
        let written = match &node.value {
            Value::Text(text) => text,
            Value::Integer(number) => return Ok(number.to_string()),
            other => return Err(Problem::new(node.at, format!("{}: {}", key.path(), other.kind()))),
        };
        let text = expand(written, sources).map_err(|error| broken(key, node.at, error))?;
        check_text(key, node.at, &text, is_template(written).then_some(written))?;
        Ok(match key.shape {
            Shape::Path | Shape::Paths => self.folder.join(text).display().to_string(),
            Shape::State => self.beside(&text),
            Shape::States => match text.split_once('=') {
                Some((prefix, place)) => format!("{prefix}={}", self.beside(place)),
                None => text,
            },
            Shape::Image => match text.parse::<SourceRef>() {
                Ok(source) => source.in_folder(&self.folder),
                Err(_) => text,
            },
            _ => text,
        })
    }

    /// A place that is an address, or a path relative to the configuration file.
    fn beside(&self, place: &str) -> String {
        match place.contains("://") {
            true => place.to_owned(),
            false => self.folder.join(place).display().to_string(),
        }
    }

    fn place(&self, at: Position) -> String {
        format!("{}:{at}", self.file)
    }

    fn refuse(&self, problems: Vec<Problem>) -> ConfigError {
        ConfigError::new(&self.file, problems)
    }
}

fn within(name: &str, table: Table) -> Table {
    let at = Position::default();
    Table::from([(name.to_owned(), Entry { key_at: at, node: Node { at, value: Value::Table(table) } })])
}

fn not_utf8(bytes: &[u8], error: std::str::Utf8Error) -> Problem {
    let before = &bytes[..error.valid_up_to()];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = std::str::from_utf8(&before[start..]).map_or(0, |text| text.chars().count()) + 1;
    Problem::new(Position { line, column }, "this is not UTF-8, as TOML must be")
        .hint("save the file as UTF-8, without a byte order mark of UTF-16")
}
