//! `init`: writes a configuration file from a function that is there.

use std::path::Path;

use crate::init::{Draft, Found, Gatherer, Variables, Wishes, draft};
use crate::name::{AliasName, FunctionRef, Region};
use crate::report::{Failure, FunctionReport, InitReport, Outcome, Report};

use super::arguments::{InitArguments, InitVariables};
use super::new_file::{NewFile, Readers};
use super::session::{Session, usage};
use super::settings::parse;

/// `init`
pub(super) async fn init(session: Session, arguments: InitArguments) -> Report {
    let mut report = Report::new("init");
    let ended = run(&session, &arguments, &mut report).await;
    report.closed(ended)
}

async fn run(session: &Session, arguments: &InitArguments, report: &mut Report) -> Result<Outcome, Failure> {
    let function: FunctionRef = parse(&arguments.function)?;
    let alias = arguments.alias.as_deref().map(parse::<AliasName>).transpose()?;
    if arguments.stdout && arguments.variables == InitVariables::Values {
        let hint = "write a file, which is for this user alone; or print --variables templates";
        return Err(usage(
            "values of variables are not printed: what is printed is kept in logs".to_owned(),
            Some(hint.to_owned()),
        ));
    }
    if arguments.function_file.as_deref() == Some(&arguments.output_file) {
        let hint = "name another file: --function-file=function.json";
        return Err(usage("both files have the same name".to_owned(), Some(hint.to_owned())));
    }
    let function_file = arguments.function_file.as_deref().map(beside(&arguments.output_file)).transpose()?;
    let connected = session.or_stopped(session.connect()).await??;
    connected.refuse_another_account(session, &function).await?;
    let region = function.region.as_ref().unwrap_or(&connected.region);
    let (clients, of_repository) = session.or_stopped(connected.both_clients(session, region)).await??;
    let gatherer = Gatherer {
        lambda: &clients.lambda,
        ecr: &of_repository.ecr,
        function: &function.name,
        alias: alias.as_ref(),
    };
    let found = session.or_stopped(gatherer.gather()).await??;
    let draft = draft(&found, &wishes(session, arguments, &function, region, function_file.clone()));
    report.function = FunctionReport::of(&function.name, &found.live);
    report.findings.clone_from(&draft.findings);
    if !arguments.stdout {
        write(arguments, &draft)?;
    }
    report.init = Some(told(arguments, &found, draft));
    Ok(Outcome::Written)
}

fn wishes(
    session: &Session,
    arguments: &InitArguments,
    function: &FunctionRef,
    region: &Region,
    function_file: Option<String>,
) -> Wishes {
    Wishes {
        function: function.name.clone(),
        region: region.clone(),
        variables: match arguments.variables {
            InitVariables::Names => Variables::Names,
            InitVariables::Templates => Variables::Templates,
            InitVariables::Values => Variables::Values,
        },
        function_file,
        profile: session.common.profile.clone(),
        repository_profile: session.common.repository_profile.clone(),
    }
}

/// The function file as the configuration file names it: paths in there are relative to where it lies.
fn beside(configuration: &Path) -> impl Fn(&Path) -> Result<String, Failure> {
    let folder = configuration.parent().map(Path::to_owned).unwrap_or_default();
    move |file| {
        let named = match file.strip_prefix(&folder) {
            Ok(within) => within.to_owned(),
            Err(_) if file.is_absolute() => file.to_owned(),
            Err(_) => std::path::absolute(file).unwrap_or_else(|_| file.to_owned()),
        };
        let text = named.to_str().map(str::to_owned);
        text.ok_or_else(|| usage(format!("{} is not UTF-8, as TOML wants it", file.display()), None))
    }
}

/// Writes both files, the one that names the other last: it is only there where everything that it needs is.
fn write(arguments: &InitArguments, draft: &Draft) -> Result<(), Failure> {
    let readers = match arguments.variables {
        InitVariables::Values => Readers::Owner,
        InitVariables::Names | InitVariables::Templates => Readers::AsUsual,
    };
    let configuration = NewFile::beside(&arguments.output_file, &draft.toml, readers, arguments.force)?;
    if let (Some(path), Some(text)) = (&arguments.function_file, &draft.function_file) {
        NewFile::beside(path, text, readers, arguments.force)?.place()?;
    }
    configuration.place().map_err(|failure| match &arguments.function_file {
        Some(path) => {
            Failure { message: format!("{}; {} was written", failure.message, path.display()), ..failure }
        }
        None => failure,
    })
}

fn told(arguments: &InitArguments, found: &Found, draft: Draft) -> InitReport {
    let name = |path: &Path| path.display().to_string();
    InitReport {
        file: (!arguments.stdout).then(|| name(&arguments.output_file)),
        function_file: arguments.function_file.as_deref().map(name),
        alias: found.alias().map(|alias| alias.name.to_string()),
        left_out: draft.left_out,
        variables: match arguments.variables {
            InitVariables::Names => "names",
            InitVariables::Templates => "templates",
            InitVariables::Values => "values",
        },
        is_settled: draft.is_settled,
        text: arguments.stdout.then_some(draft.toml),
    }
}
