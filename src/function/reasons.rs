//! The reason codes of Lambda's states: what each means, and what to do.
//!
//! Codes are those of `StateReasonCode` and `LastUpdateStatusReasonCode` in the Lambda API reference. A code that
//! is not here is told as AWS tells it.

/// A reason code explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// AWS's code.
    pub code: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// The explanation of a reason code, when it is known. A code with a detail after a dot
/// (`FunctionError.SomethingNew`) falls back on the code before it.
pub fn reason(code: &str) -> Option<&'static Reason> {
    let find = |code: &str| REASONS.iter().find(|reason| reason.code == code);
    find(code).or_else(|| find(code.split_once('.')?.0))
}

const fn row(code: &'static str, meaning: &'static str, remedy: &'static str) -> Reason {
    Reason { code, meaning, remedy }
}

const KMS_REMEDY: &str =
    "check KMSKeyArn, the key's state and its policy: the execution role needs kms:Decrypt";
const MOUNT_REMEDY: &str = "check FileSystemConfigs, the mount target in the function's subnets, and that its security group lets NFS (port 2049) in";
const CAPACITY_REMEDY: &str = "check the capacity provider's limits, or try again later";

static REASONS: [Reason; 40] = [
    row(
        "Idle",
        "the function was not used for weeks",
        "nothing: it wakes up with the next invocation or update",
    ),
    row("Creating", "the function is being created", "wait"),
    row("Restoring", "the function wakes up after it was idle", "wait"),
    row(
        "ImageDeleted",
        "the image is no longer in its repository",
        "deploy again to push it; keep lifecycle rules away from images that a version still runs",
    ),
    row(
        "ImageAccessDenied",
        "Lambda may not pull the image",
        "run: lambda-lift policy ensure --repository REPOSITORY",
    ),
    row(
        "InvalidImage",
        "Lambda cannot use the image",
        "run: lambda-lift check IMAGE; AWS's message names the layer or file",
    ),
    row(
        "InsufficientRolePermissions",
        "the execution role lacks a permission",
        "for a VPC attach AWSLambdaVPCAccessExecutionRole; AWS's message names the action",
    ),
    row("InvalidConfiguration", "the settings do not fit together", "AWS's message names the setting"),
    row("InternalError", "Lambda failed on its own", "run the same command again"),
    row("DependencyError", "a service that Lambda depends on failed", "run the same command again"),
    row(
        "EniLimitExceeded",
        "the VPC has no network interfaces left",
        "remove unused ones, or ask for a higher quota of Hyperplane interfaces",
    ),
    row(
        "SubnetOutOfIPAddresses",
        "a subnet has no free addresses",
        "name other subnets in VpcConfig.SubnetIds, or free addresses",
    ),
    row("InvalidSubnet", "a subnet does not exist or is of another VPC", "correct VpcConfig.SubnetIds"),
    row(
        "InvalidSecurityGroup",
        "a security group does not exist or is of another VPC",
        "correct VpcConfig.SecurityGroupIds",
    ),
    row(
        "DisallowedByVpcEncryptionControl",
        "the VPC enforces encryption in transit, which this function cannot keep",
        "name subnets of another VPC, or exclude Lambda in the VPC's encryption control",
    ),
    row(
        "EC2RequestLimitExceeded",
        "EC2 throttles the creation of network interfaces",
        "run the same command again later",
    ),
    row("KMSKeyAccessDenied", "Lambda may not use the KMS key", KMS_REMEDY),
    row("KMSKeyNotFound", "the KMS key does not exist", KMS_REMEDY),
    row("DisabledKMSKey", "the KMS key is disabled", KMS_REMEDY),
    row("InvalidStateKMSKey", "the KMS key is not in a usable state", KMS_REMEDY),
    row("EFSIOError", "the file system could not be read", MOUNT_REMEDY),
    row("EFSMountConnectivityError", "the file system cannot be reached", MOUNT_REMEDY),
    row("EFSMountFailure", "the file system could not be mounted", MOUNT_REMEDY),
    row("EFSMountTimeout", "mounting the file system took too long", MOUNT_REMEDY),
    row(
        "FunctionError",
        "the function failed while it started",
        "read its log: aws logs tail /aws/lambda/NAME",
    ),
    row(
        "FunctionError.InvalidEntryPoint",
        "the entry point cannot be started",
        "check ENTRYPOINT and ImageConfig.EntryPoint: an absolute path to an executable of the function's architecture",
    ),
    row(
        "FunctionError.InvalidWorkingDirectory",
        "the working directory does not exist",
        "check WORKDIR and ImageConfig.WorkingDirectory",
    ),
    row(
        "FunctionError.PermissionDenied",
        "the user that Lambda runs the function as may not read or execute a file",
        "give files mode 644, directories and executables 755",
    ),
    row(
        "FunctionError.InitTimeout",
        "the function's start took too long",
        "start faster, or raise MemorySize",
    ),
    row(
        "FunctionError.InitResourceExhausted",
        "the function's start ran out of memory or storage",
        "raise MemorySize or EphemeralStorage.Size",
    ),
    row(
        "FunctionError.RuntimeInitError",
        "the runtime failed to start",
        "read its log: aws logs tail /aws/lambda/NAME",
    ),
    row(
        "FunctionError.ExtensionInitError",
        "an extension failed to start",
        "read its log; extensions are the files in /opt/extensions",
    ),
    row(
        "FunctionError.TooManyExtensions",
        "the image has more extensions than Lambda runs",
        "remove files from /opt/extensions: ten are allowed",
    ),
    row(
        "CapacityProviderScalingLimitExceeded",
        "the capacity provider may not grow further",
        CAPACITY_REMEDY,
    ),
    row("InsufficientCapacity", "EC2 has no capacity of that kind", CAPACITY_REMEDY),
    row("VcpuLimitExceeded", "the account's quota of vCPUs is used up", CAPACITY_REMEDY),
    row("ServiceQuotaExceededException", "a quota of the account is used up", "ask for a higher quota"),
    row(
        "DrainingDurableExecutions",
        "durable executions are still running",
        "wait until they end, or stop them",
    ),
    row(
        "InvalidRuntime",
        "the runtime cannot be used",
        "this is for zip functions; deploy the image under a new name",
    ),
    row(
        "InvalidZipFileException",
        "the zip archive cannot be used",
        "this is for zip functions; deploy the image under a new name",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_an_unknown_detail_falls_back() {
        for (index, row) in REASONS.iter().enumerate() {
            assert!(REASONS[..index].iter().all(|earlier| earlier.code != row.code), "{} twice", row.code);
            assert_eq!(reason(row.code), Some(row));
        }
        assert_eq!(reason("FunctionError.SomethingNew").unwrap().code, "FunctionError");
        for unknown in ["", ".", "Unheard", "idle"] {
            assert_eq!(reason(unknown), None);
        }
    }
}
