//! One invocation of a function of the stand-in.

use std::path::PathBuf;
use std::sync::Arc;

use lambda_lift_localstack::lambda::{Execution, Ran, Runner};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::warm::Warm;
use crate::image::{LocalImage, open_stored};
use crate::name::Digest;
use crate::report::chain;
use crate::sandbox::{Answered, Delivery, LocalFunction, RunOrder, Unbuilt, client_context};

/// Runs functions, and keeps them for the next event.
#[derive(Debug, Clone)]
pub struct StandRunner {
    warm: Arc<Warm>,
    runtime: Handle,
    temporary: PathBuf,
    stop: watch::Receiver<bool>,
}

impl StandRunner {
    /// One that has its folders below `temporary`, works on the current runtime, and ends what runs when `stop` turns true.
    pub fn new(temporary: PathBuf, stop: watch::Receiver<bool>) -> Self {
        Self { warm: Arc::new(Warm::new()), runtime: Handle::current(), temporary, stop }
    }

    /// Ends all functions: in order, unless the user asked to stop.
    pub async fn close(&self) {
        let in_order = !*self.stop.borrow();
        self.warm.close(in_order).await;
    }

    async fn invoke(&self, execution: Execution) -> Result<Ran, String> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            Ok(_) = stop.wait_for(|stop| *stop) => Err("it was stopped on request".to_owned()),
            ran = self.run_now(execution) => ran,
        }
    }

    async fn run_now(&self, execution: Execution) -> Result<Ran, String> {
        let key = key(&execution);
        let delivery = delivery(&execution)?;
        let mut place = self.warm.enter(&key).await.ok_or("the stand-in is ending")?;
        let mut function = match place.function.take() {
            Some(function) => function,
            None => match self.build(execution).await? {
                Ok(function) => function,
                Err(unfit) => return Ok(unfit),
            },
        };
        let answered = function.answer(delivery).await;
        // What it does after its answer has its time before anybody sees the answer: this process may end then.
        function.rest().await;
        if !function.is_gone() {
            self.warm.keep(key, place, function);
        }
        Ok(ran(answered))
    }

    /// A function that has been started; or what Lambda says of an image that cannot be one.
    async fn build(&self, execution: Execution) -> Result<Result<LocalFunction, Ran>, String> {
        let opening = tokio::task::spawn_blocking(move || open(execution)).await;
        let (image, order) = opening.map_err(|_| "the stand-in is ending")??;
        match LocalFunction::build(&image, order, &self.temporary).await {
            Ok(mut function) => {
                function.warm_up().await;
                Ok(Ok(function))
            }
            Err(Unbuilt { image_is_unfit: true, reason, .. }) => Ok(Err(unfit(&reason))),
            Err(Unbuilt { reason, hint, .. }) => {
                Err(format!("{reason}{}", hint.map(|hint| format!("; {hint}")).unwrap_or_default()))
            }
        }
    }
}

impl Runner for StandRunner {
    fn run(&self, execution: Execution) -> Result<Ran, String> {
        self.runtime.block_on(self.invoke(execution))
    }
}

/// What two events must have in common to be answered by the same environment.
fn key(execution: &Execution) -> String {
    let Execution { account, region, function, version, settings, image, .. } = execution;
    let settings = serde_json::to_string(settings).unwrap_or_default();
    format!("{account}/{region}/{function}/{version}/{}/{}", image.digest, Digest::of(settings.as_bytes()))
}

fn delivery(execution: &Execution) -> Result<Delivery, String> {
    let client_context = execution.client_context.as_deref().map(client_context).transpose();
    let client_context = client_context.map_err(|_| "its client context is not JSON in base64")?;
    Ok(Delivery {
        payload: execution.payload.clone(),
        request_id: execution.request_id.clone(),
        function_arn: Some(execution.invoked_arn.clone()),
        client_context,
    })
}

fn open(execution: Execution) -> Result<(LocalImage, RunOrder), String> {
    let image = execution.image.clone();
    let locate = |digest: &Digest| execution.blob(&digest.to_string());
    let opened = open_stored(&image.digest, &image.media_type, image.manifest, &locate);
    let opened = opened.map_err(|error| chain(&error))?;
    let order = RunOrder::new(&opened.config, Some(&execution.function), &execution.settings);
    let Execution { account, region, version, architecture, .. } = execution;
    // The function's, which may be another than what the image says of itself: on Lambda that fails when it is executed.
    let architecture = architecture.parse().ok().or(order.architecture);
    Ok((opened, RunOrder { account, region, version, architecture, ..order }))
}

fn ran(answered: Answered) -> Ran {
    let Answered { outcome, elapsed, log, .. } = answered;
    let milliseconds = elapsed.as_secs_f64() * 1000.0;
    let (payload, error) = match outcome {
        Ok(payload) => (payload, false),
        Err(unanswered) => (unanswered.payload, true),
    };
    Ran { payload, error, log, milliseconds }
}

fn unfit(reason: &str) -> Ran {
    let payload = serde_json::json!({ "errorType": "Runtime.InvalidEntrypoint", "errorMessage": reason });
    Ran { payload: payload.to_string().into_bytes(), error: true, log: Vec::new(), milliseconds: 0.0 }
}
