//! Language tags (BCP 47).

/// A language tag: `de`, `de-AT`, `zh-Hant-TW`.
pub(super) fn language_tag<C>(tag: &str, _: &C) -> garde::Result {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let is_language = (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphabetic());
    let rest = parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if is_language && rest && tag.len() <= 35 {
        Ok(())
    } else {
        Err(garde::Error::new("must be a language tag such as de or de-AT (BCP 47)"))
    }
}
