//! From a connection to the room that answers: the registry, a control plane, a download, or the stand-in itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::call::Call;
use crate::calls::{CallLog, CallStart};
use crate::control;
use crate::ecr::{DOWNLOAD_PATH, Ecr};
use crate::exchange::{Disconnected, Exchange, Line};
use crate::fault::FaultBook;
use crate::head::Head;
use crate::iam::{self, Guard};
use crate::identity::{Directory, user_arn};
use crate::limits::Traffic;
use crate::operation;
use crate::protocol::{Common, Protocol};
use crate::registry::{self, Failure, Route, Visit};
use crate::reply::{Outgoing, Reply};
use crate::request_body::{BodyError, RequestBody};
use crate::service::Services;
use crate::signature::{ScopeFault, scope};
use crate::socket::Socket;

/// The largest control plane request: Lambda takes zip files of 50 MB, in base64.
const LARGEST_REQUEST: usize = 80 * 1024 * 1024;

/// How long open connections have to end when the server stops.
const FAREWELL: Duration = Duration::from_millis(500);

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) address: SocketAddr,
    pub(crate) directory: Arc<Directory>,
    pub(crate) ecr: Arc<Ecr>,
    pub(crate) services: Services,
    pub(crate) calls: CallLog,
    pub(crate) traffic: Traffic,
    pub(crate) faults: FaultBook,
    pub(crate) guard: Arc<Guard>,
}

/// Serves until `stop` changes.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, shared.clone(), stop.clone()));
                }
                // Out of file descriptors, most likely: let some connections end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL, all).await.is_err() {
        connections.shutdown().await;
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    // Small answers must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let (socket, reset) = Socket::new(stream);
    let service = service_fn(move |request| answer(shared.clone(), reset.clone(), request));
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(1024 * 1024)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    // How a connection ends is the caller's business; what went wrong on the way is in the call log.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer(
    shared: Arc<Shared>,
    reset: Arc<AtomicBool>,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, Disconnected> {
    let (parts, body) = request.into_parts();
    let head = Head::of(&parts);
    let path = head.path.as_str();
    if path.starts_with(control::PATH) {
        return Ok(control::answer(&shared, &head, body).await);
    }
    let line = Line { calls: &shared.calls, faults: &shared.faults, traffic: &shared.traffic, reset: &reset };
    if path == "/v2" || path.starts_with("/v2/") {
        visit_registry(&shared, &head, line, body).await
    } else if path.starts_with(DOWNLOAD_PATH) {
        download(&shared, &head, line, body).await
    } else {
        call_service(&shared, &head, line, body).await
    }
}

fn start(head: &Head, service: &str, operation: &str) -> CallStart {
    CallStart {
        operation: operation.to_owned(),
        service: service.to_owned(),
        method: head.method.clone(),
        path: head.path.clone(),
        ..CallStart::default()
    }
}

async fn visit_registry(
    shared: &Shared,
    head: &Head,
    line: Line<'_>,
    body: Incoming,
) -> Result<Response<Outgoing>, Disconnected> {
    let route = Route::of(head);
    let visitor = registry::visitor(&shared.ecr, head, SystemTime::now());
    let mut start =
        start(head, "registry", route.as_ref().map_or(operation::UNKNOWN, |route| route.step.operation()));
    start.resource = route.as_ref().map(|route| route.repository.clone()).filter(|name| !name.is_empty());
    if let Ok(visitor) = &visitor {
        start.account = visitor.caller.clone();
        start.region = visitor.place.region.clone();
    }
    let mut exchange = Exchange::begin(line, start, Protocol::Registry, body).await;
    let opens = route.as_ref().is_some_and(Route::opens_upload);
    exchange.hang_up_on_denied(opens && shared.ecr.quirks.missing_repository_closes_connection);
    if let Some(reply) = exchange.intercept().await? {
        return exchange.finish(reply);
    }
    let Some(_working) = exchange.enter() else {
        let reply = exchange.throttled().await;
        return exchange.finish(reply);
    };
    if let (Ok(visitor), Some(route)) = (&visitor, &route)
        && let Some(reply) = deny_visit(shared, visitor, route)
    {
        exchange.body.drain().await;
        return exchange.finish(reply);
    }
    let reply = match (visitor, route) {
        (Err(refused), _) => refused,
        (Ok(_), None) => registry::unsupported(),
        (Ok(visitor), Some(route)) => {
            let port = shared.address.port();
            match Visit::perform(&shared.ecr, head, port, visitor, &route, &mut exchange.body).await {
                Ok(reply) => reply,
                Err(Failure::Refused(refusal)) => registry::error(&refusal),
                Err(Failure::Disconnect) => return Err(exchange.close()),
            }
        }
    };
    // Whoever is refused while it is still sending would otherwise see a reset in the place of the answer.
    exchange.body.drain().await;
    exchange.finish(reply)
}

async fn download(
    shared: &Shared,
    head: &Head,
    line: Line<'_>,
    body: Incoming,
) -> Result<Response<Outgoing>, Disconnected> {
    let start = start(head, "layers", "DownloadLayer");
    let mut exchange = Exchange::begin(line, start, Protocol::Storage, body).await;
    if let Some(reply) = exchange.intercept().await? {
        return exchange.finish(reply);
    }
    let reply = registry::download(&shared.ecr, head, SystemTime::now());
    exchange.finish(reply)
}

async fn call_service(
    shared: &Shared,
    head: &Head,
    line: Line<'_>,
    body: Incoming,
) -> Result<Response<Outgoing>, Disconnected> {
    let scope = scope(head.header("authorization"));
    let is_storage = scope.as_ref().is_ok_and(|scope| scope.service == "s3");
    let protocol = if is_storage { Protocol::Storage } else { Protocol::of(head) };
    let (service, region, account) = match &scope {
        Ok(scope) => {
            let caller = shared.directory.caller(&scope.access_key, &scope.region);
            (scope.service.as_str(), scope.region.as_str(), caller.account)
        }
        Err(_) => ("", "", String::new()),
    };
    // The log and the faults want the operation's name, which a form (and a resource's name, which a JSON
    // member) carries in the body. What is cut off in the middle is therefore cut off while it is read here.
    let mut body = RequestBody::new(body);
    let received = body.whole(LARGEST_REQUEST).await;
    let bytes = received.as_deref().unwrap_or_default();
    let operation = operation::of_head(protocol, head).unwrap_or_else(|| operation::of_form(bytes));
    let mut start = start(head, service, &operation);
    start.account = account.clone();
    start.region = region.to_owned();
    let resource = operation::resource(protocol, head, bytes);
    start.resource = resource.clone();
    start.qualifier = head.parameter("Qualifier").map(str::to_owned);
    let mut exchange = Exchange::resume(line, start, protocol, body).await;
    if let Some(reply) = exchange.intercept().await? {
        return exchange.finish(reply);
    }
    if exchange.is_cut_mid_body() || received == Err(BodyError::Interrupted) {
        return Err(exchange.cut());
    }
    let asked = iam::Asked {
        service,
        operation: &operation,
        account: &account,
        region,
        resource: resource.as_deref(),
        qualifier: head.parameter("Qualifier"),
        body: received.as_deref().unwrap_or_default(),
    };
    let mut wanted = iam::of_call(&asked);
    wanted.extend(shared.services.get(service).map(|found| found.also_wanted(&asked)).unwrap_or_default());
    if let Some(lacks) = shared.guard.lacking(&account, wanted) {
        return exchange.finish(denied(protocol, &account, region, &lacks));
    }
    let reply = match (scope.as_ref().map(|_| shared.services.get(service)), received) {
        (_, Err(_)) => {
            protocol.error(413, "RequestEntityTooLargeException", "Request must be smaller than 80 MB")
        }
        (Err(ScopeFault::Missing), _) => protocol.common(Common::MissingToken),
        (Err(ScopeFault::Malformed), _) => protocol.common(Common::BrokenSignature),
        (Ok(None), _) => {
            let message = format!("the stand-in does not play the service '{service}'");
            protocol.error(404, "UnknownServiceException", &message)
        }
        (Ok(Some(found)), Ok(body)) => {
            let call = Call {
                method: head.method.clone(),
                path: head.path.clone(),
                query: head.query.clone(),
                headers: head.headers.clone(),
                body,
                account,
                region: region.to_owned(),
                service: service.to_owned(),
                now: SystemTime::now(),
            };
            let found = Arc::clone(found);
            match tokio::task::spawn_blocking(move || found.handle(&call)).await {
                Ok(answer) => Reply::from(answer),
                Err(_) => {
                    protocol.error(500, "InternalFailure", "the stand-in failed; this is a fault in it")
                }
            }
        }
    };
    exchange.finish(reply)
}

/// The refusal of a visitor whom an identity policy does not let do this, if it does not.
fn deny_visit(shared: &Shared, visitor: &registry::Visitor, route: &Route) -> Option<Reply> {
    let place = match visitor.named {
        true => visitor.place.clone(),
        false => shared.ecr.registries.home_of(&visitor.place, &route.repository),
    };
    let wanted = iam::of_visit(route, &place.account, &place.region);
    let lacks = shared.guard.lacking(&visitor.caller, wanted)?;
    Some(denied(Protocol::Registry, &visitor.caller, &place.region, &lacks))
}

/// The refusal of a caller whose identity policy lacks this.
fn denied(protocol: Protocol, account: &str, region: &str, lacks: &iam::Permission) -> Reply {
    let resource = lacks.resource.as_deref().unwrap_or("*");
    protocol.denied(&user_arn(account, region), &lacks.action, resource, "identity-based")
}
