//! Each check beside a world in order, and beside one with one thing wrong.

use serde_json::json;

use crate::cloud::{PackageType, TagMutability};
use crate::image::{Choice, Compression, LocalImage, MediaFlavor};
use crate::layer::Encoding;
use crate::name::{Architecture, Digest};
use crate::observe::{Facts, PolicyFacts, RepositoryFacts};
use crate::plan::DeploySpec;
use crate::samples::{declare, facts, image, layer, live_of, spec, with_alias};

use super::{Finding, Severity, Wanted, check_arguments, check_facts, check_image};

fn told(findings: &[Finding]) -> Vec<(&'static str, Severity)> {
    findings.iter().map(|finding| (finding.check, finding.severity)).collect()
}

#[test]
fn a_world_in_order_has_no_findings() {
    let (spec, facts) = (spec(), facts());
    assert_eq!(check_arguments(&spec), []);
    assert_eq!(check_image(&facts.image.local, &Wanted::of(&spec)), []);
    assert_eq!(check_facts(&spec, &facts), []);
}

#[test]
fn arguments_are_judged_before_anything_is_asked() {
    let table = [
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/shop", "region"),
        ("123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com/shop", "fips"),
    ];
    for (repository, check) in table {
        let mut spec = spec();
        spec.repository = repository.parse().unwrap();
        assert_eq!(told(&check_arguments(&spec)), [(check, Severity::Refuse)], "{repository}");
        spec.function = None;
        assert_eq!(check_arguments(&spec), [], "a push alone goes anywhere: {repository}");
    }
}

#[test]
fn each_image_check_finds_its_own() {
    type Case = (&'static str, Severity, fn(&mut LocalImage));
    let table: [Case; 13] = [
        ("operating-system", Severity::Refuse, |image| image.config.os = "windows".to_owned()),
        ("operating-system", Severity::Unknown, |image| image.config.os.clear()),
        ("architecture", Severity::Refuse, |image| image.config.architecture = None),
        ("platform", Severity::Info, |image| {
            image.choice = Some(Choice { chosen: "linux/amd64".to_owned(), left_out: Vec::new() });
        }),
        ("layers", Severity::Refuse, |image| image.layers.clear()),
        ("layers", Severity::Warn, |image| {
            image.layers = (0..128_u8).map(|number| layer(&[number])).collect()
        }),
        ("image-size", Severity::Refuse, |image| image.layers[0].stored_size = 11 << 30),
        ("entrypoint", Severity::Warn, |image| image.config.entrypoint.clear()),
        ("entrypoint", Severity::Warn, |image| image.config.working_directory = "var/task".to_owned()),
        ("entrypoint", Severity::Warn, |image| image.config.entrypoint[0] = "bootstrap".to_owned()),
        ("settings-size", Severity::Refuse, |image| {
            image.config.command = (0..600).map(|number| format!("{number:030}")).collect()
        }),
        ("environment-size", Severity::Unknown, |image| {
            image.config.environment = vec![format!("LONG={}", "x".repeat(4096))]
        }),
        ("ignored-instructions", Severity::Info, |image| {
            image.config.user = "app".to_owned();
            image.config.ignored_instructions = vec!["VOLUME", "EXPOSE"];
        }),
    ];
    for (check, severity, spoil) in table {
        let mut image = image();
        spoil(&mut image);
        assert_eq!(told(&check_image(&image, &Wanted::default())), [(check, severity)]);
    }
    let mut image_with_variables = image();
    image_with_variables.config.environment = vec![format!("HALF={}", "x".repeat(2100))];
    let variables = |bytes: usize| {
        let settings = json!({ "Environment": { "Variables": { "AB": "x".repeat(bytes) } } });
        told(&check_image(&image_with_variables, &Wanted::of_settings(settings.as_object().unwrap())))
    };
    assert_eq!(variables(1900), []);
    assert_eq!(variables(2100), [("environment-size", Severity::Unknown)], "only together");
    let arm = Wanted { architecture: Some(Architecture::Arm64), ..Wanted::default() };
    assert_eq!(told(&check_image(&image(), &arm)), [("architecture", Severity::Refuse)]);
}

#[test]
fn layers_that_are_kept_as_they_are_stored_are_judged_by_what_lambda_takes() {
    let table = [
        (MediaFlavor::Docker, Compression::None, Some(Severity::Refuse)),
        (MediaFlavor::Oci, Compression::None, Some(Severity::Warn)),
        (MediaFlavor::Docker, Compression::Zstd, Some(Severity::Warn)),
        (MediaFlavor::Oci, Compression::Zstd, Some(Severity::Warn)),
        (MediaFlavor::Docker, Compression::Gzip, None),
        (MediaFlavor::Oci, Compression::Gzip, None),
    ];
    for (flavor, compression, severity) in table {
        let mut image = image();
        image.flavor = flavor;
        image.layers[0].compression = compression;
        let mut spec = spec();
        assert_eq!(check_image(&image, &Wanted::of(&spec)), []);
        spec.encoding = Encoding::Keep;
        let expected: Vec<_> = severity.map(|severity| ("compression", severity)).into_iter().collect();
        assert_eq!(told(&check_image(&image, &Wanted::of(&spec))), expected, "{flavor:?} {compression:?}");
    }
}

#[test]
fn each_check_of_both_sides_finds_its_own() {
    type Case = (&'static str, Severity, fn(&mut DeploySpec, &mut Facts));
    let table: [Case; 12] = [
        ("account", Severity::Refuse, |spec, _| {
            spec.function.as_mut().unwrap().account = Some("999999999999".parse().unwrap());
        }),
        ("repository", Severity::Refuse, |_, facts| facts.repository = RepositoryFacts::Missing),
        ("mount", Severity::Warn, |_, facts| {
            let far = "123456789012.dkr.ecr.us-east-1.amazonaws.com/base";
            facts.image.mount.elsewhere.push(far.parse().unwrap());
        }),
        ("tag", Severity::Refuse, |_, facts| {
            if let RepositoryFacts::Present(repository) = &mut facts.repository {
                repository.mutability = TagMutability::Immutable;
            }
            facts.image.tags = vec![("v1".parse().unwrap(), Some(Digest::of(b"other")))];
        }),
        ("policy", Severity::Refuse, |_, facts| {
            let deny = json!({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}});
            facts.policy = PolicyFacts::Text(deny.to_string());
        }),
        ("policy", Severity::Refuse, |_, facts| facts.policy = PolicyFacts::Text("{".to_owned())),
        ("package-type", Severity::Refuse, |_, facts| live_of(facts).package_type = PackageType::Zip),
        ("function-architecture", Severity::Refuse, |_, facts| {
            live_of(facts).architecture = Architecture::Arm64
        }),
        ("function-state", Severity::Warn, |_, facts| {
            live_of(facts).state.last_update_status = Some("Failed".to_owned())
        }),
        ("definition", Severity::Refuse, |_, facts| facts.function.as_mut().unwrap().live = None),
        ("role", Severity::Refuse, |spec, facts| {
            declare(spec, json!({"Role": "arn:aws:iam::999999999999:role/run"}));
            live_of(facts).settings.insert("Role".to_owned(), json!("arn:aws:iam::123456789012:role/run"));
        }),
        ("alias", Severity::Warn, |spec, facts| with_alias(spec, facts, &[("2", 0.1)])),
    ];
    for (check, severity, spoil) in table {
        let (mut spec, mut facts) = (spec(), facts());
        spoil(&mut spec, &mut facts);
        assert_eq!(told(&check_facts(&spec, &facts)), [(check, severity)]);
    }
}
