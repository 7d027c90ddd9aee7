//! One alias of one function, whose answers a test writes beforehand, and a clock that does not wait.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::Clock;
use crate::cloud::{
    AliasTarget, CloudError, CloudErrorKind, CodeUpdate, CodeUse, ConfigurationUpdate, FunctionState,
    Invocation, InvocationRequest, LambdaInvoker, LambdaReader, LambdaWriter, LiveAlias, LiveFunction,
    NewFunction, PackageType, ProvisionedConcurrency, PublishGuard, PublishedVersion,
};
use crate::name::{AliasName, Architecture, FunctionName, Version};
use crate::release::Place;

/// What becomes of an UpdateAlias.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// It is done and answered.
    Done,
    /// It is done, but the answer does not arrive.
    DoneUnheard,
    /// It is not done, and nothing arrives.
    Lost,
    /// It is refused for this reason.
    Refused(CloudErrorKind),
    /// It is refused, since somebody else gave the alias this place and a new revision before it arrived.
    Overtaken(Place),
    /// It is accepted, and the alias then goes through these places, one each time it is read, before it arrives.
    Slowly(Vec<Place>),
}

/// An alias that answers as it was told to.
#[derive(Default)]
pub(super) struct ScriptedAlias {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    place: Option<Place>,
    revision: u32,
    tags: Map<String, Value>,
    answers: VecDeque<Answer>,
    /// What GetAlias says before it says where the alias arrived.
    on_the_way: VecDeque<Place>,
    is_unreadable: bool,
    moves: Vec<AliasTarget>,
    reads: usize,
}

impl ScriptedAlias {
    /// An alias at revision 1, and what becomes of each UpdateAlias; those that follow are done.
    pub(super) fn new(place: &Place, answers: impl IntoIterator<Item = Answer>) -> Self {
        let state = State {
            place: Some(place.clone()),
            revision: 1,
            answers: answers.into_iter().collect(),
            ..State::default()
        };
        Self { state: Mutex::new(state) }
    }

    /// The same with these tags on its function.
    pub(super) fn tagged(self, tags: Map<String, Value>) -> Self {
        self.with(|state| state.tags = tags);
        self
    }

    /// The same, but GetAlias fails.
    pub(super) fn unreadable(self) -> Self {
        self.with(|state| state.is_unreadable = true);
        self
    }

    /// Where it is.
    pub(super) fn place(&self) -> Place {
        self.with(|state| state.place.clone()).unwrap_or_else(|| Place::whole("none"))
    }

    /// The revisions that guarded each UpdateAlias.
    pub(super) fn guards(&self) -> Vec<String> {
        self.with(|state| {
            state.moves.iter().map(|target| target.revision_id.clone().unwrap_or_default()).collect()
        })
    }

    /// How often it was read.
    pub(super) fn reads(&self) -> usize {
        self.with(|state| state.reads)
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn live(&self, name: &AliasName, place: &Place) -> LiveAlias {
        LiveAlias {
            name: name.clone(),
            version: place.version.clone(),
            weights: place.weights.clone(),
            revision_id: Some(format!("r{}", self.revision)),
        }
    }

    fn go_to(&mut self, place: Place) {
        self.place = Some(place);
        self.revision += 1;
    }

    fn answer(&mut self, target: &AliasTarget) -> Result<LiveAlias, CloudError> {
        let wanted = Place { version: target.version.clone(), weights: target.weights.clone() };
        self.moves.push(target.clone());
        match self.answers.pop_front().unwrap_or(Answer::Done) {
            Answer::Done => self.go_to(wanted.clone()),
            Answer::DoneUnheard => {
                self.go_to(wanted);
                return Err(failed(CloudErrorKind::Unreachable));
            }
            Answer::Lost => return Err(failed(CloudErrorKind::Unreachable)),
            Answer::Refused(kind) => return Err(failed(kind)),
            Answer::Overtaken(place) => {
                self.go_to(place);
                return Err(failed(CloudErrorKind::PreconditionFailed));
            }
            Answer::Slowly(places) => {
                let before = self.place.replace(wanted).unwrap_or_else(|| Place::whole("none"));
                self.on_the_way = places.into();
                return Ok(self.live(&target.name, &before));
            }
        }
        Ok(self.live(&target.name, &wanted))
    }
}

/// A failure of this kind.
fn failed(kind: CloudErrorKind) -> CloudError {
    CloudError {
        service: "AWS Lambda",
        operation: "UpdateAlias",
        kind,
        code: None,
        status: None,
        message: format!("{kind:?}"),
        request_id: None,
    }
}

#[async_trait]
impl LambdaReader for ScriptedAlias {
    async fn function(&self, _: &FunctionName, _: Option<&str>) -> Result<Option<LiveFunction>, CloudError> {
        let settings =
            Map::from_iter([("Tags".to_owned(), Value::Object(self.with(|state| state.tags.clone())))]);
        Ok(Some(LiveFunction {
            arn: "arn:aws:lambda:eu-central-1:123456789012:function:shop".to_owned(),
            version: "$LATEST".to_owned(),
            package_type: PackageType::Image,
            architecture: Architecture::X86_64,
            image_digest: None,
            image_uri: None,
            resolved_image_uri: None,
            state: FunctionState::default(),
            revision_id: None,
            modified: None,
            settings,
        }))
    }

    async fn alias(&self, _: &FunctionName, alias: &AliasName) -> Result<Option<LiveAlias>, CloudError> {
        self.with(|state| {
            state.reads += 1;
            if state.is_unreadable {
                return Err(failed(CloudErrorKind::Unreachable));
            }
            match state.on_the_way.pop_front() {
                Some(place) => Ok(Some(state.live(alias, &place))),
                None => Ok(state.place.clone().map(|place| state.live(alias, &place))),
            }
        })
    }

    async fn aliases(&self, _: &FunctionName) -> Result<Option<Vec<LiveAlias>>, CloudError> {
        unreachable!("a move asks for its own alias only")
    }

    async fn versions(&self, _: &FunctionName) -> Result<Option<Vec<PublishedVersion>>, CloudError> {
        unreachable!("a move asks for no versions")
    }

    async fn provisioned_concurrency(
        &self,
        _: &FunctionName,
        _: &str,
    ) -> Result<Option<ProvisionedConcurrency>, CloudError> {
        unreachable!("a move asks for no concurrency")
    }

    async fn provisioned(&self, _: &FunctionName) -> Result<Option<Vec<String>>, CloudError> {
        unreachable!("a move asks for no concurrency")
    }

    async fn code_in_use(&self) -> Result<Vec<CodeUse>, CloudError> {
        unreachable!("a move asks for no other function")
    }
}

#[async_trait]
impl LambdaInvoker for ScriptedAlias {
    async fn invoke(&self, _: InvocationRequest<'_>) -> Result<Invocation, CloudError> {
        unreachable!("a move invokes nothing")
    }
}

#[async_trait]
impl LambdaWriter for ScriptedAlias {
    async fn move_alias(&self, _: &FunctionName, target: &AliasTarget) -> Result<LiveAlias, CloudError> {
        self.with(|state| state.answer(target))
    }

    async fn create_function(&self, _: &NewFunction) -> Result<LiveFunction, CloudError> {
        unreachable!("a move changes the alias only")
    }

    async fn update_code(&self, _: &FunctionName, _: &CodeUpdate) -> Result<LiveFunction, CloudError> {
        unreachable!("a move changes the alias only")
    }

    async fn update_configuration(
        &self,
        _: &FunctionName,
        _: &ConfigurationUpdate,
    ) -> Result<LiveFunction, CloudError> {
        unreachable!("a move changes the alias only")
    }

    async fn tag_function(
        &self,
        _: &str,
        _: &std::collections::BTreeMap<String, String>,
    ) -> Result<(), CloudError> {
        unreachable!("a move changes the alias only")
    }

    async fn publish_version(&self, _: &FunctionName, _: &PublishGuard) -> Result<Version, CloudError> {
        unreachable!("a move changes the alias only")
    }

    async fn create_alias(&self, _: &FunctionName, _: &AliasTarget) -> Result<LiveAlias, CloudError> {
        unreachable!("a move changes the alias only")
    }

    async fn put_provisioned_concurrency(&self, _: &FunctionName, _: &str, _: u32) -> Result<(), CloudError> {
        unreachable!("a move changes the alias only")
    }

    async fn delete_version(&self, _: &FunctionName, _: Version) -> Result<(), CloudError> {
        unreachable!("a move deletes nothing")
    }

    async fn delete_provisioned_concurrency(&self, _: &FunctionName, _: &str) -> Result<(), CloudError> {
        unreachable!("a move changes the alias only")
    }
}

/// A clock on which waiting takes no time.
pub(super) struct FastClock {
    slept: Mutex<Duration>,
}

impl FastClock {
    pub(super) fn new() -> Self {
        Self { slept: Mutex::new(Duration::ZERO) }
    }

    /// How long everybody waited by this clock.
    pub(super) fn slept(&self) -> Duration {
        *self.slept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for FastClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.slept()
    }

    async fn sleep(&self, duration: Duration) {
        *self.slept.lock().unwrap_or_else(PoisonError::into_inner) += duration;
    }
}
