//! Lists that are read to their end, page by page, and an end to what has none.
//!
//! What is decided from a list is decided from all of it: a page without its list is an error, never an empty one.

use super::error::Operation;
use crate::cloud::CloudError;

/// No list of AWS that is read here has so many pages: of the smallest pages, 50 entries, these are half a million entries.
const PAGES: usize = 10_000;

/// AWS may answer a page without an entry and go on; not this often in a row.
const EMPTY_PAGES: usize = 1_000;

/// Counts the pages of one list.
pub(super) struct Pages {
    call: Operation,
    read: usize,
    empty: usize,
}

impl Pages {
    pub(super) fn of(call: Operation) -> Self {
        Self { call, read: 0, empty: 0 }
    }

    /// The entries of the next page.
    ///
    /// # Errors
    /// Fails where the page has no list at all, and where pages do not come to an end.
    pub(super) fn entries<T>(&mut self, page: Option<Vec<T>>, key: &str) -> Result<Vec<T>, CloudError> {
        let entries = page.ok_or_else(|| self.call.unexpected(format!("a page of the list has no {key}")))?;
        self.read += 1;
        self.empty = if entries.is_empty() { self.empty + 1 } else { 0 };
        if self.read > PAGES || self.empty > EMPTY_PAGES {
            let message =
                format!("the list does not end: {} pages were read; is the endpoint that of AWS?", self.read);
            return Err(self.call.unexpected(message));
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_to_its_end_unless_it_has_none() {
        let call = Operation { service: "AWS Lambda", name: "ListFunctions" };
        let first_error = |entries: &dyn Fn(usize) -> Option<Vec<u8>>| {
            let mut pages = Pages::of(call);
            (1..=20_000)
                .find_map(|page| Some((page, pages.entries(entries(page), "Functions").err()?.message)))
        };
        let (page, message) = first_error(&|_| Some(vec![1])).unwrap();
        assert!(page == PAGES + 1 && message.contains("10001 pages"), "{page} {message}");
        let (page, message) = first_error(&|_| Some(Vec::new())).unwrap();
        assert!(page == EMPTY_PAGES + 1 && message.contains("does not end"), "{page} {message}");
        let (page, _) = first_error(&|page| Some(vec![1; usize::from(page % 1000 == 0)])).unwrap();
        assert_eq!(page, PAGES + 1, "entries in between begin the count anew");
        let (page, message) = first_error(&|page| (page < 3).then(|| vec![1])).unwrap();
        assert!(page == 3 && message.contains("no Functions"), "{page} {message}");
    }
}
