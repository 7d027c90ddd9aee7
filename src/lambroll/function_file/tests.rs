use serde_json::{Value, json};

use super::*;
use crate::lambroll::samples::Scripted;
use crate::values::Ask;

fn read(name: &str, text: &str) -> Result<Written, FileError> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let external =
        ExternalVariables { texts: vec![pair("stage", "dev")], codes: vec![pair("memory", "64 * 2")] };
    read_function_file(Path::new(name), text, &external, &Scripted::default())
}

fn filled(text: &str) -> String {
    read("function.json", &format!("[\"{text}\"]"))
        .map(|declaration| {
            let list: Vec<String> = serde_json::from_str(&declaration.text).unwrap();
            list[0].clone()
        })
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn functions_are_those_of_lambroll() {
    for (template, expected) in [
        ("{{ env `STAGE` }}", "prod"),
        ("{{ env `NONE` `default` }}", "default"),
        ("{{ env `NONE` `STAGE` `default` }}", "prod"),
        ("{{ env `EMPTY` `` }}", ""),
        ("{{ env `NONE` }}", "NONE"),
        ("{{env \"STAGE\"}}", "prod"),
        ("{{ must_env `STAGE` }}-hello", "prod-hello"),
        ("{{ must_env `EMPTY` }}", ""),
        ("{{ env `JSON` | json_escape }}", "{\"a\":\"hunter2\"}"),
        ("{{ `<a & b>` | json_escape }}", "<a & b>"),
        ("{{ ssm `/secret` }}", "hunter2"),
        ("{{ ssm `/list` 1 }}", "entry-1"),
        ("{{ tfstate `data.aws_iam_role.lambda.arn` }}", "arn:aws:iam::123456789012:role/app"),
        ("{{ net_tfstate `output.subnets[1]` }}", "subnet-b"),
        ("{{ tfstatef `aws_security_group.internal['%s'].id` (must_env `WORLD`) }}", "sg-0aaaaaaaaaaaaaaaa"),
        ("{{ must_env `WORLD` | tfstatef `aws_security_group.internal['%s'].id` }}", "sg-0aaaaaaaaaaaaaaaa"),
        ("{{ net_tfstatef `output.subnets[%d]` 0 }}", "subnet-a"),
        ("{{ caller_identity.Account }}", "123456789012"),
        ("{{ (caller_identity).UserId }}", "AIDA"),
        ("{{ if eq (env `STAGE`) `prod` `live` }}yes{{ else }}no{{ end }}", "yes"),
        ("{{ if ne (env `STAGE`) `prod` }}a{{ else if not (env `NONE2` ``) }}b{{ else }}c{{ end }}", "b"),
        ("{{ if and (env `STAGE`) (env `EMPTY` ``) }}a{{ end }}b", "b"),
        ("{{ or (env `EMPTY` ``) `x` }}", "x"),
        ("a {{- ` b` -}} c", "a bc"),
        ("a{{/* a comment with }} in it */}}b{{- /* trimmed */ -}} c", "abc"),
        ("{{ printf `%s-%d%%` (env `STAGE`) 7 }}", "prod-7%"),
        ("{{ `{{ mustache }}` }}", "{{ mustache }}"),
        ("{{ print true -3 }}", "true-3"),
    ] {
        assert_eq!(filled(template), expected, "{template}");
    }
}

#[test]
fn what_is_wrong_with_a_template_is_told_where_it_stands() {
    for (text, place, part, hint) in [
        (
            "{\n  \"a\": \"{{ must_env `NONE` }}\"}",
            "2:12",
            "must_env: the environment variable NONE is not set",
            "--envfile",
        ),
        ("{\"a\": \"{{ ssm `/none` }}\"}", "1:11", "ssm: there is no parameter /none", "look"),
        (
            "{\"a\": \"{{ tfstate `data.aws_iam_role.lambda.arm` }}\"}",
            "1:11",
            "tfstate: data.aws_iam_role.lambda is in the state, and has no .arm",
            "did you mean arn?",
        ),
        ("{\"a\": \"{{ x_tfstate `y` }}\"}", "1:11", "no Terraform state with the prefix x_", ""),
        ("{\"ä\": \"{{ envv `A` }}\"}", "1:11", "there is no function envv", "did you mean env?"),
        ("{{ layer_arn `a` `b` }}", "1:4", "no function layer_arn", "no layers"),
        ("{{ index `a` 1 }}", "1:4", "no function index", "lambroll render"),
        ("{{ range `a` }}{{ end }}", "1:1", "range is not understood here", "if, else and end"),
        ("{{ $x := env `A` }}", "1:4", "$x is not understood here", "no variables"),
        ("{{ .Values.x }}", "1:4", "there is no data here", "caller_identity"),
        ("{{ env `A", "1:1", "begins with {{ and does not end", ""),
        ("{{ env `A`", "1:1", "begins with {{ and does not end", ""),
        ("{{ env (env `A` }}", "1:8", "not closed", ""),
        ("{{ env `A`) }}", "1:11", "closes that none opened", ""),
        ("{{ }}", "1:1", "nothing in it", ""),
        ("{{ env `A` | }}", "1:1", "missing here", ""),
        ("{{ `a` `b` }}", "1:4", "only a function takes", ""),
        ("{{ if env `A` }}", "1:1", "an if has no end", ""),
        ("{{ end }}", "1:1", "an end without an if", ""),
        ("{{ else }}", "1:1", "an else without an if", ""),
        ("{{ if true }}{{ else }}{{ else }}{{ end }}", "1:1", "two else", ""),
        ("{{ must_env 1 }}", "1:4", "must_env takes the name", ""),
        ("{{ ssm `/list` -1 }}", "1:4", "a place from 0 on", ""),
        ("{{ caller_identity.Acount }}", "1:4", ".Acount is not there", ".Account"),
        ("{{ 1.5 }}", "1:4", "write a whole one", ""),
        ("{{ printf `%x` 1 }}", "1:4", "of the verbs", ""),
        ("{{ tfstatef `a['%s']` }}", "1:4", "more verbs than", ""),
        ("{\"a\": \"{{ env `JSON` }}\"}", "1:11", "breaks the JSON around it", "json_escape"),
        ("{\"a\": {{ env `TOKEN` }}}", "1:10", "breaks the JSON around it", "not shown"),
        ("{\"a\": \"{{ env `TOKEN` }}\",\n }", "2:2", "not valid JSON: trailing comma", ".jsonnet"),
        ("{\"a\": \"{{ env `TOKEN` }}\"\n \"b\": 1}", "2:2", "not valid JSON: expected `,` or `}`", ""),
    ] {
        let error = read("function.json", text).unwrap_err();
        assert!(error.to_string().starts_with(&format!("function.json:{place}: ")), "{text}: {error}");
        assert!(error.to_string().contains(part), "{text}: {error}");
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{text}: {:?}", error.hint);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn a_file_without_templates_stays_as_it_is_and_what_templates_fill_is_hidden() {
    let plain = "{ \"a\": 1, \"b\": \"} }\" }";
    assert_eq!(read("function.json", plain).unwrap(), Written::plain(plain));
    let text = r#"{"FunctionName": "{{ caller_identity.Account }}", "Role": "{{ tfstate `data.aws_iam_role.lambda.arn` }}",
        "MemorySize": {{ env `MEMORY` }}, "Tags": {"{{ env `STAGE` }}": "x", "y": "z"},
        "VpcConfig": {"SubnetIds": ["subnet-x", "{{ tfstate `output.subnets[0]` }}"]}, "Description": "{{ `open` }}"}"#;
    let declaration = read("function.json", text).unwrap();
    assert_eq!(declaration.hidden, ["MemorySize", "Role", "Tags.prod", "VpcConfig.SubnetIds[1]"]);
    assert!(!format!("{declaration:?}").contains("arn:"));
}

#[test]
fn what_is_sure_to_be_needed_is_fetched_together() {
    let lookups = Scripted::default();
    let text = "[\"{{ ssm `/secret` }}\", \"{{ env `X` | ssm `/list` 0 }}\", \"{{ tfstate `output.subnets[0]` }}{{ net_tfstatef `%s` (ssm `/inner`) }}\",
        \"{{ if true }}{{ ssm `/perhaps` }}{{ end }}{{ caller_identity.Arn }}\"]";
    let _ = read_function_file(Path::new("function.json"), text, &ExternalVariables::default(), &lookups);
    let parameter = |name: &str| Ask::Parameter(name.to_owned());
    let mut asked = lookups.prefetched.into_inner();
    asked.sort();
    let expected = [
        parameter("/inner"),
        parameter("/list"),
        parameter("/secret"),
        Ask::State(String::new()),
        Ask::State("net_".to_owned()),
        Ask::Caller,
    ];
    assert_eq!(asked, expected);
}

const JSONNET: &str = r#"
local env = std.native('env');
local must_env = std.native('must_env');
local tfstate = std.native('tfstate');
local caller = std.native('caller_identity')();
local common = import 'common.libsonnet';
{
  FunctionName: 'hello-%s' % std.extVar('stage'),
  MemorySize: std.extVar('memory'),
  Role: tfstate('data.aws_iam_role.lambda.arn'),
  Timeout: common.timeout,
  Description: importstr 'text.txt',
  Environment: { Variables: {
    A: env('NONE', 'default'), B: must_env('TOKEN'), C: std.native('ssm')('/secret'), D: std.native('ssm_list')('/list', 1),
    E: '{{ env `STAGE` }}', F: caller.Account,
  } },
  VpcConfig: { SubnetIds: std.native('net_tfstate')('output.subnets') },
}
"#;

#[test]
fn jsonnet_is_evaluated_and_its_templates_are_filled_in() {
    let declaration = read("conf/function.jsonnet", JSONNET).unwrap();
    let value: Value = serde_json::from_str(&declaration.text).unwrap();
    let expected = json!({"FunctionName": "hello-dev", "MemorySize": 128, "Role": "arn:aws:iam::123456789012:role/app",
        "Timeout": 7, "Description": "text", "VpcConfig": {"SubnetIds": ["subnet-a", "subnet-b"]},
        "Environment": {"Variables": {"A": "default", "B": "hunter2", "C": "hunter2", "D": "entry-1", "E": "prod", "F": "123456789012"}}});
    assert_eq!(value, expected);
    let variables = ["B", "C", "D", "E"].map(|name| format!("Environment.Variables.{name}"));
    let mut hidden = variables.to_vec();
    hidden.extend(["Role", "VpcConfig.SubnetIds[0]", "VpcConfig.SubnetIds[1]"].map(str::to_owned));
    assert_eq!(declaration.hidden, hidden);
}

#[test]
fn what_is_wrong_with_jsonnet_is_told_where_it_stands() {
    for (text, place, part, hint) in [
        ("{\n  a: 1,,\n}", "conf/f.jsonnet:2:8", "something else is expected", ""),
        ("{ a: 'x }", "conf/f.jsonnet:1:6", "unfinished string", ""),
        ("{ a: b }", "conf/f.jsonnet:1:6", "no variable b", ""),
        (
            "{ a: std.extVar('nope') }",
            "conf/f.jsonnet:1:6",
            "the external variable nope is not given",
            "--ext-str nope=VALUE",
        ),
        ("{\n a: std.native('must_env')('NONE') }", "conf/f.jsonnet:2:5", "NONE is not set", "--envfile"),
        (
            "{ a: std.native('ssm')('/none') }",
            "conf/f.jsonnet:1:6",
            "ssm: there is no parameter /none",
            "look",
        ),
        ("{ a: std.native('ssm_list')('/list', 0.5) }", "conf/f.jsonnet:1:6", "a whole number", ""),
        (
            "{ a: std.native('tfstate')('output.x') }",
            "conf/f.jsonnet:1:6",
            "output.x is not in the state",
            "",
        ),
        ("{ a: std.native('layer_arn')('a', 'b') }", "conf/f.jsonnet:1:6", "no layers", ""),
        ("{ a: {}.b }", "conf/f.jsonnet:1:6", "there is no field b", ""),
        ("{ a: 1 / 0 }", "conf/f.jsonnet:1:6", "div by zero", ""),
        ("{ a: import 'none.libsonnet' }", "conf/f.jsonnet:1:6", "conf/none.libsonnet cannot be read", ""),
        ("{ a: (import 'common.libsonnet').broken }", "conf/common.libsonnet:1:23", "the file says: no", ""),
        (
            "{ a: (import 'bad.libsonnet').a }",
            "conf/f.jsonnet:1:7",
            "conf/bad.libsonnet:2:6: there is no variable b",
            "",
        ),
        (
            "{ a: error 'so: ' + std.native('must_env')('TOKEN') }",
            "conf/f.jsonnet:1:6",
            "the file says: so: (hidden)",
            "",
        ),
        ("{ a: '{{ ssm `/none` }}' }", "conf/f.jsonnet", "there is no parameter /none", ""),
        ("{ a: std.native('nope')('x') }", "conf/f.jsonnet:1:6", "", ""),
        ("local a = a; a", "conf/f.jsonnet:1:11", "infinite recursion", ""),
    ] {
        let error = read("conf/f.jsonnet", text).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{place}: ")), "{text}: {error}");
        assert!(error.to_string().contains(part), "{text}: {error}");
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{text}: {:?}", error.hint);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[{}\"`a-c .|()$-]{0,40}") {
        let _ = read("function.json", &text);
        let _ = read("function.json", &format!("\"{{{{ {text} }}}}\""));
    }
}
