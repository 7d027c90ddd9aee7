//! The official SDKs against the stand-in: what they send is understood, what they get they can read.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::types::{
    ComparisonOperator, Dimension, Metric, MetricDataQuery, MetricDatum, MetricStat, StateValue, Statistic,
};
use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{AliasRoutingConfiguration, Architecture, FunctionCode, PackageType, State};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use lambda_lift_localstack::cloudwatch::CloudWatch;
use lambda_lift_localstack::{Answer, Call};

use crate::bench::{ACCOUNT, Bench, REGION, ROLE, digest, uri};

/// Takes an SDK's requests in the place of a network.
#[derive(Clone)]
struct Wire(Arc<dyn Fn(Call) -> Answer + Send + Sync>);

impl std::fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Wire")
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.uri().to_owned();
        let rest = target.split_once("://").map_or(target.as_str(), |(_, rest)| rest);
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let decode = |text: &str| text.replace("%24", "$").replace("%3A", ":").replace("%2F", "/");
        let answer = (self.0)(Call {
            method: request.method().to_owned(),
            path: path.to_owned(),
            query: query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            service: String::new(),
            now: SystemTime::now(),
        });
        let status = answer.status.try_into().expect("a status");
        let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
        for (name, value) in answer.headers {
            response.headers_mut().append(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn lambda(bench: Bench) -> aws_sdk_lambda::Client {
    let bench = Mutex::new(bench);
    let wire = Wire(Arc::new(move |mut call| {
        let bench = bench.lock().unwrap();
        // The bench's own clock, so that what is under way is over at the next call.
        bench.wait(1000);
        call.now = bench.call_of("GET", "/", &serde_json::Value::Null).now;
        bench.lambda.handle(&call)
    }));
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(wire)
        .build();
    aws_sdk_lambda::Client::from_conf(config)
}

fn cloudwatch() -> aws_sdk_cloudwatch::Client {
    let watch = CloudWatch::new(None);
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(Wire(Arc::new(move |call| watch.handle(&call))))
        .build();
    aws_sdk_cloudwatch::Client::from_conf(config)
}

#[tokio::test]
async fn the_lambda_sdk_deploys_a_function() {
    let client = lambda(Bench::new());
    let created = client
        .create_function()
        .function_name("app")
        .role(ROLE)
        .package_type(PackageType::Image)
        .code(FunctionCode::builder().image_uri(uri(ACCOUNT, "app", "v1")).build())
        .architectures(Architecture::Arm64)
        .memory_size(512)
        .tags("team", "a")
        .send()
        .await
        .unwrap();
    assert_eq!((created.state, created.last_update_status), (Some(State::Pending), None));
    let arn = created.function_arn.unwrap();
    let found = client.get_function().function_name(&arn).send().await.unwrap();
    assert_eq!(found.configuration.unwrap().state, Some(State::Active));
    assert_eq!(found.code.unwrap().resolved_image_uri, Some(uri(ACCOUNT, "app", &digest("v1"))));
    assert_eq!(found.tags.unwrap()["team"], "a");

    let updated =
        client.update_function_code().function_name("app").image_uri(uri(ACCOUNT, "app", "v2")).publish(true);
    let updated = updated.send().await.unwrap();
    assert_eq!((updated.version.as_deref(), updated.state), (Some("1"), Some(State::Pending)));
    client.update_function_configuration().function_name("app").timeout(9).send().await.unwrap();
    let second = client.publish_version().function_name("app").send().await.unwrap();
    assert_eq!((second.version.as_deref(), second.timeout), (Some("2"), Some(9)));
    let versions =
        client.list_versions_by_function().function_name("app").send().await.unwrap().versions.unwrap();
    assert_eq!(versions.len(), 3);
    assert_eq!(versions[1].state, None);

    let weights = AliasRoutingConfiguration::builder().additional_version_weights("2", 0.5).build();
    client
        .create_alias()
        .function_name("app")
        .name("live")
        .function_version("1")
        .routing_config(weights)
        .send()
        .await
        .unwrap();
    let clear = AliasRoutingConfiguration::builder().set_additional_version_weights(Some([].into())).build();
    let alias =
        client.update_alias().function_name("app").name("live").function_version("2").routing_config(clear);
    assert_eq!(alias.send().await.unwrap().routing_config, None);
    let invoked = client.invoke().function_name("app").qualifier("live").payload(Blob::new("{\"a\":1}"));
    let invoked = invoked.log_type(aws_sdk_lambda::types::LogType::Tail).send().await.unwrap();
    assert_eq!((invoked.executed_version.as_deref(), invoked.status_code), (Some("2"), 200));
    assert_eq!(invoked.payload.unwrap().into_inner(), b"{\"a\":1}");
    assert!(invoked.log_result.is_some());

    client.tag_resource().resource(&arn).tags("b", "2").send().await.unwrap();
    client.untag_resource().resource(&arn).tag_keys("team").tag_keys("none").send().await.unwrap();
    let tags = client.list_tags().resource(&arn).send().await.unwrap().tags.unwrap();
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("b".to_owned(), "2".to_owned())]);
    client
        .put_function_concurrency()
        .function_name("app")
        .reserved_concurrent_executions(1)
        .send()
        .await
        .unwrap();
    let reserved = client.get_function_concurrency().function_name("app").send().await.unwrap();
    assert_eq!(reserved.reserved_concurrent_executions, Some(1));
    let provisioned = client.put_provisioned_concurrency_config().function_name("app").qualifier("live");
    provisioned.provisioned_concurrent_executions(1).send().await.unwrap();
    let listed = client.list_provisioned_concurrency_configs().function_name("app").send().await.unwrap();
    assert_eq!(listed.provisioned_concurrency_configs.unwrap().len(), 1);
    client.get_account_settings().send().await.unwrap();
    client.delete_alias().function_name("app").name("live").send().await.unwrap();
    client.delete_function().function_name("app").send().await.unwrap();
    assert_eq!(client.list_functions().send().await.unwrap().functions.unwrap().len(), 0);
}

#[tokio::test]
async fn the_lambda_sdk_understands_refusals() {
    let bench = Bench::new().ready();
    bench.images.policy_of(ACCOUNT, "app", None);
    let client = lambda(bench);
    let missing = client.get_function().function_name("none").send().await.unwrap_err().into_service_error();
    assert!(missing.is_resource_not_found_exception());
    assert!(missing.message().unwrap().starts_with("Function not found: arn:"));
    let stale = client.update_function_configuration().function_name("app").revision_id("x").send().await;
    let stale = stale.unwrap_err().into_service_error();
    assert!(stale.is_precondition_failed_exception());
    assert!(stale.message().unwrap().contains("does not match the latest Revision Id"));
    let denied =
        client.update_function_code().function_name("app").image_uri(uri(ACCOUNT, "app", "v2")).send().await;
    let denied = denied.unwrap_err().into_service_error();
    assert_eq!(denied.code(), Some("AccessDeniedException"), "not part of the model");
    assert!(denied.message().unwrap().contains("Check the ECR permissions"));
    let alias =
        client.get_alias().function_name("app").name("live").send().await.unwrap_err().into_service_error();
    assert!(alias.message().unwrap().starts_with("Cannot find alias arn"));
    let zip = client.update_function_code().function_name("app").zip_file(Blob::new("PK")).send().await;
    let zip = zip.unwrap_err().into_service_error();
    assert!(zip.is_invalid_parameter_value_exception());
    assert!(zip.message().unwrap().contains("Please provide ImageUri"));
}

#[tokio::test]
async fn the_cloudwatch_sdk_reads_alarms_and_metrics() {
    let client = cloudwatch();
    let dimension = || Dimension::builder().name("FunctionName").value("app").build();
    client
        .put_metric_alarm()
        .alarm_name("errors")
        .namespace("AWS/Lambda")
        .metric_name("Errors")
        .dimensions(dimension())
        .statistic(Statistic::Sum)
        .period(60)
        .evaluation_periods(1)
        .threshold(1.0)
        .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
        .send()
        .await
        .unwrap();
    let state =
        client.set_alarm_state().alarm_name("errors").state_value(StateValue::Alarm).state_reason("test");
    state.send().await.unwrap();
    let found = client.describe_alarms().alarm_names("errors").send().await.unwrap().metric_alarms.unwrap();
    assert_eq!(found[0].state_value, Some(StateValue::Alarm));
    assert_eq!((found[0].threshold, found[0].period), (Some(1.0), Some(60)));
    assert!(found[0].state_updated_timestamp.is_some());

    let now = SystemTime::now();
    let datum =
        MetricDatum::builder().metric_name("Errors").dimensions(dimension()).value(3.0).timestamp(now.into());
    client.put_metric_data().namespace("AWS/Lambda").metric_data(datum.build()).send().await.unwrap();
    let metric =
        Metric::builder().namespace("AWS/Lambda").metric_name("Errors").dimensions(dimension()).build();
    let stat = MetricStat::builder().metric(metric).period(60).stat("Sum").build();
    let data = client
        .get_metric_data()
        .metric_data_queries(MetricDataQuery::builder().id("e").metric_stat(stat).build())
        .start_time((now - Duration::from_secs(3600)).into())
        .end_time((now + Duration::from_secs(60)).into())
        .send()
        .await
        .unwrap();
    let results = data.metric_data_results.unwrap();
    assert_eq!(results[0].values.as_deref(), Some([3.0].as_slice()));
    assert_eq!(results[0].timestamps.as_ref().unwrap().len(), 1);

    let missing = client
        .set_alarm_state()
        .alarm_name("none")
        .state_value(StateValue::Ok)
        .state_reason("r")
        .send()
        .await;
    let missing = missing.unwrap_err().into_service_error();
    assert!(missing.is_resource_not_found(), "{missing:?}");
    client.delete_alarms().alarm_names("errors").send().await.unwrap();
}
