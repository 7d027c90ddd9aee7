//! Conversations with both APIs, as runtimes and extensions have them.

use serde_json::{Value, json};

use super::{Answer, Effect, FunctionIdentity, Happening, Invocation, Parts, Protocol, Reported, Request};

/// A protocol whose requests are numbered from 1.
struct Talk {
    protocol: Protocol,
    token: u64,
}

impl Talk {
    fn new() -> Self {
        let name = "f".to_owned();
        Self { protocol: Protocol::new(FunctionIdentity { name, ..FunctionIdentity::default() }), token: 0 }
    }

    /// Asks; gives the answers, by the number of their requests, and what happened.
    fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (Answers, Vec<Happening>) {
        self.token += 1;
        let header = |name: &str| {
            headers.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let body = Some(body.as_bytes().to_vec());
        let request = Request::of(Parts { method, path, header: &header, body, trailer: None });
        sorted(self.protocol.take(self.token, request))
    }

    fn next(&mut self) -> (Answers, Vec<Happening>) {
        self.ask("GET", "/2018-06-01/runtime/invocation/next", &[], "")
    }

    fn post(&mut self, id: &str, what: &str, body: &str) -> (Answers, Vec<Happening>) {
        self.ask("POST", &format!("/2018-06-01/runtime/invocation/{id}/{what}"), &[], body)
    }

    fn invoke(&mut self, id: &str) -> Answers {
        let invocation = Invocation {
            id: id.to_owned(),
            event: b"{}".to_vec(),
            deadline_milliseconds: 7,
            function_arn: "arn".to_owned(),
            trace_id: "Root=1".to_owned(),
            client_context: None,
        };
        sorted(self.protocol.invoke(invocation)).0
    }
}

type Answers = Vec<(u64, Answer)>;

fn sorted(effects: Vec<Effect>) -> (Answers, Vec<Happening>) {
    let (mut answers, mut happenings) = (Vec::new(), Vec::new());
    for effect in effects {
        match effect {
            Effect::Answer(token, answer) => answers.push((token, answer)),
            Effect::Happened(happening) => happenings.push(happening),
        }
    }
    (answers, happenings)
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn an_event_waits_for_the_runtime_or_the_runtime_for_the_event() {
    let mut talk = Talk::new();
    assert_eq!(talk.next(), (vec![], vec![Happening::Connected, Happening::Initialised]));
    let answers = talk.invoke("a");
    assert_eq!((answers[0].0, answers[0].1.status, answers[0].1.body.as_slice()), (1, 200, b"{}".as_slice()));
    let headers = &answers[0].1.headers;
    assert!(headers.contains(&("Lambda-Runtime-Aws-Request-Id", "a".to_owned())), "{headers:?}");
    assert!(headers.contains(&("Lambda-Runtime-Deadline-Ms", "7".to_owned())), "{headers:?}");

    let (answers, happened) = talk.post("a", "response", "42");
    assert_eq!((answers[0].1.status, happened), (202, vec![Happening::Responded(b"42".to_vec())]));
    assert_eq!(talk.invoke("b"), []);
    let (answers, happened) = talk.next();
    assert_eq!((answers[0].0, happened), (3, vec![Happening::Ready]));
}

#[test]
fn an_error_comes_with_type_message_and_stack_and_need_not_be_json() {
    let table = [
        (
            r#"{"errorMessage":"bad","errorType":"ValueError","stackTrace":["  one\n",{"two":2}]}"#,
            ("ValueError", "bad", vec!["  one", r#"{"two":2}"#]),
        ),
        (r#"{"errorMessage":"bad","trace":["x"]}"#, ("Function.Unknown", "bad", vec!["x"])),
        ("plain words", ("Function.Unknown", "plain words", vec![])),
    ];
    for (body, (kind, message, stack)) in table {
        let mut talk = Talk::new();
        talk.next();
        talk.invoke("a");
        let (answers, happened) = talk.post("a", "error", body);
        let stack = stack.into_iter().map(str::to_owned).collect();
        let (kind, message) = (kind.to_owned(), message.to_owned());
        let reported = Reported { kind, message, stack, body: body.as_bytes().to_vec() };
        assert_eq!((answers[0].1.status, happened), (202, vec![Happening::Failed(reported)]), "{body}");
    }
}

#[test]
fn what_has_no_place_is_refused_as_aws_refuses_it() {
    let mut talk = Talk::new();
    let refused = |(answers, _): (Answers, Vec<Happening>)| {
        (answers[0].1.status, json_of(&answers[0].1)["errorType"].as_str().unwrap_or_default().to_owned())
    };
    let transition = (403, "InvalidStateTransition".to_owned());
    assert_eq!(refused(talk.post("a", "response", "")), transition, "before anything");
    talk.next();
    assert_eq!(refused(talk.next()), transition, "asking twice");
    assert_eq!(refused(talk.ask("POST", "/2018-06-01/runtime/init/error", &[], "{}")), transition);
    talk.invoke("a");
    assert_eq!(refused(talk.next()), transition, "asking without having answered");
    assert_eq!(refused(talk.post("b", "response", "")), (400, "InvalidRequestID".to_owned()));
    talk.post("a", "response", "1");
    let (answers, happened) = talk.post("a", "response", "2");
    let message = "State transition from InvocationResponse to InvocationResponse failed for runtime. Error: State transition is not allowed";
    assert_eq!(json_of(&answers[0].1)["errorMessage"], message);
    assert!(matches!(happened.as_slice(), [Happening::Misbehaved(_)]), "answering twice");
}

#[test]
fn addresses_that_are_none_and_methods_that_are_others_are_told_apart() {
    let mut talk = Talk::new();
    let mut status = |method, path| talk.ask(method, path, &[], "").0[0].1.status;
    assert_eq!(status("GET", "/"), 404);
    assert_eq!(status("GET", "/2018-06-01/runtime/invocation/a/response"), 405);
    assert_eq!(status("POST", "/2018-06-01/runtime/invocation/next"), 405);
    assert_eq!(status("PUT", "/2022-07-01/telemetry"), 202);
}

#[test]
fn a_response_that_is_too_long_fails_the_invocation() {
    let mut talk = Talk::new();
    talk.next();
    talk.invoke("a");
    let request = Request::Response { id: "a".to_owned(), body: None, trailer: None };
    let (answers, happened) = sorted(talk.protocol.take(9, request));
    assert_eq!(answers[0].1.status, 413);
    let [Happening::Failed(reported)] = happened.as_slice() else { panic!("{happened:?}") };
    assert_eq!(reported.kind, "Function.ResponseSizeTooLarge");
}

#[test]
fn a_streamed_response_can_still_fail_at_its_end() {
    let mut talk = Talk::new();
    talk.next();
    talk.invoke("a");
    let trailer = Some(("Late".to_owned(), br#"{"errorMessage":"too late"}"#.to_vec()));
    let request = Request::Response { id: "a".to_owned(), body: Some(b"begun".to_vec()), trailer };
    let (_, happened) = sorted(talk.protocol.take(9, request));
    let [Happening::Failed(reported)] = happened.as_slice() else { panic!("{happened:?}") };
    assert_eq!((reported.kind.as_str(), reported.message.as_str()), ("Late", "too late"));
}

#[test]
fn initialisation_ends_when_runtime_and_extensions_wait() {
    let mut talk = Talk::new();
    let register = "/2020-01-01/extension/register";
    let (answers, happened) =
        talk.ask("POST", register, &[("lambda-extension-name", "e")], r#"{"events":["INVOKE","SHUTDOWN"]}"#);
    assert_eq!(happened, [Happening::Registered("e".to_owned())]);
    assert_eq!(json_of(&answers[0].1)["functionName"], "f");
    let identifier = answers[0].1.headers[0].1.clone();
    assert_eq!(talk.next().1, [Happening::Connected]);
    assert_eq!(talk.protocol.unready_extensions(), ["e"]);
    let known = [("lambda-extension-identifier", identifier.as_str())];
    let (answers, happened) = talk.ask("GET", "/2020-01-01/extension/event/next", &known, "");
    assert_eq!((answers.len(), happened), (0, vec![Happening::Initialised]));
    assert_eq!(talk.protocol.unready_extensions(), Vec::<String>::new());

    let told = talk.invoke("a");
    assert_eq!((told[0].0, &json_of(&told[0].1)["eventType"]), (3, &json!("INVOKE")));
    talk.ask("GET", "/2020-01-01/extension/event/next", &known, "");
    let (told, _) = sorted(talk.protocol.shut_down("spindown", 9));
    let expected = json!({ "eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": 9 });
    assert_eq!((told[0].0, json_of(&told[0].1)), (4, expected));

    let late = talk.ask("POST", register, &[("lambda-extension-name", "late")], "{}").0;
    assert_eq!(
        (late[0].1.status, &json_of(&late[0].1)["errorType"]),
        (403, &json!("Extension.RegistrationClosed"))
    );
}

#[test]
fn an_extension_that_comes_late_to_an_event_still_hears_of_it() {
    let mut talk = Talk::new();
    talk.invoke("a");
    let answers = talk
        .ask(
            "POST",
            "/2020-01-01/extension/register",
            &[("lambda-extension-name", "e")],
            r#"{"events":["INVOKE"]}"#,
        )
        .0;
    let identifier = answers[0].1.headers[0].1.clone();
    let known = [("lambda-extension-identifier", identifier.as_str())];
    let next = |talk: &mut Talk| talk.ask("GET", "/2020-01-01/extension/event/next", &known, "").0;
    assert_eq!(json_of(&next(&mut talk)[0].1)["requestId"], "a");
    assert_eq!(next(&mut talk), [], "once");
}

#[test]
fn extensions_that_nobody_knows_or_that_want_nonsense_are_refused() {
    let mut talk = Talk::new();
    let mut kind = |path: &str, headers: &[(&str, &str)], body: &str| {
        let method = if path.ends_with("next") { "GET" } else { "POST" };
        let answers = talk.ask(method, &format!("/2020-01-01/extension/{path}"), headers, body).0;
        (answers[0].1.status, json_of(&answers[0].1)["errorType"].as_str().unwrap().to_owned())
    };
    let named = [("lambda-extension-name", "e")];
    let unknown = [("lambda-extension-identifier", "x")];
    let table = [
        (kind("register", &[], ""), "Extension.MissingName"),
        (kind("register", &named, r#"{"events":["SLEEP"]}"#), "Extension.InvalidEventType"),
        (kind("event/next", &[], ""), "Extension.MissingExtensionIdentifier"),
        (kind("event/next", &unknown, ""), "Extension.UnknownExtensionIdentifier"),
        (kind("exit/error", &unknown, ""), "Extension.UnknownExtensionIdentifier"),
    ];
    for (found, expected) in table {
        assert_eq!(found, (403, expected.to_owned()));
    }
}

#[test]
fn a_runtime_that_went_away_while_it_waited_is_given_nothing() {
    let mut talk = Talk::new();
    talk.next();
    talk.protocol.forget(1);
    assert_eq!(talk.invoke("a"), []);
    assert_eq!(talk.next().0[0].0, 2);
}
