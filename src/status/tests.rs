//! From what AWS said to how the function stands.

use serde_json::json;

use super::assemble::{questions, wanted_versions};
use super::samples::{alias, canary, denied, digest, image, readings, status, version, version_from};
use super::*;
use crate::cloud::{Deployment, DescribedImage, LiveFunction, PackageType, PublishedVersion};
use crate::name::{Digest, Version};
use crate::policy::Verdict;
use crate::preflight::Severity;
use crate::release::{DeploymentRef, Intent, Journal, Place, Weight};

/// The image of this version.
fn image_of(status: &Status, version: &str) -> ImageStatus {
    status.version(version).unwrap().image.clone().unwrap()
}

fn said(status: &Status) -> Vec<(&'static str, Severity)> {
    status.findings.iter().map(|finding| (finding.check, finding.severity)).collect()
}

#[test]
fn a_function_in_good_order_has_nothing_to_tell() {
    let status = status(readings());
    assert_eq!(status.findings, []);
    let versions: Vec<&str> = status.versions.iter().map(|version| version.version.as_str()).collect();
    assert_eq!((versions, status.left_out), (vec!["$LATEST", "7", "6"], 0));
    let seven = status.version("7").unwrap();
    assert_eq!((seven.memory, seven.timeout, seven.aliases.len()), (Some(512), Some(30), 1));
    assert_eq!(status.version("6").unwrap().aliases, []);
    let of_seven = image_of(&status, "7");
    assert_eq!((of_seven.digest, &of_seven.stored), (Some(digest(7)), &Stored::Yes(image(7))));
    assert_eq!(of_seven.pull, Pull { verdict: Verdict::Granted, why: None });
    let aliases = status.aliases.unwrap();
    assert_eq!((&aliases[0].traffic, &aliases[0].place), (&Traffic::Still, &Place::whole("7")));
}

#[test]
fn a_release_is_told_from_the_journal_and_who_split_it_is_not_guessed() {
    for (more, word) in [(60, "running"), (-1, "interrupted")] {
        let mut readings = readings();
        canary(&mut readings, more);
        let status = status(readings);
        let hints: Vec<String> = status.findings.into_iter().filter_map(|finding| finding.hint).collect();
        let alias = status.aliases.unwrap().remove(0);
        assert_eq!(alias.traffic.as_str(), word);
        match word {
            "running" => assert_eq!(hints, Vec::<String>::new()),
            _ => assert!(hints[0].contains("release --function shop --alias live --resume"), "{hints:?}"),
        }
        let release = alias.traffic.release().unwrap();
        assert_eq!((release.step_at(&alias.place), release.actor.as_str()), (Some(0), "ci"));
        assert_eq!((alias.moves[0].from.as_str(), alias.moves[0].to.as_str()), ("5", "6"));
    }
    let split = Place::split("6", "7", Weight::new(500).unwrap());
    let foreign = status(Readings { aliases: Ok(vec![alias(&split)]), ..readings() });
    assert_eq!(said(&foreign), [("release", Severity::Warn)]);
    assert_eq!(foreign.aliases.unwrap()[0].traffic, Traffic::Foreign);
}

#[test]
fn what_is_looked_at_is_what_is_new_what_runs_and_what_ran() {
    let mut readings = readings();
    let published = readings.versions.clone().unwrap().remove(0);
    let listed = (1..=9).map(|number| PublishedVersion { version: version(number), ..published.clone() });
    readings.versions = Ok(listed.collect());
    let wanted = |readings: &Readings, newest| -> Vec<String> {
        wanted_versions(readings, newest).iter().map(Version::to_string).collect()
    };
    assert_eq!(wanted(&readings, 2), ["7", "8", "9"]);
    canary(&mut readings, 60);
    assert_eq!(wanted(&readings, 0), ["5", "6", "7"]);
    // Version 5 was deleted since.
    readings.versions.as_mut().unwrap().retain(|published| published.version != version(5));
    assert_eq!(wanted(&readings, 1), ["6", "7", "9"]);
    // Without a list only what runs is there for certain.
    readings.versions = Err(denied("AWS Lambda", "ListVersionsByFunction"));
    assert_eq!(wanted(&readings, 9), ["6", "7"]);
    readings.aliases = Ok(vec![alias(&Place::whole("$LATEST"))]);
    assert_eq!(wanted(&readings, 9), Vec::<String>::new());
}

#[test]
fn each_repository_is_asked_once_for_all_its_images() {
    let mut readings = readings();
    let elsewhere = version_from("old", 6);
    // Another host of the same registry.
    let mut dual_stack = version_from("shop", 7);
    let uri = format!("123456789012.dkr-ecr.eu-west-1.on.aws/shop@{}", digest(7));
    dual_stack.resolved_image_uri = Some(uri);
    let gone = (version(5), Ok(None));
    readings.details = [(version(6), Ok(Some(elsewhere))), (version(7), Ok(Some(dual_stack))), gone].into();
    let asked: Vec<(String, Vec<Digest>)> = questions(&readings)
        .into_iter()
        .map(|question| (question.repository.to_string(), question.digests))
        .collect();
    assert_eq!(asked, [("shop".to_owned(), vec![digest(7)]), ("old".to_owned(), vec![digest(6)])]);
    let other = RepositoryReadings { images: Ok(Some(vec![image(6)])), policy: Ok(None) };
    readings.repositories.push(other);
    let status = status(readings);
    assert_eq!(image_of(&status, "6").stored, Stored::Yes(image(6)));
    assert_eq!(image_of(&status, "6").pull.verdict, Verdict::Missing);
    assert_eq!(image_of(&status, "7").pull.verdict, Verdict::Granted);
    assert_eq!(said(&status), [("policy", Severity::Warn)]);
}

#[test]
fn an_image_is_there_archived_deleted_or_not_to_be_seen() {
    let archived = DescribedImage { archived: true, ..image(7) };
    let table = [
        (Ok(Some(vec![image(7)])), "yes", "granted"),
        (Ok(Some(vec![archived])), "archived", "granted"),
        (Ok(Some(vec![image(6)])), "deleted", "granted"),
        (Ok(None), "deleted", "missing"),
        (Err(denied("Amazon ECR", "DescribeImages")), "unknown", "granted"),
    ];
    for (images, stored, pull) in table {
        let mut readings = readings();
        readings.repositories[0].images = images.clone();
        let status = status(readings);
        let image = image_of(&status, "7");
        assert_eq!((image.stored.as_str(), image.pull.verdict.as_str()), (stored, pull), "{images:?}");
        // The alias runs it.
        let warned = said(&status).contains(&("image", Severity::Warn));
        assert_eq!(warned, stored == "archived" || stored == "deleted", "{images:?}");
    }
}

#[test]
fn the_policy_is_judged_for_this_function() {
    let of = |effect: &str, source: &str| {
        let statement = json!({ "Effect": effect, "Action": "ecr:*",
            "Principal": { "Service": "lambda.amazonaws.com" },
            "Condition": { "StringLike": { "aws:SourceArn": source } } });
        Ok(Some(json!({ "Version": "2012-10-17", "Statement": statement }).to_string()))
    };
    let table = [
        (of("Allow", "arn:aws:lambda:eu-west-1:123456789012:function:shop"), Verdict::Granted),
        (of("Allow", "arn:aws:lambda:eu-west-1:123456789012:function:other"), Verdict::Missing),
        (of("Deny", "*"), Verdict::Denied),
        (Ok(None), Verdict::Missing),
        (Ok(Some("no JSON".to_owned())), Verdict::Unknown),
        (Err(denied("Amazon ECR", "GetRepositoryPolicy")), Verdict::Unknown),
    ];
    for (policy, verdict) in table {
        let mut readings = readings();
        readings.repositories[0].policy = policy.clone();
        let pull = image_of(&status(readings), "7").pull;
        assert_eq!(pull.verdict, verdict, "{policy:?}");
        assert_eq!(pull.why.is_some(), verdict != Verdict::Granted, "{policy:?}");
    }
}

#[test]
fn what_may_not_be_read_is_unknown_with_the_permission_that_lacks_and_said_once() {
    let mut readings = readings();
    readings.aliases = Err(denied("AWS Lambda", "ListAliases"));
    readings.latest.settings.insert("Tags".to_owned(), serde_json::Value::Null);
    let refusal = denied("AWS Lambda", "GetFunction");
    readings.details = [6, 7].map(|number| (version(number), Err(refusal.clone()))).into();
    readings.repositories = vec![RepositoryReadings {
        images: Err(denied("Amazon ECR", "DescribeImages")),
        policy: Err(denied("Amazon ECR", "GetRepositoryPolicy")),
    }];
    let status = status(readings);
    let hints: Vec<&str> = status.findings.iter().filter_map(|finding| finding.hint.as_deref()).collect();
    let lacks = [
        "lambda:ListTags",
        "lambda:ListAliases",
        "ecr:DescribeImages",
        "ecr:GetRepositoryPolicy",
        "lambda:GetFunction",
        "lambda:GetFunction",
    ];
    assert_eq!(hints.len(), lacks.len(), "{hints:?}");
    assert!(hints.iter().zip(lacks).all(|(hint, lack)| hint.contains(lack)), "{hints:?}");
    assert!(status.findings.iter().all(|finding| finding.severity == Severity::Unknown));
    assert!(status.aliases.is_none());
    // The list of versions still tells what it tells.
    let seven = status.version("7").unwrap();
    assert_eq!((seven.memory, seven.state.is_none()), (Some(512), true));
    let image = image_of(&status, "7");
    assert_eq!((image.digest, image.stored.as_str()), (Some(digest(7)), "unknown"));
    assert!(image.stored.why().unwrap().contains("lambda:GetFunction"));
}

#[test]
fn a_zip_function_has_no_images_and_no_repository_is_asked() {
    let mut readings = readings();
    let zip = |live: &LiveFunction| LiveFunction {
        package_type: PackageType::Zip,
        image_digest: None,
        image_uri: None,
        resolved_image_uri: None,
        ..live.clone()
    };
    readings.latest = zip(&readings.latest);
    readings.details = [(version(7), Ok(Some(zip(&version_from("shop", 7)))))].into();
    readings.repositories.clear();
    assert_eq!(questions(&readings), []);
    let status = status(readings);
    assert!(status.versions.iter().all(|version| version.image.is_none()));
    assert_eq!((status.findings.len(), status.left_out), (0, 1));
}

#[test]
fn a_journal_that_was_edited_is_told() {
    let mut readings = readings();
    let tags = json!({ "lambda-lift:live:now": "1 something else" });
    readings.latest.settings.insert("Tags".to_owned(), tags);
    let status = status(readings);
    assert_eq!(said(&status), [("journal", Severity::Warn)]);
    assert!(status.aliases.unwrap()[0].trouble.is_some());
}

#[test]
fn a_release_by_codedeploy_is_judged_by_its_deployment() {
    let mut readings = readings();
    canary(&mut readings, 60);
    let name = alias(&Place::whole("6")).name;
    let known = Journal::read(&readings.latest.settings, &name).intent().cloned().unwrap();
    let deployment = DeploymentRef {
        id: Some("d-1".to_owned()),
        application: "shop".to_owned(),
        group: "live".to_owned(),
    };
    // It was promised to have ended long ago, and the alias is not split any more.
    let release = Intent {
        from: Place::whole("6"),
        to: "7".to_owned(),
        until: 1,
        deployment: Some(deployment),
        ..known
    };
    let tags = Journal::default().begin(&name, &Place::whole("6"), &release).unwrap();
    readings.latest.settings.insert("Tags".to_owned(), json!(tags));
    readings.aliases = Ok(vec![alias(&Place::whole("6"))]);
    for (said, word) in [
        (None, "still"),
        (Some("InProgress"), "running"),
        (Some("Failed"), "still"),
        (Some("Succeeded"), "still"),
    ] {
        let deployment = |status: &str| Deployment { status: status.to_owned(), ..Deployment::default() };
        readings.deployments =
            said.map(|status| (name.to_string(), deployment(status))).into_iter().collect();
        let status = status(readings.clone());
        assert_eq!(status.aliases.unwrap()[0].traffic.as_str(), word, "{said:?}");
    }
}
