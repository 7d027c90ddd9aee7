//! An AWS account made of servers that nobody here wrote: moto and docker-registry.

use crate::{Boto3, Call, LambdaLift, Mark, Moto, Registry};

/// moto's first account.
const ACCOUNT: &str = "123456789012";
/// Where everything is, unless a test says otherwise.
const REGION: &str = "eu-central-1";

/// moto's control planes and a registry that takes the token which moto's ECR hands out.
#[derive(Debug)]
pub struct ThirdPartyCloud {
    moto: Moto,
    /// The image registry.
    pub registry: Registry,
}

impl ThirdPartyCloud {
    /// Starts both.
    pub fn start() -> Self {
        Self::with(Moto::start())
    }

    /// Starts both, with a moto that refuses a function whose image its own ECR does not know.
    pub fn start_strict_about_images() -> Self {
        Self::with(Moto::start_strict_about_images())
    }

    fn with(moto: Moto) -> Self {
        Self { moto, registry: Registry::start(&format!("{ACCOUNT}-auth-token")) }
    }

    /// The account: 12 digits.
    pub fn account(&self) -> &'static str {
        ACCOUNT
    }

    /// The Region.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`
    pub fn repository_uri(&self, name: &str) -> String {
        format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}")
    }

    /// boto3 as the account.
    pub fn boto3(&self) -> Boto3 {
        Boto3::new(self.moto.endpoint(), REGION)
    }

    /// The binary under test, pointed here, as the account.
    pub fn lambda_lift(&self, binary: &str) -> LambdaLift {
        self.lambda_lift_through(binary, &self.registry.endpoint())
    }

    /// The same, with another way to the registry: a proxy's address.
    pub fn lambda_lift_through(&self, binary: &str, registry_endpoint: &str) -> LambdaLift {
        let mut lambda_lift = LambdaLift::new(binary);
        lambda_lift
            .set("AWS_ACCESS_KEY_ID", "testing")
            .set("AWS_SECRET_ACCESS_KEY", "testing")
            .set("AWS_REGION", REGION)
            .always(&["--endpoint-url", &self.moto.endpoint(), "--registry-endpoint", registry_endpoint]);
        lambda_lift
    }

    /// Lets Invoke answer without Docker: moto's own canned answer. Call it before any function is created.
    ///
    /// # Panics
    /// When moto does not take the setting.
    pub fn invoke_without_docker(&self) {
        self.moto.invoke_without_docker();
    }

    /// Now, for [`calls_since`](Self::calls_since).
    pub fn mark(&self) -> Mark {
        Mark { control_plane: self.moto.calls().len(), registry: self.registry.calls().len() }
    }

    /// Every call since then, those to moto first.
    pub fn calls_since(&self, mark: Mark) -> Vec<Call> {
        let mut calls = self.moto.calls().split_off(mark.control_plane);
        calls.extend(self.registry.calls().split_off(mark.registry));
        calls
    }

    /// Every call since then that could change something, for a person.
    pub fn writes_since(&self, mark: Mark) -> Vec<String> {
        self.calls_since(mark).iter().filter(|call| call.writes).map(Call::to_string).collect()
    }
}
