//! The stand-in's own interface: health, faults, the log of calls.

use std::sync::Arc;

use hyper::Response;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::calls::{CallLog, CallStart};
use crate::fault::FaultRule;
use crate::head::Head;
use crate::reply::{Outgoing, Reply, Sending};
use crate::request_body::RequestBody;
use crate::server::Shared;

/// What the paths of this interface begin with.
pub(crate) const PATH: &str = "/_stand/";

/// The largest list of faults.
const LARGEST: usize = 1024 * 1024;

/// Answers; these calls are not in the log.
pub(crate) async fn answer(shared: &Arc<Shared>, head: &Head, body: Incoming) -> Response<Outgoing> {
    let mut body = RequestBody::new(body);
    let bytes = body.whole(LARGEST).await.unwrap_or_default();
    let reply = match (head.method.as_str(), head.path.strip_prefix(PATH).unwrap_or_default()) {
        ("GET" | "HEAD", "health") => Reply::json(200, &json!({ "status": "ok" })),
        ("GET", "faults") => Reply::json(200, &json!(shared.faults.rules())),
        ("PUT", "faults") => match serde_json::from_slice::<Vec<FaultRule>>(&bytes) {
            Ok(rules) => {
                shared.faults.replace(rules);
                Reply::empty(204)
            }
            Err(error) => Reply::json(400, &json!({ "message": format!("not a list of faults: {error}") })),
        },
        ("DELETE", "faults") => {
            shared.faults.replace(Vec::new());
            Reply::empty(204)
        }
        ("GET", "calls") => Reply::json(200, &json!(shared.calls.records())),
        ("DELETE", "calls") => {
            shared.calls.clear();
            Reply::empty(204)
        }
        _ => Reply::json(
            404,
            &Value::from("no such page: health, faults (GET, PUT, DELETE), calls (GET, DELETE)"),
        ),
    };
    let reply = if head.method == "HEAD" { reply.without_body() } else { reply };
    let unlogged = CallLog::unread().begin(CallStart::default(), Arc::default());
    Sending { call: unlogged, cut_in_half: false }.response(reply)
}
