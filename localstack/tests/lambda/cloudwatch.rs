//! CloudWatch in its three protocols, and what Lambda counts there.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lambda_lift_localstack::Call;
use lambda_lift_localstack::cloudwatch::CloudWatch;
use lambda_lift_localstack::lambda::Lambda;
use serde_json::{Value, json};

use crate::bench::{ACCOUNT, Bench, REGION};

const NOW: u64 = 1_793_872_830;

fn call(headers: &[(&str, &str)], body: &[u8]) -> Call {
    Call {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: Vec::new(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.to_vec(),
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        service: "monitoring".to_owned(),
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
    }
}

fn json_call(watch: &CloudWatch, operation: &str, input: &Value) -> (u16, Value) {
    let target = format!("GraniteServiceVersion20100801.{operation}");
    let answer = watch.handle(&call(&[("x-amz-target", &target)], input.to_string().as_bytes()));
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn form_call(watch: &CloudWatch, form: &str) -> (u16, String) {
    let answer =
        watch.handle(&call(&[("content-type", "application/x-www-form-urlencoded")], form.as_bytes()));
    (answer.status, String::from_utf8(answer.body).unwrap())
}

fn alarm(name: &str) -> Value {
    json!({"AlarmName": name, "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
           "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold"})
}

#[test]
fn alarms_keep_the_state_that_was_set() {
    let watch = CloudWatch::new(None);
    assert_eq!(json_call(&watch, "PutMetricAlarm", &alarm("errors")), (200, json!({})));
    let (_, found) = json_call(&watch, "DescribeAlarms", &json!({"AlarmNames": ["errors", "none"]}));
    let found = &found["MetricAlarms"][0];
    assert_eq!(found["AlarmArn"], "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors");
    assert_eq!((&found["StateValue"], &found["Threshold"]), (&json!("INSUFFICIENT_DATA"), &json!(1.0)));
    assert_eq!(found["StateUpdatedTimestamp"], json!(1_793_872_830.0));
    let state = json!({"AlarmName": "errors", "StateValue": "ALARM", "StateReason": "test"});
    assert_eq!(json_call(&watch, "SetAlarmState", &state).0, 200);
    assert_eq!(
        json_call(&watch, "PutMetricAlarm", &alarm("errors")).0,
        200,
        "putting it again keeps its state"
    );
    let (_, found) = json_call(&watch, "DescribeAlarms", &json!({"StateValue": "ALARM"}));
    assert_eq!(found["MetricAlarms"].as_array().unwrap().len(), 1);
    assert_eq!(json_call(&watch, "DeleteAlarms", &json!({"AlarmNames": ["errors"]})).0, 200);
    let (_, found) = json_call(&watch, "DescribeAlarms", &json!({}));
    assert_eq!(found, json!({"CompositeAlarms": [], "MetricAlarms": []}));
}

#[test]
fn alarms_are_found_by_name_prefix_and_page() {
    let watch = CloudWatch::new(None);
    for name in ["a1", "a2", "a3", "b1"] {
        json_call(&watch, "PutMetricAlarm", &alarm(name));
    }
    let names = |input: Value| -> (Vec<String>, Value) {
        let (_, found) = json_call(&watch, "DescribeAlarms", &input);
        let alarms = found["MetricAlarms"].as_array().unwrap();
        let names = alarms.iter().map(|alarm| alarm["AlarmName"].as_str().unwrap().to_owned()).collect();
        (names, found["NextToken"].clone())
    };
    let (page, token) = names(json!({"AlarmNamePrefix": "a", "MaxRecords": 2}));
    assert_eq!(page, ["a1", "a2"]);
    let (page, token) = names(json!({"AlarmNamePrefix": "a", "MaxRecords": 2, "NextToken": token}));
    assert_eq!((page, token), (vec!["a3".to_owned()], Value::Null));
    assert_eq!(names(json!({"AlarmTypes": ["CompositeAlarm"]})).0, Vec::<String>::new());
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    assert_eq!(json_call(&watch, "DescribeAlarms", &json!({"AlarmNames": many})).0, 400);
}

#[test]
fn refusals_name_their_shape() {
    let watch = CloudWatch::new(None);
    for (operation, input, status, shape) in [
        (
            "SetAlarmState",
            json!({"AlarmName": "x", "StateValue": "OK", "StateReason": "r"}),
            404,
            "ResourceNotFound",
        ),
        ("DeleteAlarms", json!({"AlarmNames": ["x"]}), 404, "ResourceNotFound"),
        ("PutMetricAlarm", json!({"AlarmName": "x"}), 400, "MissingRequiredParameterException"),
        (
            "SetAlarmState",
            json!({"AlarmName": "x", "StateValue": "RED", "StateReason": "r"}),
            400,
            "InvalidParameterValueException",
        ),
        (
            "GetMetricData",
            json!({"MetricDataQueries": [], "StartTime": 2, "EndTime": 1}),
            400,
            "InvalidParameterValueException",
        ),
        (
            "PutMetricData",
            json!({"Namespace": "n", "MetricData": [{"MetricName": "m"}]}),
            400,
            "MissingRequiredParameterException",
        ),
        ("PutDashboard", json!({}), 400, "UnknownOperationException"),
    ] {
        let (found, body) = json_call(&watch, operation, &input);
        assert_eq!(
            (found, &body["__type"]),
            (status, &json!(format!("com.amazonaws.cloudwatch#{shape}"))),
            "{body}"
        );
    }
}

#[test]
fn metrics_are_summed_up_by_period() {
    let watch = CloudWatch::new(None);
    let datum = |seconds: u64, value: f64| {
        json!({"MetricName": "Errors", "Timestamp": seconds, "Value": value,
               "Dimensions": [{"Name": "Resource", "Value": "app:live"}, {"Name": "FunctionName", "Value": "app"}]})
    };
    let data = json!({"Namespace": "AWS/Lambda", "MetricData": [datum(NOW, 1.0), datum(NOW + 5, 2.0), datum(NOW + 60, 4.0),
        {"MetricName": "Errors", "Timestamp": NOW, "Value": 100.0}]});
    assert_eq!(json_call(&watch, "PutMetricData", &data).0, 200);
    for (statistic, expected) in [
        ("Sum", json!([4.0, 3.0])),
        ("Average", json!([4.0, 1.5])),
        ("Minimum", json!([4.0, 1.0])),
        ("Maximum", json!([4.0, 2.0])),
        ("SampleCount", json!([1.0, 2.0])),
        ("p99", json!([4.0, 2.0])),
    ] {
        let query = json!({"Id": "e", "MetricStat": {"Stat": statistic, "Period": 60, "Metric": {
            "Namespace": "AWS/Lambda", "MetricName": "Errors",
            "Dimensions": [{"Name": "FunctionName", "Value": "app"}, {"Name": "Resource", "Value": "app:live"}]}}});
        let input = json!({"MetricDataQueries": [query], "StartTime": NOW - 60, "EndTime": NOW + 120});
        let (_, found) = json_call(&watch, "GetMetricData", &input);
        let result = &found["MetricDataResults"][0];
        assert_eq!(result["Values"], expected, "{statistic}");
        assert_eq!(result["Timestamps"], json!([1_793_872_860.0, 1_793_872_800.0]), "newest first");
    }
}

#[test]
fn the_older_protocol_says_the_same_in_xml() {
    let watch = CloudWatch::new(None);
    let form = "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=a%20b&MetricName=Errors&Namespace=AWS%2FLambda&\
                EvaluationPeriods=1&Period=60&Threshold=1&Statistic=Sum&\
                ComparisonOperator=GreaterThanThreshold&Dimensions.member.1.Name=FunctionName&\
                Dimensions.member.1.Value=app&AlarmActions=";
    let (status, body) = form_call(&watch, form);
    assert_eq!(status, 200, "{body}");
    let (_, body) = form_call(&watch, "Action=DescribeAlarms&AlarmNames.member.1=a+b");
    for part in [
        "<DescribeAlarmsResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><DescribeAlarmsResult>",
        "<MetricAlarms><member>",
        "<Threshold>1.0</Threshold>",
        "<Period>60</Period>",
        "<ActionsEnabled>true</ActionsEnabled>",
        "<Dimensions><member><Name>FunctionName</Name><Value>app</Value></member></Dimensions>",
        "<StateUpdatedTimestamp>2026-11-05T10:00:30.000Z</StateUpdatedTimestamp>",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert!(!body.contains("<Action>"), "{body}");
    let (status, body) = form_call(&watch, "Action=SetAlarmState&AlarmName=no&StateValue=OK&StateReason=%3C");
    assert_eq!(status, 404);
    assert!(body.contains("<Code>ResourceNotFound</Code>"), "{body}");
    let time = "StartTime=2026-11-05T10%3A00%3A00Z&EndTime=2026-11-05T11%3A00%3A00Z";
    let put =
        "Action=PutMetricData&Namespace=n&MetricData.member.1.MetricName=m&MetricData.member.1.Value=2.5";
    assert_eq!(form_call(&watch, put).0, 200);
    let get = format!(
        "Action=GetMetricData&{time}&MetricDataQueries.member.1.Id=q&MetricDataQueries.member.1.MetricStat.Stat=Sum&\
         MetricDataQueries.member.1.MetricStat.Period=60&MetricDataQueries.member.1.MetricStat.Metric.Namespace=n&\
         MetricDataQueries.member.1.MetricStat.Metric.MetricName=m"
    );
    let (_, body) = form_call(&watch, &get);
    assert!(body.contains("<Timestamps><member>2026-11-05T10:00:00.000Z</member></Timestamps>"), "{body}");
    assert!(body.contains("<Values><member>2.5</member></Values>"), "{body}");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let watch = CloudWatch::new(None);
    for (headers, body) in [
        (vec![], b"".as_slice()),
        (vec![("x-amz-target", "Other.DescribeAlarms")], b"{}"),
        (vec![("x-amz-target", "GraniteServiceVersion20100801.DescribeAlarms")], b"{"),
        (vec![("x-amz-target", "GraniteServiceVersion20100801.DescribeAlarms")], b"[]"),
        (vec![("smithy-protocol", "rpc-v2-cbor")], b"\xff"),
    ] {
        assert_eq!(watch.handle(&call(&headers, body)).status, 400, "{headers:?}");
    }
}

#[test]
fn alarms_and_metrics_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let open = || CloudWatch::new(Some(folder.path().to_owned()));
    json_call(&open(), "PutMetricAlarm", &alarm("errors"));
    let (_, found) = json_call(&open(), "DescribeAlarms", &json!({}));
    assert_eq!(found["MetricAlarms"][0]["AlarmName"], "errors");
    std::fs::write(folder.path().join("cloudwatch.json"), "no").unwrap();
    assert_eq!(json_call(&open(), "DescribeAlarms", &json!({})).0, 500);
    assert_eq!(json_call(&open(), "PutMetricAlarm", &alarm("errors")).0, 500);
    assert_eq!(std::fs::read_to_string(folder.path().join("cloudwatch.json")).unwrap(), "no", "left alone");
}

#[test]
fn lambda_counts_invocations_and_errors() {
    let watch = Arc::new(CloudWatch::new(None));
    let mut bench = Bench::quick();
    bench.lambda =
        Lambda::new(bench.images.clone(), lambda_lift_localstack::lambda::LambdaSettings::default(), None)
            .with_metrics(watch.clone());
    let bench = bench.ready();
    bench.version("one");
    bench
        .update_configuration(json!({"Environment": {"Variables": {"LOCALSTACK_ERROR": "boom"}}}))
        .expect(200);
    bench.wait(1000);
    bench.version("two");
    let alias = json!({"Name": "live", "FunctionVersion": "1",
                       "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5}}});
    bench.post("/2015-03-31/functions/app/aliases", alias).expect(201);
    for _ in 0..10 {
        bench.post("/2015-03-31/functions/app/invocations?Qualifier=live", json!({})).expect(200);
    }
    let sum = |metric: &str, dimensions: Value| {
        let query = json!({"Id": "q", "MetricStat": {"Stat": "Sum", "Period": 86_400, "Metric": {
            "Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions}}});
        let input = json!({"MetricDataQueries": [query], "StartTime": NOW - 3600, "EndTime": NOW + 3600});
        json_call(&watch, "GetMetricData", &input).1["MetricDataResults"][0]["Values"].clone()
    };
    let function = json!({"Name": "FunctionName", "Value": "app"});
    let resource = json!({"Name": "Resource", "Value": "app:live"});
    let executed = |version: &str| json!({"Name": "ExecutedVersion", "Value": version});
    for (metric, dimensions, expected) in [
        ("Invocations", json!([function]), json!([10.0])),
        ("Invocations", json!([function, resource]), json!([10.0])),
        ("Errors", json!([function, resource]), json!([5.0])),
        ("Errors", json!([function, resource, executed("2")]), json!([5.0])),
        ("Errors", json!([function, resource, executed("1")]), json!([0.0])),
        ("Errors", json!([resource]), json!([])),
    ] {
        assert_eq!(sum(metric, dimensions.clone()), expected, "{metric} {dimensions}");
    }
}

#[test]
fn composite_alarms_are_told_to_those_who_ask_for_them() {
    let watch = CloudWatch::new(None);
    assert_eq!(json_call(&watch, "PutMetricAlarm", &alarm("errors")).0, 200);
    let rule = json!({"AlarmName": "all", "AlarmRule": "ALARM(errors)"});
    assert_eq!(json_call(&watch, "PutCompositeAlarm", &rule), (200, json!({})));
    assert_eq!(json_call(&watch, "PutCompositeAlarm", &json!({"AlarmName": "none"})).0, 400);
    let state = json!({"AlarmName": "all", "StateValue": "ALARM", "StateReason": "test"});
    assert_eq!(json_call(&watch, "SetAlarmState", &state).0, 200);
    let names = json!(["errors", "all"]);
    let (_, metric) = json_call(&watch, "DescribeAlarms", &json!({"AlarmNames": names}));
    assert_eq!(
        (metric["MetricAlarms"].as_array().unwrap().len(), &metric["CompositeAlarms"]),
        (1, &json!([]))
    );
    let both = json!({"AlarmNames": names, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]});
    let (_, both) = json_call(&watch, "DescribeAlarms", &both);
    let composite = &both["CompositeAlarms"][0];
    assert_eq!((&composite["AlarmName"], &composite["StateValue"]), (&json!("all"), &json!("ALARM")));
    assert_eq!(both["MetricAlarms"][0]["AlarmName"], "errors");
}
