//! Which registry gets the image by a push, and which by the replication of another one.

use crate::cloud::ReplicaPlace;
use crate::name::{RegistryHost, RepositoryName};

/// A repository that targets of a run pull from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    /// Its registry.
    pub registry: RegistryHost,
    /// Its name.
    pub repository: RepositoryName,
    /// What goes there: two shelves with the same are to have the same image.
    pub content: String,
}

/// How an image gets to a shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It is pushed there.
    Push,
    /// The registry of this shelf, by its place in the list, replicates it there.
    Replica {
        /// The place of the shelf that it is pushed to.
        of: usize,
    },
}

/// The way to each shelf. `replicas` are the places that the registry of each shelf replicates images of this repository to.
///
/// The shelves that come first are pushed to; what they replicate to is not. Replication goes one step: what a replica's registry would
/// replicate to is no replica of the first.
pub fn ways(shelves: &[Shelf], replicas: &[Vec<ReplicaPlace>]) -> Vec<Way> {
    let mut ways = vec![None; shelves.len()];
    for (source, shelf) in shelves.iter().enumerate() {
        if ways[source].is_some() {
            continue;
        }
        ways[source] = Some(Way::Push);
        let reaches = |to: &Shelf| {
            let place = |replica: &ReplicaPlace| {
                replica.account == to.registry.account.as_str()
                    && replica.region == to.registry.region.as_str()
            };
            let same = to.repository == shelf.repository && to.content == shelf.content;
            same && replicas.get(source).is_some_and(|places| places.iter().any(place))
        };
        for (target, to) in shelves.iter().enumerate() {
            if ways[target].is_none() && reaches(to) {
                ways[target] = Some(Way::Replica { of: source });
            }
        }
    }
    ways.into_iter().map(|way| way.unwrap_or(Way::Push)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(account: &str, region: &str, repository: &str, content: &str) -> Shelf {
        let registry = RegistryHost::standard(&account.parse().unwrap(), &region.parse().unwrap());
        Shelf { registry, repository: repository.parse().unwrap(), content: content.to_owned() }
    }

    fn to(places: &[(&str, &str)]) -> Vec<ReplicaPlace> {
        let place = |(account, region): &(&str, &str)| ReplicaPlace {
            account: (*account).to_owned(),
            region: (*region).to_owned(),
        };
        places.iter().map(place).collect()
    }

    #[test]
    fn a_shelf_that_another_registry_replicates_to_is_not_pushed_to() {
        const A: &str = "111111111111";
        const B: &str = "222222222222";
        let shelves = [
            shelf(A, "eu-west-1", "app", "x"),
            shelf(A, "us-east-1", "app", "x"),
            shelf(B, "eu-west-1", "app", "x"),
            shelf(A, "us-east-1", "other", "x"),
            shelf(A, "us-east-1", "app", "y"),
            shelf(A, "eu-north-1", "app", "x"),
        ];
        let everywhere = to(&[(A, "us-east-1"), (B, "eu-west-1"), (A, "eu-west-1")]);
        let back = to(&[(A, "eu-west-1"), (A, "eu-north-1")]);
        let replicas = [everywhere, back.clone(), vec![], back, vec![], vec![]];
        let replica = Way::Replica { of: 0 };
        assert_eq!(ways(&shelves, &replicas), [Way::Push, replica, replica, Way::Push, Way::Push, Way::Push]);
        assert_eq!(ways(&shelves, &[]), [Way::Push; 6]);
    }
}
