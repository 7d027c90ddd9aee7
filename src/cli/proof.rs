//! What `deploy`, `plan` and `push` want to know of an image beyond its metadata: what is in it, and how it does when it is run here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::apply::Judgement;
use crate::event::Event;
use crate::function;
use crate::image::{BlobLocation, UNCOMPRESSED_LIMIT};
use crate::layer::{self, LayerError};
use crate::name::Digest;
use crate::observe::Facts;
use crate::plan::{Plan, Step};
use crate::preflight::{self, Day, Wanted};
use crate::report::{Failure, Report, RunReport, moments};
use crate::rootfs::{KnownContent, Unread};
use crate::sandbox::{self, RunOrder};

use super::arguments::ProofArguments;
use super::check::{event, unfit_layer};
use super::deploy::{Mode, Prepared};
use super::session::Session;
use super::settings;

/// How an image is to prove itself by running here.
#[derive(Clone, Default)]
pub(super) struct Proof {
    is_wanted: bool,
    events: Vec<Vec<u8>>,
    timeout: Option<Duration>,
    /// What came of runs in this process. Targets that get one image with the same settings have it run once, under the name of the first.
    runs: Arc<Mutex<Vec<(Digest, RunOrder, RunReport)>>>,
}

impl Proof {
    pub(super) fn of(arguments: &ProofArguments) -> Result<Self, Failure> {
        Ok(Self {
            is_wanted: arguments.run,
            events: arguments.events.iter().map(|path| event(path)).collect::<Result<_, _>>()?,
            timeout: arguments.run_timeout.as_deref().map(settings::duration).transpose()?,
            ..Self::default()
        })
    }

    /// The same, sharing what came of runs with another.
    pub(super) fn beside(self, other: &Self) -> Self {
        Self { runs: Arc::clone(&other.runs), ..self }
    }

    /// What came of a run of this image in this way; the name of the function makes no difference.
    fn known(&self, image: &Digest, order: &RunOrder) -> Option<RunReport> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |ran: &RunOrder| RunOrder { function: order.function.clone(), ..ran.clone() } == *order;
        let known = runs.iter().find(|(config, ran, _)| config == image && is_same(ran));
        known.map(|(_, _, report)| report.clone())
    }

    fn remember(&self, image: Digest, order: RunOrder, report: RunReport) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).push((image, order, report));
    }
}

impl Prepared {
    /// Judges what is in the image by what is known of its layers now. What is still to be read is judged when it goes by: then the
    /// judgement is answered. Nothing is looked up where the image stays what it is.
    pub(super) async fn judge_contents(
        &self,
        session: &Session,
        facts: &Facts,
        plan: &Plan,
        mode: Mode,
        report: &mut Report,
    ) -> Result<Option<Box<Judgement>>, Failure> {
        if !plan.steps.iter().any(|step| is_new(step, facts)) {
            return Ok(None);
        }
        let memory = self.resolved.apply.memory.as_ref();
        let mut known = session.or_stopped(self.contents.known_of(&facts.image, memory)).await?;
        if mode == Mode::Apply
            && let Err(error) = session.or_stopped(self.read_unproven(facts, &mut known)).await?
        {
            report.findings.push(unfit_layer(error)?);
            return Ok(None);
        }
        let (wanted, allowed) = (self.wanted(facts), self.resolved.allowed.clone());
        let judgement = Judgement::new(known, wanted, allowed, session.reporter.clone());
        if mode == Mode::Apply && judgement.awaits_layers() {
            return Ok(Some(Box::new(judgement)));
        }
        report.findings.extend(judgement.of_known(&facts.image.local));
        Ok(None)
    }

    /// Reads the layers that the repository has and that nothing speaks for: no image that runs has them, and nobody here has read
    /// them. They may be what was sent of an image that was refused then.
    async fn read_unproven(&self, facts: &Facts, known: &mut [KnownContent]) -> Result<(), LayerError> {
        let cache = self.resolved.apply.memory.as_ref().map(|memory| &memory.layers);
        // What is published was judged by somebody; it is not brought here for that alone.
        let may_bring = self.spec.function.is_some() && !facts.image.manifest_stored;
        for (layer, known) in facts.image.local.layers.iter().zip(known) {
            let is_here = !matches!(layer.location, BlobLocation::InStore { .. });
            if matches!(known.content, Err(Unread::Stored)) && (is_here || may_bring) {
                let read = layer::scan(std::slice::from_ref(layer), UNCOMPRESSED_LIMIT, cache).await?;
                self.contents.learn(&read);
                known.content = read.into_iter().next().ok_or(Unread::Stored);
            }
        }
        Ok(())
    }

    /// What the function, as it will be, wants of its image.
    fn wanted(&self, facts: &Facts) -> Wanted {
        let today = Day::of(&moments::rfc3339(SystemTime::now()));
        let Wanted { architecture, encoding, .. } = Wanted::of(&self.spec);
        Wanted { architecture, encoding, today, ..Wanted::of_settings(&self.settings_after(facts)) }
    }

    /// The settings that the function will have; none for a push.
    fn settings_after(&self, facts: &Facts) -> serde_json::Map<String, serde_json::Value> {
        let live = facts.function.as_ref().and_then(|function| function.live.as_ref());
        let definition = self.spec.function.as_ref().map(|function| &function.definition);
        definition.map(|definition| function::settings_after(definition, live)).unwrap_or_default()
    }

    /// Runs the image here where that was asked for, as the function will be. Answers whether it may be sent.
    pub(super) async fn prove(
        &self,
        session: &Session,
        facts: &Facts,
        report: &mut Report,
    ) -> Result<bool, Failure> {
        if !self.proof.is_wanted {
            return Ok(true);
        }
        let (image, order) = (&facts.image.local, self.order(facts));
        let run = match self.proof.known(&image.config_digest, &order) {
            Some(run) => run,
            None => {
                let state = "it is run here under Lambda's constraints".to_owned();
                session.reporter.report(Event::Waiting { what: "the image".to_owned(), state });
                let temporary = std::env::temp_dir();
                let running = sandbox::run_image(image, order.clone(), &temporary);
                let run = session.or_stopped(running).await?;
                self.proof.remember(image.config_digest, order, run.clone());
                run
            }
        };
        report.findings.extend(self.resolved.allowed.weigh(run.findings()));
        report.run = Some(Box::new(run));
        Ok(!preflight::refused(&report.findings))
    }

    fn order(&self, facts: &Facts) -> RunOrder {
        let name = self.spec.function.as_ref().map(|function| function.name.as_str());
        let mut order = RunOrder::new(&facts.image.local.config, name, &self.settings_after(facts));
        order.timeout = self.proof.timeout.unwrap_or(order.timeout);
        order.events.clone_from(&self.proof.events);
        order
    }
}

/// Whether a step brings an image to where it was not, or has it started in another way.
fn is_new(step: &Step, facts: &Facts) -> bool {
    match step {
        Step::PushImage(_) => !facts.image.manifest_stored,
        Step::CreateFunction(_) | Step::UpdateCode(_) => true,
        Step::UpdateConfiguration(step) => step.settings.contains_key("ImageConfig"),
        Step::CreateRepository(_)
        | Step::GrantPull(_)
        | Step::TagFunction(_)
        | Step::PublishVersion
        | Step::MoveAlias(_) => false,
    }
}
