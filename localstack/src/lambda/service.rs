//! Lambda as a whole: takes a call, performs it, keeps what has changed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::call::{Answer, Call};
use crate::cloudwatch::CloudWatch;
use crate::images::Images;
use crate::state_file::StateFile;

use super::arn::Home;
use super::function::World;
use super::invoke::Performed;
use super::rate::Rates;
use super::refusal::Refusal;
use super::route::Route;
use super::session::{Session, milliseconds};
use super::settings::{Injection, LambdaSettings};

/// AWS Lambda's control plane, and an Invoke that runs code where there is a [`Runner`](super::Runner).
pub struct Lambda {
    images: Arc<dyn Images>,
    pub(super) settings: LambdaSettings,
    pub(super) metrics: Option<Arc<CloudWatch>>,
    inner: Mutex<Inner>,
    /// Apart from the rest, so that calls count when they come and not when it is their turn.
    rates: Mutex<Rates>,
}

struct Inner {
    world: World,
    injections: Vec<Injection>,
    file: Option<StateFile>,
    /// Why the state could not be read: then every call fails, so that nothing is lost.
    broken: Option<String>,
}

impl std::fmt::Debug for Lambda {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Lambda").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Lambda {
    /// A Lambda whose state is kept in `lambda.json` in `state_dir`, or only in memory.
    ///
    /// When that file cannot be read, every call is answered with a `ServiceException` that says so, and the
    /// file stays as it is.
    pub fn new(images: Arc<dyn Images>, settings: LambdaSettings, state_dir: Option<PathBuf>) -> Self {
        let mut file = state_dir.map(|folder| StateFile::new(folder, "lambda.json"));
        let loaded = file.as_mut().map_or_else(|| Ok(World::default()), StateFile::load);
        let (world, broken) = match loaded {
            Ok(world) => (world, None),
            Err(why) => (World::default(), Some(why)),
        };
        let injections = settings.inject.clone();
        let inner = Inner { world, injections, file, broken };
        Lambda { images, settings, metrics: None, inner: Mutex::new(inner), rates: Mutex::default() }
    }

    /// Counts invocations, errors and durations there, as AWS does in the namespace `AWS/Lambda`.
    #[must_use]
    pub fn with_metrics(self, metrics: Arc<CloudWatch>) -> Self {
        Lambda { metrics: Some(metrics), ..self }
    }

    /// Adds something that goes wrong from now on.
    pub fn inject(&self, injection: Injection) {
        self.lock().injections.push(injection);
    }

    /// Performs one call. What takes time on AWS is over when `call.now` says so; only a function that is run takes its own time.
    pub fn handle(&self, call: &Call) -> Answer {
        if !self.is_within_rates(call) {
            return Refusal::throttled("CallerRateLimitExceeded").answer();
        }
        let performed = {
            let mut inner = self.lock();
            if let Some(why) = &inner.broken {
                return Refusal::broken(why.clone()).answer();
            }
            let performed = self.perform(call, &mut inner);
            let Inner { world, file, .. } = &mut *inner;
            if let Err(why) = file.as_mut().map_or(Ok(()), |file| file.save(world)) {
                return Refusal::broken(why).answer();
            }
            performed
        };
        let answered = match performed {
            Ok(Performed::Answered(answer)) => Ok(answer),
            // A function takes its time, and nobody else should wait for it.
            Ok(Performed::ToRun(invoked)) => self.run(call, *invoked),
            Err(refusal) => Err(refusal),
        };
        answered.unwrap_or_else(|refusal| refusal.answer())
    }

    fn is_within_rates(&self, call: &Call) -> bool {
        let Some(limits) = self.settings.rate_limits else { return true };
        let Some(route) = Route::of(&call.method, &call.path, false) else { return true };
        let now = call.now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, milliseconds);
        let key = format!("{}/{}", call.account, call.region);
        self.rates.lock().unwrap_or_else(PoisonError::into_inner).admit(limits, &key, &route, now)
    }

    fn perform(&self, call: &Call, inner: &mut Inner) -> Result<Performed, Refusal> {
        let lists = call.parameter("List") == Some("ALL");
        let route = Route::of(&call.method, &call.path, lists).ok_or_else(Refusal::unknown_operation)?;
        let now = call.now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, milliseconds);
        let key = format!("{}/{}", call.account, call.region);
        let mut session = Session {
            call,
            home: Home { account: &call.account, region: &call.region },
            now,
            operation: route.operation(),
            settings: &self.settings,
            images: &self.images,
            metrics: self.metrics.as_deref(),
            shelf: inner.world.shelves.entry(key).or_default(),
            injections: &mut inner.injections,
        };
        session.settle();
        match &route {
            Route::Invoke(name) => session.invoke(name),
            route => session.perform(route).map(Performed::Answered),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session<'_> {
    fn perform(&mut self, route: &Route) -> Result<Answer, Refusal> {
        match route {
            Route::CreateFunction => self.create_function(),
            Route::ListFunctions => self.list_functions(),
            Route::GetFunction(name) => self.get_function(name),
            Route::DeleteFunction(name) => self.delete_function(name),
            Route::GetFunctionConfiguration(name) => self.get_configuration(name),
            Route::UpdateFunctionConfiguration(name) => self.update_configuration(name),
            Route::UpdateFunctionCode(name) => self.update_code(name),
            Route::PublishVersion(name) => self.publish_version(name),
            Route::ListVersionsByFunction(name) => self.list_versions(name),
            Route::CreateAlias(name) => self.create_alias(name),
            Route::ListAliases(name) => self.list_aliases(name),
            Route::GetAlias(name, alias) => self.get_alias(name, alias),
            Route::UpdateAlias(name, alias) => self.update_alias(name, alias),
            Route::DeleteAlias(name, alias) => self.delete_alias(name, alias),
            Route::Invoke(_) => Err(Refusal::unknown_operation()),
            Route::ListTags(arn) => self.list_tags(arn),
            Route::TagResource(arn) => self.tag_resource(arn),
            Route::UntagResource(arn) => self.untag_resource(arn),
            Route::PutFunctionConcurrency(name) => self.put_concurrency(name),
            Route::GetFunctionConcurrency(name) => self.get_concurrency(name),
            Route::DeleteFunctionConcurrency(name) => self.delete_concurrency(name),
            Route::PutProvisionedConcurrency(name) => self.put_provisioned(name),
            Route::GetProvisionedConcurrency(name) => self.get_provisioned(name),
            Route::ListProvisionedConcurrency(name) => self.list_provisioned(name),
            Route::DeleteProvisionedConcurrency(name) => self.delete_provisioned(name),
            Route::GetAccountSettings => Ok(self.account_settings()),
        }
    }
}
