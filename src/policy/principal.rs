//! Who a statement is about: `Principal` and `NotPrincipal`.

use super::request::{LAMBDA_SERVICE, Request};
use super::statement::Effect;
use super::truth::Truth;

/// The condition key that stands for the identity of the caller.
const PRINCIPAL_ARN: &str = "aws:PrincipalArn";

/// One entry of a principal list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Principal {
    /// `AWS`, `Service`, `Federated` or `CanonicalUser`; others are kept and never understood.
    pub(super) kind: String,
    /// `*`, an account id, an ARN, a service's host name, or the unique id of a deleted principal.
    pub(super) name: String,
}

/// Whose request is judged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Party<'a> {
    /// The Lambda service.
    Service,
    /// Who creates or updates the function, in an account other than the repository's.
    Caller(&'a Request),
}

impl Party<'_> {
    /// Whether a `Principal` list names this party.
    pub(super) fn is_named(self, list: &[Principal], effect: Effect) -> Truth {
        Truth::any(list.iter().map(|principal| match self {
            Self::Service => service_is(principal, effect),
            Self::Caller(request) => caller_is(request, principal),
        }))
    }

    /// Whether a `NotPrincipal` list leaves this party to the statement.
    pub(super) fn is_left_by(self, list: &[Principal], effect: Effect) -> Truth {
        match self {
            // That "*" names a service too is not documented, so what it leaves is not either.
            Self::Service => {
                Truth::any(list.iter().map(|principal| service_is(principal, Effect::Allow))).not()
            }
            Self::Caller(request) => caller_is_left(request, list, effect),
        }
    }
}

/// Facts, rule 4: `"*"` denies a service for certain, but is not documented to allow one.
fn service_is(principal: &Principal, effect: Effect) -> Truth {
    match (principal.kind.as_str(), principal.name.as_str()) {
        ("Service", LAMBDA_SERVICE) => Truth::Yes,
        ("AWS" | "Service", "*") if effect == Effect::Deny => Truth::Yes,
        ("AWS" | "Service", "*") => {
            Truth::doubtful("AWS does not document whether the principal \"*\" includes the Lambda service")
        }
        ("AWS" | "Service" | "Federated" | "CanonicalUser", _) => Truth::No,
        (kind, _) => unknown_kind(kind),
    }
}

fn unknown_kind(kind: &str) -> Truth {
    Truth::doubtful(format!("the principal type {kind:?} is not one that IAM documents"))
}

fn caller_is(request: &Request, principal: &Principal) -> Truth {
    match principal.kind.as_str() {
        "AWS" if principal.name == "*" || is_account(request, &principal.name) => Truth::Yes,
        "AWS" => caller_is_identity(request, &principal.name),
        "Service" | "Federated" | "CanonicalUser" => Truth::No,
        kind => unknown_kind(kind),
    }
}

/// A bare account id means the same as the ARN of the account's root.
fn is_account(request: &Request, name: &str) -> bool {
    name == request.account.as_str() || name == request.account_root_arn()
}

/// Whether the caller is the user, role or session of that ARN.
fn caller_is_identity(request: &Request, name: &str) -> Truth {
    // Other texts are ids of deleted principals, which nobody is any more.
    let Some(named) = Identity::parse(name).filter(|named| named.is_of(request)) else { return Truth::No };
    let Some(caller) = request.caller_arn.as_deref().and_then(Identity::parse) else {
        return Truth::depends_on(PRINCIPAL_ARN);
    };
    if named == caller {
        return Truth::Yes;
    }
    match (named.role(), caller.role()) {
        // A role's name is unique in its account, whatever its path.
        (Some(named_role), Some(role)) if named.same_account(&caller) && named_role.name == role.name => {
            match (named_role.session, role.session) {
                (None, Some(_)) => Truth::Yes,
                (Some(_), None) => Truth::depends_on(PRINCIPAL_ARN),
                _ => Truth::No,
            }
        }
        _ => Truth::No,
    }
}

/// `NotPrincipal` with Deny spares a caller only when both the identity and its account are listed (IAM guide,
/// NotPrincipal); with Allow, whoever is listed in any way gets nothing for certain.
fn caller_is_left(request: &Request, list: &[Principal], effect: Effect) -> Truth {
    let aws =
        || list.iter().filter(|principal| principal.kind == "AWS").map(|principal| principal.name.as_str());
    if aws().any(|name| name == "*") {
        return Truth::No;
    }
    let account = Truth::from(aws().any(|name| is_account(request, name)));
    let identity = Truth::any(aws().map(|name| caller_is_identity(request, name)));
    let strange = Truth::any(list.iter().map(|principal| match principal.kind.as_str() {
        "AWS" | "Service" | "Federated" | "CanonicalUser" => Truth::No,
        kind => unknown_kind(kind),
    }));
    let left = match (effect, &account, &identity) {
        (_, Truth::No, Truth::No) => Truth::Yes,
        (Effect::Allow, Truth::Yes, _) | (Effect::Allow, _, Truth::Yes) => Truth::No,
        (Effect::Deny, Truth::Yes, Truth::Yes) if !is_session(request) => Truth::No,
        (Effect::Deny, Truth::Yes, Truth::No) if request.caller_arn.is_some() => Truth::Yes,
        _ => Truth::depends_on(PRINCIPAL_ARN),
    };
    left.and(strange.not())
}

/// A session of a role must be listed beside the role, which is easily missed: it stays undecided.
fn is_session(request: &Request) -> bool {
    let caller = request.caller_arn.as_deref().and_then(Identity::parse);
    caller.is_some_and(|caller| caller.role().is_some_and(|role| role.session.is_some()))
}

/// The ARN of a user, role, session or root, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Identity<'a> {
    partition: &'a str,
    service: &'a str,
    account: &'a str,
    resource: &'a str,
}

/// The role that an identity is or was assumed from.
struct RoleOf<'a> {
    name: &'a str,
    session: Option<&'a str>,
}

impl<'a> Identity<'a> {
    fn parse(arn: &'a str) -> Option<Self> {
        match arn.splitn(6, ':').collect::<Vec<_>>()[..] {
            ["arn", partition, service @ ("iam" | "sts"), "", account, resource] => {
                Some(Self { partition, service, account, resource })
            }
            _ => None,
        }
    }

    fn is_of(&self, request: &Request) -> bool {
        self.partition == request.region.partition().arn_name() && self.account == request.account.as_str()
    }

    fn same_account(&self, other: &Identity<'_>) -> bool {
        self.partition == other.partition && self.account == other.account
    }

    fn role(&self) -> Option<RoleOf<'a>> {
        if let Some(path) = self.resource.strip_prefix("role/") {
            return Some(RoleOf { name: path.rsplit('/').next()?, session: None });
        }
        let (name, session) = self.resource.strip_prefix("assumed-role/")?.split_once('/')?;
        Some(RoleOf { name, session: Some(session) })
    }
}
