//! The state machine of both APIs.

use serde_json::{Value, json};

use super::extension::Extension;
use super::{Answer, LARGEST_RESPONSE, Request};

/// An event on its way to the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Invocation {
    /// The request id.
    pub(in crate::sandbox) id: String,
    /// The event as JSON.
    pub(in crate::sandbox) event: Vec<u8>,
    /// When it must have been answered, in milliseconds since 1970.
    pub(in crate::sandbox) deadline_milliseconds: u64,
    /// The function's ARN.
    pub(in crate::sandbox) function_arn: String,
    /// The trace header of X-Ray.
    pub(in crate::sandbox) trace_id: String,
    /// What the caller says of itself, as JSON; none when it says nothing.
    pub(in crate::sandbox) client_context: Option<String>,
}

/// What the function is called when an extension registers.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct FunctionIdentity {
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) version: String,
    pub(in crate::sandbox) handler: String,
    pub(in crate::sandbox) account: String,
}

/// What comes of a request. Requests are known by a number that their carrier gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) enum Effect {
    /// Answer this request.
    Answer(u64, Answer),
    /// Something that whoever runs the function wants to know.
    Happened(Happening),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) enum Happening {
    /// The runtime has connected: it can be a runtime.
    Connected,
    /// Runtime and extensions are ready for the first event.
    Initialised,
    /// The runtime could not start.
    InitFailed(Reported),
    /// An extension has registered.
    Registered(String),
    /// An extension could not go on.
    ExtensionFailed {
        /// Its name.
        name: String,
        /// The error's type.
        kind: String,
    },
    /// An event was answered.
    Responded(Vec<u8>),
    /// An event could not be answered.
    Failed(Reported),
    /// The runtime is ready for another event.
    Ready,
    /// The runtime did what it may not, for a person to know.
    Misbehaved(String),
}

/// An error as a runtime reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sandbox) struct Reported {
    pub(in crate::sandbox) kind: String,
    pub(in crate::sandbox) message: String,
    pub(in crate::sandbox) stack: Vec<String>,
    /// The error as it came, which is what Lambda hands on.
    pub(in crate::sandbox) body: Vec<u8>,
}

/// The longest text of an error that is kept, and the most lines of a stack.
const LONGEST_TEXT: usize = 4096;
const MOST_FRAMES: usize = 50;

impl Reported {
    /// Reads what a runtime sends. It need not be JSON.
    pub(super) fn of(kind: Option<String>, body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let frames = value.get("stackTrace").or_else(|| value.get("trace")).and_then(Value::as_array);
        let frames = frames.into_iter().flatten().take(MOST_FRAMES);
        let frame = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let whole = || String::from_utf8_lossy(body).into_owned();
        let message = if value.is_object() { text("errorMessage").unwrap_or_default() } else { whole() };
        Self {
            kind: cut(text("errorType").or(kind).unwrap_or_else(|| "Function.Unknown".to_owned())),
            message: cut(message),
            stack: frames.map(|value| cut(frame(value).trim_end().to_owned())).collect(),
            body: body.to_vec(),
        }
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST_TEXT {
        let end = (0..=LONGEST_TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Where the runtime is. The names of states in refusals are those of AWS's emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Runtime {
    /// It has not asked for an event yet.
    Started,
    /// It waits for an event, with this request.
    Ready(u64),
    /// It has this event.
    Running(String),
    /// It has answered, and has not asked for another event yet.
    Answered(&'static str),
    /// It could not start.
    Failed,
}

impl Runtime {
    fn name(&self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::Ready(_) => "Ready",
            Self::Running(_) => "Running",
            Self::Answered(state) => state,
            Self::Failed => "RuntimeInitError",
        }
    }
}

const RESPONSE: &str = "InvocationResponse";
const ERROR_RESPONSE: &str = "InvocationErrorResponse";

/// Both APIs between the function and whoever runs it.
#[derive(Debug)]
pub(in crate::sandbox) struct Protocol {
    function: FunctionIdentity,
    runtime: Runtime,
    /// An event that nobody has taken yet.
    invocation: Option<Invocation>,
    extensions: Vec<Extension>,
    /// The last event for extensions, and how many there were: one that comes late gets it late.
    announced: (u64, Vec<u8>),
    initialised: bool,
}

impl Protocol {
    /// Nothing has connected yet.
    pub(in crate::sandbox) fn new(function: FunctionIdentity) -> Self {
        let (runtime, extensions) = (Runtime::Started, Vec::new());
        let announced = (0, Vec::new());
        Self { function, runtime, invocation: None, extensions, announced, initialised: false }
    }

    /// Takes a request.
    pub(in crate::sandbox) fn take(&mut self, token: u64, request: Request) -> Vec<Effect> {
        match request {
            Request::Next => self.next(token),
            Request::Response { id, body, trailer } => self.response(token, &id, body, trailer),
            Request::Error { id, kind, body } => self.error(token, &id, Reported::of(kind, &body)),
            Request::InitError { kind, body } => self.init_error(token, Reported::of(kind, &body)),
            Request::Register { name, body } => self.register(token, name, &body),
            Request::EventNext { extension } => self.event_next(token, extension.as_deref()),
            Request::ExtensionError { extension, kind, starting } => {
                self.extension_error(token, extension.as_deref(), kind, starting)
            }
            Request::Telemetry => {
                let message = "Telemetry API is not supported";
                let kind = "Telemetry.NotSupported";
                // AWS's emulator answers so, and extensions are written for it.
                vec![Effect::Answer(token, Answer::error(202, kind, message))]
            }
            Request::Unknown => {
                vec![Effect::Answer(token, Answer::new(404, b"404 page not found\n".to_vec()))]
            }
            Request::WrongMethod => vec![Effect::Answer(token, Answer::new(405, Vec::new()))],
        }
    }

    /// A request's carrier has gone away before it was answered.
    pub(in crate::sandbox) fn forget(&mut self, token: u64) {
        if self.runtime == Runtime::Ready(token) {
            // It will ask again. What it said before holds.
            self.runtime = Runtime::Started;
        }
        for extension in self.extensions.iter_mut().filter(|extension| extension.waiting == Some(token)) {
            extension.waiting = None;
        }
    }

    /// Gives the function an event. It goes out as soon as the runtime asks.
    pub(in crate::sandbox) fn invoke(&mut self, invocation: Invocation) -> Vec<Effect> {
        let mut effects = self.tell_extensions_of(&invocation);
        self.invocation = Some(invocation);
        effects.extend(self.deliver());
        effects
    }

    /// Tells the extensions that it is over.
    pub(in crate::sandbox) fn shut_down(&mut self, reason: &str, deadline_milliseconds: u64) -> Vec<Effect> {
        let body = json!({
            "eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_milliseconds,
        });
        let wanting = self.extensions.iter_mut().filter(|extension| extension.wants_shutdown);
        let tokens: Vec<u64> = wanting.filter_map(|extension| extension.waiting.take()).collect();
        let answer = |token| Effect::Answer(token, Answer::new(200, body.to_string().into_bytes()));
        tokens.into_iter().map(answer).collect()
    }

    /// Whether extensions have registered, which is when Lambda tells the runtime of its end.
    pub(in crate::sandbox) fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// Names of extensions that have registered and have not asked for their first event.
    pub(in crate::sandbox) fn unready_extensions(&self) -> Vec<String> {
        let unready = self.extensions.iter().filter(|extension| !extension.has_started);
        unready.map(|extension| extension.name.clone()).collect()
    }

    fn next(&mut self, token: u64) -> Vec<Effect> {
        let first = self.runtime == Runtime::Started;
        if !first && !matches!(self.runtime, Runtime::Answered(_)) {
            let refusal = Answer::transition(self.runtime.name(), "Ready");
            let told = format!("the runtime asked for an event while it was {}", self.runtime.name());
            return vec![Effect::Answer(token, refusal), Effect::Happened(Happening::Misbehaved(told))];
        }
        self.runtime = Runtime::Ready(token);
        let mut effects = vec![Effect::Happened(if first { Happening::Connected } else { Happening::Ready })];
        effects.extend(self.look_whether_initialised());
        effects.extend(self.deliver());
        effects
    }

    /// Hands the event over, when there is one and the runtime waits for it.
    fn deliver(&mut self) -> Option<Effect> {
        let Runtime::Ready(token) = self.runtime else { return None };
        let Invocation { id, event, deadline_milliseconds, function_arn, trace_id, client_context } =
            self.invocation.take()?;
        self.runtime = Runtime::Running(id.clone());
        let mut headers = vec![
            ("Lambda-Runtime-Aws-Request-Id", id),
            ("Lambda-Runtime-Deadline-Ms", deadline_milliseconds.to_string()),
            ("Lambda-Runtime-Invoked-Function-Arn", function_arn),
            ("Lambda-Runtime-Trace-Id", trace_id),
        ];
        headers.extend(client_context.map(|context| ("Lambda-Runtime-Client-Context", context)));
        Some(Effect::Answer(token, Answer { headers, ..Answer::new(200, event) }))
    }

    fn tell_extensions_of(&mut self, invocation: &Invocation) -> Vec<Effect> {
        let body = json!({
            "eventType": "INVOKE",
            "deadlineMs": invocation.deadline_milliseconds,
            "requestId": invocation.id,
            "invokedFunctionArn": invocation.function_arn,
            "tracing": { "type": "X-Amzn-Trace-Id", "value": invocation.trace_id },
        });
        self.announced = (self.announced.0 + 1, body.to_string().into_bytes());
        let announced = &self.announced;
        self.extensions.iter_mut().filter_map(|extension| extension.hear(announced)).collect()
    }

    /// Whether an answer to the event of this id has its place now; otherwise what is to be said.
    fn may_answer(&self, id: &str, target: &'static str) -> Result<(), Answer> {
        match &self.runtime {
            Runtime::Running(running) if running == id => Ok(()),
            Runtime::Running(_) => Err(Answer::wrong_id()),
            state => Err(Answer::transition(state.name(), target)),
        }
    }

    fn response(
        &mut self,
        token: u64,
        id: &str,
        body: Option<Vec<u8>>,
        trailer: Option<(String, Vec<u8>)>,
    ) -> Vec<Effect> {
        if let Err(refusal) = self.may_answer(id, RESPONSE) {
            return refused(token, refusal, "answered an event that it did not have");
        }
        let Some(body) = body else {
            self.runtime = Runtime::Answered(ERROR_RESPONSE);
            let message = format!(
                "Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes)."
            );
            let kind = "Function.ResponseSizeTooLarge".to_owned();
            let reported = Reported { kind, message, ..Reported::default() };
            return vec![
                Effect::Answer(token, Answer::too_large()),
                Effect::Happened(Happening::Failed(reported)),
            ];
        };
        self.runtime = Runtime::Answered(RESPONSE);
        let happening = match trailer {
            Some((kind, error)) => Happening::Failed(Reported::of(Some(kind), &error)),
            None => Happening::Responded(body),
        };
        vec![Effect::Answer(token, Answer::accepted()), Effect::Happened(happening)]
    }

    fn error(&mut self, token: u64, id: &str, reported: Reported) -> Vec<Effect> {
        if let Err(refusal) = self.may_answer(id, ERROR_RESPONSE) {
            return refused(token, refusal, "reported an error of an event that it did not have");
        }
        self.runtime = Runtime::Answered(ERROR_RESPONSE);
        vec![Effect::Answer(token, Answer::accepted()), Effect::Happened(Happening::Failed(reported))]
    }

    fn init_error(&mut self, token: u64, reported: Reported) -> Vec<Effect> {
        if self.runtime != Runtime::Started {
            let refusal = Answer::transition(self.runtime.name(), "InitError");
            return refused(token, refusal, "reported that it could not start after it had started");
        }
        self.runtime = Runtime::Failed;
        vec![Effect::Answer(token, Answer::accepted()), Effect::Happened(Happening::InitFailed(reported))]
    }

    fn register(&mut self, token: u64, name: Option<String>, body: &[u8]) -> Vec<Effect> {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            let message = "Lambda-Extension-Name is missing";
            return vec![Effect::Answer(token, Answer::error(403, "Extension.MissingName", message))];
        };
        if self.initialised {
            let message = "Extension registration is closed";
            return vec![Effect::Answer(token, Answer::error(403, "Extension.RegistrationClosed", message))];
        }
        // Like the identifiers of Lambda, but that nobody has to guess them here.
        let identifier = format!("00000000-0000-4000-8000-{:012x}", self.extensions.len() + 1);
        let extension = match Extension::new(name.clone(), identifier.clone(), body) {
            Ok(extension) => extension,
            Err(event) => {
                let message = format!("Invalid event type: {event}");
                let answer = Answer::error(403, "Extension.InvalidEventType", &message);
                return vec![Effect::Answer(token, answer)];
            }
        };
        self.extensions.push(extension);
        let FunctionIdentity { name: function, version, handler, account } = &self.function;
        let body = json!({
            "functionName": function, "functionVersion": version, "handler": handler, "accountId": account,
        });
        let headers = vec![("Lambda-Extension-Identifier", identifier)];
        let answer = Answer { headers, ..Answer::new(200, body.to_string().into_bytes()) };
        vec![Effect::Answer(token, answer), Effect::Happened(Happening::Registered(name))]
    }

    fn extension(&mut self, identifier: Option<&str>) -> Result<&mut Extension, Answer> {
        let Some(identifier) = identifier else {
            let message = "Missing Lambda-Extension-Identifier header";
            return Err(Answer::error(403, "Extension.MissingExtensionIdentifier", message));
        };
        let known = self.extensions.iter_mut().find(|extension| extension.identifier == identifier);
        known.ok_or_else(|| {
            Answer::error(403, "Extension.UnknownExtensionIdentifier", "Unknown extension identifier")
        })
    }

    fn event_next(&mut self, token: u64, identifier: Option<&str>) -> Vec<Effect> {
        match self.extension(identifier) {
            Ok(extension) => {
                extension.has_started = true;
                extension.waiting = Some(token);
                let announced = self.announced.clone();
                let late = self.extension(identifier).ok().and_then(|extension| extension.hear(&announced));
                late.into_iter().chain(self.look_whether_initialised()).collect()
            }
            Err(refusal) => vec![Effect::Answer(token, refusal)],
        }
    }

    fn extension_error(
        &mut self,
        token: u64,
        identifier: Option<&str>,
        kind: Option<String>,
        starting: bool,
    ) -> Vec<Effect> {
        let name = match self.extension(identifier) {
            Ok(extension) => extension.name.clone(),
            Err(refusal) => return vec![Effect::Answer(token, refusal)],
        };
        let fallback = if starting { "Extension.InitError" } else { "Extension.ExitError" };
        let kind = kind.map_or_else(|| fallback.to_owned(), cut);
        vec![
            Effect::Answer(token, Answer::accepted()),
            Effect::Happened(Happening::ExtensionFailed { name, kind }),
        ]
    }

    /// Initialisation ends when the runtime and all extensions wait for an event.
    fn look_whether_initialised(&mut self) -> Option<Effect> {
        let ready = matches!(self.runtime, Runtime::Ready(_))
            && self.extensions.iter().all(|extension| extension.has_started);
        if !ready || self.initialised {
            return None;
        }
        self.initialised = true;
        Some(Effect::Happened(Happening::Initialised))
    }
}

fn refused(token: u64, refusal: Answer, what: &str) -> Vec<Effect> {
    let told = Happening::Misbehaved(format!("the runtime {what}"));
    vec![Effect::Answer(token, refusal), Effect::Happened(told)]
}
