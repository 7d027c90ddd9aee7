//! From what was found to the texts of the files: pure.

use serde_json::{Map, Value, json};

use super::Found;
use super::toml_text::{comment, key, lines, quoted, text};
use crate::cloud::LiveAlias;
use crate::function::{self, LiveDeclaration, Weight};
use crate::name::{FunctionName, ImageUri, Region, Tag};
use crate::plan::default_tag;
use crate::preflight::Finding;

/// What becomes of the function's environment variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variables {
    /// Their names stand in comments: they are not managed, and stay as they are.
    Names,
    /// Each is a template that takes its value from the environment of whoever deploys: `${env:NAME}`.
    Templates,
    /// They stand there with their values, secrets among them.
    Values,
}

/// What the user wants of the files.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// The function.
    pub function: FunctionName,
    /// Its Region.
    pub region: Region,
    /// What becomes of its environment variables.
    pub variables: Variables,
    /// The function file as the configuration file names it; none for `[function]`.
    pub function_file: Option<String>,
    /// The profiles that were used, which stand in comments: they belong to a machine.
    pub profile: Option<String>,
    /// The same for the repository's account.
    pub repository_profile: Option<String>,
}

/// The files. `Debug` does not show them: they may hold secrets.
#[derive(Clone)]
pub struct Draft {
    /// The configuration file.
    pub toml: String,
    /// The function file, where one was wanted.
    pub function_file: Option<String>,
    /// What the user has to know.
    pub findings: Vec<Finding>,
    /// What is not in the files: the setting, and why.
    pub left_out: Vec<(String, String)>,
    /// Whether a plan by them is expected to find nothing to do.
    pub is_settled: bool,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Draft").field("findings", &self.findings).finish_non_exhaustive()
    }
}

/// The id of what is found.
const CHECK: &str = "init";

/// The files for a function.
pub fn draft(found: &Found, wishes: &Wishes) -> Draft {
    let declaration = function::declaration_of(&found.live);
    let standing = Standing::of(found);
    let mut findings = standing.findings(found, wishes);
    for note in &declaration.left_out {
        findings.push(match note.weight {
            Weight::Info => Finding::info(CHECK, format!("{} is not written: {}", note.key, note.message)),
            Weight::Warn => Finding::warn(
                CHECK,
                format!("{} is not written: {}", note.key, note.message),
                "what is not declared stays as it is",
            ),
        });
    }
    let image = found.live.image();
    if image.is_none() {
        findings.push(Finding::warn(
            CHECK,
            "where the function's image lies cannot be told",
            "put image and repository into the file by hand",
        ));
    }
    let writer =
        Writer { found, wishes, declaration: &declaration, standing: &standing, image: image.as_ref() };
    let left_out = declaration.left_out.iter().map(|note| (note.key.clone(), note.message.clone())).collect();
    Draft {
        toml: writer.toml(),
        function_file: wishes.function_file.as_ref().map(|_| writer.function_file()),
        is_settled: standing.is_settled() && image.is_some(),
        findings,
        left_out,
    }
}

/// How what is published stands to `$LATEST`.
struct Standing {
    /// Whether a version is published at all.
    is_published: bool,
    /// Whether what the alias runs, or else the newest version, is what `$LATEST` is.
    is_current: bool,
    /// Whether the alias points to one version, and to no other.
    is_whole: bool,
    /// Whether the image has the tag that a deploy would give it, or the tags that are written down.
    is_tagged: bool,
    /// The tags that are written down.
    tags: Vec<String>,
}

impl Standing {
    fn of(found: &Found) -> Self {
        let versions = found.versions.as_deref().unwrap_or_default();
        let newest = versions.iter().max_by_key(|version| version.version);
        let alias = found.alias();
        let is_current = match (alias, &found.target) {
            (Some(_), Some(target)) => {
                target.version.parse::<u64>().is_ok() && function::same_function(target, &found.live)
            }
            (Some(_), None) => false,
            (None, _) => newest.is_some_and(|newest| function::same_content(newest, &found.live)),
        };
        let digest = found.live.running_digest();
        let (is_tagged, tags) = match (&found.image, digest) {
            (Ok(Some(image)), Some(digest)) => {
                let own = default_tag(&digest);
                match image.tags.iter().any(|tag| *tag == own.as_str()) {
                    true => (true, Vec::new()),
                    // What is no tag by our rules could not be read back.
                    false => {
                        let is_tag = |tag: &&String| tag.parse::<Tag>().is_ok();
                        let tags: Vec<String> = image.tags.iter().filter(is_tag).cloned().collect();
                        (!tags.is_empty(), tags)
                    }
                }
            }
            _ => (false, Vec::new()),
        };
        Self {
            is_published: newest.is_some() || found.versions.is_err(),
            is_current,
            is_whole: alias.is_none_or(|alias| alias.weights.is_empty()),
            is_tagged,
            tags,
        }
    }

    /// Whether a version is wanted: a function that was never published is used without.
    fn publishes(&self, alias: Option<&LiveAlias>) -> bool {
        self.is_published || alias.is_some()
    }

    fn is_settled(&self) -> bool {
        (self.is_current || !self.is_published) && self.is_whole && self.is_tagged
    }

    fn findings(&self, found: &Found, wishes: &Wishes) -> Vec<Finding> {
        let mut findings = Vec::new();
        let name = &wishes.function;
        match &found.aliases {
            Err(error) => findings.push(Finding::unknown(
                CHECK,
                format!("which aliases the function has is not known: {}", error.message),
                "allow lambda:ListAliases to this identity, or name the alias with --alias",
            )),
            Ok(aliases) if aliases.len() > 1 => {
                let names: Vec<&str> = aliases.iter().map(|alias| alias.name.as_str()).collect();
                let message =
                    format!("the function has the aliases {}: none of them is written", names.join(", "));
                findings.push(Finding::warn(
                    CHECK,
                    message,
                    "name the one that a deploy shall move: --alias NAME",
                ));
            }
            Ok(_) => {}
        }
        if let Err(error) = &found.versions {
            let message = format!("whether $LATEST is published is not known: {}", error.message);
            let hint = "allow lambda:ListVersionsByFunction to this identity";
            findings.push(Finding::unknown(CHECK, message, hint));
        }
        if let Some(alias) = found.alias() {
            findings.extend(self.of_alias(alias, name));
        } else if self.is_published && !self.is_current && found.versions.is_ok() {
            let message = "$LATEST was changed after the newest version was published: a plan shows that it would be published";
            findings.push(Finding::warn(CHECK, message, "deploy it, or add Publish = false to [function]"));
        }
        findings.extend(self.of_image(found));
        findings
    }

    fn of_alias(&self, alias: &LiveAlias, function: &FunctionName) -> Option<Finding> {
        let LiveAlias { name, version, weights, .. } = alias;
        let look = format!("see lambda-lift status --function {function} --alias {name}");
        if !self.is_whole {
            let shares: Vec<String> = weights
                .iter()
                .map(|(version, weight)| format!("{:.0}% to version {version}", weight * 100.0))
                .collect();
            let message = format!(
                "alias {name} sends {} beside version {version}: a release is under way, and a plan shows that it would end",
                shares.join(", ")
            );
            return Some(Finding::warn(CHECK, message, format!("wait for its end; {look}")));
        }
        if version == "$LATEST" {
            let message = format!("alias {name} points to $LATEST: a deploy would move it to a version");
            return Some(Finding::warn(CHECK, message, "take alias out of [release] to leave it there"));
        }
        (!self.is_current).then(|| {
            let message = format!(
                "alias {name} runs version {version}, which is not what $LATEST is: a plan shows that $LATEST would be published and get its traffic"
            );
            Finding::warn(CHECK, message, format!("compare them: lambda-lift diff --function {function} --from {version}"))
        })
    }

    fn of_image(&self, found: &Found) -> Option<Finding> {
        match &found.image {
            Err(error) => Some(Finding::unknown(
                CHECK,
                format!("what the image is called in ECR is not known: {}", error.message),
                "allow ecr:DescribeImages to this identity (--repository-profile for a repository of another account)",
            )),
            Ok(None) => Some(Finding::warn(
                CHECK,
                "the image that the function runs is not in its repository any more",
                "Lambda will fail when it wants it again: deploy an image that is there",
            )),
            Ok(Some(_)) if !self.is_tagged => Some(Finding::info(
                CHECK,
                "the image has no tag: a plan shows that it would get one, which keeps lifecycle rules for untagged images away",
            )),
            Ok(Some(_)) => None,
        }
    }
}

struct Writer<'a> {
    found: &'a Found,
    wishes: &'a Wishes,
    declaration: &'a LiveDeclaration,
    standing: &'a Standing,
    image: Option<&'a ImageUri>,
}

impl Writer<'_> {
    fn toml(&self) -> String {
        let mut parts = vec![self.head(), self.image()];
        match &self.wishes.function_file {
            Some(file) => {
                parts.push(format!(
                    "# How the function shall be, in the shape of a CreateFunction request. What it does not have is left as it is.\n\
                     function-file = {}",
                    text(file)
                ));
                parts.extend(self.beside_the_file());
                parts.extend(self.variables());
                parts.extend(self.tags().filter(|_| !self.is_plain("Tags")));
            }
            None => {
                parts.push(self.function());
                parts.extend(self.variables());
                parts.extend(self.tags());
            }
        }
        parts.push(self.release());
        format!("{}\n", parts.join("\n\n"))
    }

    fn head(&self) -> String {
        let mut lines = vec![comment(&format!(
            "Written by lambda-lift init from function {} in {}.\n\
             What is not declared in here is left as it is. What a deploy would change: lambda-lift plan",
            self.wishes.function, self.wishes.region
        ))];
        lines.push(String::new());
        lines.push(format!("region = {}", text(self.wishes.region.as_str())));
        for (name, profile) in
            [("profile", &self.wishes.profile), ("repository-profile", &self.wishes.repository_profile)]
        {
            if let Some(profile) = profile {
                // A comment ends with its line, and must not hold a second one.
                lines.push(comment(&format!("{name} = {}  (of this machine)", quoted(profile))));
            }
        }
        lines.join("\n")
    }

    fn image(&self) -> String {
        let hint = "# This is the image that runs now. Put in its place what your build makes: \"docker-archive:app.tar\",\n\
                    # \"docker-daemon:app:latest\", \"oci:DIRECTORY\", \"docker://HOST/REPOSITORY:TAG\", or a path.";
        let mut lines = vec![hint.to_owned()];
        match self.image {
            Some(image) => {
                // By its digest alone: what the tag names by now may be another image.
                let tag = image.tag.clone().filter(|_| image.digest.is_none());
                let pinned = ImageUri { tag, ..image.clone() };
                lines.push(format!("image = {}", text(&format!("docker://{pinned}"))));
                lines.push(format!("repository = {}", text(&self.repository(image))));
            }
            None => lines.extend(["# image = \"…\"".to_owned(), "# repository = \"…\"".to_owned()]),
        }
        match self.standing.tags.as_slice() {
            [] => lines.push(
                "# Tags for the image. Without any it is called sha256-<the first 12 digits of its digest>.\n# tags = [\"${git:short}\"]"
                    .to_owned(),
            ),
            tags => {
                let tags: Vec<String> = tags.iter().map(|tag| text(tag)).collect();
                lines.push(format!(
                    "# What the image that runs now is called. The next one wants a name of its own: tags = [\"${{git:short}}\"]\ntags = [{}]",
                    tags.join(", ")
                ));
            }
        }
        lines.join("\n")
    }

    /// The repository by its name where the function's own account and Region have it, else by its full URI.
    fn repository(&self, image: &ImageUri) -> String {
        let own = self.found.live.arn.split(':').nth(4) == Some(image.registry.account.as_str());
        match own && image.registry.region == self.wishes.region {
            true => image.repository.to_string(),
            false => format!("{}/{}", image.registry, image.repository),
        }
    }

    /// What says which function it is, before its settings.
    fn identity(&self) -> Map<String, Value> {
        let architecture = self.found.live.architecture.to_string();
        let mut identity = Map::new();
        identity.insert("FunctionName".to_owned(), self.wishes.function.as_str().into());
        identity.insert("Architectures".to_owned(), json!([architecture]));
        if !self.standing.publishes(self.found.alias()) {
            identity.insert("Publish".to_owned(), false.into());
        }
        identity
    }

    fn function(&self) -> String {
        let mut out = vec![
            "# How the function shall be, in the words of Lambda's CreateFunction.".to_owned(),
            "[function]".to_owned(),
        ];
        lines("", &self.identity(), &mut out);
        let mut settings = self.declaration.settings.clone();
        settings.shift_remove("Tags");
        lines("", &settings, &mut out);
        out.join("\n")
    }

    /// Whether a setting can stand in a function file: those of lambroll are templates, in which `{{` begins something.
    fn is_plain(&self, name: &str) -> bool {
        self.declaration.settings.get(name).is_none_or(|value| !value.to_string().contains("{{"))
    }

    /// The settings that cannot stand in a function file.
    fn beside_the_file(&self) -> Option<String> {
        let mut settings = self.declaration.settings.clone();
        settings.retain(|name, _| name != "Tags" && !self.is_plain(name));
        let mut out = vec![
            "# What has {{ in it stands here: in a function file that would begin a template.".to_owned(),
        ];
        out.push("[function]".to_owned());
        lines("", &settings, &mut out);
        (!settings.is_empty()).then(|| out.join("\n"))
    }

    /// Whether the variables stand in the function file.
    fn has_variables_in_file(&self) -> bool {
        let is_plain = self.declaration.variables.values().all(|value| !value.contains("{{"));
        self.wishes.function_file.is_some() && self.wishes.variables == Variables::Values && is_plain
    }

    fn variables(&self) -> Option<String> {
        let variables = &self.declaration.variables;
        if variables.is_empty() || self.has_variables_in_file() {
            return None;
        }
        let mut out = Vec::new();
        match self.wishes.variables {
            Variables::Names => {
                out.push(
                    "# The function has these environment variables. They are not managed, and stay as they are. To manage one, take the # away\n\
                     # in front of the table and of its line; its value then comes from the environment of whoever deploys."
                        .to_owned(),
                );
                out.push("# [function.Environment.Variables]".to_owned());
                out.extend(variables.keys().map(|name| format!("# {} = {}", key(name), template(name))));
            }
            Variables::Templates => {
                out.push("# The values come from the environment of whoever deploys.".to_owned());
                out.push("[function.Environment.Variables]".to_owned());
                out.extend(variables.iter().map(|(name, value)| {
                    // A template does not take an empty variable for a value.
                    let value = if value.is_empty() { text("") } else { template(name) };
                    format!("{} = {value}", key(name))
                }));
            }
            Variables::Values => {
                out.push("# These may be secrets: do not put this file into a repository.".to_owned());
                out.push("[function.Environment.Variables]".to_owned());
                out.extend(variables.iter().map(|(name, value)| format!("{} = {}", key(name), text(value))));
            }
        }
        Some(out.join("\n"))
    }

    fn tags(&self) -> Option<String> {
        let tags = self.declaration.settings.get("Tags")?.as_object()?;
        let mut out = vec!["[function.Tags]".to_owned()];
        lines("", tags, &mut out);
        Some(out.join("\n"))
    }

    fn release(&self) -> String {
        let teach = "# How traffic moves to a new version, and what may stop it:\n\
                     # strategy = \"canary:10%:10m\"\n# max-error-rate = \"1%\"\n# alarms = [\"…\"]";
        match self.found.alias() {
            Some(alias) => format!("[release]\nalias = {}\n{teach}", text(alias.name.as_str())),
            None => format!(
                "# [release]\n# The alias that a deploy moves to the new version.\n# alias = \"live\"\n{teach}"
            ),
        }
    }

    fn function_file(&self) -> String {
        let mut file = self.identity();
        for (name, value) in self.declaration.settings.iter().filter(|(name, _)| self.is_plain(name)) {
            file.insert(name.clone(), value.clone());
        }
        if self.has_variables_in_file() && !self.declaration.variables.is_empty() {
            file.insert("Environment".to_owned(), json!({ "Variables": self.declaration.variables }));
        }
        format!("{:#}\n", Value::Object(file))
    }
}

fn template(name: &str) -> String {
    quoted(&format!("${{env:{name}}}"))
}

#[cfg(test)]
mod tests;
