//! One wire step at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::model::{Fault, Kind, Model, Recorder, Tokens, basic, quick};
use crate::event::Event;
use crate::name::Digest;
use crate::registry::{
    MountOutcome, Part, Reference, Registry, RegistryError, RegistrySettings, TransportFailure,
};

const MIB: usize = 1 << 20;

fn blob(model: &Model, content: &[u8]) -> Digest {
    let digest = Digest::of(content);
    model.state.lock().unwrap().blobs.insert(digest.to_string(), content.to_vec());
    digest
}

fn part(length: usize, fill: u8) -> Part {
    // Uneven frames, as compressed blocks are.
    Part::new(vec![
        Bytes::from(vec![fill; length / 3]),
        Bytes::new(),
        Bytes::from(vec![fill; length - length / 3]),
    ])
}

#[tokio::test]
async fn blobs_are_found_or_not() {
    let model = Model::start(Kind::Ecr).await;
    let there = blob(&model, b"there");
    let registry = model.registry();
    assert!(registry.blob_exists(&there).await.unwrap());
    assert!(!registry.blob_exists(&Digest::of(b"not there")).await.unwrap());
    let seen = &model.log()[0];
    assert_eq!(seen.target, format!("/v2/team/app/blobs/{there}"));
    assert_eq!(seen.authorization, Some(format!("Basic {}", basic(1))));
}

#[tokio::test]
async fn parts_are_sent_at_our_own_offsets_whatever_range_and_status_say() {
    for kind in [Kind::Plain, Kind::Ecr] {
        let model = Model::start(kind).await;
        let registry = model.registry();
        let mut session = registry.start_upload().await.unwrap();
        for fill in 1..=3 {
            session = registry.send_part(&session, &part(MIB, fill)).await.unwrap();
            assert_eq!(session.offset(), u64::from(fill) * MIB as u64);
        }
        let content = [vec![1; MIB], vec![2; MIB], vec![3; MIB], vec![4; 10]].concat();
        let digest = Digest::of(&content);
        registry.finish_upload(&session, &digest, &part(10, 4)).await.unwrap();
        assert!(model.state.lock().unwrap().blobs[&digest.to_string()] == content);
        let ranges: Vec<_> = model.log().into_iter().filter_map(|seen| seen.range).collect();
        let expected = ["0-1048575", "1048576-2097151", "2097152-3145727", "3145728-3145737"];
        assert_eq!(ranges, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn a_location_is_used_as_it_came() {
    let content = vec![7; 100];
    let digest = Digest::of(&content);
    let model = Model::start(Kind::Ecr).await;
    for prefix in [String::new(), model.url().to_string().trim_end_matches('/').to_owned()] {
        model.state.lock().unwrap().location_prefix = prefix;
        let registry = model.registry();
        let session = registry.start_upload().await.unwrap();
        registry.finish_upload(&session, &digest, &part(100, 7)).await.unwrap();
        let put = model.log().pop().unwrap();
        assert!(put.target.contains("?_state=secret%2Fstate&digest=sha256%3A"), "{}", put.target);
        assert!(put.authorization.is_some());
    }
}

#[tokio::test]
async fn credentials_never_go_to_another_host() {
    let (model, other) = (Model::start(Kind::Ecr).await, Model::start(Kind::Ecr).await);
    let registry = model.registry();
    // An upload that is continued elsewhere.
    model.state.lock().unwrap().location_prefix = other.url().to_string().trim_end_matches('/').to_owned();
    let session = registry.start_upload().await.unwrap();
    let gone = registry.send_part(&session, &part(MIB, 1)).await.unwrap_err();
    assert_eq!(gone.status(), Some(404), "the other registry does not know the upload");
    // A blob that lies elsewhere, behind a signed address.
    let digest = blob(&model, b"config");
    blob(&other, b"config");
    let target = format!("{}v2/team/app/blobs/{digest}?X-Amz-Signature=secret", other.url());
    model.state.lock().unwrap().redirect_blobs = Some(target);
    assert_eq!(registry.get_blob(&digest, 1000).await.unwrap(), "config");
    assert!(registry.blob_exists(&digest).await.unwrap());
    assert!(other.log().len() >= 2);
    for seen in other.log() {
        assert_eq!(seen.authorization, None, "{seen:?}");
    }
}

#[tokio::test]
async fn errors_never_repeat_the_query_of_an_address() {
    let model = Model::start(Kind::Ecr).await;
    let digest = blob(&model, b"config");
    let registry = model.registry();
    for target in [
        format!("{}missing?X-Amz-Signature=secret", model.url()),
        "http://127.0.0.1:9/x?X-Amz-Signature=secret".to_owned(),
        "http://elsewhere.example/x?X-Amz-Signature=secret".to_owned(),
    ] {
        model.state.lock().unwrap().redirect_blobs = Some(target.clone());
        let error = registry.get_blob(&digest, 1000).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(!shown.contains(&basic(1)), "{shown}");
    }
}

#[tokio::test]
async fn redirects_in_a_circle_and_oversized_or_wrong_blobs_end_in_an_error() {
    let model = Model::start(Kind::Ecr).await;
    let digest = blob(&model, &[1; 2000]);
    let registry = model.registry();
    let too_long = registry.get_blob(&digest, 1999).await.unwrap_err();
    assert!(too_long.to_string().contains("more than 1999 bytes"), "{too_long}");
    model.state.lock().unwrap().blobs.insert(digest.to_string(), b"other".to_vec());
    assert!(matches!(registry.get_blob(&digest, 9000).await, Err(RegistryError::Digest { .. })));
    model.state.lock().unwrap().redirect_blobs = Some(format!("/v2/team/app/blobs/{digest}"));
    let circle = registry.get_blob(&digest, 1999).await.unwrap_err();
    assert!(circle.to_string().contains("too many redirects"), "{circle}");
}

#[tokio::test]
async fn an_expired_token_is_replaced_once_for_all_tasks() {
    for kind in [Kind::Plain, Kind::Ecr] {
        let model = Model::start(kind).await;
        let digest = blob(&model, b"x");
        let tokens = Arc::new(Tokens::default());
        let registry = model.registry_with(Arc::clone(&tokens) as _, Arc::new(Recorder::default()));
        registry.blob_exists(&digest).await.unwrap();
        model.state.lock().unwrap().token = Some(basic(2));
        let asked = (0..6).map(|_| registry.get_blob(&digest, 10));
        for answer in futures_util::future::join_all(asked).await {
            assert_eq!(answer.unwrap(), "x");
        }
        assert_eq!(tokens.0.load(Ordering::SeqCst), 2, "{kind:?}");
        // HEAD has no words that would say why.
        model.state.lock().unwrap().token = Some(basic(3));
        assert!(registry.blob_exists(&digest).await.unwrap());
    }
}

#[tokio::test]
async fn a_token_that_is_never_accepted_is_replaced_once_a_request() {
    let model = Model::start(Kind::Plain).await;
    model.state.lock().unwrap().token = Some("never".to_owned());
    let tokens = Arc::new(Tokens::default());
    let registry = model.registry_with(Arc::clone(&tokens) as _, Arc::new(Recorder::default()));
    let error = registry.start_upload().await.unwrap_err();
    assert_eq!(error.status(), Some(401));
    assert!(error.hint().unwrap().contains("Region"));
    assert_eq!(tokens.0.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn throttling_is_waited_out_as_long_as_the_registry_asks() {
    let model = Model::start(Kind::Ecr).await;
    let digest = blob(&model, b"x");
    let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"Rate exceeded"}]}"#.to_owned();
    model.plan("GET", "blobs", 0, 1, Fault::Answer(429, "retry-after: 1", body));
    let events = Arc::new(Recorder::default());
    let registry = model.registry_with(Arc::new(Tokens::default()), Arc::clone(&events) as _);
    let started = Instant::now();
    assert_eq!(registry.get_blob(&digest, 10).await.unwrap(), "x");
    assert!(started.elapsed() >= Duration::from_secs(1));
    let events = events.0.lock().unwrap();
    let [Event::Retrying { reason, wait, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert!(reason.contains("429 TOOMANYREQUESTS: Rate exceeded"), "{reason}");
    assert!((1000..=1010).contains(&wait.as_millis()), "{wait:?}");
}

#[tokio::test]
async fn each_passing_fault_is_survived_and_each_lasting_one_is_told() {
    let faults = [
        Fault::Answer(500, "", "oops".to_owned()),
        Fault::Answer(503, "", "<html>try later</html>".to_owned()),
        Fault::Answer(429, "retry-after: 0", String::new()),
        Fault::Closed,
        Fault::LostAnswer,
        Fault::HalfAnswer,
        Fault::Stall,
    ];
    for fault in faults {
        let model = Model::start(Kind::Ecr).await;
        let digest = blob(&model, b"x");
        let registry = model.registry();
        model.plan("GET", "blobs", 0, 2, fault.clone());
        assert_eq!(registry.get_blob(&digest, 10).await.unwrap(), "x", "{fault:?}");
        model.plan("HEAD", "blobs", 0, 99, fault.clone());
        let error = registry.blob_exists(&digest).await.unwrap_err();
        assert!(error.is_transient(), "{fault:?}: {error}");
        assert!(error.to_string().starts_with("HEAD http://127.0.0.1:"), "{error}");
    }
}

#[tokio::test]
async fn a_connection_closed_at_the_start_of_an_upload_names_what_may_be_missing() {
    let model = Model::start(Kind::Ecr).await;
    model.plan("POST", "uploads", 0, 99, Fault::Closed);
    let error = model.registry().start_upload().await.unwrap_err();
    assert!(matches!(error, RegistryError::Transport { failure: TransportFailure::Broken, .. }), "{error}");
    let hint = error.hint().unwrap();
    assert!(hint.contains("--create-repository") && hint.contains("ecr:InitiateLayerUpload"), "{hint}");
}

#[tokio::test]
async fn refusals_carry_the_registrys_words_and_a_way_out() {
    let cases = [
        (
            404,
            r#"{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name 'team/app' does not exist in the registry with id '123456789012'"}]}"#,
            "create-repository",
        ),
        (
            403,
            r#"{"errors":[{"code":"DENIED","message":"User: arn:aws:iam::1:user/u is not authorized to perform: ecr:UploadLayerPart on resource: r because no identity-based policy allows"}]}"#,
            "allow ecr:UploadLayerPart on the repository",
        ),
        (403, "Forbidden", "allow ecr:InitiateLayerUpload on the repository"),
        (429, "", "--jobs"),
    ];
    for (status, body, hint) in cases {
        let model = Model::start(Kind::Ecr).await;
        model.plan("POST", "uploads", 0, 99, Fault::Answer(status, "", body.to_owned()));
        let error = model.registry().start_upload().await.unwrap_err();
        assert_eq!(error.status(), Some(status));
        assert!(error.hint().unwrap().contains(hint), "{error}: {:?}", error.hint());
        let tried = model.count("POST", "uploads");
        assert_eq!(tried, if status == 429 { 5 } else { 1 }, "{error}");
    }
}

#[tokio::test]
async fn nothing_at_the_address_is_told_with_ways_out() {
    let url = "http://127.0.0.1:9".parse().unwrap();
    let settings = RegistrySettings { retry: quick(), ..RegistrySettings::default() };
    let registry = Registry::new(url, "ab".parse().unwrap(), Arc::new(Tokens::default()), settings).unwrap();
    let error = registry.blob_exists(&Digest::of(b"")).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Transport { failure: TransportFailure::Unreachable, .. }),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("--registry-endpoint"));
}

#[tokio::test]
async fn blobs_are_mounted_or_an_upload_is_opened() {
    let model = Model::start(Kind::Ecr).await;
    let (mountable, other) = (Digest::of(b"base"), Digest::of(b"other"));
    model.state.lock().unwrap().mountable.insert(mountable.to_string(), Vec::new());
    let registry = model.registry();
    let from = "team/base".parse().unwrap();
    assert!(matches!(registry.mount(&mountable, &from).await.unwrap(), MountOutcome::Mounted));
    let MountOutcome::Session(session) = registry.mount(&other, &from).await.unwrap() else { panic!() };
    registry.finish_upload(&session, &other, &Part::from(Bytes::from_static(b"other"))).await.unwrap();
    assert!(model.log()[0].target.ends_with("&from=team%2Fbase"), "{}", model.log()[0].target);
}

#[tokio::test]
async fn manifests_are_hashed_since_ecr_does_not_name_their_digest() {
    for kind in [Kind::Plain, Kind::Ecr] {
        let model = Model::start(kind).await;
        let (bytes, media_type) = (br#"{"a": 1}"#.to_vec(), "application/vnd.oci.image.manifest.v1+json");
        let digest = Digest::of(&bytes);
        for reference in ["v1".to_owned(), digest.to_string()] {
            let stored = (media_type.to_owned(), bytes.clone());
            model.state.lock().unwrap().manifests.insert(reference, stored);
        }
        let registry = model.registry();
        let tag = "v1".parse().unwrap();
        for reference in [Reference::Tag(&tag), Reference::Digest(&digest)] {
            assert_eq!(registry.head_manifest(reference).await.unwrap(), Some(digest));
            let stored = registry.get_manifest(reference).await.unwrap();
            assert_eq!((stored.digest, stored.media_type.as_str()), (digest, media_type));
            assert_eq!(stored.bytes, bytes);
        }
        let missing = "missing".parse().unwrap();
        assert_eq!(registry.head_manifest(Reference::Tag(&missing)).await.unwrap(), None);
        // What is there under a digest is not what the digest says.
        model.state.lock().unwrap().manifests.get_mut(&digest.to_string()).unwrap().1.push(b' ');
        let error = registry.get_manifest(Reference::Digest(&digest)).await.unwrap_err();
        assert!(matches!(error, RegistryError::Digest { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_oversized_manifest_is_not_read_whole() {
    let model = Model::start(Kind::Ecr).await;
    let stored = (String::new(), vec![b' '; 5 * MIB]);
    model.state.lock().unwrap().manifests.insert("v1".to_owned(), stored);
    let tag = "v1".parse().unwrap();
    let error = model.registry().get_manifest(Reference::Tag(&tag)).await.unwrap_err();
    assert!(error.to_string().contains("more than 4194304 bytes"), "{error}");
}
