//! A function on AWS's `lambda_runtime`: gives back its event, fails when the event is a text.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(answer)).await
}

async fn answer(event: LambdaEvent<Value>) -> Result<Value, Error> {
    match event.payload {
        Value::String(text) => Err(text.into()),
        other => Ok(other),
    }
}
