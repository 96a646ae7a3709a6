//! Languages: their tags (BCP 47), and those that a caller wants (RFC 9110 §12.5.4).

use icu_locale_core::{LanguageIdentifier, Locale};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};
use utoipa::ToSchema;

/// A language, which may be that of a script, a region and up to two variants: a BCP 47 tag such as `de`, `pt-BR` or `zh-Hant-TW`, in
/// its canonical case, of at most 30 characters. Whether it is registered is not checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(
    value_type = String,
    pattern = "^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3})){0,2}$",
    min_length = 2,
    example = "de-AT"
)]
pub struct Language(String);

/// English.
impl Default for Language {
    fn default() -> Self {
        Self("en".into())
    }
}

impl Language {
    const MOST_VARIANTS: usize = 2;

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(id: &LanguageIdentifier) -> Option<Self> {
        let is_one = !id.language.is_unknown() && id.variants.len() <= Self::MOST_VARIANTS;
        is_one.then(|| Self(id.to_string()))
    }

    /// Whether it is this language, or a form of it: `de-AT` is a form of `de`.
    pub fn is_form_of(&self, other: &Self) -> bool {
        self.0.strip_prefix(&other.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

impl FromStr for Language {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // the parser takes the underscores of other programs, too
        let id = LanguageIdentifier::try_from_str(text).ok().filter(|_| !text.contains('_'));
        id.and_then(|id| Self::of(&id)).ok_or("must be the tag of a language, such as de, pt-BR or zh-Hant-TW")
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The languages that a caller wants, the best first; mostly none. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Languages(Option<Arc<[Language]>>);

impl Languages {
    /// The most languages; of more, those with the highest weight are kept.
    pub const MOST: usize = 10;
    /// The longest header that is read, in bytes.
    pub const LONGEST: usize = 500;

    /// Reads `Accept-Language`. What cannot be read is left out, and so are `*` and what is not acceptable (`q=0`): nobody who sends
    /// nonsense in it expects an error. A header that is too long says nothing.
    pub fn accepted(header: &str) -> Self {
        if header.len() > Self::LONGEST {
            return Self::default();
        }
        let mut wanted: Vec<(u16, Language)> = header.split(',').filter_map(weighted).collect();
        // of the same weight, the first is the best
        wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        wanted.truncate(Self::MOST);
        Self((!wanted.is_empty()).then(|| wanted.into_iter().map(|(_, language)| language).collect()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn iter(&self) -> impl Iterator<Item = &Language> {
        self.0.iter().flat_map(|languages| languages.iter())
    }

    /// The languages in which to look for a text, the best first, until the one of the texts that are there anyway: each that is
    /// wanted, then shortened from the end (RFC 4647 §3.4). Whoever wants `en` may also get an `own` of `en-GB`.
    pub fn lookup(&self, own: &Language) -> Vec<Language> {
        let mut found: Vec<Language> = Vec::new();
        for wanted in self.iter() {
            let mut tag = wanted.as_str();
            loop {
                let language = Language(tag.into());
                if own.is_form_of(&language) {
                    return found;
                }
                if !found.contains(&language) {
                    found.push(language);
                }
                match tag.rsplit_once('-') {
                    Some((shorter, _)) => tag = shorter,
                    None => break,
                }
            }
        }
        found
    }
}

/// As in a header.
impl fmt::Display for Languages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, language) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            f.write_str(language.as_str())?;
        }
        Ok(())
    }
}

/// An element of the header: a language, and its weight in thousandths.
fn weighted(element: &str) -> Option<(u16, Language)> {
    let (range, weight) = match element.split_once(';') {
        None => (element, 1000),
        Some((range, parameter)) => {
            let (name, value) = parameter.trim().split_once('=')?;
            (range, thousandths(value).filter(|_| name.eq_ignore_ascii_case("q"))?)
        }
    };
    // extensions, such as the order of a telephone book, are nothing of a text
    let language = Language::of(&Locale::try_from_str(range.trim()).ok()?.id)?;
    (weight > 0).then_some((weight, language))
}

/// A weight (RFC 9110 §12.4.2) in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_fraction = fraction.len() <= 3 && fraction.bytes().all(|digit| digit.is_ascii_digit());
    let thousandths = format!("{fraction:0<3}").parse().ok().filter(|_| is_fraction)?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn language(tag: &str) -> Language {
        tag.parse().unwrap_or_else(|e| panic!("{tag}: {e}"))
    }

    fn found(header: &str, own: &str) -> String {
        let found = Languages::accepted(header).lookup(&language(own));
        found.iter().map(Language::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_tag_has_one_form() {
        for (text, tag) in [
            ("de", "de"),
            ("DE", "de"),
            ("de-at", "de-AT"),
            ("PT-br", "pt-BR"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("ca-valencia", "ca-valencia"),
            ("sl-rozaj-biske", "sl-biske-rozaj"),
            ("gsw", "gsw"),
        ] {
            assert_eq!(language(text).as_str(), tag);
        }
        for bad in [
            "",
            "d",
            "de_AT",
            "de-",
            "-de",
            "de--AT",
            "und",
            "*",
            "i-klingon",
            "x-souk",
            "de-u-co-phonebk",
            "German",
            "dé",
            "de AT",
        ] {
            assert!(bad.parse::<Language>().is_err(), "{bad}");
        }
    }

    #[test]
    fn wanted_languages_are_shortened_until_the_own_one() {
        for (header, own, expected) in [
            ("de", "en", "de"),
            ("de-AT", "en", "de-AT de"),
            ("zh-Hant-TW, de", "en", "zh-Hant-TW zh-Hant zh de"),
            ("de-AT, de;q=0.9, fr;q=0.8", "en", "de-AT de fr"),
            ("fr;q=0.5, de", "en", "de fr"),
            ("fr;q=0.001, nl;q=1.000, de;q=0.01", "en", "nl de fr"),
            // the own one ends it, and what is wanted less
            ("en, de", "en", ""),
            ("de, en;q=0.9, fr;q=0.8", "en", "de"),
            ("de-AT", "de", "de-AT"),
            ("en-US, de", "en-GB", "en-US"),
            ("en, de", "en-GB", ""),
            ("DE-at ; Q=0.7 ,\tFR;q=0.8", "en", "fr de-AT de"),
            ("de-u-co-phonebk", "en", "de"),
            // nothing is said
            ("", "en", ""),
            ("*", "en", ""),
            ("de;q=0", "en", ""),
            ("de;q=0.000, fr", "en", "fr"),
            ("*/*;;q=x", "en", ""),
            ("de;q=2", "en", ""),
            ("de;q=0.1234", "en", ""),
            ("de;q=1.1, fr", "en", "fr"),
            ("de;q=, de;q, de;x=1, de;q=0.5;q=0.6, de;q=-1, de;q=.5", "en", ""),
            (",,; ,fr,", "en", "fr"),
            ("d\u{e9}, fr", "en", "fr"),
        ] {
            assert_eq!(found(header, own), expected, "{header}");
        }
        let many = ["aa", "ab", "ac", "ad", "ae", "af", "ag", "ah", "ai", "aj", "ak;q=0.9"].join(",");
        assert_eq!(found(&many, "en"), "aa ab ac ad ae af ag ah ai aj");
        let long = format!("de,{}", " ".repeat(Languages::LONGEST));
        assert!(Languages::accepted(&long).is_empty() && !Languages::accepted(&long[..Languages::LONGEST]).is_empty());
    }

    proptest! {
        #[test]
        fn every_header_is_read(header in "\\PC*") {
            Languages::accepted(&header).lookup(&language("en"));
        }

        #[test]
        fn what_is_looked_for_was_wanted(header in "((de|en|fr|zh)(-(Latn|Hant))?(-(AT|US|419))?( *;q=[01](\\.[0-9]{0,4})?)?|[*;,=q.]{0,3}){0,4}(, ?(de-CH|nl;q=0.[0-9]|en-GB)){0,12}") {
            let (wanted, own) = (Languages::accepted(&header), language("en"));
            let found = wanted.lookup(&own);
            prop_assert!(wanted.iter().count() <= Languages::MOST);
            prop_assert!(found.iter().all(|found| wanted.iter().any(|wanted| wanted.is_form_of(found)) && *found != own));
            // on the way to another process nothing is lost
            prop_assert_eq!(Languages::accepted(&wanted.to_string()), wanted);
        }
    }
}
