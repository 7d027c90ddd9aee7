//! How the registry is convinced, and where credentials go.

use std::sync::Arc;

use super::model::{Fault, Known, Login, Model};
use crate::image::ImageErrorKind;
use crate::image::fixture::Layout;
use crate::image::remote::{Credential, RemoteAccess};

async fn model(login: Login) -> Model {
    let mut layout = Layout::default();
    let image = layout.image("amd64");
    let model = Model::with(layout.add(image)).await;
    model.set(|state| state.login = login);
    model
}

#[tokio::test]
async fn anonymous_and_named_visitors_get_a_token_once_and_use_it_for_everything() {
    for (login, access) in [
        (Login::Bearer(None), RemoteAccess::default()),
        (Login::Bearer(Some("me:secret")), Known::access("me:secret")),
    ] {
        let model = model(login).await;
        model.open_as(":v1", None, access).await.unwrap();
        assert_eq!((model.count("GET", "/token"), model.count("GET", "manifests/v1")), (1, 2));
        let token = &model.log()[1];
        assert!(
            token.target.starts_with("/token?a=b&scope=repository%3Ateam%2Fapp%3Apull&service="),
            "{token:?}"
        );
        // The password goes to the token service, and the token to the registry.
        assert!(
            model.log()[2..]
                .iter()
                .all(|seen| seen.authorization.as_deref() == Some("Bearer secret-token-1"))
        );
        assert_eq!(model.log()[0].authorization, None, "nothing is sent before it is asked for");
    }
}

#[tokio::test]
async fn an_identity_token_is_traded_for_an_access_token() {
    let model = model(Login::Bearer(Some("nobody:could know"))).await;
    let credentials = Arc::new(Known(Credential::IdentityToken("refresh-secret".to_owned())));
    let access = RemoteAccess { credentials, ..RemoteAccess::default() };
    model.open_as(":v1", None, access).await.unwrap();
    let traded = model.log().into_iter().find(|seen| seen.method == "POST").unwrap();
    assert!(traded.target == "/token?a=b" && traded.body.contains("grant_type=refresh_token"), "{traded:?}");
}

#[tokio::test]
async fn basic_credentials_are_sent_when_the_registry_asks_for_them() {
    let model = model(Login::Basic("me:secret")).await;
    model.open_as(":v1", None, Known::access("me:secret")).await.unwrap();
    assert_eq!(model.log()[0].authorization, None);
    assert_eq!(model.log().len(), 3);
}

#[tokio::test]
async fn whoever_is_not_known_is_told_how_to_sign_in() {
    for (login, access, says) in [
        (Login::Basic("me:secret"), RemoteAccess::default(), "sign in with docker login 127.0.0.1"),
        (Login::Basic("me:secret"), Known::access("me:wrong-secret"), "sign in again"),
        (Login::Bearer(Some("me:secret")), RemoteAccess::default(), "docker login 127.0.0.1"),
        (Login::Bearer(Some("me:secret")), Known::access("me:wrong-secret"), "sign in again"),
    ] {
        let model = model(login).await;
        let error = model.open_as(":v1", None, access).await.unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Unreadable, "{error}");
        assert!(error.to_string().contains("401"), "{error}");
        assert!(error.hint().unwrap().contains(says), "{:?}", error.hint());
        assert!(model.log().len() <= 3, "no attempt is repeated: {:?}", model.requests());
    }
}

#[tokio::test]
async fn a_token_that_ends_in_between_is_renewed() {
    let model = model(Login::Bearer(None)).await;
    // Between the manifest and the configuration.
    model.plan("blobs/", 0, 1, Fault::ForgetTokens);
    model.open(":v1").await.unwrap();
    assert_eq!(model.count("GET", "/token"), 2);
    // One that says that it lives for a second is renewed before it is used again.
    model.set(|state| (state.token_life, state.log) = (Some(1), Vec::new()));
    let image = model.open(":v1").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1000)).await;
    let location = image.layers[0].location.clone();
    tokio::task::spawn_blocking(move || crate::image::fixture::read(&location)).await.unwrap();
    assert!(model.count("GET", "/token") >= 2);
    assert_eq!(
        model.log().iter().filter(|seen| seen.target.contains("blobs")).count(),
        2,
        "none was refused"
    );
}

#[tokio::test]
async fn a_forbidden_repository_says_so() {
    let model = model(Login::Open).await;
    let body =
        r#"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}"#.to_owned();
    model.plan("manifests/", 0, 99, Fault::Answer(403, "content-type: application/json", body));
    let error = model.open(":v1").await.unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Unreadable);
    assert!(error.to_string().contains("requested access to the resource is denied"), "{error}");
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_and_a_token_service_without_a_token_is_no_help() {
    let redirecting = model(Login::Basic("me:secret")).await;
    redirecting.set(|state| state.redirects = true);
    redirecting.open_as(":v1", None, Known::access("me:secret")).await.unwrap();
    let storage = redirecting.log().into_iter().find(|seen| seen.target.starts_with("/storage/")).unwrap();
    assert_eq!(storage.authorization, None);
    for body in ["{}", "", "<html>"] {
        let model = model(Login::Bearer(None)).await;
        model.plan("/token", 0, 99, Fault::Answer(200, "content-type: text/plain", body.to_owned()));
        let error = model.open(":v1").await.unwrap_err();
        assert!(error.to_string().contains("token service"), "{error}");
    }
    for location in ["ftp://host.example/x", "http://host.example:1/x?Signature=secret", "", "loop"] {
        let model = model(Login::Open).await;
        let header: &'static str = Box::leak(format!("location: {location}").into_boxed_str());
        if location.starts_with("http:") {
            // From a registry on this machine another plain address may be followed; nobody answers there.
            continue;
        }
        model.plan("manifests/", 0, 99, Fault::Answer(307, header, String::new()));
        assert_eq!(model.open(":v1").await.unwrap_err().kind(), ImageErrorKind::Malformed, "{location}");
    }
}
