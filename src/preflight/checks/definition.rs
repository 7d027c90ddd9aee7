//! The declared settings can be had from the function as it is, or from a new one.

use crate::function::{self, Note, Problem, Weight};
use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "definition",
    requirement: "What is declared can be brought about: settings that only CreateFunction takes cannot be changed later, a new \
                  function needs an execution role, and merged values stay within Lambda's limits.",
    evidence: "The declared settings beside those of the live function.",
    remedy: "As the finding says.",
    may_be_allowed: false,
    judge: Judge::Facts(judge),
};

fn judge(spec: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let (Some(wanted), Some(function)) = (&spec.function, &facts.function) else {
        return Vec::new();
    };
    let mut findings: Vec<Finding> = wanted.definition.notes.iter().map(of_note).collect();
    match &function.live {
        None => {
            let problems = function::settings_for_creation(&wanted.definition).err().unwrap_or_default();
            findings.extend(problems.iter().map(of_problem));
        }
        Some(live) => {
            let obstacles = function::check_against(&wanted.definition, live);
            findings.extend(obstacles.problems.iter().map(of_problem));
            findings.extend(obstacles.notes.iter().map(of_note));
        }
    }
    findings
}

fn of_problem(problem: &Problem) -> Finding {
    let hint = problem.hint.clone().unwrap_or_else(|| "correct the function file or the flags".to_owned());
    Finding::refuse(CHECK.id, format!("{}: {}", problem.key, problem.message), hint)
}

fn of_note(note: &Note) -> Finding {
    let message = format!("{}: {}", note.key, note.message);
    match note.weight {
        Weight::Info => Finding::info(CHECK.id, message),
        Weight::Warn => Finding::warn(CHECK.id, message, "look at the function file and the flags"),
    }
}
