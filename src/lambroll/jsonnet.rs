//! Jsonnet, by the interpreter `rsjsonnet-lang`: with external variables, imports, and lambroll's native functions.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rsjsonnet_lang::arena::Arena;
use rsjsonnet_lang::interner::InternedStr;
use rsjsonnet_lang::lexer::LexError;
use rsjsonnet_lang::parser::ParseError;
use rsjsonnet_lang::program::{
    AnalyzeError, Callbacks, EvalError, EvalErrorKind, EvalStackTraceItem, ImportError, LoadError,
    NativeError, Program, Thunk, Value,
};
use rsjsonnet_lang::span::{SpanContextId, SpanId};
use serde_json::Value as Json;

use super::error::FileError;
use super::{ExternalVariables, Lookups};
use crate::values::Missing;

/// The native functions beside those of Terraform's states, with their parameters.
const NATIVE: [(&str, &[&str]); 6] = [
    ("env", &["name", "default"]),
    ("must_env", &["name"]),
    ("ssm", &["name"]),
    ("ssm_list", &["name", "index"]),
    ("caller_identity", &[]),
    ("layer_arn", &["name", "version"]),
];

/// What Jsonnet gave, as JSON, and the texts that native functions brought into it.
pub(super) struct Evaluated {
    pub(super) text: String,
    pub(super) brought: Vec<String>,
}

/// Evaluates a file.
pub(super) fn evaluate(
    path: &Path,
    text: &str,
    external: &ExternalVariables,
    lookups: &dyn Lookups,
) -> Result<Evaluated, FileError> {
    let arena = Arena::new();
    let mut program = Program::new(&arena);
    for (name, parameters) in NATIVE {
        register(&mut program, name, parameters);
    }
    for prefix in lookups.prefixes() {
        register(&mut program, &format!("{prefix}tfstate"), &["address"]);
    }
    let mut world = World {
        lookups,
        sources: Vec::new(),
        loaded: BTreeMap::new(),
        failed: None,
        brought: RefCell::default(),
    };
    for (name, value) in &external.texts {
        let thunk = program.value_to_thunk(&Value::string(value));
        let name = program.intern_str(name);
        program.add_ext_var(name, &thunk);
    }
    for (name, code) in &external.codes {
        let shown = format!("--ext-code {name}");
        let thunk = world.load(&mut program, Path::new(&shown), code)?;
        let name = program.intern_str(name);
        program.add_ext_var(name, &thunk);
    }
    let thunk = world.load(&mut program, path, text)?;
    let evaluated =
        program.eval_value(&thunk, &mut world).and_then(|value| program.manifest_json(&value, true));
    match evaluated {
        Ok(text) => Ok(Evaluated { text, brought: world.brought.into_inner() }),
        Err(error) => Err(world.told(&program, path, &error)),
    }
}

fn register(program: &mut Program<'_>, name: &str, parameters: &[&str]) {
    let parameters: Vec<_> = parameters.iter().map(|name| program.intern_str(name)).collect();
    let name = program.intern_str(name);
    program.register_native_func(name, &parameters);
}

/// What an evaluation asks for beyond its own text.
struct World<'a, 'p> {
    lookups: &'a dyn Lookups,
    /// The files so far, with their texts.
    sources: Vec<(SpanContextId, PathBuf, String)>,
    loaded: BTreeMap<PathBuf, Thunk<'p>>,
    /// Why the last native function or import failed.
    failed: Option<Missing>,
    brought: RefCell<Vec<String>>,
}

impl<'p> World<'_, 'p> {
    fn load(&mut self, program: &mut Program<'p>, path: &Path, text: &str) -> Result<Thunk<'p>, FileError> {
        let (context, _) = program.span_manager_mut().insert_source_context(text.len());
        self.sources.push((context, path.to_owned(), text.to_owned()));
        program.load_source(context, text.as_bytes(), true, &path.display().to_string()).map_err(|error| {
            let (span, message) = load_error(&error);
            self.placed(program, path, span, message)
        })
    }

    /// An error at a place, in the file that the place is in.
    fn placed(&self, program: &Program<'p>, path: &Path, span: Option<SpanId>, message: String) -> FileError {
        let found = span.and_then(|span| {
            let (context, start, _) = program.span_manager().get_span(span);
            self.sources.iter().find(|(own, _, _)| *own == context).map(|source| (source, start))
        });
        match found {
            Some(((_, path, text), start)) => {
                FileError::new(&path.display().to_string(), message).at(text, start)
            }
            None => FileError::new(&path.display().to_string(), message),
        }
    }

    fn told(&self, program: &Program<'p>, path: &Path, error: &EvalError) -> FileError {
        let is_ours = |span: SpanId| {
            let (context, _, _) = program.span_manager().get_span(span);
            self.sources.iter().any(|(own, _, _)| *own == context)
        };
        // The innermost place that is in a file, and not in Jsonnet's own library.
        let trace = error.stack_trace.iter().rev().filter_map(span_of).find(|span| is_ours(*span));
        let span = kind_span(&error.kind).filter(|span| is_ours(*span)).or(trace);
        let (message, hint) = match (&error.kind, &self.failed) {
            (EvalErrorKind::NativeCallFailed | EvalErrorKind::ImportFailed { .. }, Some(missing)) => {
                (missing.message.clone(), missing.hint.clone())
            }
            (EvalErrorKind::UnknownExtVar { name }, _) => (
                format!("the external variable {name} is not given"),
                Some(format!("add --ext-str {name}=VALUE, or --ext-code {name}=JSONNET")),
            ),
            (kind, _) => (self.without_values(&words(kind)), None),
        };
        self.placed(program, path, span, message).hint(hint)
    }

    /// A message of the file's own, without what native functions brought.
    fn without_values(&self, message: &str) -> String {
        let brought = self.brought.borrow();
        brought
            .iter()
            .filter(|text| !text.is_empty())
            .fold(message.to_owned(), |message, text| message.replace(text.as_str(), "(hidden)"))
    }

    fn read(
        &mut self,
        program: &Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<(PathBuf, Vec<u8>), ImportError> {
        let (context, _, _) = program.span_manager().get_span(from);
        let importer = self.sources.iter().find(|(own, _, _)| *own == context);
        let folder = importer.and_then(|(_, importer, _)| importer.parent()).unwrap_or(Path::new(""));
        let path = folder.join(path);
        match self.lookups.import(&path) {
            Ok(bytes) => Ok((path, bytes)),
            Err(missing) => Err(self.fail(missing, ImportError)),
        }
    }

    fn fail<E>(&mut self, missing: impl Into<Missing>, error: E) -> E {
        self.failed = Some(missing.into());
        error
    }

    fn call(&self, program: &mut Program<'p>, name: &str, args: &[Value<'p>]) -> Result<Value<'p>, Missing> {
        let text = |index: usize| {
            let found = args.get(index).and_then(Value::to_string);
            found.ok_or_else(|| Missing::new(format!("{name}: a text is wanted as argument {}", index + 1)))
        };
        let missing =
            |missing: Missing| Missing { message: format!("{name}: {}", missing.message), ..missing };
        let brought = |value: String| {
            let given = Value::string(&value);
            self.brought.borrow_mut().push(value);
            given
        };
        match name {
            "env" => {
                let value =
                    self.lookups.variable(&text(0)?).map_err(missing)?.filter(|value| !value.is_empty());
                Ok(value
                    .map_or_else(|| text(1).map(|value| Value::string(&value)), |value| Ok(brought(value)))?)
            }
            "must_env" => {
                let variable = text(0)?;
                let value = self.lookups.variable(&variable).map_err(missing)?;
                value.map(brought).ok_or_else(|| {
                    Missing::new(format!("must_env: the environment variable {variable} is not set"))
                        .hint(format!("export {variable}, or name a file that has it with --envfile"))
                })
            }
            "ssm" => self.lookups.parameter(&text(0)?, None).map(brought).map_err(missing),
            "ssm_list" => {
                let index = args
                    .get(1)
                    .and_then(Value::as_number)
                    .filter(|index| index.fract() == 0.0 && (0.0..1e6).contains(index));
                let index = index.ok_or_else(|| {
                    Missing::new("ssm_list: a whole number from 0 on is wanted as argument 2")
                })?;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the number is whole and within 0 and a million"
                )]
                let index = index as usize;
                self.lookups.parameter(&text(0)?, Some(index)).map(brought).map_err(missing)
            }
            "caller_identity" => {
                let caller = self.lookups.caller().map_err(missing)?;
                let fields: Vec<_> = caller
                    .fields()
                    .into_iter()
                    .map(|(name, value)| (program.intern_str(name), Value::string(&value)))
                    .collect();
                Ok(program.make_object(&fields))
            }
            "layer_arn" => Err(Missing::new("layer_arn: an image function has no layers")
                .hint("put their content into the image")),
            other => {
                let prefix = other.strip_suffix("tfstate").unwrap_or_default();
                let found = self.lookups.state(prefix, &text(0)?).map_err(missing)?;
                note(found.value(), &mut self.brought.borrow_mut());
                Ok(value_of(program, found.value()))
            }
        }
    }
}

impl<'p> Callbacks<'p> for World<'_, 'p> {
    fn import(
        &mut self,
        program: &mut Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<Thunk<'p>, ImportError> {
        let (path, bytes) = self.read(program, from, path)?;
        if let Some(thunk) = self.loaded.get(&path) {
            return Ok(thunk.clone());
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(self.fail(Missing::new(format!("{} is not UTF-8", path.display())), ImportError));
        };
        match self.load(program, &path, &text) {
            Ok(thunk) => {
                self.loaded.insert(path, thunk.clone());
                Ok(thunk)
            }
            Err(error) => Err(self.fail(Missing::new(error.to_string()), ImportError)),
        }
    }

    fn import_str(
        &mut self,
        program: &mut Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<String, ImportError> {
        let (path, bytes) = self.read(program, from, path)?;
        String::from_utf8(bytes)
            .map_err(|_| self.fail(Missing::new(format!("{} is not UTF-8", path.display())), ImportError))
    }

    fn import_bin(
        &mut self,
        program: &mut Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<Vec<u8>, ImportError> {
        self.read(program, from, path).map(|(_, bytes)| bytes)
    }

    fn trace(&mut self, _: &mut Program<'p>, _: &str, _: &[EvalStackTraceItem]) {
        // What a file traces may be secret, and is not told.
    }

    fn native_call(
        &mut self,
        program: &mut Program<'p>,
        name: InternedStr<'p>,
        args: &[Value<'p>],
    ) -> Result<Value<'p>, NativeError> {
        let called = self.call(program, name.value(), args);
        called.map_err(|missing| self.fail(missing, NativeError))
    }
}

/// Every text and number in a value of Terraform's.
fn note(value: &Json, brought: &mut Vec<String>) {
    match value {
        Json::String(text) => brought.push(text.clone()),
        Json::Number(number) => brought.push(number.to_string()),
        Json::Array(entries) => entries.iter().for_each(|entry| note(entry, brought)),
        Json::Object(fields) => fields.values().for_each(|field| note(field, brought)),
        Json::Null | Json::Bool(_) => {}
    }
}

fn value_of<'p>(program: &mut Program<'p>, value: &Json) -> Value<'p> {
    match value {
        Json::Null => Value::null(),
        Json::Bool(flag) => Value::bool(*flag),
        Json::Number(number) => Value::number(number.as_f64().unwrap_or_default()),
        Json::String(text) => Value::string(text),
        Json::Array(entries) => {
            let entries: Vec<_> = entries.iter().map(|entry| value_of(program, entry)).collect();
            program.make_array(&entries)
        }
        Json::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, field)| (program.intern_str(name), value_of(program, field)))
                .collect();
            program.make_object(&fields)
        }
    }
}

fn span_of(item: &EvalStackTraceItem) -> Option<SpanId> {
    match item {
        EvalStackTraceItem::Expr { span }
        | EvalStackTraceItem::Variable { span, .. }
        | EvalStackTraceItem::Import { span } => Some(*span),
        EvalStackTraceItem::Call { span, .. }
        | EvalStackTraceItem::ArrayItem { span, .. }
        | EvalStackTraceItem::ObjectField { span, .. } => *span,
        _ => None,
    }
}

fn kind_span(kind: &EvalErrorKind) -> Option<SpanId> {
    match kind {
        EvalErrorKind::UnknownObjectField { span, .. }
        | EvalErrorKind::ExplicitError { span, .. }
        | EvalErrorKind::AssertFailed { span, .. }
        | EvalErrorKind::ImportFailed { span, .. }
        | EvalErrorKind::InvalidUnaryOpType { span, .. }
        | EvalErrorKind::CondIsNotBool { span, .. }
        | EvalErrorKind::InvalidIndexedType { span, .. }
        | EvalErrorKind::FieldOfNonObject { span }
        | EvalErrorKind::NumericIndexOutOfRange { span, .. } => Some(*span),
        EvalErrorKind::InvalidBinaryOpTypes { span, .. }
        | EvalErrorKind::CalleeIsNotFunction { span, .. }
        | EvalErrorKind::CallParamNotBound { span, .. }
        | EvalErrorKind::TooManyCallArgs { span, .. }
        | EvalErrorKind::NumberOverflow { span }
        | EvalErrorKind::NumberNan { span }
        | EvalErrorKind::DivByZero { span }
        | EvalErrorKind::Other { span, .. } => *span,
        _ => None,
    }
}

/// What went wrong, in words. Values are in it only where the file itself puts them there.
fn words(kind: &EvalErrorKind) -> String {
    match kind {
        EvalErrorKind::ExplicitError { message, .. } => format!("the file says: {message}"),
        EvalErrorKind::AssertFailed { message: Some(message), .. } => format!("an assert does not hold: {message}"),
        EvalErrorKind::UnknownObjectField { field_name, .. } => format!("there is no field {field_name}"),
        EvalErrorKind::AssertEqualFailed { .. } => "two values are not equal that should be".to_owned(),
        EvalErrorKind::Other { message, .. } => message.clone(),
        EvalErrorKind::CalleeIsNotFunction { .. } => {
            "what is called here is no function; of std.native there are env, must_env, ssm, ssm_list, caller_identity, and tfstate with --tfstate".to_owned()
        }
        other => format!("this cannot be evaluated: {}", variant(&format!("{other:?}"))),
    }
}

/// `NumberOverflow { span: … }` as `number overflow`.
fn variant(debugged: &str) -> String {
    let name = debugged.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let mut words = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(character.to_lowercase());
    }
    words
}

fn load_error(error: &LoadError) -> (Option<SpanId>, String) {
    match error {
        LoadError::Lex(error) => {
            (Some(lex_span(error)), format!("this is not valid Jsonnet: {}", variant(&format!("{error:?}"))))
        }
        LoadError::Parse(ParseError::Expected { span, .. }) => {
            (Some(*span), "this is not valid Jsonnet: something else is expected here".to_owned())
        }
        LoadError::Analyze(error) => analyze_error(error),
    }
}

fn lex_span(error: &LexError) -> SpanId {
    match error {
        LexError::InvalidChar { span, .. }
        | LexError::InvalidUtf8 { span, .. }
        | LexError::UnfinishedMultilineComment { span }
        | LexError::LeadingZeroInNumber { span }
        | LexError::MissingFracDigits { span }
        | LexError::MissingExpDigits { span }
        | LexError::MissingDigitAfterUnderscore { span }
        | LexError::ExpOverflow { span }
        | LexError::InvalidEscapeInString { span, .. }
        | LexError::IncompleteUnicodeEscape { span }
        | LexError::InvalidUtf16EscapeSequence { span, .. }
        | LexError::UnfinishedString { span }
        | LexError::MissingLineBreakAfterTextBlockStart { span }
        | LexError::MissingWhitespaceTextBlockStart { span }
        | LexError::InvalidTextBlockTermination { span } => *span,
    }
}

fn analyze_error(error: &AnalyzeError) -> (Option<SpanId>, String) {
    match error {
        AnalyzeError::UnknownVariable { span, name } => (Some(*span), format!("there is no variable {name}")),
        AnalyzeError::RepeatedFieldName { repeated_span, name, .. } => {
            (Some(*repeated_span), format!("the field {name} is given twice"))
        }
        AnalyzeError::RepeatedLocalName { repeated_span, name, .. } => {
            (Some(*repeated_span), format!("the local {name} is given twice"))
        }
        AnalyzeError::RepeatedParamName { repeated_span, name, .. } => {
            (Some(*repeated_span), format!("the parameter {name} is given twice"))
        }
        AnalyzeError::SelfOutsideObject { self_span: span }
        | AnalyzeError::SuperOutsideObject { super_span: span }
        | AnalyzeError::DollarOutsideObject { dollar_span: span }
        | AnalyzeError::PositionalArgAfterNamed { arg_span: span }
        | AnalyzeError::TextBlockAsImportPath { span }
        | AnalyzeError::ComputedImportPath { span } => {
            (Some(*span), format!("this is not valid Jsonnet: {}", variant(&format!("{error:?}"))))
        }
    }
}
