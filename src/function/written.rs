//! A declaration as it is written, and what in it is not for eyes.

/// A declaration in the shape of a CreateFunction request, and which of its settings a template filled in. `Debug` hides it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The JSON text.
    pub text: String,
    /// Settings whose values came out of templates, as paths of CreateFunction's keys (`VpcConfig.SubnetIds[0]`): they are not shown.
    pub hidden: Vec<String>,
}

impl Written {
    /// One in which everything stands as it was written.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), hidden: Vec::new() }
    }
}

impl std::fmt::Debug for Written {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It holds the function's environment.
        formatter.debug_struct("Written").field("hidden", &self.hidden).finish_non_exhaustive()
    }
}

/// Whether one of the hidden settings is a part of the setting at `path`, or the other way round.
pub(super) fn is_hidden(hidden: &[String], path: &str) -> bool {
    let within = |part: &str, whole: &str| {
        part.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    hidden.iter().any(|one| within(one, path) || within(path, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_setting_hides_it_and_a_setting_hides_its_parts() {
        let hidden = ["VpcConfig.SubnetIds[0]".to_owned(), "Role".to_owned()];
        for (path, expected) in [
            ("VpcConfig.SubnetIds", true),
            ("VpcConfig", true),
            ("VpcConfig.SecurityGroupIds", false),
            ("Role", true),
            ("RoleX", false),
            ("Description", false),
        ] {
            assert_eq!(is_hidden(&hidden, path), expected, "{path}");
        }
        assert!(is_hidden(&["Tags".to_owned()], "Tags.a"));
    }
}
