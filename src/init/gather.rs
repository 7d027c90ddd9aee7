//! Asks what a function is, which alias it has, and what its image is called. It holds readers only.

use tokio::join;

use crate::cloud::{
    CloudError, CloudErrorKind, DescribedImage, EcrReader, LambdaReader, LiveAlias, LiveFunction,
    PackageType, PublishedVersion,
};
use crate::name::{AliasName, FunctionName};
use crate::report::{Failure, Stage};
use crate::status::StatusError;

/// Asks about a function.
pub struct Gatherer<'a> {
    /// Reads Lambda.
    pub lambda: &'a dyn LambdaReader,
    /// Reads ECR, as whoever may read the image's repository.
    pub ecr: &'a dyn EcrReader,
    /// The function.
    pub function: &'a FunctionName,
    /// The alias that was named.
    pub alias: Option<&'a AliasName>,
}

/// What AWS said.
#[derive(Debug)]
pub struct Found {
    /// The function's `$LATEST`.
    pub live: LiveFunction,
    /// Its aliases: the one that was named, else all of them.
    pub aliases: Result<Vec<LiveAlias>, CloudError>,
    /// What the one alias runs that is written down.
    pub target: Option<LiveFunction>,
    /// Its published versions.
    pub versions: Result<Vec<PublishedVersion>, CloudError>,
    /// The image in ECR; none where it is gone, or the function's image lies nowhere that we know.
    pub image: Result<Option<DescribedImage>, CloudError>,
}

impl Found {
    /// The alias that is written down: the one that was named, or the only one.
    pub fn alias(&self) -> Option<&LiveAlias> {
        match self.aliases.as_deref() {
            Ok([only]) => Some(only),
            _ => None,
        }
    }
}

impl Gatherer<'_> {
    /// Asks everything, in two waves.
    ///
    /// # Errors
    /// Fails where the function cannot be read or is not there, where the alias that was named is not there, and where the function runs
    /// no image.
    pub async fn gather(&self) -> Result<Found, Failure> {
        let (live, aliases, versions) = join!(
            self.lambda.function(self.function, None),
            self.aliases(),
            self.lambda.versions(self.function)
        );
        let live = live.map_err(|error| StatusError::from(error).failure())?;
        let live = live.ok_or_else(|| missing(format!("function {}", self.function)))?;
        if live.package_type == PackageType::Zip {
            return Err(self.zip());
        }
        let mut found = Found {
            live,
            aliases: aliases?,
            target: None,
            versions: versions.map(Option::unwrap_or_default),
            image: Ok(None),
        };
        let (target, image) = join!(self.target(found.alias()), self.image(&found.live));
        found.target = target;
        found.image = image;
        Ok(found)
    }

    async fn aliases(&self) -> Result<Result<Vec<LiveAlias>, CloudError>, Failure> {
        let Some(name) = self.alias else {
            return Ok(self.lambda.aliases(self.function).await.map(Option::unwrap_or_default));
        };
        match self.lambda.alias(self.function, name).await {
            Ok(Some(alias)) => Ok(Ok(vec![alias])),
            Ok(None) => Err(missing(format!("alias {name} of function {}", self.function))),
            Err(error) => Err(StatusError::from(error).failure()),
        }
    }

    /// What an alias runs. Where it may not be read, it is not known whether `$LATEST` was published, and no more.
    async fn target(&self, alias: Option<&LiveAlias>) -> Option<LiveFunction> {
        let name = alias?.name.as_str();
        self.lambda.function(self.function, Some(name)).await.ok().flatten()
    }

    async fn image(&self, live: &LiveFunction) -> Result<Option<DescribedImage>, CloudError> {
        let Some(image) = live.image() else { return Ok(None) };
        let Some(digest) = image.digest else { return Ok(None) };
        let account = Some(&image.registry.account);
        let found = self.ecr.described_images(account, &image.repository, &[digest]).await;
        match found {
            Ok(images) => Ok(images.into_iter().flatten().find(|image| image.digest == digest)),
            Err(error) if error.kind == CloudErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn zip(&self) -> Failure {
        Failure {
            kind: "zip_function",
            stage: Stage::Refused,
            message: format!("function {} is a zip function, and lambda-lift deploys images only", self.function),
            hint: Some(
                "a zip function cannot become an image function: write a configuration file for a new function \
                 (docs/guide/configuration.md), deploy it under a new name, and move the triggers there"
                    .to_owned(),
            ),
        }
    }
}

fn missing(what: String) -> Failure {
    StatusError::Missing { what }.failure()
}
