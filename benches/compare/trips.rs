//! The requests that a registry answered, by kind.

use std::collections::BTreeMap;
use std::fmt;

use lambda_lift_rig::Call;

/// How many requests of each kind there were.
pub(crate) struct Trips(BTreeMap<String, usize>);

impl Trips {
    pub(crate) fn of(calls: &[Call]) -> Self {
        let mut kinds = BTreeMap::new();
        for call in calls {
            *kinds.entry(kind(&call.operation)).or_default() += 1;
        }
        Self(kinds)
    }

    pub(crate) fn total(&self) -> usize {
        self.0.values().sum()
    }
}

/// `PUT uploads` of `PUT /v2/sample/blobs/uploads/…`.
fn kind(operation: &str) -> String {
    let (method, path) = operation.split_once(' ').unwrap_or((operation, ""));
    let of = ["uploads", "blobs", "manifests"].into_iter().find(|of| path.contains(&format!("/{of}/")));
    format!("{method} {}", of.unwrap_or("/v2/"))
}

impl fmt::Display for Trips {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.0.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        write!(formatter, "{} requests ({})", self.total(), kinds.join(", "))
    }
}
