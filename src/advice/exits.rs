//! The exit codes, explained.

/// An exit code explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The code.
    pub code: u8,
    /// How the world is.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

const fn exit(code: u8, meaning: &'static str, remedy: &'static str) -> Exit {
    Exit { code, meaning, remedy }
}

/// Every exit code there is.
pub const EXITS: [Exit; 8] = [
    exit(0, "Done, or there was nothing to do.", "Nothing. Run again, it would change nothing."),
    exit(
        1,
        "An unexpected failure before any change to the function. Blobs, the repository or its policy may be there already; that harms nothing.",
        "Mend the cause and run the same command again. Of doctor: something is not in order.",
    ),
    exit(
        2,
        "Usage or configuration: a flag, a file, no Region, no credentials. Nothing was changed.",
        "Correct what the message names.",
    ),
    exit(
        3,
        "Refused: it could not have worked. Nothing that runs was changed. Of policy check and permissions --check: something is missing.",
        "Do what the hint of each refuse: line says; lambda-lift --explain CHECK tells more of a check.",
    ),
    exit(
        4,
        "Stopped after a change of the function and before traffic moved. The alias still serves what it served.",
        "Run the same command again: it goes on from there.",
    ),
    exit(
        5,
        "Traffic was moved and moved back: the alias is exactly what it was.",
        "Read why: an alarm, the new version's errors, a signal. Nothing is on fire.",
    ),
    exit(
        6,
        "The alias needs a person: it is split, or whether it moved is not known.",
        "Look: lambda-lift status --function NAME. Then lambda-lift release --resume, or lambda-lift rollback.",
    ),
    exit(
        10,
        "plan --detailed-exit-code: changes are pending.",
        "Deploy them, or fail the job that wanted none.",
    ),
];
