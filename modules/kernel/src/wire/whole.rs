//! Whole numbers that are written with a fraction of zeros, `2.0`: to JSON Schema they are integers (Core 2020-12, 4.2.3), as
//! some languages write them; serde refuses them.

/// The body with its whole numbers written without a fraction; none when there is nothing to change.
pub(super) fn without_fractions(body: &[u8]) -> Option<Vec<u8>> {
    let mut changed = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&first, after)) = rest.split_first() {
        let length = match first {
            b'"' => string(after) + 1,
            b'-' | b'0'..=b'9' => {
                1 + after.iter().take_while(|c| matches!(c, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')).count()
            }
            _ => 1,
        };
        let (token, after) = rest.split_at(length);
        changed.extend_from_slice(if first == b'"' { token } else { whole(token) });
        rest = after;
    }
    (changed.len() < body.len()).then_some(changed)
}

/// The length of a string, without its opening quotation mark.
fn string(text: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = text.iter().position(|&c| {
        let ends = c == b'"' && !is_escaped;
        is_escaped = c == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 1)
}

fn whole(number: &[u8]) -> &[u8] {
    match number.iter().position(|&c| c == b'.') {
        Some(point) if number.len() > point + 1 && number[point + 1..].iter().all(|&c| c == b'0') => &number[..point],
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fractions_of_zeros_outside_strings_are_cut() {
        let changed = |text: &str| without_fractions(text.as_bytes()).map(|body| String::from_utf8(body).expect("text"));
        assert_eq!(changed(r#"{"a": 2.0, "b": [-10.000,3.0]}"#).as_deref(), Some(r#"{"a": 2, "b": [-10,3]}"#));
        for same in
            [r#"{"a": 2.5, "b": 2, "c": "2.0", "d": "\"2.0", "e": 1.0e3, "f": "\\", "2.0": 2.05}"#, "2.", ".0", "\"2.0", "{"]
        {
            assert_eq!(changed(same), None, "{same}");
        }
    }
}
