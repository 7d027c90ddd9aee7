//! What an image has to pass before its manifest is put: somebody's judgement of what is in its layers.

use std::collections::HashSet;
use std::fmt;

use crate::layer::LayerContent;
use crate::name::Digest;

/// The image is not to be published, because of what is in it. Whoever judged knows why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit;

/// The gate before the manifest.
#[derive(Clone)]
pub struct ContentGate<'a> {
    /// The layers, by diff id, whose content is known already. Others are looked into even when an earlier push verified them.
    pub known: HashSet<Digest>,
    /// Is given what is in the layers that were read, in no order, and says whether the manifest may be put.
    pub judge: &'a (dyn Fn(Vec<LayerContent>) -> Result<(), Unfit> + Sync),
}

impl fmt::Debug for ContentGate<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ContentGate").field("known", &self.known).finish_non_exhaustive()
    }
}
