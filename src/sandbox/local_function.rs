//! A function that runs here: one environment for one event at a time, and Lambda's rules for when it begins anew.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::delivery::{Answered, Delivery, Unanswered, Unbuilt};
use super::environment::{Environment, PATIENCE, Seen, Trouble};
use super::explain::{Explanation, explain};
use super::foreign;
use super::host::BuildError;
use super::lambda_words::{self, Told};
use super::order::RunOrder;
use crate::image::LocalImage;
use crate::report::chain;

/// How long Lambda waits for a function to be ready before its first event is on the clock.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// A function. Dropping it ends everything in it.
#[derive(Debug)]
pub struct LocalFunction {
    environment: Environment,
    pub(super) order: RunOrder,
    state: State,
    /// How long it took to be ready, until somebody is told.
    init: Option<Duration>,
}

/// How a function stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing runs.
    Cold,
    /// It waits for an event.
    Ready,
    /// It has answered, and has until then to ask for another event.
    Answered(Instant),
    /// What runs has to go before anything else.
    Broken,
    /// The sandbox itself is no more.
    Gone,
}

impl LocalFunction {
    /// Puts the image into a sandbox below the folder `temporary`. Nothing runs yet.
    ///
    /// # Errors
    /// Fails where images cannot be run on this machine, and where this one cannot.
    pub async fn build(image: &LocalImage, order: RunOrder, temporary: &Path) -> Result<Self, Unbuilt> {
        if let Some((reason, hint)) = foreign::obstacle(order.architecture) {
            return Err(Unbuilt { image_is_unfit: false, reason, hint: Some(hint) });
        }
        if order.arguments.is_empty() {
            let reason = "the image has neither ENTRYPOINT nor CMD: there is nothing to run".to_owned();
            return Err(Unbuilt { image_is_unfit: true, reason, hint: None });
        }
        let environment = Environment::build(image, order.clone(), temporary).await;
        let environment = environment.map_err(|error| unbuilt(&error))?;
        Ok(Self { environment, order, state: State::Cold, init: None })
    }

    /// Starts it before its first event, as Lambda does, which is then not on the event's clock. What goes wrong counts for nothing yet:
    /// the first event begins anew.
    pub async fn warm_up(&mut self) {
        if self.state == State::Cold && self.start().await.is_err() {
            self.rest().await;
        }
    }

    /// Gives it an event, and waits for its answer. Starts it first, on the event's clock, when it does not run.
    pub async fn answer(&mut self, delivery: Delivery) -> Answered {
        self.rest().await;
        let log = self.environment.log();
        let (mark, begun, request) = (log.mark(), Instant::now(), delivery.request_id.clone());
        let deadline = begun + self.order.timeout;
        let outcome = self.attempt(delivery, deadline).await;
        let (elapsed, init) = (begun.elapsed(), self.init.take());
        self.state = match &outcome {
            // What answers errors goes on; what ended or hangs is begun anew.
            Ok(_) | Err(Trouble::Failed(_)) => State::Answered(deadline),
            Err(Trouble::Gone) => State::Gone,
            Err(_) => State::Broken,
        };
        let peak_memory = self.environment.seen.peak_memory;
        let told = Told { request: &request, elapsed, init, peak_memory };
        let log = lambda_words::log(&log.since(mark), told, &self.order);
        let outcome = outcome.map_err(|trouble| self.unanswered(&trouble, &request));
        Answered { outcome, elapsed, init, peak_memory, log }
    }

    /// Waits until it is ready for another event, which is where what it does after its answer has its time, or until nothing of it
    /// runs any more.
    pub async fn rest(&mut self) {
        if let State::Answered(deadline) = self.state {
            let settled = self.environment.settle(deadline).await && self.environment.measure().await.is_ok();
            self.state = if settled { State::Ready } else { State::Broken };
        }
        if self.state == State::Broken {
            self.init = None;
            self.state = match self.environment.clear().await {
                Ok(()) => State::Cold,
                Err(_) => State::Gone,
            };
        }
    }

    /// Whether it can never answer any more.
    pub fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    /// Ends it in order.
    pub async fn end(self) {
        self.finish(PATIENCE).await;
    }

    /// Ends it in order. What was seen of it, and the end of its log.
    pub(super) async fn finish(self, time: Duration) -> (Seen, String) {
        let log = self.environment.log();
        let seen = self.environment.shut_down(time).await;
        (seen, log.text())
    }

    /// Starts it within the time that Lambda gives it for that.
    pub(super) async fn start(&mut self) -> Result<Duration, Trouble> {
        let init = self.initialise(Instant::now() + INIT_LIMIT).await;
        if init.is_err() {
            self.state = State::Broken;
        }
        init
    }

    /// What trouble means.
    pub(super) fn explain(&self, trouble: &Trouble, starting: bool) -> Explanation {
        explain(trouble, &self.order, &self.environment.seen, starting)
    }

    async fn attempt(&mut self, delivery: Delivery, deadline: Instant) -> Result<Vec<u8>, Trouble> {
        match self.state {
            State::Gone => return Err(Trouble::Gone),
            State::Ready => {}
            State::Cold | State::Answered(_) | State::Broken => {
                self.initialise(deadline).await?;
            }
        }
        self.environment.invoke(delivery, deadline).await
    }

    async fn initialise(&mut self, deadline: Instant) -> Result<Duration, Trouble> {
        let begun = Instant::now();
        self.environment.initialise(deadline).await?;
        let init = begun.elapsed();
        self.environment.measure().await?;
        self.state = State::Ready;
        self.init = Some(init);
        Ok(init)
    }

    fn unanswered(&self, trouble: &Trouble, request: &str) -> Unanswered {
        let Explanation { status, error, hint } = self.explain(trouble, false);
        let payload = lambda_words::error_payload(trouble, request, &self.order);
        Unanswered { payload, status, error, hint }
    }
}

const NAMESPACES: &str = "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1 or \
                          kernel.apparmor_restrict_unprivileged_userns=0), run as root, start Docker or podman for this user, or, in a container, start it with --privileged";
const ROOM: &str = "make room in the folder for temporary files, or point TMPDIR to a larger one";

fn unbuilt(error: &BuildError) -> Unbuilt {
    let (image_is_unfit, hint) = match error {
        BuildError::Unavailable(_) => (false, Some(NAMESPACES.to_owned())),
        BuildError::Full(_) => (false, Some(ROOM.to_owned())),
        BuildError::Gone | BuildError::NoEngine => (false, None),
        BuildError::Layer(error) => (true, error.hint()),
        BuildError::Image(_) => (true, None),
    };
    Unbuilt { image_is_unfit, reason: chain(error), hint }
}
