//! What holds whatever is there: nothing goes that anything needs.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use super::images::tests::{digest, image, repository};
use super::*;
use crate::cloud::{CodeUse, StoredImage};
use crate::name::{AliasName, Digest, Version};
use crate::release::{Journal, Place};

const VERSIONS: u8 = 20;

fn version(number: u8) -> Version {
    number.to_string().parse().unwrap()
}

/// A function with versions of digests 0 to 29, and two aliases that may be split.
fn function() -> impl Strategy<Value = FunctionFacts> {
    let versions = btree_map(1..VERSIONS, 0..30_u8, 1..12);
    let place = (1..VERSIONS, proptest::option::of((1..VERSIONS, 0.0..1.0)));
    let parts = (versions, vec(place, 0..3), btree_set(1..VERSIONS, 0..3), vec(0..30_u8, 0..3));
    parts.prop_map(|(versions, places, provisioned, latest)| {
        let alias = |(number, (main, second)): (usize, (u8, Option<(u8, f64)>))| AliasFacts {
            name: ["live", "blue"][number.min(1)].parse::<AliasName>().unwrap(),
            place: Place {
                version: main.to_string(),
                weights: second.map(|(version, weight)| (version.to_string(), weight)).into_iter().collect(),
            },
            journal: Journal::default(),
        };
        FunctionFacts {
            name: "hello".parse().unwrap(),
            versions: versions
                .into_iter()
                .map(|(number, code)| (version(number), Some(digest(code))))
                .collect(),
            latest: latest.into_iter().map(digest).collect(),
            aliases: places.into_iter().enumerate().map(alias).collect(),
            provisioned: provisioned.into_iter().map(|number| number.to_string()).collect(),
        }
    })
}

/// Images 0 to 29, some of them indexes of others, some about others.
fn shop() -> impl Strategy<Value = RepositoryFacts> {
    let one = (any::<bool>(), proptest::option::of(0..30_u8));
    (btree_map(0..30_u8, one, 0..30), btree_map(0..30_u8, vec(0..30_u8, 0..4), 0..6)).prop_map(
        |(images, indexes)| {
            let images = images.into_iter().map(|(number, (recent, subject))| StoredImage {
                pushed: Some(if recent { 950 } else { 100 }),
                subject: subject.map(digest),
                ..image(number)
            });
            let mut facts = repository(images.collect(), &[]);
            let listed =
                |(index, listed): (u8, Vec<u8>)| (digest(index), listed.into_iter().map(digest).collect());
            facts.children = indexes.into_iter().map(listed).collect();
            facts
        },
    )
}

fn spec(keep: usize) -> PruneSpec {
    PruneSpec {
        functions: Vec::new(),
        accounts: BTreeSet::new(),
        keep,
        repositories: Vec::new(),
        min_age: Duration::from_secs(100),
        checked: Checked::default(),
    }
}

/// Facts of which the list of all functions leaves out what `listed` says, but never all of the function.
fn facts(function: FunctionFacts, repository: RepositoryFacts, others: &[u8], listed: &[bool]) -> Facts {
    let of_function = |version: String, digest: Option<Digest>| CodeUse {
        function: function.name.to_string(),
        version,
        digest,
    };
    let own = function.versions.iter().zip(listed.iter().cycle()).filter(|(_, listed)| **listed);
    let own = own.map(|((version, digest), _)| of_function(version.to_string(), *digest));
    let own: Vec<CodeUse> = own.chain([of_function("$LATEST".to_owned(), None)]).collect();
    let other = |number: &u8| CodeUse {
        function: "other".to_owned(),
        version: "$LATEST".to_owned(),
        digest: Some(digest(*number)),
    };
    Facts {
        account: "123456789012".parse().unwrap(),
        uses: own.into_iter().chain(others.iter().map(other)).collect(),
        functions: vec![function],
        repositories: vec![repository],
        now: 1000,
    }
}

proptest! {
    #[test]
    fn no_version_goes_that_anything_refers_to(function in function(), keep in 1_usize..5) {
        let newest: BTreeSet<Version> = function.versions.keys().rev().take(keep).copied().collect();
        for one in decide_versions(&function, keep).unwrap() {
            let text = one.version.to_string();
            let named = function.aliases.iter().any(|alias| alias.place.names(&text));
            let held = named || function.provisioned.contains(&text) || newest.contains(&one.version);
            prop_assert_eq!(one.reason.deletes(), !held, "{}: {}", text, one.reason);
        }
    }

    #[test]
    fn no_image_goes_that_is_needed_and_no_index_is_torn_apart(
        function in function(),
        shop in shop(),
        others in vec(0..30_u8, 0..6),
        keep in 1_usize..4,
        listed in vec(any::<bool>(), 1..5),
    ) {
        let facts = facts(function, shop, &others, &listed);
        let (plan, findings) = plan(&spec(keep), &facts);
        prop_assert!(findings.iter().all(|finding| finding.check == "journal"));
        let staying: HashSet<Digest> = plan
            .versions
            .iter()
            .filter(|one| !one.reason.deletes())
            .filter_map(|one| one.digest)
            .chain(others.iter().map(|number| digest(*number)))
            .chain(facts.functions[0].latest.iter().copied())
            .collect();
        let goes: BTreeMap<Digest, bool> =
            plan.images.iter().map(|one| (one.image.digest, one.reason.deletes())).collect();
        prop_assert_eq!(goes.len(), facts.repositories[0].images.len());
        for one in plan.images.iter().filter(|one| one.reason.deletes()) {
            prop_assert!(!staying.contains(&one.image.digest));
            prop_assert!(one.image.pushed.unwrap() + 100 <= 1000);
        }
        for (index, children) in &facts.repositories[0].children {
            for child in children {
                if let (Some(one), Some(other)) = (goes.get(index), goes.get(child)) {
                    prop_assert_eq!(one, other, "an index and what it lists");
                }
            }
        }
    }

    #[test]
    fn batches_have_everything_once_and_an_index_before_what_it_lists(
        chosen in btree_set(0..60_u8, 0..60),
        lists in vec((0..60_u8, vec(0..60_u8, 1..5)), 0..10),
    ) {
        // An index can only list what was there before it.
        let below = |(index, listed): (u8, Vec<u8>)| {
            (digest(index), listed.into_iter().filter(|one| *one < index).map(digest).collect::<Vec<_>>())
        };
        let children: BTreeMap<Digest, Vec<Digest>> = lists.into_iter().map(below).collect();
        let chosen: Vec<Digest> = chosen.into_iter().map(digest).collect();
        let batches = batches(&chosen, &children);
        let flat: Vec<Digest> = batches.concat();
        prop_assert_eq!(flat.iter().collect::<BTreeSet<_>>().len(), flat.len());
        prop_assert_eq!(flat.len(), chosen.len());
        let place = |digest: &Digest| batches.iter().position(|batch| batch.contains(digest));
        for (index, listed) in &children {
            for child in listed {
                if let (Some(index), Some(child)) = (place(index), place(child)) {
                    prop_assert!(index < child);
                }
            }
        }
    }
}
