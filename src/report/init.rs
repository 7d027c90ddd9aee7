//! What `init` wrote.

/// The files of `init` in a report. `Debug` does not show their text.
#[derive(Clone)]
pub struct InitReport {
    /// The configuration file; none where it was only printed.
    pub file: Option<String>,
    /// The function file, where one was wanted.
    pub function_file: Option<String>,
    /// The configuration file's text, where it was to be printed. No environment value is in it.
    pub text: Option<String>,
    /// The alias that is in it.
    pub alias: Option<String>,
    /// What the function has and the files do not: the setting, and why.
    pub left_out: Vec<(String, String)>,
    /// What is written of environment variables: names, templates or values.
    pub variables: &'static str,
    /// Whether a plan by the files is expected to find nothing to do.
    pub is_settled: bool,
}

impl std::fmt::Debug for InitReport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "InitReport({:?}, {:?})", self.file, self.function_file)
    }
}
