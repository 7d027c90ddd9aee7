//! A filled template that still knows what was filled in, and where it came from.

use std::ops::Range;

/// A filled template. Its `Debug` hides the text.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::lambroll) struct Rendered {
    pub(in crate::lambroll) text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, PartialEq, Eq)]
struct Piece {
    /// Where it stands in the filled text.
    to: Range<usize>,
    /// Where it begins in the template.
    from: usize,
    kind: PieceKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PieceKind {
    /// As it was written.
    Literal,
    /// Filled in, and may be secret.
    Secret,
    /// Filled in, and no secret: who the caller is.
    Open,
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rendered").field("pieces", &self.pieces.len()).finish_non_exhaustive()
    }
}

impl Rendered {
    pub(super) fn literal(&mut self, text: &str, from: usize) {
        self.push(text, from, PieceKind::Literal);
    }

    pub(super) fn filled(&mut self, text: &str, from: usize, is_secret: bool) {
        self.push(text, from, if is_secret { PieceKind::Secret } else { PieceKind::Open });
    }

    fn push(&mut self, text: &str, from: usize, kind: PieceKind) {
        let start = self.text.len();
        self.text.push_str(text);
        self.pieces.push(Piece { to: start..self.text.len(), from, kind });
    }

    /// The stretches of the filled text that may be secret.
    pub(in crate::lambroll) fn secrets(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.pieces.iter().filter(|piece| piece.kind == PieceKind::Secret).map(|piece| piece.to.clone())
    }

    /// Where a byte of the filled text comes from in the template, and whether the template stands right there or right before it: then the
    /// mistake may be in what was filled in.
    pub(in crate::lambroll) fn source_of(&self, offset: usize) -> (usize, Option<usize>) {
        let here = self.pieces.iter().rposition(|piece| piece.to.start <= offset && piece.kind_has_bytes());
        let Some(index) = here else { return (offset, None) };
        let piece = &self.pieces[index];
        if piece.kind != PieceKind::Literal {
            return (piece.from, Some(piece.from));
        }
        let into = offset - piece.to.start;
        let before = index.checked_sub(1).map(|index| &self.pieces[index]);
        // What breaks a text is seen at its closing quote, the first character after it.
        let suspect = before.filter(|piece| piece.kind != PieceKind::Literal && into <= 1);
        (piece.from + into, suspect.map(|piece| piece.from))
    }
}

impl Piece {
    fn kind_has_bytes(&self) -> bool {
        self.kind == PieceKind::Literal || !self.to.is_empty()
    }
}
