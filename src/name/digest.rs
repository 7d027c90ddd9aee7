//! Content digests. Only SHA-256 exists in ECR and Lambda, so only SHA-256 exists here.

use std::str::FromStr;

use sha2::Digest as _;

use super::NameError;

/// The SHA-256 of some content, written `sha256:<64 lower-case hex digits>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self(sha2::Sha256::digest(content).into())
    }

    /// The 64 hex digits without the algorithm, as Lambda's `CodeSha256` carries them.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// The first twelve hex digits: enough for a person, and the default image tag.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }

    /// A digest from 64 hex digits without the algorithm (Lambda's `CodeSha256` of an image function).
    pub fn from_hex(text: &str) -> Result<Self, NameError> {
        format!("sha256:{text}").parse()
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "sha256:{}", self.hex())
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{self}")
    }
}

impl FromStr for Digest {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why: &str| NameError::new("digest", text, why);
        let hex_digits =
            text.strip_prefix("sha256:").ok_or_else(|| refuse("a digest starts with \"sha256:\""))?;
        let lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if hex_digits.len() != 64 || !hex_digits.bytes().all(lower_hex) {
            return Err(refuse("64 lower-case hex digits follow \"sha256:\""));
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(hex_digits, &mut bytes).map_err(|_| refuse("not hexadecimal"))?;
        Ok(Self(bytes))
    }
}

/// Computes a [`Digest`] over content that arrives in pieces.
#[derive(Clone, Default)]
pub struct DigestHasher(sha2::Sha256);

impl DigestHasher {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all pieces.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_digest_prints_what_it_parsed() {
        assert_eq!(EMPTY.parse::<Digest>().unwrap().to_string(), EMPTY);
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(DigestHasher::default().finish(), Digest::of(b""));
    }

    #[test]
    fn other_algorithms_lengths_and_cases_are_refused() {
        let upper = EMPTY.to_uppercase();
        for bad in ["", "sha256:", "sha512:abc", &EMPTY[..70], &upper, "sha256:../../etc/passwd"] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
