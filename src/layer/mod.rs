//! One pass over a layer: read its stored bytes once, verify them, scan them, and give out the bytes to push.
//!
//! A pass runs on blocking threads with bounded buffers, so memory does not grow with the layer; it ends
//! soon after whoever takes its bytes goes away. Nothing here knows of a registry.
//!
//! # The encoder
//! Layers that are not gzip yet are cut into blocks of 512 KiB; each is compressed on its own by libdeflate,
//! on all cores, and the results are stitched into one gzip member: the last block's final mark is cleared
//! and an empty stored block brings the next one to a byte boundary, as pigz does it. Levels, block size and
//! encoder are pinned, so the same content gives the same digest on every machine and thread count.
//!
//! Measured on three real layers of 400 to 520 MB (Python and Node files; shared libraries; documents and
//! Java) in MB/s a core and bytes left; skopeo 1.9 leaves .2784, .3586 and .4305 of them:
//!
//! | encoder | first | second | third |
//! |---|---|---|---|
//! | libdeflate 3, stitched, 512 KiB | 124, .2772 | 101, .3441 | 102, .4230 |
//! | libdeflate 3, stitched, 1 MiB | 123, .2765 | 101, .3436 | 101, .4225 |
//! | libdeflate 2, stitched, 1 MiB | 125, .2811 | 101, .3470 | 106, .4272 |
//! | zlib-rs 4, sync flush, 1 MiB | 102, .2759 | 80, .3519 | 80, .4271 |
//! | zlib-rs 3, sync flush, 1 MiB | 119, .2821 | 93, .3571 | 91, .4317 |
//!
//! The walk to the last block (`deflate_tail`) is part of these figures, an eighth to a sixth of them; the search from behind
//! (`last_block`), which is used now, takes half of that.
//!
//! Level 1 has half as much speed again as level 3 and leaves 4.3 % more. On a mixture of everything below /usr (439 MB, one core,
//! without the search) skopeo leaves 155.1 MB, level 1 158.7 in 2.1 s, level 2 153.8 in 2.8 s and level 3 152.1 in 3.1 s; level 3 with two blocks of
//! five at level 1 leaves 154.8 in 2.7 s (of Python files alone 1.6 % more than skopeo, of libraries and of documents 1 % less). Which blocks those are hardly matters: chosen by how well they compress, half of them could
//! have level 1 instead of two fifths, and finding out would cost more. So the default takes both levels in turns. An encoder of our
//! own, in safe Rust with a two-way hash table as in libdeflate's level 1, came to the size of level 1 at three quarters of its speed.

mod bit_reader;
mod cache;
mod compressors;
mod content;
mod deflate_tail;
mod elf;
mod encoder;
mod entry;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod last_block;
mod listing;
mod listing_cache;
mod pass;
mod pass_through;
mod program_scan;
mod recompress;
mod scan;
mod spool;
mod stored;
mod summary;
mod tar_extension;
mod tar_scan;
mod whiteout;

#[cfg(test)]
mod tests;

pub use cache::{CachedLayer, LayerCache};
pub use compressors::Compressors;
pub use encoder::{Encoder, Level};
pub use entry::{ElfProgram, Entry, EntryKind, FileContent, Program, ProgramForm};
pub use error::LayerError;
pub use listing::{Listing, Oddity, OddityKind};
pub use pass::{Encoding, LayerPass, PassSettings, Piece, VerifiedContent, summarize};
pub use scan::{LayerContent, contents, scan};
pub use spool::{SpoolError, spool};
pub use summary::LayerSummary;
pub use tar_scan::{TarContents, TarDefect};
pub use whiteout::Whiteout;
