//! `check`: is this image fit for Lambda? Needs no AWS account.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::TryStreamExt;

use crate::function::Flags;
use crate::image::{self, LocalImage, SourceAccess, UNCOMPRESSED_LIMIT};
use crate::layer::{self, LayerError};
use crate::memory::Memory;
use crate::observe::ObserveError;
use crate::preflight::{self, Day, Finding, Severity, Wanted};
use crate::report::{Failure, Outcome, Report, chain, image_report, moments};
use crate::rootfs::ImageContents;
use crate::sandbox::{self, RunOrder};

use super::arguments::CheckArguments;
use super::deploy::image_finding;
use super::remote::{connect_for, remote_access};
use super::serve::serve;
use super::session::{Session, usage};
use super::settings;

/// `check`
pub(super) async fn check(session: Session, arguments: CheckArguments) -> Report {
    let mut report = Report::new("check");
    let ended = judge(&session, &arguments, &mut report).await;
    report.closed(ended)
}

async fn judge(
    session: &Session,
    arguments: &CheckArguments,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let source = settings::source(&arguments.image)?;
    let wanted = wanted(arguments)?;
    let allowed = settings::allowed(&arguments.allow)?;
    // Kept until the image was opened: it may be the stand-in that has it.
    let connected = session.or_stopped(connect_for(session, &source)).await??;
    let remote = remote_access(session, &arguments.from, &source, connected.as_ref()).await?;
    let access =
        SourceAccess { remote, ..settings::source_access(&arguments.from, Arc::clone(&session.reporter)) };
    match session.or_stopped(image::open(&source, wanted.architecture, &access)).await? {
        Ok(local) => {
            report.findings = allowed.weigh(preflight::check_image(&local, &wanted));
            report.image = Some(image_report(&local));
            let (memory, _) = settings::memory(&arguments.from);
            if !arguments.metadata_only && !preflight::refused(&report.findings) {
                let found = session.or_stopped(judge_files(&local, &wanted, memory)).await??;
                report.findings.extend(allowed.weigh(found));
            }
            // Layers that are not what they claim to be would fail there too, and fill the disk before that.
            if arguments.run && !is_damaged(&report.findings) {
                let found = prove(session, arguments, &local, report).await?;
                report.findings.extend(allowed.weigh(found));
            }
        }
        Err(error) => report.findings.push(image_finding(&error)?),
    }
    let refuses = |severity| match severity {
        Severity::Refuse => true,
        Severity::Warn | Severity::Unknown => arguments.strict,
        Severity::Info => false,
    };
    let refused = report.findings.iter().any(|finding| refuses(finding.severity));
    Ok(if refused { Outcome::Refused } else { Outcome::Checked })
}

/// Whether layers cannot be read to their end.
fn is_damaged(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.check == preflight::IMAGE)
}

/// Runs the image, whatever the checks of its content found: the one verdict does not replace the other.
async fn prove(
    session: &Session,
    arguments: &CheckArguments,
    local: &LocalImage,
    report: &mut Report,
) -> Result<Vec<Finding>, Failure> {
    let order = order(arguments, local)?;
    let run = match arguments.serve.as_deref() {
        Some(place) => serve(session, place, local, order).await?,
        None => session.or_stopped(sandbox::run_image(local, order, &std::env::temp_dir())).await?,
    };
    let findings = run.findings();
    report.run = Some(Box::new(run));
    Ok(findings)
}

fn order(arguments: &CheckArguments, local: &LocalImage) -> Result<RunOrder, Failure> {
    let definition = settings::definition(
        arguments.function_file.as_deref(),
        &arguments.declared,
        &Flags::default(),
        None,
    )?;
    let name = definition.function.as_ref().map(|function| function.name.as_str());
    let mut order = RunOrder::new(&local.config, name, definition.settings());
    if let Some(timeout) = arguments.timeout.as_deref() {
        order.timeout = settings::duration(timeout)?;
    }
    for path in &arguments.events {
        order.events.push(event(path)?);
    }
    Ok(order)
}

/// An event as Lambda would take it: JSON.
pub(super) fn event(path: &Path) -> Result<Vec<u8>, Failure> {
    let text = settings::read_event(path)?;
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Ok(text.into_bytes()),
        Err(error) => Err(usage(format!("{} is not JSON: {error}", path.display()), None)),
    }
}

/// Reads the layers, and judges the file system that they make.
async fn judge_files(
    local: &LocalImage,
    wanted: &Wanted,
    memory: Option<Memory>,
) -> Result<Vec<Finding>, Failure> {
    let cache = memory.as_ref().map(|memory| &memory.layers);
    let mut layers = pin!(layer::contents(&local.layers, UNCOMPRESSED_LIMIT, cache));
    let mut contents = ImageContents::default();
    // Each list goes as soon as it was laid over the others.
    loop {
        match layers.try_next().await {
            Ok(Some(layer)) => contents.add(&layer),
            Ok(None) => return Ok(preflight::check_files(local, wanted, &contents)),
            Err(error) => return unfit_layer(error).map(|finding| vec![finding]),
        }
    }
}

/// A layer that cannot be what a registry takes is a finding; one that cannot be read is a failure.
pub(super) fn unfit_layer(error: LayerError) -> Result<Finding, Failure> {
    match error {
        LayerError::Read { .. } | LayerError::Stopped { .. } | LayerError::Encoder { .. } => {
            Err(ObserveError::from(error).failure())
        }
        _ => {
            let hint = error.hint().unwrap_or_else(|| "build the image again".to_owned());
            Ok(Finding::refuse(preflight::IMAGE, chain(&error), hint))
        }
    }
}

fn wanted(arguments: &CheckArguments) -> Result<Wanted, Failure> {
    let flag = settings::architecture(arguments.arch.as_deref())?;
    let file = arguments.function_file.as_deref();
    let today = Day::of(&moments::rfc3339(SystemTime::now()));
    if file.is_none() && arguments.declared.is_empty() {
        return Ok(Wanted { architecture: flag, today, ..Wanted::default() });
    }
    let definition = settings::definition(file, &arguments.declared, &Flags::default(), None)?;
    let declared = definition.architecture;
    let architecture = settings::agree(flag, declared)?;
    Ok(Wanted { architecture, today, ..Wanted::declared(&definition) })
}
