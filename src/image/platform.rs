//! The choice of one image manifest among those for several platforms. Pure.

use crate::name::{Architecture, Digest};

use super::Choice;
use super::candidates::{Candidate, Candidates};
use super::descriptor::Platform;
use super::error::Problem;
use super::files::blob_name;

/// Chooses the one Linux manifest for the wanted architecture; without a wish, the only one there that Lambda could
/// run. A manifest that was named directly is taken whatever it is for: checks say later whether it fits.
pub(super) fn choose(
    candidates: Candidates,
    wanted: Option<Architecture>,
) -> Result<(Candidate, Option<Choice>), Problem> {
    let index = pick(&candidates, wanted)?;
    let Candidates { mut found, absent, left_out: others } = candidates;
    let chosen = found.swap_remove(index);
    if !chosen.from_index && found.is_empty() && others.is_empty() {
        return Ok((chosen, None));
    }
    let platforms = found.len() + absent.len() + 1;
    let mut left_out: Vec<String> = found.iter().map(describe).collect();
    left_out
        .extend(absent.iter().map(|(platform, digest)| format!("{platform} ({digest}, not in the source)")));
    left_out.extend(others);
    let chosen_text = match platforms {
        1 => format!("{}, the only platform", chosen.platform),
        count => format!("{} of {count} platforms", chosen.platform),
    };
    Ok((chosen, Some(Choice { chosen: chosen_text, left_out })))
}

fn pick(candidates: &Candidates, wanted: Option<Architecture>) -> Result<usize, Problem> {
    let found = candidates.found.as_slice();
    match found {
        [] => return Err(nothing(candidates)),
        [only] if !only.from_index => return complete(found, &[0]).map(|indexes| indexes[0]),
        _ => {}
    }
    let linux = matching(found, |platform| platform.os == "linux");
    let pool = if linux.is_empty() { (0..found.len()).collect() } else { linux };
    let fitting = match wanted {
        Some(architecture) => {
            let fits = |index: &usize| architecture_of(&found[*index].platform) == Some(architecture);
            pool.into_iter().filter(fits).collect()
        }
        None => pool,
    };
    if let (true, Some(wanted)) = (fitting.is_empty(), wanted) {
        let absent = candidates.absent.iter().find(|(platform, _)| architecture_of(platform) == Some(wanted));
        let platforms = found.iter().map(describe).collect();
        return Err(absent.map_or(Problem::NoPlatform { wanted, platforms }, is_absent));
    }
    let mut fitting = complete(found, &fitting)?;
    narrow(&mut fitting, |index| architecture_of(&found[index].platform).is_some());
    if wanted.is_some() {
        narrow(&mut fitting, |index| is_baseline(&found[index].platform));
    }
    match fitting.as_slice() {
        [index] => Ok(*index),
        several => {
            let platforms = several.iter().map(|&index| describe(&found[index])).collect();
            Err(Problem::SeveralPlatforms { platforms })
        }
    }
}

fn nothing(candidates: &Candidates) -> Problem {
    let left_out = candidates.left_out.clone();
    candidates.absent.first().map_or(Problem::NoManifest { left_out }, is_absent)
}

fn is_absent((platform, digest): &(Platform, Digest)) -> Problem {
    Problem::PlatformAbsent { platform: platform.to_string(), name: blob_name(digest) }
}

/// Those of `indexes` whose blobs are all there; an error when none is.
fn complete(found: &[Candidate], indexes: &[usize]) -> Result<Vec<usize>, Problem> {
    let whole: Vec<usize> = indexes.iter().copied().filter(|&index| found[index].missing.is_none()).collect();
    let lacking = indexes.iter().find_map(|&index| Some((&found[index], found[index].missing?)));
    match (whole.is_empty(), lacking) {
        (true, Some((candidate, missing))) if candidate.from_index => {
            Err(is_absent(&(candidate.platform.clone(), missing)))
        }
        (true, Some((_, missing))) => {
            Err(Problem::Missing { what: "a blob of the image".to_owned(), name: blob_name(&missing) })
        }
        _ => Ok(whole),
    }
}

/// Keeps those that `keep` wants, if there are any.
fn narrow(indexes: &mut Vec<usize>, keep: impl Fn(usize) -> bool) {
    if indexes.iter().any(|&index| keep(index)) {
        indexes.retain(|&index| keep(index));
    }
}

fn matching(found: &[Candidate], wanted: impl Fn(&Platform) -> bool) -> Vec<usize> {
    (0..found.len()).filter(|&index| wanted(&found[index].platform)).collect()
}

fn architecture_of(platform: &Platform) -> Option<Architecture> {
    Architecture::from_oci(&platform.architecture)
}

/// Whether this is what the architecture's name alone means: Go's and OCI's default variants.
fn is_baseline(platform: &Platform) -> bool {
    match architecture_of(platform) {
        Some(Architecture::X86_64) => matches!(platform.variant.as_str(), "" | "v1"),
        Some(Architecture::Arm64) => matches!(platform.variant.as_str(), "" | "v8"),
        None => false,
    }
}

fn describe(candidate: &Candidate) -> String {
    let lacking = if candidate.missing.is_some() { ", incomplete" } else { "" };
    format!("{} ({}{lacking})", candidate.platform, candidate.descriptor.digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(text: &str) -> Candidate {
        let (text, missing) = match text.strip_suffix('!') {
            Some(text) => (text, Some(Digest::of(b"missing"))),
            None => (text, None),
        };
        let (text, from_index) = text.strip_prefix('=').map_or((text, true), |text| (text, false));
        let mut parts = text.split('/').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        let platform = Platform { os: next(), architecture: next(), variant: next() };
        let descriptor: super::super::descriptor::Descriptor = serde_json::from_value(
            serde_json::json!({"digest": Digest::of(text.as_bytes()).to_string(), "size": 1}),
        )
        .unwrap();
        Candidate { descriptor, content: None, platform, from_index, missing }
    }

    fn chosen(platforms: &[&str], wanted: Option<Architecture>) -> String {
        let found = platforms.iter().map(|text| candidate(text)).collect();
        match choose(Candidates { found, ..Candidates::default() }, wanted) {
            Ok((candidate, _)) => candidate.platform.to_string(),
            Err(Problem::SeveralPlatforms { platforms }) => format!("{} fit", platforms.len()),
            Err(Problem::NoPlatform { platforms, .. }) => format!("none of {}", platforms.len()),
            Err(Problem::PlatformAbsent { platform, .. }) => format!("{platform} is absent"),
            Err(Problem::Missing { .. }) => "incomplete".to_owned(),
            Err(other) => other.to_string(),
        }
    }

    #[test]
    fn one_manifest_is_chosen_or_none() {
        use Architecture::{Arm64, X86_64};
        let table: &[(&[&str], Option<Architecture>, &str)] = &[
            (&["linux/amd64", "linux/arm64"], Some(Arm64), "linux/arm64"),
            (&["linux/amd64", "linux/arm64"], Some(X86_64), "linux/amd64"),
            (&["linux/amd64", "linux/arm64"], None, "2 fit"),
            (&["linux/amd64"], None, "linux/amd64"),
            (&["linux/amd64"], Some(Arm64), "none of 1"),
            (&["linux/arm64/v8", "linux/arm/v7", "linux/s390x"], None, "linux/arm64/v8"),
            (&["linux/s390x", "linux/riscv64"], None, "2 fit"),
            (&["linux/s390x"], None, "linux/s390x"),
            (&["linux/amd64", "linux/amd64/v3"], Some(X86_64), "linux/amd64"),
            (&["linux/amd64", "linux/amd64/v3"], None, "2 fit"),
            (&["linux/amd64/v2", "linux/amd64/v3"], Some(X86_64), "2 fit"),
            (&["linux/arm64", "linux/arm64/v8"], Some(Arm64), "2 fit"),
            (&["windows/amd64", "linux/amd64"], Some(X86_64), "linux/amd64"),
            (&["windows/amd64", "linux/arm64"], Some(X86_64), "none of 2"),
            (&["windows/amd64"], Some(X86_64), "windows/amd64"),
            (&["linux/amd64!", "linux/arm64"], None, "linux/arm64"),
            (&["linux/amd64!", "linux/arm64"], Some(X86_64), "linux/amd64 is absent"),
            (&["linux/amd64!", "linux/arm64!"], None, "linux/amd64 is absent"),
            (&["=linux/amd64"], Some(Arm64), "linux/amd64"),
            (&["=linux/amd64!"], None, "incomplete"),
            (&["=/"], None, "unknown/unknown"),
            (&["=linux/amd64", "=linux/arm64"], Some(Arm64), "linux/arm64"),
        ];
        for (platforms, wanted, expected) in table {
            assert_eq!(chosen(platforms, *wanted), *expected, "{platforms:?} {wanted:?}");
        }
    }

    #[test]
    fn what_was_left_out_is_said() {
        let found = vec![candidate("linux/amd64"), candidate("linux/arm64"), candidate("linux/s390x!")];
        let left_out = vec!["attestation manifest (sha256:…)".to_owned()];
        let arm = Platform { os: "linux".into(), architecture: "arm".into(), variant: "v7".into() };
        let absent = vec![(arm, Digest::of(b"arm"))];
        let (_, choice) = choose(Candidates { found, left_out, absent }, Some(Architecture::Arm64)).unwrap();
        let choice = choice.unwrap();
        assert_eq!(choice.chosen, "linux/arm64 of 4 platforms");
        assert_eq!(choice.left_out.len(), 4);
        assert!(choice.left_out.iter().any(|text| text.starts_with("linux/arm/v7 (")));
        assert!(choice.left_out.iter().any(|text| text.starts_with("linux/s390x (sha256:")));
        assert!(choice.left_out.iter().any(|text| text.contains("incomplete")));
        let (_, none) =
            choose(Candidates { found: vec![candidate("=linux/amd64")], ..Candidates::default() }, None)
                .unwrap();
        assert_eq!(none, None);
    }
}
