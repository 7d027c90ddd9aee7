//! The settings of an image function: one table that validation, comparison, merging and the order of
//! updates all read.
//!
//! Names, nesting and limits are those of CreateFunction in the Lambda API reference. To manage a new
//! setting, add a line here and its two mappings in `aws/`.

use serde_json::Value;

use super::rules::{self, TextRule};
use crate::cloud::LiveFunction;

/// What a value looks like.
pub(crate) enum Shape {
    /// A text that keeps a rule.
    Text(&'static TextRule),
    /// A whole number within limits, both included.
    Integer { least: i64, most: i64, unit: &'static str },
    /// A number, not necessarily whole, above zero.
    Number,
    /// True or false.
    Flag,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A list.
    List(List),
    /// An object with known keys.
    Object(&'static [Field]),
    /// An object with free names and texts as values, merged name by name.
    Names(Names),
}

/// How a list is compared.
pub(crate) struct List {
    /// The most entries it may have.
    pub(crate) most: usize,
    /// What an entry looks like.
    pub(crate) of: &'static Shape,
    /// Whether the order says something. Subnets and security groups are sets.
    pub(crate) ordered: bool,
    /// The key by which an entry that is an object is recognised: entries that agree in it are merged.
    pub(crate) identity: Option<&'static str>,
}

/// The two maps with free names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Environment variables: their values are secret.
    Variables,
    /// Tags.
    Tags,
}

/// A key of an object.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) absent: Absent,
    /// Whether an object that is given must have this key.
    pub(crate) required: bool,
}

/// What it means that a value is not there, and thereby how it is taken back.
#[derive(Clone, Copy)]
pub(crate) enum Absent {
    /// Nothing: AWS takes a whole object without it to mean that it goes.
    Gone,
    /// AWS behaves as with this text, and takes it to mean that.
    Text(&'static str),
    /// AWS behaves as with this number.
    Integer(i64),
    /// AWS behaves as with this.
    Flag(bool),
    /// AWS behaves as with an empty list, which must be sent: leaving it out keeps the old one.
    EmptyList,
    /// `/aws/lambda/NAME`
    DefaultLogGroup,
    /// It cannot be taken back, only replaced.
    Stays,
}

impl Absent {
    /// The value that stands for absence, when there is one.
    pub(crate) fn value(self, context: &Context) -> Option<Value> {
        match self {
            Self::Gone | Self::Stays => None,
            Self::Text(text) => Some(text.into()),
            Self::Integer(number) => Some(number.into()),
            Self::Flag(flag) => Some(flag.into()),
            Self::EmptyList => Some(Value::Array(Vec::new())),
            Self::DefaultLogGroup => context.log_group.clone().map(Value::String),
        }
    }
}

/// What the meaning of an absent value depends on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    /// The log group that Lambda uses when none is set.
    pub(crate) log_group: Option<String>,
}

impl Context {
    pub(crate) fn of(live: &LiveFunction) -> Self {
        let name = live.arn.split(':').nth(6).filter(|name| !name.is_empty());
        Self { log_group: name.map(|name| format!("/aws/lambda/{name}")) }
    }
}

/// When a changed setting reaches a function whose code changes too; see [`super::settings_to_send`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    /// It belongs to the image.
    WithImage,
    /// More of it harms no code: a growth goes before, a decrease after.
    Growth,
    /// Name by name: what is new goes before, everything else after.
    ByName,
    /// What is new or replaced goes before, what is taken away goes after.
    Grant,
    /// What is new goes before, what is replaced or taken away goes after.
    Mount,
    /// No code notices it: it travels with whatever is sent anyway.
    Unnoticed,
    /// Only CreateFunction takes it.
    CreateOnly,
    /// Not a setting for UpdateFunctionConfiguration: TagResource sets tags.
    Tag,
}

/// A top-level setting.
pub(crate) struct Setting {
    pub(crate) field: Field,
    pub(crate) timing: Timing,
}

const fn field(name: &'static str, shape: Shape, absent: Absent) -> Field {
    Field { name, shape, absent, required: false }
}

const fn required(name: &'static str, shape: Shape, absent: Absent) -> Field {
    Field { name, shape, absent, required: true }
}

const fn setting(name: &'static str, timing: Timing, shape: Shape, absent: Absent) -> Setting {
    Setting { field: field(name, shape, absent), timing }
}

/// Limits that AWS raises from time to time are not checked here: AWS tells them.
const fn count(unit: &'static str) -> Shape {
    Shape::Integer { least: 1, most: i32::MAX as i64, unit }
}

const fn list(most: usize, of: &'static Shape, ordered: bool) -> Shape {
    Shape::List(List { most, of, ordered, identity: None })
}

/// Every setting of an image function.
pub(crate) static SETTINGS: [Setting; 17] = [
    setting("Description", Timing::Unnoticed, Shape::Text(&rules::DESCRIPTION), Absent::Text("")),
    setting("Role", Timing::Grant, Shape::Text(&rules::ROLE), Absent::Stays),
    setting("MemorySize", Timing::Growth, MEMORY, Absent::Integer(128)),
    setting("Timeout", Timing::Growth, TIMEOUT, Absent::Integer(3)),
    setting("Environment", Timing::ByName, Shape::Object(&ENVIRONMENT), Absent::Gone),
    setting("ImageConfig", Timing::WithImage, Shape::Object(&IMAGE_CONFIG), Absent::Gone),
    setting("EphemeralStorage", Timing::Growth, Shape::Object(&EPHEMERAL_STORAGE), Absent::Gone),
    setting("VpcConfig", Timing::Grant, Shape::Object(&VPC_CONFIG), Absent::Gone),
    setting("FileSystemConfigs", Timing::Mount, FILE_SYSTEMS, Absent::EmptyList),
    setting("DeadLetterConfig", Timing::Grant, Shape::Object(&DEAD_LETTER_CONFIG), Absent::Gone),
    setting("KMSKeyArn", Timing::Grant, Shape::Text(&rules::KMS_KEY), Absent::Text("")),
    setting("TracingConfig", Timing::Unnoticed, Shape::Object(&TRACING_CONFIG), Absent::Gone),
    setting("LoggingConfig", Timing::Unnoticed, Shape::Object(&LOGGING_CONFIG), Absent::Gone),
    setting("DurableConfig", Timing::Grant, Shape::Object(&DURABLE_CONFIG), Absent::Gone),
    setting("CapacityProviderConfig", Timing::Grant, Shape::Object(&CAPACITY_PROVIDER_CONFIG), Absent::Gone),
    setting("TenancyConfig", Timing::CreateOnly, Shape::Object(&TENANCY_CONFIG), Absent::Gone),
    setting("Tags", Timing::Tag, Shape::Names(Names::Tags), Absent::Gone),
];

/// The setting of that name.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.field.name == name)
}

/// The most memory and time, for functions that do not run on a capacity provider's instances.
pub(crate) const MOST_MEMORY: i64 = 10_240;
pub(crate) const MOST_SECONDS: i64 = 900;

/// The upper ends are those of capacity providers (Lambda Managed Instances); `validation` tells the others.
const MEMORY: Shape = Shape::Integer { least: 128, most: 32_768, unit: "MB" };
const TIMEOUT: Shape = Shape::Integer { least: 1, most: 5_400, unit: "seconds" };

static ARGUMENT: Shape = Shape::Text(&rules::ARGUMENT);
static SUBNET: Shape = Shape::Text(&rules::SUBNET);
static SECURITY_GROUP: Shape = Shape::Text(&rules::SECURITY_GROUP);
static FILE_SYSTEM: Shape = Shape::Object(&FILE_SYSTEM_CONFIG);

const FILE_SYSTEMS: Shape =
    Shape::List(List { most: 1, of: &FILE_SYSTEM, ordered: true, identity: Some("Arn") });

static ENVIRONMENT: [Field; 1] = [field("Variables", Shape::Names(Names::Variables), Absent::Gone)];

static IMAGE_CONFIG: [Field; 3] = [
    field("EntryPoint", list(1500, &ARGUMENT, true), Absent::Gone),
    field("Command", list(1500, &ARGUMENT, true), Absent::Gone),
    field("WorkingDirectory", Shape::Text(&rules::WORKING_DIRECTORY), Absent::Gone),
];

static EPHEMERAL_STORAGE: [Field; 1] =
    [required("Size", Shape::Integer { least: 512, most: 10_240, unit: "MB" }, Absent::Integer(512))];

static VPC_CONFIG: [Field; 3] = [
    field("SubnetIds", list(16, &SUBNET, false), Absent::EmptyList),
    field("SecurityGroupIds", list(5, &SECURITY_GROUP, false), Absent::EmptyList),
    field("Ipv6AllowedForDualStack", Shape::Flag, Absent::Flag(false)),
];

static FILE_SYSTEM_CONFIG: [Field; 3] = [
    required("Arn", Shape::Text(&rules::ACCESS_POINT), Absent::Stays),
    required("LocalMountPath", Shape::Text(&rules::MOUNT_PATH), Absent::Stays),
    field("S3FilesConfig", Shape::Object(&S3_FILES_CONFIG), Absent::Gone),
];

static S3_FILES_CONFIG: [Field; 1] =
    [field("DirectS3Read", Shape::Choice(&["AUTO", "ENABLED", "DISABLED"]), Absent::Text("AUTO"))];

static DEAD_LETTER_CONFIG: [Field; 1] =
    [field("TargetArn", Shape::Text(&rules::DEAD_LETTER_TARGET), Absent::Text(""))];

static TRACING_CONFIG: [Field; 1] =
    [field("Mode", Shape::Choice(&["Active", "PassThrough"]), Absent::Text("PassThrough"))];

static LOGGING_CONFIG: [Field; 4] = [
    field("LogFormat", Shape::Choice(&["Text", "JSON"]), Absent::Text("Text")),
    field(
        "ApplicationLogLevel",
        Shape::Choice(&["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]),
        Absent::Text("INFO"),
    ),
    field("SystemLogLevel", Shape::Choice(&["DEBUG", "INFO", "WARN"]), Absent::Text("INFO")),
    field("LogGroup", Shape::Text(&rules::LOG_GROUP), Absent::DefaultLogGroup),
];

static DURABLE_CONFIG: [Field; 3] = [
    field("ExecutionTimeout", count("seconds"), Absent::Stays),
    field("RetentionPeriodInDays", count("days"), Absent::Stays),
    field("KMSKeyArn", Shape::Text(&rules::KMS_KEY), Absent::Stays),
];

static CAPACITY_PROVIDER_CONFIG: [Field; 1] = [required(
    "LambdaManagedInstancesCapacityProviderConfig",
    Shape::Object(&MANAGED_INSTANCES),
    Absent::Stays,
)];

static MANAGED_INSTANCES: [Field; 3] = [
    required("CapacityProviderArn", Shape::Text(&rules::CAPACITY_PROVIDER), Absent::Stays),
    field("PerExecutionEnvironmentMaxConcurrency", count("requests"), Absent::Stays),
    field("ExecutionEnvironmentMemoryGiBPerVCpu", Shape::Number, Absent::Stays),
];

static TENANCY_CONFIG: [Field; 1] =
    [required("TenantIsolationMode", Shape::Choice(&["PER_TENANT"]), Absent::Stays)];
