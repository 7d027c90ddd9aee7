//! Faults on demand.

use std::collections::BTreeMap;

use lambda_lift_localstack::{Effect, ErrorAnswer, FaultRule, ResetMoment, Turn};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{OCI_MANIFEST, OTHER, REGION, Scene, digest, error, header, signature};

fn fault(operation: &str, calls: Turn, effect: Effect) -> FaultRule {
    FaultRule { operation: operation.to_owned(), calls, effect: Some(effect), ..FaultRule::default() }
}

#[tokio::test]
async fn the_nth_call_fails_with_the_given_error() {
    let (scene, registry) = Scene::with_repository().await;
    let answer = ErrorAnswer {
        status: 503,
        code: "UNAVAILABLE".into(),
        message: "later".into(),
        headers: BTreeMap::from([("Retry-After".to_owned(), "7".to_owned())]),
        body: None,
    };
    scene.stand.set_faults(vec![fault("HeadBlob", Turn::Nth(2), Effect::Error(answer))]);
    let target = format!("blobs/{}", digest(b"x"));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let response = registry.send(Method::HEAD, &target).await;
        if response.status() == 503 {
            assert_eq!(header(&response, "retry-after"), "7");
        }
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [404, 503, 404]);
}

#[tokio::test]
async fn each_service_has_its_own_shape_of_throttling_and_denial() {
    let (scene, registry) = Scene::with_repository().await;
    scene.stand.set_faults(vec![fault("*", Turn::Every, Effect::Throttle)]);
    let throttled = scene.ecr_error("DescribeRepositories", json!({})).await;
    assert_eq!(throttled, ("ThrottlingException".into(), "Rate exceeded".into()));
    let (status, code, _) = error(registry.send(Method::GET, "manifests/v1").await).await;
    assert_eq!((status, code.as_str()), (429, "TOOMANYREQUESTS"));
    let lambda = |operation: Effect| {
        scene.stand.set_faults(vec![fault("UpdateFunctionCode", Turn::Every, operation)]);
        let url = format!("{}/2015-03-31/functions/app/code", scene.stand.url());
        scene.http.put(url).header("authorization", signature(OTHER, REGION, "lambda")).body("{}").send()
    };
    let throttled = lambda(Effect::Throttle).await.unwrap();
    assert_eq!(header(&throttled, "x-amzn-errortype"), "TooManyRequestsException");
    let denied = lambda(Effect::Deny).await.unwrap();
    assert_eq!(
        (denied.status().as_u16(), header(&denied, "x-amzn-errortype").as_str()),
        (403, "AccessDeniedException")
    );
    let body: Value = serde_json::from_slice(&denied.bytes().await.unwrap()).unwrap();
    let expected = "User: arn:aws:iam::111122223333:user/stand-in is not authorized to perform: \
                    lambda:UpdateFunctionCode on resource: \
                    arn:aws:lambda:eu-west-1:111122223333:function:app because no identity-based policy allows the \
                    lambda:UpdateFunctionCode action";
    assert_eq!(body["Message"], expected);
    scene.stand.set_faults(vec![fault("SetRepositoryPolicy", Turn::Every, Effect::Deny)]);
    let denied = scene.ecr_error("SetRepositoryPolicy", json!({ "repositoryName": "app" })).await;
    assert_eq!(denied.0, "AccessDeniedException");
    assert!(denied.1.contains("arn:aws:ecr:eu-west-1:123456789012:repository/app"), "{}", denied.1);
    scene.stand.set_faults(vec![fault("GetManifest", Turn::Every, Effect::ExpiredToken)]);
    assert_eq!(error(registry.send(Method::GET, "manifests/v1").await).await.1, "DENIED");
}

#[tokio::test]
async fn a_reset_after_the_operation_leaves_its_work_done() {
    let (scene, registry) = Scene::with_repository().await;
    scene.stand.set_faults(vec![fault("FinishUpload", Turn::First(1), Effect::Reset(ResetMoment::After))]);
    let location = registry.open().await;
    let target = format!("{location}?digest={}", digest(b"layer"));
    assert!(registry.request(Method::PUT, &target).body("layer").send().await.is_err());
    assert_eq!(registry.send(Method::HEAD, &format!("blobs/{}", digest(b"layer"))).await.status(), 200);
    let call = scene.stand.calls().into_iter().find(|call| call.operation == "FinishUpload").unwrap();
    assert_eq!((call.status, call.fault.as_deref()), (None, Some("reset_after")));
}

#[tokio::test]
async fn a_reset_before_the_body_leaves_no_trace() {
    let (scene, registry) = Scene::with_repository().await;
    let text = registry.image("v1", b"layer").await;
    scene.stand.set_faults(vec![fault(
        "PutManifest",
        Turn::First(1),
        Effect::Reset(ResetMoment::BeforeBody),
    )]);
    let put = registry.request(Method::PUT, "manifests/v2").header("content-type", OCI_MANIFEST).body(text);
    assert!(put.send().await.is_err());
    assert_eq!(registry.send(Method::HEAD, "manifests/v2").await.status(), 404);
}

#[tokio::test]
async fn a_reset_in_the_middle_leaves_half_a_part() {
    let (scene, registry) = Scene::with_repository().await;
    scene.stand.set_faults(vec![fault("UploadPart", Turn::First(1), Effect::Reset(ResetMoment::MidBody))]);
    let location = registry.open().await;
    let part = vec![7; 6 * 1024 * 1024];
    assert!(registry.request(Method::PATCH, &location).body(part.clone()).send().await.is_err());
    let (status, _, message) = error(registry.part(&location, Some("0-6291455"), part.clone()).await).await;
    assert_eq!((status, message.as_str()), (416, "First byte of the layer part is 0 instead of 3145728"));
    // To go on from there leaves an undersized part in the middle, and the upload cannot be finished.
    assert_eq!(
        registry.part(&location, Some("3145728-6291455"), part[3_145_728..].to_vec()).await.status(),
        201
    );
    assert_eq!(error(registry.finish(&location, &digest(&part), Vec::new()).await).await.0, 400);
}

#[tokio::test]
async fn half_a_response_breaks_off() {
    let (scene, registry) = Scene::with_repository().await;
    registry.image("v1", b"layer").await;
    scene.stand.set_faults(vec![fault("GetManifest", Turn::Every, Effect::HalfResponse)]);
    let response = registry.send(Method::GET, "manifests/v1").await;
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn a_connection_may_be_closed_without_an_answer_from_one_call_to_another() {
    let (scene, registry) = Scene::with_repository().await;
    let between =
        FaultRule { service: Some("registry".to_owned()), ..fault("*", Turn::Between(2, 3), Effect::Close) };
    scene.stand.set_faults(vec![between]);
    let mut answered = Vec::new();
    for method in [Method::GET, Method::POST, Method::GET, Method::GET] {
        // Calls of other services are not counted.
        assert_eq!(scene.ecr("DescribeRepositories", json!({})).await.0, 200);
        let path = if method == Method::POST { "blobs/uploads/" } else { "tags/list" };
        answered.push(registry.request(method, path).send().await.is_ok());
    }
    assert_eq!(answered, [true, false, false, true]);
    let faults: Vec<_> = scene.stand.calls().into_iter().filter_map(|call| call.fault).collect();
    assert_eq!(faults, ["close", "close"]);
}

#[tokio::test]
async fn a_stalled_call_is_never_answered() {
    let (scene, registry) = Scene::with_repository().await;
    scene.stand.set_faults(vec![fault("HeadManifest", Turn::Every, Effect::Stall)]);
    let waiting = registry.send(Method::HEAD, "manifests/v1");
    let patience = std::time::Duration::from_millis(100);
    assert!(tokio::time::timeout(patience, waiting).await.is_err());
    // Even so the stand-in can be stopped.
    scene.stand.shutdown().await;
}

#[tokio::test]
async fn an_error_may_have_any_body() {
    let (scene, registry) = Scene::with_repository().await;
    let html = "<html>502</html>".to_owned();
    let answer = ErrorAnswer {
        status: 502,
        code: String::new(),
        message: String::new(),
        headers: BTreeMap::new(),
        body: Some(html.clone()),
    };
    scene.stand.set_faults(vec![fault("StartUpload", Turn::Every, Effect::Error(answer))]);
    let response = registry.send(Method::POST, "blobs/uploads/").await;
    assert_eq!((response.status().as_u16(), response.text().await.unwrap()), (502, html));
}

#[tokio::test]
async fn faults_are_set_and_cleared_over_http() {
    let scene = Scene::open().await;
    let url = format!("{}/_stand/faults", scene.stand.url());
    let rules = r#"[{"operation": "DescribeRepositories", "calls": {"nth": 1}, "delay_milliseconds": 1, "effect": "throttle"}]"#;
    assert_eq!(scene.http.put(&url).body(rules).send().await.unwrap().status(), 204);
    let kept: Value =
        serde_json::from_slice(&scene.http.get(&url).send().await.unwrap().bytes().await.unwrap()).unwrap();
    assert_eq!(kept[0]["operation"], "DescribeRepositories");
    assert_eq!(scene.ecr("DescribeRepositories", json!({})).await.0, 400);
    assert_eq!(scene.ecr("DescribeRepositories", json!({})).await.0, 200);
    assert_eq!(scene.http.put(&url).body("[{}]").send().await.unwrap().status(), 400);
    assert_eq!(scene.http.delete(&url).send().await.unwrap().status(), 204);
    assert_eq!(scene.http.get(&url).send().await.unwrap().text().await.unwrap(), "[]");
}
