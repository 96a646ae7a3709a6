//! Values in cells, both ways.

use std::borrow::Cow;

/// A text as a cell. Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a formula, and could be made to give away what
/// is in others: an apostrophe in front makes it a text. Exact both ways: see [`text`].
pub(crate) fn protected(text: &str) -> Cow<'_, str> {
    if text.trim_start_matches('\'').starts_with(['=', '+', '-', '@']) { format!("'{text}").into() } else { text.into() }
}

/// The text of a cell, without the apostrophe of [`protected`] and spaces around it.
pub(crate) fn text(cell: &str) -> &str {
    let cell = cell.trim();
    match cell.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(['=', '+', '-', '@']) => rest,
        _ => cell,
    }
}

/// Texts as a cell: separated by `|`, with `\` before `|` and `\` in them.
pub(crate) fn joined<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let escaped = texts.into_iter().map(|text| text.replace('\\', "\\\\").replace('|', "\\|"));
    escaped.collect::<Vec<_>>().join("|")
}

/// The texts of a cell; none of an empty one.
pub(crate) fn split(cell: &str) -> Vec<String> {
    if cell.is_empty() {
        return Vec::new();
    }
    let (mut all, mut one) = (Vec::new(), String::new());
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => one.push(chars.next().unwrap_or('\\')),
            '|' => all.push(std::mem::take(&mut one)),
            c => one.push(c),
        }
    }
    all.push(one);
    all
}

/// Appends a record of these cells.
pub(crate) fn write<'a>(to: &mut Vec<u8>, cells: impl IntoIterator<Item = Cow<'a, str>>) {
    for (i, cell) in cells.into_iter().enumerate() {
        if i > 0 {
            to.push(b',');
        }
        if cell.contains(['"', ',', '\r', '\n']) || cell.trim() != cell {
            to.push(b'"');
            to.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            to.push(b'"');
        } else {
            to.extend_from_slice(cell.as_bytes());
        }
    }
    to.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were_and_none_is_a_formula() {
        for (given, cell) in [
            ("Lamp", "Lamp"),
            ("=1+1", "'=1+1"),
            ("-5 °C", "'-5 °C"),
            ("+49", "'+49"),
            ("@home", "'@home"),
            ("'=1+1", "''=1+1"),
            ("''-", "'''-"),
            ("'t Hof", "'t Hof"),
            ("''", "''"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(protected(given), cell);
            assert_eq!(text(cell), given);
        }
        // as people type it
        assert_eq!((text("=1+1"), text(" -5 "), text("'-5")), ("=1+1", "-5", "-5"));
    }

    #[test]
    fn lists_come_back_as_they_were() {
        for (list, cell) in
            [(&["a", "b c"][..], "a|b c"), (&["a|b", "c\\", "\\|"], "a\\|b|c\\\\|\\\\\\|"), (&["", "a"], "|a"), (&[], "")]
        {
            assert_eq!(joined(list.iter().copied()), cell);
            assert_eq!(split(cell), list);
        }
        assert_eq!(split("a\\"), ["a\\"]);
    }

    #[test]
    fn records_are_quoted_where_they_must_be() {
        let mut file = Vec::new();
        write(&mut file, ["a", "b,c", "d \"e\"", "f\ng", "", " h"].map(Cow::from));
        assert_eq!(String::from_utf8_lossy(&file), "a,\"b,c\",\"d \"\"e\"\"\",\"f\ng\",,\" h\"\r\n");
    }
}
