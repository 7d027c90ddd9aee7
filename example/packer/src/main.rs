//! `pack-example DESTINATION...`: builds the example function and writes it as a container image.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use lambda_lift_example::{Destination, Function, Image, PackError};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            // Nothing is left to do when even standard error is closed.
            let _ = writeln!(io::stderr(), "pack-example: {error}{source}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), PackError> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let destinations: Vec<Destination> =
        arguments.iter().map(|argument| argument.parse()).collect::<Result<_, _>>()?;
    if destinations.is_empty() {
        return Err(PackError::Destination(String::new()));
    }
    let function = Function::build()?;
    let (architecture, size) = (function.architecture, function.binary.len());
    let image = Image::of_function(function);
    for (destination, argument) in destinations.iter().zip(&arguments) {
        destination.write(&image)?;
        let line = format!(
            "{argument}: {} for {}, one static binary of {size} bytes",
            image.id(),
            architecture.lambda_name()
        );
        // Whoever closed standard output does not want the line.
        let _ = writeln!(io::stdout(), "{line}");
    }
    Ok(())
}
