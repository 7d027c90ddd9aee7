//! Takes out of a stranger's text what lets its reader act as somebody else: the query of an address, the parts of a signature.

/// What stands before a part of a signature, in any case, in a query or in a header.
const MARKS: [&str; 6] =
    ["signature=", "credential=", "security-token=", "signature%3d", "credential%3d", "security-token%3d"];

/// A text without the queries of addresses (`https://host/path?…`) and without signatures, wherever they stand.
pub(crate) fn without_signed_queries(text: &str) -> String {
    without_signatures(&without_queries(text))
}

fn without_queries(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, address) = rest.split_at(at + "://".len());
        kept.push_str(before);
        let end = address.find(ends_address).unwrap_or(address.len());
        match address[..end].split_once('?') {
            Some((place, _)) => kept.extend([place, "?…"]),
            None => kept.push_str(&address[..end]),
        }
        rest = &address[end..];
    }
    kept + rest
}

fn ends_address(character: char) -> bool {
    character.is_whitespace() || character.is_control() || matches!(character, '"' | '\'' | '`' | '<' | '>')
}

fn without_signatures(text: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
    loop {
        // As long as the text, byte by byte.
        let lower = rest.to_ascii_lowercase();
        let found = MARKS.iter().filter_map(|mark| Some((lower.find(mark)?, mark.len()))).min();
        let Some((at, length)) = found else { return kept + rest };
        let (before, value) = rest.split_at(at + length);
        let ends = |character| ends_address(character) || matches!(character, '&' | ',' | ';' | ')');
        kept.extend([before, "(hidden)"]);
        rest = &value[value.find(ends).unwrap_or(value.len())..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_signatures_are_not_repeated_and_the_rest_is() {
        let table = [
            ("no address? none=1", "no address? none=1"),
            (
                "pull https://b.s3/x?X-Amz-Credential=AKIA&X-Amz-Signature=se,cret failed: 'http://a/?b' (again)",
                "pull https://b.s3/x?… failed: 'http://a/?…' (again)",
            ),
            ("ftp://größe/?q", "ftp://größe/?…"),
            ("/x?a=1&x-amz-signature=secret&b=2", "/x?a=1&x-amz-signature=(hidden)&b=2"),
            (
                "X-Amz-Security-Token=a%2Fb X-Amz-Credential%3Dcd",
                "X-Amz-Security-Token=(hidden) X-Amz-Credential%3D(hidden)",
            ),
            (
                "Credential=AKIA/eu, SignedHeaders=host, Signature=ab",
                "Credential=(hidden), SignedHeaders=host, Signature=(hidden)",
            ),
            ("https://host/path stays; so does a://b", "https://host/path stays; so does a://b"),
        ];
        for (text, expect) in table {
            assert_eq!(without_signed_queries(text), expect);
        }
    }
}
