//! Asks the registry how an upload stands that an earlier run began.

use super::record::UploadRecord;
use crate::registry::Registry;
use crate::registry::error::RegistryError;
use crate::registry::recovery::committed_bytes;

/// How an upload of an earlier run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::registry) enum Standing {
    /// The registry has this many bytes, which end where one of our parts did.
    At(u64),
    /// It cannot be asked; the next part will show.
    Untold,
    /// It cannot be continued.
    Gone,
}

impl Registry {
    /// Asks how the upload in `record` stands, whose parts had `part_size` bytes. Reads and sends next to nothing, so
    /// that an upload which cannot be continued costs no second reading of the layer.
    ///
    /// # Errors
    /// Fails when the registry does not answer.
    pub(in crate::registry) async fn standing_of(
        &self,
        record: &UploadRecord,
        part_size: u64,
    ) -> Result<Standing, RegistryError> {
        let answer = if record.checks_offsets {
            // ECR hides the status of an upload, and tells it to whoever sends a part for the wrong place.
            self.send_misplaced_byte(&record.session()).await.map(|()| None)
        } else {
            self.upload_offset(&record.session()).await
        };
        match answer {
            Ok(committed) => Ok(standing(record.offset, part_size, committed)),
            Err(error) if error.is_transient() => Err(error),
            Err(RegistryError::Refused(refusal)) => match committed_bytes(&refusal.message) {
                Some(committed) if refusal.status == 416 => {
                    Ok(standing(record.offset, part_size, Some(committed)))
                }
                _ if record.checks_offsets && !matches!(refusal.status, 401 | 403 | 404) => {
                    Ok(Standing::Untold)
                }
                _ => Ok(Standing::Gone),
            },
            Err(_) => Ok(Standing::Gone),
        }
    }
}

/// Judges what the registry has committed. It may be one part ahead of the record, which was written after the part
/// was accepted. Anything else is the end of no part of ours: a part was cut off in its middle, and such an upload
/// can never be completed.
fn standing(offset: u64, part_size: u64, committed: Option<u64>) -> Standing {
    match committed {
        Some(bytes) if bytes == offset || offset.checked_add(part_size) == Some(bytes) => Standing::At(bytes),
        _ => Standing::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_part_is_a_place_to_go_on_from() {
        for (committed, expected) in [
            (Some(500), Standing::At(500)),
            (Some(600), Standing::At(600)),
            (Some(550), Standing::Gone),
            (Some(400), Standing::Gone),
            (Some(0), Standing::Gone),
            (Some(u64::MAX), Standing::Gone),
            (None, Standing::Gone),
        ] {
            assert_eq!(standing(500, 100, committed), expected, "{committed:?}");
        }
    }
}
