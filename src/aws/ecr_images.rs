//! DescribeImages: what a repository says of images of these digests, in as few calls as it takes.
//!
//! By id it describes a hundred at a time, and refuses all of them where one is missing, naming that one only. Where images go
//! missing, a lifecycle rule keeps the repository small, so the whole of it is then listed, a thousand at a time.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{DescribeImagesFilter, ImageDetail, ImageStatus, ImageStatusFilter};
use futures_util::future::try_join_all;

use super::ecr::by_digest;
use super::error::{Operation, says_not_found};
use super::pages::Pages;
use crate::cloud::{CloudError, DescribedImage};
use crate::name::{AccountId, Digest, RepositoryName};

const DESCRIBE_IMAGES: Operation = Operation { service: "Amazon ECR", name: "DescribeImages" };
/// How many ids a call takes.
const IDS_A_CALL: usize = 100;
/// How many images a page of a listing holds.
const IMAGES_A_PAGE: i32 = 1000;

/// Which images, of which repository.
pub(super) struct Question<'a> {
    pub(super) client: &'a Client,
    pub(super) registry: Option<&'a AccountId>,
    pub(super) name: &'a RepositoryName,
    pub(super) digests: &'a [Digest],
}

impl Question<'_> {
    /// The images that are there; none when the repository is not.
    pub(super) async fn ask(&self) -> Result<Option<Vec<DescribedImage>>, CloudError> {
        let calls = self.digests.chunks(IDS_A_CALL).map(|digests| self.by_id(digests));
        let found = match try_join_all(calls).await {
            Err(error) if is_image_missing(&error) => self.listed().await,
            found => found.map(|parts| parts.into_iter().flatten().collect()),
        };
        match found {
            Err(error) if says_not_found(&error) => Ok(None),
            found => found.map(Some),
        }
    }

    async fn by_id(&self, digests: &[Digest]) -> Result<Vec<DescribedImage>, CloudError> {
        let request = self
            .client
            .describe_images()
            .set_registry_id(self.registry.map(AccountId::to_string))
            .repository_name(self.name.as_str())
            .set_image_ids(Some(digests.iter().map(by_digest).collect()));
        let answer = request.send().await.map_err(|error| DESCRIBE_IMAGES.failed(error))?;
        Ok(answer.image_details().iter().filter_map(described).collect())
    }

    /// Page after page, until everything that is asked for was seen. The SDK's paginator would ask for one page more than is read.
    async fn listed(&self) -> Result<Vec<DescribedImage>, CloudError> {
        let wanted: HashSet<Digest> = self.digests.iter().copied().collect();
        let mut found: HashMap<Digest, DescribedImage> = HashMap::new();
        let (mut next, mut pages) = (None, Pages::of(DESCRIBE_IMAGES));
        loop {
            let (page, token) = self.page(next).await?;
            let images = pages.entries(page, "imageDetails")?;
            let asked_for =
                images.iter().filter_map(described).filter(|image| wanted.contains(&image.digest));
            found.extend(asked_for.map(|image| (image.digest, image)));
            if token.is_none() || found.len() == wanted.len() {
                return Ok(self.digests.iter().filter_map(|digest| found.remove(digest)).collect());
            }
            next = token;
        }
    }

    async fn page(
        &self,
        next: Option<String>,
    ) -> Result<(Option<Vec<ImageDetail>>, Option<String>), CloudError> {
        // Archived images are left out unless they are asked for, and would be taken for deleted.
        let any = DescribeImagesFilter::builder().image_status(ImageStatusFilter::Any).build();
        let request = self
            .client
            .describe_images()
            .set_registry_id(self.registry.map(AccountId::to_string))
            .repository_name(self.name.as_str())
            .filter(any)
            .max_results(IMAGES_A_PAGE)
            .set_next_token(next);
        let answer = request.send().await.map_err(|error| DESCRIBE_IMAGES.failed(error))?;
        let token = answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        Ok((answer.image_details, token))
    }
}

fn is_image_missing(error: &CloudError) -> bool {
    error.code.as_deref() == Some("ImageNotFoundException")
}

fn described(image: &ImageDetail) -> Option<DescribedImage> {
    let mut tags = image.image_tags().to_vec();
    tags.sort();
    Some(DescribedImage {
        digest: image.image_digest()?.parse().ok()?,
        tags,
        size: image.image_size_in_bytes().and_then(|bytes| u64::try_from(bytes).ok()),
        pushed: image.image_pushed_at().and_then(|time| SystemTime::try_from(*time).ok()),
        archived: image.image_status().is_some_and(|status| *status != ImageStatus::Active),
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::{Value, json};

    use super::*;
    use crate::aws::Ecr;
    use crate::aws::replay::{Answer, Replay, json as answer};
    use crate::cloud::{CloudErrorKind, EcrReader as _};

    fn digests(count: usize) -> Vec<Digest> {
        (0..count).map(|number| Digest::of(number.to_string().as_bytes())).collect()
    }

    fn details(digests: &[Digest]) -> Value {
        let detail = |digest: &Digest| json!({ "imageDigest": digest.to_string() });
        json!({ "imageDetails": digests.iter().map(detail).collect::<Vec<_>>() })
    }

    fn page(digests: &[Digest], token: &str) -> Answer {
        let mut page = details(digests);
        page["nextToken"] = token.into();
        answer(200, page)
    }

    fn exception(code: &str) -> Answer {
        answer(400, json!({ "__type": code, "message": "AWS's words" }))
    }

    /// Asks for so many digests; answers the digests found, and the requests.
    async fn ask(
        count: usize,
        answers: impl IntoIterator<Item = Answer>,
    ) -> (Result<Option<Vec<DescribedImage>>, CloudError>, Vec<Value>) {
        let replay = Replay::new(answers);
        let ecr = Ecr::new(Client::new(&replay.config()));
        let (account, name) = ("123456789012".parse().unwrap(), "team/shop".parse().unwrap());
        let found = ecr.described_images(Some(&account), &name, &digests(count)).await;
        (found, replay.bodies())
    }

    fn found(answer: Result<Option<Vec<DescribedImage>>, CloudError>) -> Vec<Digest> {
        answer.unwrap().unwrap().into_iter().map(|image| image.digest).collect()
    }

    #[tokio::test]
    async fn an_image_is_described_by_its_digest() {
        let wanted = digests(2);
        let whole = json!({ "imageDigest": wanted[0].to_string(), "imageTags": ["v2", "main"],
            "imageSizeInBytes": 5_000_000_000_u64, "imagePushedAt": 1_700_000_000.5, "imageStatus": "ACTIVE" });
        let archived = json!({ "imageDigest": wanted[1].to_string(), "imageStatus": "ARCHIVED" });
        let (answered, sent) =
            ask(2, [answer(200, json!({ "imageDetails": [whole, archived, { "imageTags": ["x"] }] }))]).await;
        let pushed = UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
        let expected = [
            DescribedImage {
                digest: wanted[0],
                tags: vec!["main".to_owned(), "v2".to_owned()],
                size: Some(5_000_000_000),
                pushed: Some(pushed),
                archived: false,
            },
            DescribedImage { digest: wanted[1], tags: Vec::new(), size: None, pushed: None, archived: true },
        ];
        assert_eq!(answered.unwrap().unwrap(), expected);
        let ids: Vec<Value> =
            wanted.iter().map(|digest| json!({ "imageDigest": digest.to_string() })).collect();
        let request = json!({ "registryId": "123456789012", "repositoryName": "team/shop", "imageIds": ids });
        assert_eq!(sent, [request]);
    }

    #[tokio::test]
    async fn a_hundred_are_asked_for_at_a_time_and_none_not_at_all() {
        let wanted = digests(201);
        let answers = wanted.chunks(100).map(|part| answer(200, details(part)));
        let (answered, sent) = ask(201, answers).await;
        assert_eq!((found(answered), sent.len()), (wanted, 3));
        assert_eq!(sent[2]["imageIds"].as_array().unwrap().len(), 1);
        let (answered, sent) = ask(0, []).await;
        assert_eq!((found(answered), sent.len()), (Vec::new(), 0));
    }

    #[tokio::test]
    async fn where_one_is_missing_the_repository_is_listed_until_all_others_were_seen() {
        let (wanted, strangers) = (digests(3), [Digest::of(b"stranger")]);
        // The last page has what is missing, for the missing one may be anywhere.
        let (answered, sent) = ask(
            3,
            [
                exception("ImageNotFoundException"),
                page(&[strangers[0], wanted[2]], "t"),
                answer(200, details(&[wanted[0], wanted[0]])),
            ],
        )
        .await;
        assert_eq!(found(answered), [wanted[0], wanted[2]]);
        let any = json!({ "imageStatus": "ANY" });
        assert_eq!(
            (&sent[1]["filter"], &sent[1]["maxResults"], &sent[1]["imageIds"]),
            (&any, &json!(1000), &Value::Null)
        );
        assert_eq!((&sent[2]["nextToken"], sent.len()), (&json!("t"), 3));
        // It came back meanwhile: no page is read that is not needed.
        let (answered, sent) = ask(2, [exception("ImageNotFoundException"), page(&digests(2), "t")]).await;
        assert_eq!((found(answered), sent.len()), (digests(2), 2));
    }

    #[tokio::test]
    async fn a_listing_that_does_not_end_is_given_up() {
        let pages = (0..1100).map(|number| page(&[], &number.to_string()));
        let (answered, sent) =
            ask(1, std::iter::once(exception("ImageNotFoundException")).chain(pages)).await;
        let error = answered.unwrap_err();
        assert!(error.message.contains("does not end"), "{error}");
        assert_eq!(sent.len(), 1002);
    }

    #[tokio::test]
    async fn a_repository_that_is_gone_is_none_and_a_refusal_an_error() {
        let (answered, _) = ask(1, [exception("RepositoryNotFoundException")]).await;
        assert_eq!(answered.unwrap(), None);
        let (answered, _) =
            ask(1, [exception("ImageNotFoundException"), exception("RepositoryNotFoundException")]).await;
        assert_eq!(answered.unwrap(), None);
        let (answered, _) = ask(1, [exception("AccessDeniedException")]).await;
        let error = answered.unwrap_err();
        assert_eq!((error.kind, error.operation), (CloudErrorKind::AccessDenied, "DescribeImages"));
    }
}
