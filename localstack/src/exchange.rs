//! One call from its first byte to its last: logged, and gone wrong where a fault says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::Response;
use hyper::body::Incoming;

use crate::calls::{CallLog, CallStart, OpenCall};
use crate::fault::{Effect, FaultBook, ResetMoment};
use crate::identity::user_arn;
use crate::limits::{Traffic, Working};
use crate::protocol::{Common, Protocol};
use crate::reply::{Outgoing, Reply, Sending};
use crate::request_body::RequestBody;

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
pub(crate) struct Disconnected;

/// What an exchange needs beside the request.
pub(crate) struct Line<'a> {
    pub(crate) calls: &'a CallLog,
    pub(crate) faults: &'a FaultBook,
    pub(crate) traffic: &'a Traffic,
    /// Set to tear the connection down in the place of closing it.
    pub(crate) reset: &'a AtomicBool,
}

/// A call that has begun.
pub(crate) struct Exchange<'a> {
    pub(crate) body: RequestBody,
    call: Arc<OpenCall>,
    reset: &'a AtomicBool,
    effect: Option<Effect>,
    protocol: Protocol,
    head_only: bool,
    deny: Denial,
    traffic: &'a Traffic,
    shelf: String,
    /// ECR's name of the operation, under which its rate is limited.
    quota: String,
}

/// What a denied caller is told.
struct Denial {
    caller_arn: String,
    action: String,
    resource: String,
    /// Whether the connection is closed in the place of an answer.
    hangs_up: bool,
}

impl<'a> Exchange<'a> {
    /// Notes a call whose body is still to come, and finds out whether it goes wrong.
    pub(crate) async fn begin(
        line: Line<'a>,
        start: CallStart,
        protocol: Protocol,
        body: Incoming,
    ) -> Exchange<'a> {
        Exchange::resume(line, start, protocol, RequestBody::new(body)).await
    }

    /// Notes a call whose body may have been read already.
    pub(crate) async fn resume(
        line: Line<'a>,
        start: CallStart,
        protocol: Protocol,
        body: RequestBody,
    ) -> Exchange<'a> {
        let fault = line.faults.decide(&start);
        let service = match start.service.as_str() {
            "registry" | "layers" => "ecr",
            "monitoring" => "cloudwatch",
            other => other,
        };
        let deny = Denial {
            caller_arn: user_arn(&start.account, &start.region),
            action: format!("{service}:{}", permission(&start.operation)),
            resource: resource_arn(service, &start),
            hangs_up: false,
        };
        let shelf = format!("{}/{}", start.account, start.region);
        let quota = if service == "ecr" { permission(&start.operation).to_owned() } else { String::new() };
        let head_only = start.method == "HEAD";
        let call = line.calls.begin(start, body.arrived());
        let mut exchange = Exchange {
            body,
            call,
            reset: line.reset,
            effect: None,
            protocol,
            head_only,
            deny,
            traffic: line.traffic,
            shelf,
            quota,
        };
        if let Some(fault) = fault {
            exchange.call.note_fault(fault.effect.as_ref().map_or("delay", Effect::name));
            tokio::time::sleep(Duration::from_millis(fault.delay_milliseconds)).await;
            if let Some(together) = fault.together {
                together.wait().await;
            }
            exchange.effect = fault.effect;
        }
        exchange
    }

    /// What happens in the place of the operation: an answer, the end of the connection, or nothing.
    pub(crate) async fn intercept(&mut self) -> Result<Option<Reply>, Disconnected> {
        let reply = match &self.effect {
            None if !self.traffic.admit(&self.shelf, &self.quota, Instant::now()) => {
                return Ok(Some(self.throttled().await));
            }
            None | Some(Effect::HalfResponse | Effect::Reset(ResetMoment::After)) => return Ok(None),
            Some(Effect::Reset(ResetMoment::BeforeBody)) => return Err(self.cut()),
            Some(Effect::Reset(ResetMoment::MidBody)) => {
                self.body.cut_in_half();
                return Ok(None);
            }
            Some(Effect::Close) => return Err(self.close()),
            Some(Effect::Stall) => std::future::pending().await,
            Some(Effect::Throttle) => self.protocol.common(Common::Throttled),
            Some(Effect::ExpiredToken) => self.protocol.common(Common::ExpiredToken),
            Some(Effect::Deny) if self.deny.hangs_up => return Err(self.close()),
            Some(Effect::Deny) => {
                let Denial { caller_arn, action, resource, .. } = &self.deny;
                self.protocol.denied(caller_arn, action, resource, "identity-based")
            }
            Some(Effect::Error(error)) => {
                let mut reply = match &error.body {
                    Some(body) => Reply::text(error.status, "text/html", body.clone()),
                    None => self.protocol.error(error.status, &error.code, &error.message),
                };
                for (name, value) in &error.headers {
                    reply = reply.with(&name.to_ascii_lowercase(), value.as_str());
                }
                reply
            }
        };
        // Whoever is still sending would otherwise see a reset in the place of the answer.
        self.body.drain().await;
        Ok(Some(reply))
    }

    /// Lets a denied caller find the connection closed in the place of an answer.
    pub(crate) fn hang_up_on_denied(&mut self, hangs_up: bool) {
        self.deny.hangs_up = hangs_up;
    }

    /// A place among the requests that the registry works on; none when all are taken.
    pub(crate) fn enter(&self) -> Option<Working> {
        self.traffic.enter(&self.shelf)
    }

    /// The answer to a call beyond the limits.
    pub(crate) async fn throttled(&mut self) -> Reply {
        self.body.drain().await;
        let reply = self.protocol.common(Common::Throttled);
        match self.traffic.retry_after() {
            Some(seconds) => reply.with("retry-after", seconds.to_string()),
            None => reply,
        }
    }

    /// Whether a fault lets only half of the body arrive.
    pub(crate) fn is_cut_mid_body(&self) -> bool {
        self.effect == Some(Effect::Reset(ResetMoment::MidBody))
    }

    /// The answer to a performed operation, or the end of the connection.
    pub(crate) fn finish(self, reply: Reply) -> Result<Response<Outgoing>, Disconnected> {
        if let Some(Effect::Reset(_)) = self.effect {
            return Err(self.cut());
        }
        let cut_in_half = self.effect == Some(Effect::HalfResponse);
        let reply = if self.head_only { reply.without_body() } else { reply };
        Ok(Sending { call: self.call, cut_in_half }.response(reply))
    }

    /// Ends the connection as a broken network would.
    pub(crate) fn cut(&self) -> Disconnected {
        self.reset.store(true, Ordering::Relaxed);
        self.close()
    }

    /// Ends the connection in good order, but without an answer.
    pub(crate) fn close(&self) -> Disconnected {
        self.call.close();
        Disconnected
    }
}

/// The permission that an operation wants, where that has another name.
fn permission(operation: &str) -> &str {
    match operation {
        "Invoke" => "InvokeFunction",
        "HeadBlob" => "BatchCheckLayerAvailability",
        "GetBlob" | "DownloadLayer" => "GetDownloadUrlForLayer",
        "StartUpload" | "MountBlob" => "InitiateLayerUpload",
        "UploadPart" | "UploadStatus" | "CancelUpload" => "UploadLayerPart",
        "FinishUpload" => "CompleteLayerUpload",
        "HeadManifest" | "GetManifest" => "BatchGetImage",
        "PutManifest" => "PutImage",
        "ListTags" => "ListImages",
        other => other,
    }
}

fn resource_arn(service: &str, start: &CallStart) -> String {
    let CallStart { account, region, resource, .. } = start;
    match (service, resource) {
        ("ecr", Some(repository)) => crate::partition::repository_arn(account, region, repository),
        ("lambda", Some(function)) if !function.starts_with("arn:") => {
            let partition = crate::partition::of_region(region).0;
            format!("arn:{partition}:lambda:{region}:{account}:function:{function}")
        }
        ("ssm", Some(name)) => {
            let partition = crate::partition::of_region(region).0;
            format!("arn:{partition}:ssm:{region}:{account}:parameter/{}", name.trim_start_matches('/'))
        }
        ("s3", Some(object)) => format!("arn:{}:s3:::{object}", crate::partition::of_region(region).0),
        (_, Some(resource)) => resource.clone(),
        (_, None) => "*".to_owned(),
    }
}
