//! One request while it is performed: who asks, when, and what it may change.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::cloudwatch::CloudWatch;
use crate::images::Images;

use super::arn::Home;
use super::function::{Function, Shelf};
use super::limits::role_account;
use super::reference::Reference;
use super::refusal::Refusal;
use super::revision::{Code, Revision, Settling, State, Update};
use super::settings::{Injection, LambdaSettings, Mishap, Reason};
use super::source_image::Source;

/// The largest page of a list.
const PAGE: usize = 50;

pub(super) struct Session<'a> {
    pub(super) call: &'a Call,
    pub(super) home: Home<'a>,
    /// Milliseconds since 1970.
    pub(super) now: u64,
    pub(super) operation: &'static str,
    pub(super) settings: &'a LambdaSettings,
    pub(super) images: &'a Arc<dyn Images>,
    pub(super) metrics: Option<&'a CloudWatch>,
    pub(super) shelf: &'a mut Shelf,
    pub(super) injections: &'a mut Vec<Injection>,
}

impl<'a> Session<'a> {
    /// The body, of the request's shape. No body at all is an empty object.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let body: &[u8] = if self.call.body.is_empty() { b"{}" } else { &self.call.body };
        serde_json::from_slice(body).map_err(|error| Refusal::malformed(&error))
    }

    /// The function that a path names, with the query's qualifier.
    pub(super) fn reference(&self, text: &str) -> Result<Reference, Refusal> {
        Reference::parse(text, self.call.parameter("Qualifier"), self.home, self.operation)
    }

    pub(super) fn arn(&self, name: &str, qualifier: Option<&str>) -> String {
        self.home.function_arn(name, qualifier)
    }

    /// The function of that name.
    pub(super) fn function(&self, name: &str) -> Result<&Function, Refusal> {
        let absent = || Refusal::no_function(&self.arn(name, None));
        self.shelf.functions.get(name).ok_or_else(absent)
    }

    /// The same, to be changed.
    pub(super) fn function_mut(&mut self, name: &str) -> Result<&mut Function, Refusal> {
        let absent = Refusal::no_function(&self.arn(name, None));
        self.shelf.functions.get_mut(name).ok_or(absent)
    }

    /// The revision that a reference means, with its function.
    pub(super) fn revision(&self, reference: &Reference) -> Result<(&Function, &Revision), Refusal> {
        let qualifier = reference.qualifier.as_deref();
        let absent = || Refusal::no_function(&self.arn(&reference.name, qualifier));
        let function = self.shelf.functions.get(&reference.name).ok_or_else(absent)?;
        Ok((function, function.resolve(qualifier).ok_or_else(absent)?))
    }

    /// How an image is looked at for a function.
    pub(super) fn source<'b>(&self, function_arn: &'b str) -> Source<'b>
    where
        'a: 'b,
    {
        Source {
            images: &**self.images,
            home: self.home,
            function_arn,
            doubt: self.settings.doubt,
            patch_policy: self.settings.patch_policy,
            zstd_layers: self.settings.zstd_layers,
        }
    }

    /// Ends, in all functions of the shelf, what was to end by now.
    pub(super) fn settle(&mut self) {
        let now = self.now;
        for name in self.shelf.functions.keys().cloned().collect::<Vec<_>>() {
            let arn = self.arn(&name, None);
            let source = self.source(&arn);
            let trouble = |code: &Code| match code {
                Code::Image(image) => source.trouble(image),
                Code::Zip(_) => None,
            };
            let Some(function) = self.shelf.functions.get_mut(&name) else { continue };
            function.settle(now, trouble);
            let active = function.latest.state == State::Active;
            let idles = active && self.take_mishap(&name, |mishap| *mishap == Mishap::GoesIdle).is_some();
            if let Some(function) = self.shelf.functions.get_mut(&name).filter(|_| idles) {
                function.latest.state = State::Inactive;
                let text = "The function has not been invoked for a long time.";
                function.latest.state_reason = Some(Reason::new("Idle", text));
                function.latest.touch();
            }
        }
    }

    /// Uses up the first mishap for a function that fits.
    pub(super) fn take_mishap(&mut self, name: &str, fits: impl Fn(&Mishap) -> bool) -> Option<Mishap> {
        let injection = self.injections.iter_mut().find(|injection| {
            injection.times > 0
                && ["*", name].contains(&injection.function.as_str())
                && fits(&injection.mishap)
        })?;
        injection.times -= 1;
        Some(injection.mishap.clone())
    }

    /// Something that ends after `time`, unless a mishap makes it fail.
    pub(super) fn settling(
        &mut self,
        name: &str,
        time: Duration,
        fits: impl Fn(&Mishap) -> bool,
    ) -> Settling {
        let failure = self.take_mishap(name, fits).and_then(|mishap| match mishap {
            Mishap::CreateFails(reason) | Mishap::UpdateFails(reason) | Mishap::PublishFails(reason) => {
                Some(reason)
            }
            Mishap::GoesIdle => None,
        });
        Settling { at: self.now + milliseconds(time), failure }
    }

    /// Refuses while the function is Pending, or an update of it is in progress.
    pub(super) fn check_settled(&self, function: &Function) -> Result<(), Refusal> {
        const NOT_NOW: &str = "The operation cannot be performed at this time.";
        let arn = self.arn(&function.name, None);
        match (function.latest.state, &function.latest.update) {
            (State::Pending, _) => Err(Refusal::conflict(format!(
                "{NOT_NOW} The function is currently in the following state: Pending"
            ))),
            (_, Some(Update::InProgress)) => {
                Err(Refusal::conflict(format!("{NOT_NOW} An update is in progress for resource: {arn}")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a role that Lambda may not or cannot yet use.
    pub(super) fn check_role(&mut self, role: &str) -> Result<(), Refusal> {
        if role_account(role) != Some(self.home.account) {
            return Err(Refusal::denied("Cross-account pass role is not allowed."));
        }
        let first_seen = *self.shelf.roles.entry(role.to_owned()).or_insert(self.now);
        let usable = first_seen + milliseconds(self.settings.role_propagation) <= self.now;
        if !usable || self.settings.unassumable_roles.iter().any(|refused| refused == role) {
            return Err(Refusal::invalid("The role defined for the function cannot be assumed by Lambda."));
        }
        Ok(())
    }

    /// `MaxItems`, bounded by what AWS gives at most.
    pub(super) fn page_size(&self) -> usize {
        let asked = self.call.parameter("MaxItems").and_then(|text| text.parse().ok());
        asked.unwrap_or(PAGE).clamp(1, PAGE)
    }
}

/// Refuses a RevisionId that is not the latest one.
pub(super) fn check_revision(given: Option<&str>, latest: &str) -> Result<(), Refusal> {
    match given {
        Some(given) if given != latest => Err(Refusal::stale_revision()),
        _ => Ok(()),
    }
}

/// A duration in whole milliseconds.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2)
}
