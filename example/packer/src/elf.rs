//! As much of the ELF format as tells a static executable from one that needs a loader.

/// The program header that names the dynamic loader.
const PT_INTERP: u32 = 3;

/// Nothing, when `binary` is a 64-bit executable that runs without a dynamic loader; else what is wrong with it.
pub(crate) fn static_executable(binary: &[u8]) -> Result<(), &'static str> {
    // 0x7f ELF, 64-bit, little-endian: both of Lambda's instruction sets.
    if !binary.starts_with(b"\x7fELF\x02\x01") {
        return Err("it is not a 64-bit little-endian ELF file");
    }
    let table = number(binary, 32, 8)?;
    let (entry_size, entries) = (number(binary, 54, 2)?, number(binary, 56, 2)?);
    if entries == 0 {
        return Err("it has no program headers");
    }
    for entry in 0..entries {
        let offset =
            entry_size.checked_mul(entry).and_then(|offset| offset.checked_add(table)).ok_or(TRUNCATED)?;
        if number(binary, offset, 4)? == u64::from(PT_INTERP) {
            return Err("it asks for a dynamic loader");
        }
    }
    Ok(())
}

const TRUNCATED: &str = "it is truncated";

/// The little-endian number of `length` bytes at `offset`.
fn number(binary: &[u8], offset: u64, length: usize) -> Result<u64, &'static str> {
    let bytes = usize::try_from(offset)
        .ok()
        .and_then(|start| binary.get(start..start.checked_add(length)?))
        .ok_or(TRUNCATED)?;
    Ok(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header, and one program header of that type right behind it.
    fn binary(program_header: u32) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(64, 0);
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes.extend(program_header.to_le_bytes());
        bytes
    }

    #[test]
    fn a_static_executable_has_no_interpreter() {
        assert_eq!(static_executable(&binary(1)), Ok(()));
        assert_eq!(static_executable(&binary(PT_INTERP)), Err("it asks for a dynamic loader"));
    }

    #[test]
    fn what_is_no_executable_is_named_so() {
        for length in 0..binary(1).len() {
            assert!(static_executable(&binary(1)[..length]).is_err(), "{length} bytes");
        }
        assert!(static_executable(b"#!/bin/sh\n").is_err());
    }

    #[test]
    fn this_test_itself_needs_a_loader() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        if cfg!(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static"))) {
            assert_eq!(static_executable(&own), Err("it asks for a dynamic loader"));
        }
    }
}
