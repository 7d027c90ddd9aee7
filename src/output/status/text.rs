//! How a function stands, as a person wants to read it.

use super::page::Page;
use super::rows::{alias_lines, trouble, version_lines};
use crate::cloud::{FunctionState, PackageType};
use crate::output::Style;
use crate::output::lines::finding_line;
use crate::output::printable::one_line;
use crate::output::standard::Room;
use crate::status::Status;

/// The whole.
pub(in crate::output) fn status_text(status: &Status, style: Style) -> Vec<String> {
    page(status, style).whole()
}

/// As much of it as a terminal has room for.
pub(in crate::output) fn status_page_in(status: &Status, style: Style, room: Option<Room>) -> Vec<String> {
    let page = page(status, style);
    room.map_or_else(|| page.whole(), |room| page.fitted(room))
}

fn page(status: &Status, style: Style) -> Page {
    let aliases = match &status.aliases {
        None => vec![format!("{} could not be read", style.strong("aliases"))],
        Some(aliases) if aliases.is_empty() => vec![format!("{}: none", style.strong("aliases"))],
        Some(aliases) => {
            let rows = alias_lines(aliases, status, style);
            std::iter::once(style.strong("aliases")).chain(rows).collect()
        }
    };
    let published = status.versions.iter().filter(|version| version.version != status.latest.version).count();
    let findings = status.findings.iter().map(|finding| finding_line(finding, style));
    Page {
        style,
        function: function_lines(status, style),
        aliases,
        versions: version_lines(status, style),
        published,
        left_out: status.left_out,
        findings: findings.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect(),
    }
}

fn function_lines(status: &Status, style: Style) -> Vec<String> {
    let latest = &status.latest;
    let fact = |name: &str, value: &str| format!("  {:<9} {}", format!("{name}:"), one_line(value));
    let mut lines = vec![format!("{} {}", style.strong("function"), status.name), fact("arn", &latest.arn)];
    let found = status.version(&latest.version);
    lines.push(fact("state", &state_words(&latest.state)));
    if let Some(trouble) = trouble(&latest.state) {
        lines.push(format!("    {}", trouble.drawn(style)));
    }
    match (latest.package_type, latest.image()) {
        (PackageType::Zip, _) => lines.push(fact("image", "none: a zip function")),
        (PackageType::Image, Some(uri)) => {
            lines.push(fact("image", &format!("{}/{}", uri.registry, uri.repository)));
        }
        (PackageType::Image, None) => lines.push(fact("image", latest.image_uri.as_deref().unwrap_or("-"))),
    }
    lines.extend(latest.running_digest().map(|digest| fact("digest", &digest.to_string())));
    if let Some(found) = found {
        lines.push(fact("role", found.role.as_deref().unwrap_or("-")));
        let memory = found.memory.map(|memory| format!("{memory} MB, ")).unwrap_or_default();
        let timeout = found.timeout.map(|timeout| format!("timeout {timeout} s, ")).unwrap_or_default();
        lines.push(fact("settings", &format!("{memory}{timeout}{}", found.architecture)));
    }
    lines
}

/// `Active, last update Successful`
pub(super) fn state_words(state: &FunctionState) -> String {
    let word = state.state.as_deref().unwrap_or("not told");
    match state.last_update_status.as_deref() {
        Some(update) => format!("{word}, last update {update}"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::status_page;
    use crate::policy::Verdict;
    use crate::status::samples::{canary, denied, digest, readings, status, version, version_from};
    use crate::status::{Pull, Stored};

    /// With the digests of the sample's images named by their version.
    fn page(status: &Status) -> String {
        let text = status_page(status, Style::new(false));
        text.replace(&digest(6).short(), "image-of-six").replace(&digest(7).short(), "image-of-sev")
    }

    #[test]
    fn a_release_under_way_is_seen_at_a_glance() {
        let mut readings = readings();
        canary(&mut readings, 60);
        let page = page(&status(readings));
        let (_, below) = page.split_once("\n\n").unwrap();
        let expected = "\
aliases
  ALIAS  VERSION  TRAFFIC  IMAGE         PUSHED   TAGS
  live   6        90%      image-of-six  4 d ago  v6
         7        10%      image-of-sev  3 d ago  v7
    release running: steps:10%:10m,50%:10m to version 7, step 1 of 2, begun 5 min ago by ci
    ran before: 5 until 2 d ago (ci)

versions
  VERSION  STATE   IMAGE         SIZE     PUSHED   IN ECR  PULL     ROLE
  $LATEST  Active  image-of-sev  7.0 MiB  3 d ago  yes     granted  shop
  7        Active  image-of-sev  7.0 MiB  3 d ago  yes     granted  shop
  6        Active  image-of-six  6.0 MiB  4 d ago  yes     granted  shop
";
        assert_eq!(below, expected);
        let function = "\
function shop
  arn:      arn:aws:lambda:eu-west-1:123456789012:function:shop
  state:    Active, last update Successful
  image:    123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop
  digest:   sha256:";
        assert!(page.starts_with(function), "{page}");
        assert!(page.contains("\n  settings: 512 MB, timeout 30 s, x86_64\n"), "{page}");
    }

    #[test]
    fn what_is_wrong_stands_below_what_it_is_wrong_with() {
        let mut readings = readings();
        canary(&mut readings, -1);
        readings.repositories[0].images = Ok(Some(Vec::new()));
        readings.repositories[0].policy = Err(denied("Amazon ECR", "GetRepositoryPolicy"));
        readings.latest.state.state = Some("Failed".to_owned());
        readings.latest.state.state_reason = Some("The image is gone.".to_owned());
        readings.latest.state.state_reason_code = Some("ImageDeleted".to_owned());
        let mut elsewhere = version_from("old", 6);
        elsewhere.state.last_update_status = Some("InProgress".to_owned());
        readings.details.insert(version(6), Ok(Some(elsewhere)));
        let mut seen = status(readings);
        seen.left_out = 40;
        let page = page(&seen);
        for part in [
            "  state:    Failed, last update Successful\n    the function failed: ImageDeleted: The image is gone.\n",
            "release interrupted: steps:10%:10m,50%:10m to version 7, step 1 of 2, begun 5 min ago by ci\n",
            "  7        Active  image-of-sev                deleted  unknown  shop\n    it was deleted from repository shop\n",
            "\n    LastUpdateStatus is InProgress\n    from 123456789012.dkr.ecr.eu-west-1.amazonaws.com/old\n",
            "  and 40 older; show them with --versions 42\n",
            "unknown: the policy of repository shop could not be read",
            "hint: allow ecr:GetRepositoryPolicy to the identity that deploys\n",
        ] {
            assert!(page.contains(part), "{part}\n---\n{page}");
        }
    }

    #[test]
    fn a_zip_function_is_called_one() {
        let mut readings = readings();
        for live in readings.details.values_mut().flatten().flatten().chain([&mut readings.latest]) {
            live.package_type = PackageType::Zip;
            (live.image_digest, live.image_uri, live.resolved_image_uri) = (None, None, None);
        }
        let page = page(&status(readings));
        assert!(page.contains("  image:    none: a zip function\n  role:"), "{page}");
        assert!(page.contains("\n  7        Active  zip                  -       -     shop\n"), "{page}");
    }

    #[test]
    fn tables_fit_a_hundred_columns_whatever_stands_in_them() {
        let mut readings = readings();
        canary(&mut readings, 60);
        let mut seen = status(readings);
        let alias = &mut seen.aliases.as_mut().unwrap()[0];
        alias.name = "a-name-that-is-very-long-indeed-and-then-some".parse().unwrap();
        alias.place.version = "1234567".to_owned();
        for version in &mut seen.versions {
            version.version = "1234567".to_owned();
            version.role =
                Some("arn:aws:iam::123456789012:role/a-role-with-a-name-that-does-not-end".to_owned());
            version.state.as_mut().unwrap().state = Some("ActiveNonInvocable".to_owned());
            let image = version.image.as_mut().unwrap();
            image.pull = Pull { verdict: Verdict::Missing, why: None };
            if let Stored::Yes(stored) = &mut image.stored {
                stored.archived = true;
                stored.tags = vec!["a-tag-that-is-long".to_owned(); 9];
                stored.size = Some(1023 << 20);
                stored.pushed = Some(seen.seen - std::time::Duration::from_secs(729 * 86_400));
            }
        }
        let page = status_page(&seen, Style::new(false));
        let tables = page.lines().skip_while(|line| !line.starts_with("aliases"));
        let rows: Vec<&str> = tables.filter(|line| !line.starts_with("    ")).collect();
        assert!(rows.iter().all(|row| row.chars().count() <= 100), "{page}");
        assert!(rows.iter().any(|row| row.chars().count() > 95 && row.contains('…')), "{page}");
    }

    #[test]
    fn what_is_not_there_is_said() {
        let mut readings = readings();
        readings.aliases = Ok(Vec::new());
        assert!(page(&status(readings.clone())).contains("\naliases: none\n"));
        readings.aliases = Err(denied("AWS Lambda", "ListAliases"));
        readings.latest.state.state = None;
        readings.latest.state.last_update_status = None;
        let page = page(&status(readings));
        assert!(page.contains("\naliases could not be read\n"), "{page}");
        assert!(page.contains("  state:    not told\n"), "{page}");
    }
}
