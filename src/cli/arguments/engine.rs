//! Who moves an alias's traffic, and what AWS CodeDeploy needs for it.

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

/// Who moves the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum EngineName {
    /// This command, for as long as it takes
    Direct,
    /// AWS CodeDeploy, on its own
    Codedeploy,
}

/// Who moves the traffic.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who moves the traffic")]
pub(in crate::cli) struct EngineArguments {
    /// Who moves the traffic
    #[arg(
        long,
        env = "LAMBDA_LIFT_ENGINE",
        value_name = "WHO",
        default_value = "direct",
        requires = "alias"
    )]
    pub(in crate::cli) engine: EngineName,
    #[command(flatten)]
    pub(in crate::cli) group: GroupArguments,
    /// Make CodeDeploy's application, deployment group and deployment configuration where they are missing
    #[arg(long, env = "LAMBDA_LIFT_CREATE_CODEDEPLOY", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) create_codedeploy: bool,
    /// The role that CodeDeploy works with, for a deployment group that is made
    #[arg(long, env = "LAMBDA_LIFT_CODEDEPLOY_ROLE", value_name = "ARN")]
    pub(in crate::cli) codedeploy_role: Option<String>,
    /// A function that CodeDeploy invokes before traffic moves, and which tells it whether to go on
    #[arg(long, env = "LAMBDA_LIFT_HOOK_BEFORE", value_name = "NAME")]
    pub(in crate::cli) hook_before: Option<String>,
    /// The same after all traffic has moved
    #[arg(long, env = "LAMBDA_LIFT_HOOK_AFTER", value_name = "NAME")]
    pub(in crate::cli) hook_after: Option<String>,
    /// Do not wait for CodeDeploy's deployment: it goes on by itself
    #[arg(long, env = "LAMBDA_LIFT_DETACH", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) detach: bool,
}

/// A deployment group of CodeDeploy.
#[derive(Debug, Args)]
pub(in crate::cli) struct GroupArguments {
    /// CodeDeploy's application
    #[arg(
        long,
        env = "LAMBDA_LIFT_CODEDEPLOY_APPLICATION",
        value_name = "NAME",
        requires = "codedeploy_group"
    )]
    pub(in crate::cli) codedeploy_application: Option<String>,
    /// Its deployment group
    #[arg(
        long,
        env = "LAMBDA_LIFT_CODEDEPLOY_GROUP",
        value_name = "NAME",
        requires = "codedeploy_application"
    )]
    pub(in crate::cli) codedeploy_group: Option<String>,
}

impl GroupArguments {
    /// Application and group, where both are named.
    pub(in crate::cli) fn named(&self) -> Option<(&str, &str)> {
        self.codedeploy_application.as_deref().zip(self.codedeploy_group.as_deref())
    }
}
