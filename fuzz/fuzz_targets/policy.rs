//! Repository policies: parsed, judged, and given the smallest grant.
#![no_main]

use std::sync::LazyLock;

use lambda_lift::policy::{
    Addition, Assessment, Document, Doubtful, Ensured, MAX_POLICY_CHARACTERS, OwnerPolicy, PolicyScope,
    Request, Verdict, Wish, ensure, evaluate, explain, owner_instructions, pullers,
};
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;

const OWNER: &str = "111111111111";
const OTHER: &str = "222222222222";

static REQUESTS: LazyLock<[Request; 3]> = LazyLock::new(|| {
    let request = |account: &str| {
        Request::new(OWNER.parse().unwrap(), account.parse().unwrap(), "eu-central-1".parse().unwrap())
            .for_function("shop".parse().unwrap())
    };
    let caller = format!("arn:aws:iam::{OTHER}:role/ci");
    [request(OWNER), request(OTHER), request(OTHER).by_caller(caller)]
});

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((choice, text)) = input.split_first() else { return Corpus::Reject };
    let Ok(text) = std::str::from_utf8(text) else { return Corpus::Reject };
    let _ = pullers(text);
    let document = match text.parse::<Document>() {
        Ok(document) => document,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return Corpus::Keep;
        }
    };
    assert_eq!(document.text(), text);
    assert_eq!(value(text), value(&document.pretty()), "printing keeps every value");
    let wish = Wish {
        requests: match choice & 3 {
            0 => &REQUESTS[..1],
            1 => &REQUESTS[1..2],
            2 => &REQUESTS[2..],
            _ => &REQUESTS[..],
        },
        scope: [PolicyScope::Account, PolicyScope::Function, PolicyScope::None][usize::from(choice >> 2) % 3],
        doubtful: if choice & 0x80 == 0 { Doubtful::Leave } else { Doubtful::Grant },
    };
    let repository = "app".parse().unwrap();
    for request in wish.requests {
        let told = explain(&evaluate(Some(&document), request), request, &repository, wish.scope);
        assert!(!told.message.is_empty());
        let any = evaluate(Some(&document), &Request { function: None, ..request.clone() }).service.verdict;
        let one = evaluate(Some(&document), request).service.verdict;
        match any {
            Verdict::Granted | Verdict::Denied => assert_eq!(one, any, "of any function"),
            Verdict::Missing => assert!(matches!(one, Verdict::Missing | Verdict::Denied), "{one:?}"),
            Verdict::Unknown => {}
        }
    }
    match ensure(Some(&document), wish) {
        Ok(Ensured::Add(addition)) => check(&document, wish, &addition),
        Ok(Ensured::AlreadyGranted(before)) => {
            assert!(before.iter().all(|one| one.verdict() == Verdict::Granted));
        }
        Ok(Ensured::Denied(before)) => assert!(before.iter().any(|one| one.verdict() == Verdict::Denied)),
        Ok(Ensured::TooLarge { characters, .. }) => assert!(characters > MAX_POLICY_CHARACTERS),
        Ok(Ensured::Unknown(before)) => assert!(before.iter().any(|one| one.verdict() != Verdict::Granted)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let instructions =
        owner_instructions(&repository, &wish.requests[0], wish.scope, OwnerPolicy::Merged(text));
    // Whatever is in the policy, it is one word of the owner's shell.
    assert!(instructions.ends_with('\''), "{instructions}");
    Corpus::Keep
});

/// Holds an addition to what was promised: it is needed once, makes nobody worse off, and leaves alone what is not ours.
fn check(before: &Document, wish: Wish<'_>, addition: &Addition) {
    assert!(addition.text.chars().count() <= MAX_POLICY_CHARACTERS);
    let after: Document = addition.text.parse().expect("our own text");
    for request in wish.requests {
        let (old, new) = (evaluate(Some(before), request), evaluate(Some(&after), request));
        assert!(new.verdict() <= Verdict::Unknown, "{new:?}");
        let pairs = verdicts(&new).into_iter().zip(verdicts(&old));
        pairs.for_each(|(new, old)| assert!(new <= old, "{old:?} became {new:?}"));
    }
    assert!(!matches!(ensure(Some(&after), wish), Ok(Ensured::Add(_))), "asked for twice");
    if value(before.text()).is_none() {
        return;
    }
    let extended: Vec<Value> =
        addition.changes.iter().filter_map(|one| value(one.before.as_ref()?)).collect();
    let count = before.labels().count();
    for index in 0..count {
        let statement = |document: &Document| value(document.statement_text(index).expect("its statement"));
        let (old, new) = (statement(before), statement(&after));
        assert!(
            old == new || extended.contains(old.as_ref().expect("JSON")),
            "a foreign statement has changed"
        );
    }
    assert_eq!(after.labels().count(), count + addition.changes.len() - extended.len());
}

fn verdicts(assessment: &Assessment) -> Vec<Verdict> {
    assessment.sides().map(|(_, side)| side.verdict).collect()
}

/// None where a number is beyond what that reader takes; the policy's own keeps numbers as they are written.
fn value(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}
