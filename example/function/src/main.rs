//! A small Lambda function that is its own runtime: one static binary, the whole image.
//!
//! It takes events from the [Lambda runtime API][api], greets whom the event names and answers with what the
//! runtime told it. The pieces: [`runtime_api`] speaks to Lambda, [`greeting`] is the function proper.
//!
//! [api]: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

mod greeting;
mod http;
mod runtime_api;

use std::io::Write;
use std::process::ExitCode;
use std::time::SystemTime;

use greeting::Greeter;
use runtime_api::{RuntimeApi, RuntimeApiError};

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    // Lambda sends what a function writes to standard error to its log. Nothing is left to do when even that fails.
    let _ = writeln!(std::io::stderr(), "bootstrap: {error}");
    ExitCode::FAILURE
}

/// Answers events until the runtime API goes away. Lambda ends a function by ending its process.
fn run() -> Result<(), RuntimeApiError> {
    let api = RuntimeApi::from_environment()?;
    let greeter = match Greeter::from_environment() {
        Ok(greeter) => greeter,
        Err(failure) => {
            api.initialization_failed(&failure)?;
            return Err(RuntimeApiError::Initialization(failure.message));
        }
    };
    loop {
        let invocation = api.next()?;
        match greeter.answer(&invocation, SystemTime::now()) {
            Ok(answer) => api.respond(&invocation, &answer)?,
            Err(failure) => api.failed(&invocation, &failure)?,
        }
    }
}
