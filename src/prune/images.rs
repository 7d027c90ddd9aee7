//! Which images of a repository can go.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::RepositoryFacts;
use crate::cloud::{CodeUse, IMAGES_A_CALL, StoredImage};
use crate::name::{AliasName, Digest, FunctionName, RepositoryName, Version};

/// What is done with an image, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDecision {
    /// The repository.
    pub repository: RepositoryName,
    /// The image, index or artifact.
    pub image: StoredImage,
    /// Whether it is an index: its size is that of the images that it lists.
    pub is_index: bool,
    /// Why it stays, or that it goes.
    pub reason: ImageReason,
}

/// Why an image stays, or that it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageReason {
    /// A version of a function, or its `$LATEST`, resolves to it.
    InUse(CodeUse),
    /// The journal of an alias names it among what can be rolled back to.
    Ran(FunctionName, AliasName),
    /// It was pushed too short a time ago, or nobody knows when.
    Recent,
    /// It lists an image that stays, or is listed by one, or an artifact and an image belong together.
    Related(Digest),
    /// No function runs it: it goes.
    Unused,
}

impl ImageReason {
    /// Whether the image goes.
    pub fn deletes(&self) -> bool {
        *self == Self::Unused
    }

    /// A stable word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::InUse(_) => "in_use",
            Self::Ran(..) => "journal",
            Self::Recent => "recent",
            Self::Related(_) => "related",
            Self::Unused => "unused",
        }
    }
}

impl std::fmt::Display for ImageReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InUse(CodeUse { function, version, .. }) => {
                let version =
                    if version == "$LATEST" { version.clone() } else { format!("version {version}") };
                write!(formatter, "{version} of function {function} runs it")
            }
            Self::Ran(function, alias) => write!(formatter, "alias {alias} of function {function} ran it"),
            Self::Recent => write!(formatter, "it was pushed lately (--min-age)"),
            Self::Related(digest) => write!(formatter, "it belongs to {}, which stays", digest.short()),
            Self::Unused => write!(formatter, "no function runs it"),
        }
    }
}

/// What needs images.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    uses: HashMap<Digest, CodeUse>,
    /// The first 12 hex digits of what an alias ran.
    journal: BTreeMap<String, (FunctionName, AliasName)>,
}

impl Needs {
    /// What every version runs, apart from versions that go.
    pub fn of(uses: &[CodeUse], going: &BTreeSet<(String, Version)>) -> Self {
        let goes = |one: &&CodeUse| {
            one.version.parse().is_ok_and(|version| going.contains(&(one.function.clone(), version)))
        };
        let staying = uses.iter().filter(|one| !goes(one));
        let uses = staying.filter_map(|one| Some((one.digest?, one.clone()))).collect();
        Self { uses, journal: BTreeMap::new() }
    }

    /// Adds what an alias ran: the first 12 hex digits, as the journal keeps them.
    pub fn add_journal(&mut self, digest: &str, function: &FunctionName, alias: &AliasName) {
        self.journal.insert(digest.to_owned(), (function.clone(), alias.clone()));
    }

    fn reason(&self, digest: &Digest) -> Option<ImageReason> {
        if let Some(one) = self.uses.get(digest) {
            return Some(ImageReason::InUse(one.clone()));
        }
        let (function, alias) = self.journal.get(&digest.short())?;
        Some(ImageReason::Ran(function.clone(), alias.clone()))
    }
}

/// Decides on everything that a repository holds. `now` is in seconds since 1970.
pub fn decide_images(
    facts: &RepositoryFacts,
    needs: &Needs,
    min_age: Duration,
    now: u64,
) -> Vec<ImageDecision> {
    let is_recent = |image: &StoredImage| match image.pushed {
        Some(pushed) => pushed.saturating_add(min_age.as_secs()) > now,
        None => true,
    };
    let mut reasons: HashMap<Digest, ImageReason> = HashMap::new();
    for image in &facts.images {
        let own = needs.reason(&image.digest).or_else(|| is_recent(image).then_some(ImageReason::Recent));
        own.map(|reason| reasons.insert(image.digest, reason));
    }
    spread(&mut reasons, &relations(facts));
    let decide = |image: &StoredImage| ImageDecision {
        repository: facts.name.clone(),
        image: image.clone(),
        is_index: facts.children.contains_key(&image.digest),
        reason: reasons.get(&image.digest).cloned().unwrap_or(ImageReason::Unused),
    };
    let mut decided: Vec<ImageDecision> = facts.images.iter().map(decide).collect();
    // As with versions, the oldest first.
    decided.sort_by_key(|one| (one.image.pushed, one.image.digest));
    decided
}

/// What belongs together: an index and what it lists, an artifact and what it is about. ECR refuses to delete an image that an
/// index lists, and an index without its images is broken.
fn relations(facts: &RepositoryFacts) -> HashMap<Digest, Vec<Digest>> {
    let listed =
        facts.children.iter().flat_map(|(index, children)| children.iter().map(|child| (*index, *child)));
    let about = facts.images.iter().flat_map(|image| {
        let by_tag = image.tags.iter().filter_map(|tag| subject_of_tag(tag));
        image.subject.into_iter().chain(by_tag).map(|subject| (image.digest, subject))
    });
    let mut relations: HashMap<Digest, Vec<Digest>> = HashMap::new();
    for (one, other) in listed.chain(about) {
        relations.entry(one).or_default().push(other);
        relations.entry(other).or_default().push(one);
    }
    relations
}

/// The image that a tag such as `sha256-<64 hex digits>.sig` is about: cosign's way to attach signatures, and the fallback of the
/// OCI distribution specification where a registry has no referrers API.
fn subject_of_tag(tag: &str) -> Option<Digest> {
    let hex = tag.strip_prefix("sha256-")?.get(..64)?;
    let rest = &tag["sha256-".len() + 64..];
    (rest.is_empty() || rest.starts_with('.')).then(|| Digest::from_hex(hex).ok()).flatten()
}

/// Keeps all that belongs to what is kept.
fn spread(reasons: &mut HashMap<Digest, ImageReason>, relations: &HashMap<Digest, Vec<Digest>>) {
    let mut staying: Vec<Digest> = reasons.keys().copied().collect();
    // The same reason every time, whatever order a map has.
    staying.sort_unstable();
    while let Some(digest) = staying.pop() {
        for other in relations.get(&digest).into_iter().flatten() {
            if !reasons.contains_key(other) {
                reasons.insert(*other, ImageReason::Related(digest));
                staying.push(*other);
            }
        }
    }
}

/// The order of deletion, a call for each: an index goes before what it lists, since ECR refuses the other order.
pub fn batches(digests: &[Digest], children: &BTreeMap<Digest, Vec<Digest>>) -> Vec<Vec<Digest>> {
    let mut left: Vec<Digest> = digests.to_vec();
    let mut batches = Vec::new();
    while !left.is_empty() {
        let listed: HashSet<Digest> =
            left.iter().filter_map(|index| children.get(index)).flatten().copied().collect();
        let (free, held): (Vec<Digest>, Vec<Digest>) =
            left.iter().copied().partition(|digest| !listed.contains(digest));
        // No digest can list itself, by way of others or not; if one seems to, ECR decides.
        let (ready, rest) = if free.is_empty() { (held, Vec::new()) } else { (free, held) };
        left = rest;
        batches.extend(ready.chunks(IMAGES_A_CALL).map(<[Digest]>::to_vec));
    }
    batches
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cloud::RegistryRules;

    pub(crate) fn digest(number: u8) -> Digest {
        Digest::of(&[number])
    }

    pub(crate) fn image(number: u8) -> StoredImage {
        StoredImage {
            digest: digest(number),
            tags: Vec::new(),
            size: 10,
            pushed: Some(0),
            media_type: None,
            subject: None,
        }
    }

    pub(crate) fn repository(images: Vec<StoredImage>, children: &[(u8, &[u8])]) -> RepositoryFacts {
        let list =
            |(index, listed): &(u8, &[u8])| (digest(*index), listed.iter().map(|one| digest(*one)).collect());
        RepositoryFacts {
            owner: "123456789012".parse().unwrap(),
            name: "shop".parse().unwrap(),
            policy: None,
            registry: Some(RegistryRules {
                account: "123456789012".parse().unwrap(),
                replicas: Vec::new(),
                policy: None,
            }),
            images,
            children: children.iter().map(list).collect(),
        }
    }

    fn used(version: &str, number: u8) -> CodeUse {
        CodeUse { function: "hello".to_owned(), version: version.to_owned(), digest: Some(digest(number)) }
    }

    fn words(facts: &RepositoryFacts, needs: &Needs) -> Vec<&'static str> {
        let decided = decide_images(facts, needs, Duration::from_secs(100), 1000);
        let of = |image: &StoredImage| decided.iter().find(|one| one.image == *image).unwrap().reason.word();
        facts.images.iter().map(of).collect()
    }

    #[test]
    fn what_is_used_remembered_or_new_stays_and_the_rest_goes() {
        let pushed = |at: Option<u64>, number: u8| StoredImage { pushed: at, ..image(number) };
        let images = vec![
            image(1),
            image(2),
            image(3),
            pushed(Some(900), 4),
            pushed(Some(901), 5),
            pushed(None, 6),
            pushed(Some(u64::MAX), 7),
            image(8),
        ];
        let going = BTreeSet::from([("hello".to_owned(), "3".parse().unwrap())]);
        let uses = [used("$LATEST", 1), used("3", 3), used("4", 8), CodeUse { digest: None, ..used("5", 2) }];
        let mut needs = Needs::of(&uses, &going);
        needs.add_journal(&digest(2).short(), &"hello".parse().unwrap(), &"live".parse().unwrap());
        assert_eq!(
            words(&repository(images, &[]), &needs),
            ["in_use", "journal", "unused", "unused", "recent", "recent", "recent", "in_use"]
        );
    }

    #[test]
    fn a_version_that_goes_frees_its_image_only_where_no_other_runs_it() {
        let going = BTreeSet::from([("hello".to_owned(), "3".parse().unwrap())]);
        let other = CodeUse { function: "other".to_owned(), ..used("3", 1) };
        let needs = Needs::of(&[used("3", 1), other], &going);
        assert_eq!(words(&repository(vec![image(1)], &[]), &needs), ["in_use"]);
    }

    #[test]
    fn an_index_and_what_it_lists_and_what_is_about_it_stay_or_go_together() {
        let about = |number: u8, subject: u8| StoredImage { subject: Some(digest(subject)), ..image(number) };
        let tagged = |number: u8, tag: String| StoredImage { tags: vec![tag], ..image(number) };
        let images = vec![
            image(1), // An index whose child 2 is in use.
            image(2),
            image(3), // Its other child.
            image(4), // An index that nobody needs, of 5 and 6.
            image(5),
            image(6),
            about(7, 1),
            about(8, 4),
            tagged(9, format!("sha256-{}.sig", digest(3).hex())),
            tagged(10, format!("sha256-{}", digest(6).hex())),
            tagged(11, format!("sha256-{}", &digest(3).hex()[..12])),
        ];
        let needs = Needs::of(&[used("1", 2)], &BTreeSet::new());
        let facts = repository(images, &[(1, &[2, 3]), (4, &[5, 6])]);
        assert_eq!(
            words(&facts, &needs),
            [
                "related", "in_use", "related", "unused", "unused", "unused", "related", "unused", "related",
                "unused", "unused"
            ]
        );
    }

    #[test]
    fn an_index_goes_before_what_it_lists_and_a_call_has_a_hundred_at_most() {
        let (outer, inner, leaf, alone) = (digest(1), digest(2), digest(3), digest(4));
        let children = BTreeMap::from([(outer, vec![inner]), (inner, vec![leaf, digest(9)])]);
        let order = batches(&[leaf, alone, inner, outer], &children);
        assert_eq!(order, [vec![alone, outer], vec![inner], vec![leaf]]);
        let many: Vec<Digest> = (0..250_u16).map(|number| Digest::of(&number.to_be_bytes())).collect();
        let sizes: Vec<usize> = batches(&many, &BTreeMap::new()).iter().map(Vec::len).collect();
        assert_eq!(sizes, [100, 100, 50]);
        let circle = BTreeMap::from([(outer, vec![inner]), (inner, vec![outer])]);
        assert_eq!(batches(&[outer, inner], &circle), [vec![outer, inner]]);
        assert_eq!(batches(&[], &circle), Vec::<Vec<Digest>>::new());
    }
}
