//! How the stand-in is started: where, for whom, and with which of ECR's departures from the OCI spec.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::codedeploy::CodeDeploySettings;
use crate::ecr::ReplicationSettings;
use crate::fault::FaultRule;
use crate::lambda::LambdaSettings;
use crate::limits::RegistryLimits;

/// The account of a caller whose access key says nothing else.
pub const DEFAULT_ACCOUNT: &str = "123456789012";

/// What [`Stand::start`](crate::Stand::start) needs to know. `Settings::default()` is a good start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where state is kept between runs. Without it a temporary folder is used, and removed at the end.
    pub state: Option<PathBuf>,
    /// Access keys and the accounts they belong to. An access key of twelve digits *is* an account.
    pub accounts: BTreeMap<String, String>,
    /// The account of every other access key.
    pub default_account: String,
    /// How long a registry token is good for (ECR: 12 hours).
    pub token_lifetime: Duration,
    /// How many requests to the registry a token is good for, so that one expires in the middle of a push; without
    /// it, any number.
    pub token_uses: Option<u64>,
    /// What `expiresAt` of a new token says in the place of the truth, to play a wrong clock.
    pub reported_expiry: Option<SystemTime>,
    /// For how long the manifest validator does not see a blob that was just committed.
    pub validator_lag: Duration,
    /// How much the registry lets through, and how large a layer may be.
    pub registry_limits: RegistryLimits,
    /// How replication between registries goes.
    pub replication: ReplicationSettings,
    /// ECR's departures from the OCI distribution spec.
    pub quirks: Quirks,
    /// How Lambda behaves.
    pub lambda: LambdaSettings,
    /// How fast deployments of CodeDeploy live.
    pub codedeploy: CodeDeploySettings,
    /// The faults to begin with.
    pub faults: Vec<FaultRule>,
    /// A file to which each call is appended as one line of JSON.
    pub log: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            port: 0,
            state: None,
            accounts: BTreeMap::new(),
            default_account: DEFAULT_ACCOUNT.to_owned(),
            token_lifetime: Duration::from_secs(12 * 60 * 60),
            token_uses: None,
            reported_expiry: None,
            validator_lag: Duration::ZERO,
            registry_limits: RegistryLimits::default(),
            replication: ReplicationSettings::default(),
            quirks: Quirks::default(),
            lambda: LambdaSettings::default(),
            codedeploy: CodeDeploySettings::default(),
            faults: Vec::new(),
            log: None,
        }
    }
}

/// Where ECR's registry departs from the OCI distribution spec. All on by default but the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// An upload's PATCH answers 201 in the place of 202.
    pub part_answers_created: bool,
    /// The `Range` of a PATCH answer stays at the end of the first part, although all bytes are stored.
    pub stale_range: bool,
    /// Parts below this many bytes (other than the last) make the upload fail; 0 switches the rule off.
    pub part_floor_bytes: u64,
    /// A part that does not begin where the stored bytes end is refused with 416.
    pub offsets_checked: bool,
    /// A part that comes while another part of the same upload is on its way is refused with 416; else it waits.
    pub parallel_parts_refused: bool,
    /// What arrived of an interrupted part stays, and counts as a part.
    pub interrupted_parts_stay: bool,
    /// Asking for an upload's status answers 404.
    pub upload_status_hidden: bool,
    /// Putting a manifest answers without a `Location`.
    pub manifest_put_without_location: bool,
    /// Getting a manifest answers without a `Docker-Content-Digest` (HEAD has it).
    pub manifest_get_without_digest: bool,
    /// A pull by tag converts between OCI and Docker types when `Accept` lacks the stored one.
    pub pull_by_tag_converts: bool,
    /// Mounting a blob wants the account setting `BLOB_MOUNTING`, and a manifest in the source that refers to it.
    pub mounting_wants_setting: bool,
    /// An immutable tag is refused even for the digest it already has.
    pub identical_tag_refused: bool,
    /// Getting a blob redirects to a signed address, as ECR redirects to S3.
    pub blobs_redirect: bool,
    /// A repository policy reads back reformatted, with bare account ids turned into ARNs.
    pub policies_reformatted: bool,
    /// What the `Location` of an upload looks like.
    pub upload_location: UploadLocation,
    /// Opening an upload closes the connection in the place of an answer when the repository or the permission is
    /// missing. Off by default.
    pub missing_repository_closes_connection: bool,
}

/// What the `Location` of an upload looks like. The spec allows all of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadLocation {
    /// With the host that the caller used, as ECR's.
    #[default]
    Absolute,
    /// A path only.
    Relative,
    /// On another host, which takes what is in the address and refuses credentials, as a signed address of S3 does.
    OtherHost,
}

impl Default for Quirks {
    fn default() -> Self {
        Quirks {
            part_answers_created: true,
            stale_range: true,
            part_floor_bytes: 5 * 1024 * 1024,
            offsets_checked: true,
            parallel_parts_refused: true,
            interrupted_parts_stay: true,
            upload_status_hidden: true,
            manifest_put_without_location: true,
            manifest_get_without_digest: true,
            pull_by_tag_converts: true,
            mounting_wants_setting: true,
            identical_tag_refused: true,
            blobs_redirect: true,
            policies_reformatted: true,
            upload_location: UploadLocation::Absolute,
            missing_repository_closes_connection: false,
        }
    }
}

impl Quirks {
    /// A registry that keeps to the OCI distribution spec.
    pub fn none() -> Self {
        Quirks {
            part_answers_created: false,
            stale_range: false,
            part_floor_bytes: 0,
            offsets_checked: true,
            parallel_parts_refused: false,
            interrupted_parts_stay: false,
            upload_status_hidden: false,
            manifest_put_without_location: false,
            manifest_get_without_digest: false,
            pull_by_tag_converts: false,
            mounting_wants_setting: false,
            identical_tag_refused: false,
            blobs_redirect: false,
            policies_reformatted: false,
            upload_location: UploadLocation::Absolute,
            missing_repository_closes_connection: false,
        }
    }
}
