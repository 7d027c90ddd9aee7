//! Archives of images, compressed and not: what opens keeps every promise, and the same archive opens the same way however
//! it is compressed.
#![no_main]

use std::cell::OnceCell;
use std::io::Read;

use lambda_lift::image::fuzzing::is_plain;
use lambda_lift::image::{self, ImageError, LocalImage, SourceAccess, diff_ids};
use lambda_lift::layer;
use lambda_lift::name::{Architecture, Digest};
use lambda_lift::preflight::{Wanted, check_files, check_image};
use lambda_lift::rootfs::ImageContents;
use lambda_lift_fuzz::heap::{Counting, peak_of};
use lambda_lift_fuzz::unnamed_file::UnnamedFile;
use lambda_lift_fuzz::{assemble, assert_printable};
use libfuzzer_sys::{Corpus, fuzz_target};
use tokio::runtime::Runtime;

#[global_allocator]
static HEAP: Counting = Counting;

/// More than that of one layer's content is not read here.
const LIMIT: u64 = 4 << 20;

thread_local! {
    static FILE: OnceCell<(UnnamedFile, Runtime)> = const { OnceCell::new() };
}

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((choice, input)) = input.split_first() else { return Corpus::Reject };
    let bytes = match choice & 3 {
        0 => input.to_vec(),
        1 => assemble::with_checksums(input),
        _ => assemble::archive(input),
    };
    let transport = ["", "docker-archive:", "oci-archive:"][usize::from(choice >> 2) % 3];
    let reference = ["", ":@0", ":@1", ":app:v1"][usize::from(choice >> 4 & 3)];
    let opened = read(&bytes, transport, reference);
    if let Ok(image) = &opened {
        check(image);
    }
    // A tar whose first name begins like a compressed file is taken for one.
    if choice & 0x80 != 0 && is_plain(&bytes) {
        for compressed in [assemble::gzip(&bytes), assemble::zstd(&bytes)] {
            assert_alike(&opened, &read(&compressed, transport, reference));
        }
    }
    Corpus::Keep
});

/// Opens an archive with these bytes.
fn read(bytes: &[u8], transport: &str, reference: &str) -> Result<LocalImage, ImageError> {
    let (opened, peak) = peak_of(|| {
        FILE.with(|cell| {
            let (file, runtime) = cell.get_or_init(|| (UnnamedFile::new(), runtime()));
            file.hold(bytes);
            let source = format!("{transport}{}{reference}", file.path().display()).parse().unwrap();
            let access = SourceAccess::default();
            runtime.block_on(image::open(&source, Some(Architecture::X86_64), &access))
        })
    });
    assert!(peak <= (24 << 20) + 64 * bytes.len(), "{peak} bytes of memory for {}", bytes.len());
    if let Err(error) = &opened {
        assert_printable(&error.to_string());
        assert_printable(&error.hint().unwrap_or_default());
    }
    opened
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// What opening promises, then what reading the layers does.
fn check(image: &LocalImage) {
    assert_eq!(Digest::of(&image.config_bytes), image.config_digest);
    assert_eq!(diff_ids(&image.config_bytes).unwrap().len(), image.layers.len());
    if let Some(original) = &image.original {
        assert_eq!(Digest::of(&original.bytes), original.digest);
    }
    for layer in &image.layers {
        let mut stored = Vec::new();
        layer.location.open(0).unwrap().take(LIMIT).read_to_end(&mut stored).unwrap();
        assert_eq!(stored.len() as u64, layer.stored_size.min(LIMIT));
    }
    let wanted = Wanted { architecture: Some(Architecture::X86_64), ..Wanted::default() };
    let mut findings = check_image(image, &wanted);
    let scanned = FILE.with(|cell| {
        let (_, runtime) = cell.get_or_init(|| (UnnamedFile::new(), runtime()));
        runtime.block_on(layer::scan(&image.layers, LIMIT, None))
    });
    match scanned {
        Ok(layers) => {
            for (content, layer) in layers.iter().zip(&image.layers) {
                assert_eq!(content.diff_id, layer.diff_id);
                assert!(
                    layer.known_uncompressed_size().is_none_or(|size| size == content.uncompressed_bytes)
                );
            }
            findings.extend(check_files(image, &wanted, &ImageContents::of(&layers)));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    for finding in findings {
        assert!(!finding.message.is_empty());
    }
}

fn assert_alike(plain: &Result<LocalImage, ImageError>, compressed: &Result<LocalImage, ImageError>) {
    // What is decompressed is read to its end; of a file nobody sees what was cut off behind what is wanted.
    let is_cut_off = |error: &ImageError| error.to_string().contains("damaged or truncated");
    match (plain, compressed) {
        (Ok(plain), Ok(compressed)) => {
            assert_eq!(plain.config_digest, compressed.config_digest);
            let layers = |image: &LocalImage| {
                let facts = image.layers.iter().map(|one| (one.diff_id, one.stored_size, one.compression));
                facts.collect::<Vec<_>>()
            };
            assert_eq!(layers(plain), layers(compressed));
        }
        (_, Err(compressed)) if is_cut_off(compressed) => {}
        (Err(plain), Err(compressed)) => {
            assert_eq!(plain.kind(), compressed.kind(), "{plain} / {compressed}")
        }
        (plain, compressed) => panic!("plain {plain:?}, compressed {compressed:?}"),
    }
}
