//! Which targets of the configuration file a command line means.

use crate::config::TargetConfiguration;
use crate::policy::is_like;
use crate::report::Failure;
use crate::spelling::nearest;

use super::session::usage;

/// The targets that fit one of the globs by their names or their functions', in the order of the file. A glob that nothing fits is
/// a mistake of whoever typed it.
pub(super) fn choose_among(
    file: &str,
    targets: Vec<TargetConfiguration>,
    globs: &[String],
    function: impl Fn(&TargetConfiguration) -> Option<String>,
) -> Result<Vec<TargetConfiguration>, Failure> {
    if targets.is_empty() {
        let hint = "add [[target]] with a name and what is different there".to_owned();
        return Err(usage(format!("{file} has no targets"), Some(hint)));
    }
    let mut used = vec![false; globs.len()];
    let mut chosen = Vec::new();
    let mut names = Vec::new();
    for target in targets {
        let function = function(&target);
        names.push(target.name.clone());
        let mut fits = false;
        for (glob, used) in globs.iter().zip(&mut used) {
            if is_like(glob, &target.name) || function.as_deref().is_some_and(|name| is_like(glob, name)) {
                (*used, fits) = (true, true);
            }
        }
        if fits {
            chosen.push(target);
        }
    }
    match globs.iter().zip(used).find(|(_, used)| !used) {
        None => Ok(chosen),
        Some((glob, _)) => Err(no_target(file, glob, &names)),
    }
}

/// How many names an error lists.
const MOST_NAMES: usize = 20;

fn no_target(file: &str, glob: &str, names: &[String]) -> Failure {
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut list = known[..known.len().min(MOST_NAMES)].join(", ");
    if known.len() > MOST_NAMES {
        list.push_str(&format!(" and {} more", known.len() - MOST_NAMES));
    }
    let hint = match nearest(glob, &known) {
        Some(meant) => format!("did you mean {meant}? the targets are {list}"),
        None => format!("the targets are {list}"),
    };
    usage(format!("no target of {file} fits {glob:?}"), Some(hint))
}
