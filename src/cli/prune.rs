//! `prune`.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;

use crate::config::age;
use crate::name::{AccountId, FunctionName, FunctionRef, Region, RepositoryRef};
use crate::output::{self, Style};
use crate::prune::{Checked, Gatherer, Planned, PruneSpec, Pruner, RepositoryPlace};
use crate::release::SystemClock;
use crate::report::{Failure, Outcome, Report};

use super::arguments::{OutputFormat, PruneArguments};
use super::run::wants_colour;
use super::session::{Session, usage};
use super::settings::{no_quantity, parse};

/// What `--account-checked` says for every account.
const EVERYONE: &str = "*";

/// `prune`
pub(super) async fn prune(session: Session, arguments: PruneArguments) -> Report {
    let mut report = Report::new("prune");
    let ended = run(&session, &arguments, &mut report).await;
    report.closed(ended)
}

async fn run(session: &Session, arguments: &PruneArguments, report: &mut Report) -> Result<Outcome, Failure> {
    let functions = distinct(&arguments.functions, parse::<FunctionRef>)?;
    let repositories = distinct(&arguments.repositories, parse::<RepositoryRef>)?;
    if functions.is_empty() && repositories.is_empty() {
        let hint = "name at least one of the two: --function NAME, --repository NAME".to_owned();
        return Err(usage("neither a function nor a repository is named".to_owned(), Some(hint)));
    }
    let spec = spec(arguments, &functions, &repositories)?;
    let connected = session.connect().await?;
    let region = region(&functions, &repositories)?.unwrap_or_else(|| connected.region.clone());
    let (clients, of_repository) = connected.both_clients(session, &region).await?;
    let pruner = Pruner {
        gatherer: Gatherer {
            lambda: &clients.lambda,
            ecr: &of_repository.ecr,
            identity: &clients.identity,
            repository_identity: &of_repository.identity,
            clock: &SystemClock,
            spec: &spec,
        },
        lambda: &clients.lambda,
        ecr: &of_repository.ecr,
        reporter: session.reporter.as_ref(),
        interrupt: &session.interrupt,
        region: &region,
    };
    let work = match pruner.look(report).await? {
        Planned::Refused => return Ok(Outcome::Refused),
        Planned::Nothing => return Ok(Outcome::Unchanged),
        Planned::Work(work) => work,
    };
    if !arguments.yes {
        // With many targets nobody would see what each question is about.
        if !arguments.chosen.targets.is_empty() || !may_ask(session) {
            return Ok(Outcome::Planned);
        }
        if !consent(session, report).await? {
            if let Some(prune) = &mut report.prune {
                prune.declined = true;
            }
            return Ok(Outcome::Planned);
        }
    }
    pruner.carry_out(&work, report).await
}

fn spec(
    arguments: &PruneArguments,
    functions: &[FunctionRef],
    repositories: &[RepositoryRef],
) -> Result<PruneSpec, Failure> {
    let mut names: Vec<FunctionName> = Vec::new();
    for function in functions {
        if !names.contains(&function.name) {
            names.push(function.name.clone());
        }
    }
    let same = |one: &&RepositoryRef| repositories.iter().filter(|other| other.name == one.name).count() > 1;
    if let Some(twice) = repositories.iter().find(same) {
        let hint = "run it once for each registry that has one of this name";
        return Err(usage(format!("repository {} is named twice", twice.name), Some(hint.to_owned())));
    }
    let place = |repository: &RepositoryRef| RepositoryPlace {
        registry: repository.registry.as_ref().map(|host| host.account.clone()),
        name: repository.name.clone(),
    };
    let (everyone, accounts): (Vec<&String>, Vec<&String>) =
        arguments.accounts_checked.iter().partition(|account| *account == EVERYONE);
    let accounts = accounts.into_iter().map(|account| parse::<AccountId>(account));
    Ok(PruneSpec {
        functions: names,
        accounts: functions.iter().filter_map(|function| function.account.clone()).collect(),
        keep: usize::from(arguments.keep),
        repositories: repositories.iter().map(place).collect(),
        min_age: age(&arguments.min_age).map_err(no_quantity)?,
        checked: Checked {
            everyone: !everyone.is_empty(),
            accounts: accounts.collect::<Result<BTreeSet<_>, _>>()?,
        },
    })
}

/// Parses each text, and leaves out what was named before.
fn distinct<T: PartialEq>(
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut distinct = Vec::new();
    for text in texts {
        let value = parse(text)?;
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    Ok(distinct)
}

/// The one Region that the names say; none when they say none. Lambda pulls within its own Region only, so that what functions of
/// another one run says nothing about a repository.
fn region(functions: &[FunctionRef], repositories: &[RepositoryRef]) -> Result<Option<Region>, Failure> {
    let of_functions = functions.iter().filter_map(|function| function.region.clone());
    let of_repositories = repositories.iter().filter_map(|repository| repository.registry.as_ref());
    let mut regions = of_functions.chain(of_repositories.map(|host| host.region.clone()));
    let Some(first) = regions.next() else { return Ok(None) };
    match regions.find(|region| *region != first) {
        Some(other) => Err(usage(
            format!("what is named is in {first} and in {other}"),
            Some("run it once for each Region: functions run images of their own Region only".to_owned()),
        )),
        None => Ok(Some(first)),
    }
}

/// Whether there is a person to ask, who sees the question and can answer it.
fn may_ask(session: &Session) -> bool {
    session.common.output == OutputFormat::Human
        && std::io::stdin().is_terminal()
        && std::io::stderr().is_terminal()
}

/// Shows the plan and asks.
async fn consent(session: &Session, report: &Report) -> Result<bool, Failure> {
    let style = Style::new(wants_colour(&session.common, true));
    output::print_drawn(&format!("{}\n", output::prune_plan(report, style)));
    forget_typed();
    output::print_drawn("delete what is marked? [y/N] ");
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        // Whoever cannot be heard has not said yes.
        std::io::stdin().read_line(&mut line).map(|_| line).unwrap_or_default()
    });
    let answer = session.or_stopped(answer).await?.unwrap_or_default();
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// What was typed before the question was there is no answer to it.
#[cfg(unix)]
fn forget_typed() {
    use rustix::termios::{QueueSelector, tcflush};
    // Where it is not possible there is nothing to be done; that it is a terminal was seen before.
    let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
}

/// Elsewhere what was typed cannot be forgotten.
#[cfg(not(unix))]
fn forget_typed() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_named_is_in_one_region() {
        let function = |text: &str| text.parse::<FunctionRef>().unwrap();
        let repository = |text: &str| text.parse::<RepositoryRef>().unwrap();
        let arn = function("arn:aws:lambda:eu-west-1:123456789012:function:shop");
        let near = repository("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop");
        let far = repository("123456789012.dkr.ecr.eu-west-2.amazonaws.com/shop");
        let eu_west_1: Region = "eu-west-1".parse().unwrap();
        assert_eq!(region(&[function("shop")], &[repository("shop")]).unwrap(), None);
        assert_eq!(
            region(&[function("shop"), arn.clone()], &[repository("shop"), near]).unwrap(),
            Some(eu_west_1)
        );
        assert!(region(&[arn], &[far]).unwrap_err().message.contains("eu-west-2"));
    }
}
