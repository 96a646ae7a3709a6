//! Text in its one normal form, in which it is stored, compared, searched, sorted and hashed.
//!
//! Fields of requests have the types [`Line`] and [`Text`], which cannot hold anything else. What a text must not contain is
//! checked like every rule of a field, before an operation runs.

use garde::Error;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, EmojiModifier, ExtendedPictographic, GeneralCategory, Script},
};
use serde::{Deserialize, Deserializer, Serialize};
use std::{borrow::Cow, fmt, ops::Deref};
use unicode_normalization::UnicodeNormalization;

/// Defines a type of text by its normal form and its checks.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $normal:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name<const MAX: usize>(String);

        impl<const MAX: usize> $name<MAX> {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<const MAX: usize> From<&str> for $name<MAX> {
            fn from(text: &str) -> Self {
                Self($normal(text))
            }
        }

        impl<const MAX: usize> From<String> for $name<MAX> {
            fn from(text: String) -> Self {
                Self::from(text.as_str())
            }
        }

        impl<const MAX: usize> From<$name<MAX>> for String {
            fn from(text: $name<MAX>) -> String {
                text.0
            }
        }

        impl<const MAX: usize> Deref for $name<MAX> {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl<const MAX: usize> fmt::Debug for $name<MAX> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl<const MAX: usize> fmt::Display for $name<MAX> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de, const MAX: usize> Deserialize<'de> for $name<MAX> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from(&*Cow::<str>::deserialize(deserializer)?))
            }
        }

        impl<const MAX: usize> garde::Validate for $name<MAX> {
            type Context = ();
            fn validate_into(&self, _: &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
                if let Err(error) = $check(&self.0, MAX) {
                    report.append(parent(), error);
                }
            }
        }
    };
}

text_type!(
    /// One line of 1 to `MAX` characters, e.g. a name: in NFC, without spaces around it, and without invisible characters.
    Line,
    normal_line,
    check_line
);
text_type!(
    /// Text of at most `MAX` characters, which may have several lines: in NFC, without spaces around it, its lines ended by `\n`.
    Text,
    normal_text,
    check_text
);

/// Text that is not shown and must be the same however it is typed, such as a password: the profile OpaqueString of RFC 8265.
/// Spaces of all kinds become the ordinary one and nothing is trimmed.
pub fn opaque(text: &str) -> String {
    text.chars().map(|c| if category(c) == GeneralCategory::SpaceSeparator { ' ' } else { c }).nfc().collect()
}

fn normal_line(text: &str) -> String {
    text.trim().nfc().collect()
}

fn normal_text(text: &str) -> String {
    text.trim().replace("\r\n", "\n").replace('\r', "\n").nfc().collect()
}

fn check_line(text: &str, max: usize) -> garde::Result {
    match text.chars().count() {
        0 => return Err(Error::new(format!("must have 1 to {max} characters"))),
        // an optional text may be empty, which is as if it were absent
        count if count > max => return Err(Error::new(format!("must have at most {max} characters"))),
        _ => {}
    }
    one_line(text)?;
    no_known_card_number(text)
}

fn check_text(text: &str, max: usize) -> garde::Result {
    if text.chars().count() > max {
        return Err(Error::new(format!("must have at most {max} characters")));
    }
    match text.chars().find(|&c| !matches!(c, '\n' | '\t') && (is_control(c) || is_broken(c) || is_override(c))) {
        None => no_known_card_number(text),
        Some(c) => Err(refused(c)),
    }
}

/// The characters that a name or another text of one line must not contain: invisible ones, and ones that change how others look.
///
/// # Errors
/// The rule that is broken, with the first character that breaks it.
pub fn one_line(text: &str) -> garde::Result {
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let fits = match c {
            // joiners make emoji out of emoji, and letters of some scripts are written otherwise with them
            '\u{200c}' | '\u{200d}' => before.is_some_and(is_joined) && rest.peek().copied().is_some_and(is_joined),
            // another look of the character before
            '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => before.is_some_and(|c| !is_hidden(c) && !c.is_whitespace()),
            _ => !is_control(c) && !is_broken(c) && !is_hidden(c),
        };
        if !fits {
            return Err(refused(c));
        }
        if before.is_none() && is_mark(c) {
            return Err(Error::new("must not begin with a combining character"));
        }
        before = Some(c);
    }
    Ok(())
}

/// The pattern (ECMA-262) of a [`Line`] of any length, for documents of the API. Rules that need more than a class of
/// characters are not in it: joiners, variation selectors, combining characters at the beginning, and numbers of cards.
pub const LINE_PATTERN: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e",
    r"\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff",
    "]*$"
);

/// As [`LINE_PATTERN`], for a [`Text`].
pub const TEXT_PATTERN: &str = concat!(
    r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ue000-\uf8ff\ufdd0-\ufdef\ufff9-\ufffb",
    r"\ufffe\uffff",
    "]*$"
);

fn refused(c: char) -> Error {
    if is_control(c) {
        Error::new("must not contain control characters")
    } else {
        Error::new(format!("must not contain invisible or misleading characters (U+{:04X})", u32::from(c)))
    }
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

fn is_control(c: char) -> bool {
    use GeneralCategory::{Control, LineSeparator, ParagraphSeparator};
    matches!(category(c), Control | LineSeparator | ParagraphSeparator)
}

fn is_mark(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    matches!(category(c), EnclosingMark | NonspacingMark | SpacingMark)
}

/// No character, or one that only programs agree on. A character of a later Unicode than this program knows is none of them: a
/// phone may be newer than the shop.
fn is_broken(c: char) -> bool {
    let is_noncharacter = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    let is_far_away = matches!(c, '\u{40000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{10ffff}');
    is_noncharacter || is_far_away || category(c) == GeneralCategory::PrivateUse || matches!(c, '\u{fff9}'..='\u{fffb}')
}

/// Makes text be shown in another order than it is written in.
fn is_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_hidden(c: char) -> bool {
    // Braille without dots is a sign, but a blank one
    c == '\u{2800}' || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether a joiner may stand beside it: an emoji, or a letter of a script that is written with joiners.
fn is_joined(c: char) -> bool {
    let is_emoji = CodePointSetData::new::<ExtendedPictographic>().contains(c)
        || CodePointSetData::new::<EmojiModifier>().contains(c)
        || c == '\u{fe0f}';
    let script = CodePointMapData::<Script>::new().get(c);
    let is_of_script = [
        Script::Arabic,
        Script::Syriac,
        Script::Nko,
        Script::Mongolian,
        Script::Devanagari,
        Script::Bengali,
        Script::Gurmukhi,
        Script::Gujarati,
        Script::Oriya,
        Script::Tamil,
        Script::Telugu,
        Script::Kannada,
        Script::Malayalam,
        Script::Sinhala,
        Script::Khmer,
        Script::Myanmar,
    ]
    .contains(&script);
    is_emoji || is_of_script
}

/// The ASCII digit that means the same, of the scripts in which people write numbers. Digits of a script follow each other.
pub fn digit(c: char) -> Option<char> {
    /// Zero in ASCII, Arabic, Persian, N'Ko, Devanagari, Bengali, Gurmukhi, Gujarati, Odia, Tamil, Telugu, Kannada, Malayalam,
    /// Sinhala, Thai, Lao, Tibetan, Burmese and Khmer.
    const ZEROS: [u32; 19] = [
        0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
        0x1040, 0x17e0,
    ];
    let value = ZEROS.into_iter().find_map(|zero| u32::from(c).checked_sub(zero).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

/// Refuses text like the number of a payment card of any network: 13 to 19 digits of any script, maybe with other signs
/// between them, whose last one is the check digit of the others (ISO/IEC 7812, Luhn).
///
/// # Errors
/// The rule.
pub fn no_card_number(text: &str) -> garde::Result {
    if has_card_number(text, |_| true) { Err(card_refused()) } else { Ok(()) }
}

/// As [`no_card_number`], for text in which other long numbers are to be expected, such as those of parcels: only numbers that
/// begin like the ones of a network of cards.
fn no_known_card_number(text: &str) -> garde::Result {
    if has_card_number(text, is_of_a_network) { Err(card_refused()) } else { Ok(()) }
}

fn card_refused() -> Error {
    Error::new("must not contain the number of a payment card")
}

fn has_card_number(text: &str, is_of_interest: impl Fn(&str) -> bool) -> bool {
    // groups of digits with nothing but signs between them; an expiry date may follow the number
    let mut runs: Vec<Vec<String>> = vec![Vec::new()];
    let mut is_in_group = false;
    for c in text.nfkc() {
        match (digit(c), runs.last_mut()) {
            (Some(digit), Some(run)) => {
                match run.last_mut().filter(|_| is_in_group) {
                    Some(group) => group.push(digit),
                    None => run.push(digit.to_string()),
                }
                is_in_group = true;
            }
            (None, _) => {
                is_in_group = false;
                if c.is_alphabetic() {
                    runs.push(Vec::new());
                }
            }
            (Some(_), None) => {}
        }
    }
    runs.iter().any(|run| {
        (0..run.len()).any(|first| {
            let mut number = String::new();
            run[first..].iter().any(|group| {
                number.push_str(group);
                (13..=19).contains(&number.len()) && has_check_digit(&number) && is_of_interest(&number)
            })
        })
    })
}

/// Luhn.
fn has_check_digit(number: &str) -> bool {
    let digits = number.bytes().rev().map(|digit| u32::from(digit - b'0')).enumerate();
    let sum: u32 = digits.map(|(i, digit)| if i % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }).sum();
    // nothing but zeros has one, too
    sum > 0 && sum.is_multiple_of(10)
}

/// Visa, Mastercard, Amex, Diners, JCB, Discover, UnionPay and Maestro.
fn is_of_a_network(number: &str) -> bool {
    let length = number.len();
    let begin = |digits: usize| number[..digits].parse::<u32>().unwrap_or_default();
    match begin(4) {
        4000..=4999 => matches!(length, 13 | 16 | 19),
        5100..=5599 | 2221..=2720 => length == 16,
        3400..=3499 | 3700..=3799 => length == 15,
        3000..=3059 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&length),
        3528..=3589 | 6011 | 6440..=6599 | 6200..=6299 => (16..=19).contains(&length),
        5000..=5099 | 5600..=5899 | 6304 | 6759..=6763 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(result: garde::Result) -> String {
        result.map_or_else(|e| e.to_string(), |()| "fine".into())
    }

    #[test]
    fn text_has_one_form_however_it_is_typed() {
        for (typed, kept) in [
            ("  Jose\u{301} ", "José"),
            ("\u{a0}José\u{3000}\n", "José"),
            ("José", "José"),
            // Hangul, and a sign that is another character's twin
            ("\u{1112}\u{1161}\u{11ab}", "한"),
            ("\u{212b}", "Å"),
            ("12  Spice Lane", "12  Spice Lane"),
        ] {
            assert_eq!(Line::<50>::from(typed).as_str(), kept);
            assert_eq!(Text::<50>::from(typed).as_str(), kept);
            let decoded: Line<50> = serde_json::from_value(serde_json::json!(typed)).expect(typed);
            assert_eq!(decoded.as_str(), kept);
        }
        assert_eq!(Text::<50>::from("a\r\nb\rc\n").as_str(), "a\nb\nc");
        assert_eq!(opaque(" Cafe\u{301}\u{a0}7 "), " Café 7 ");
    }

    #[test]
    fn the_patterns_are_the_rules() {
        let is_line = |text: &str| check_line(&normal_line(text), 9).is_ok();
        let is_text = |text: &str| check_text(&normal_text(text), 9).is_ok();
        let of_context = |c| matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
        for (pattern, fits) in [(LINE_PATTERN, &is_line as &dyn Fn(&str) -> bool), (TEXT_PATTERN, &is_text)] {
            let pattern = regex::Regex::new(pattern).expect("a pattern");
            for c in ('\0'..='\u{10fff}').filter(|&c| !of_context(c)) {
                let text = format!("a{c}b");
                assert!(pattern.is_match(&text) || !fits(&text), "U+{:04X} is accepted", u32::from(c));
                assert!(!pattern.is_match(&text) || fits(&text) || c > '\u{ffff}', "U+{:04X} is refused", u32::from(c));
            }
        }
    }

    #[test]
    fn one_line_has_no_invisible_character() {
        for fine in [
            "O'Neill-Müller",
            "Nguyễn Thị Ánh",
            "علی\u{200c}رضا",
            "ශ්\u{200d}රී",
            "葛\u{e0100}城",
            "Heart ❤\u{fe0f}",
            "👩\u{200d}🍳",
            "100 % wool – “fine”, n° 5",
            "ไทย",
            "שלום",
        ] {
            assert_eq!(outcome(check_line(fine, 50)), "fine", "{fine}");
        }
        for (bad, hidden) in [
            ("a\u{200b}b", "U+200B"),
            ("a\u{200d}b", "U+200D"),
            ("pay\u{200c}pal", "U+200C"),
            ("\u{feff}a", "U+FEFF"),
            ("a\u{202e}b", "U+202E"),
            ("a\u{2066}b", "U+2066"),
            ("a\u{200f}", "U+200F"),
            ("a\u{61c}b", "U+061C"),
            ("so\u{ad}ft", "U+00AD"),
            ("\u{3164}", "U+3164"),
            ("\u{2800}", "U+2800"),
            ("a\u{e0041}", "U+E0041"),
            ("a\u{e000}", "U+E000"),
            ("a\u{ffff}", "U+FFFF"),
            (" \u{fe0f}", "U+FE0F"),
            ("a\u{fe0f}\u{fe0f}", "U+FE0F"),
            ("a\u{34f}b", "U+034F"),
        ] {
            assert_eq!(
                outcome(one_line(bad)),
                format!("must not contain invisible or misleading characters ({hidden})"),
                "{bad:?}"
            );
        }
        for bad in ["a\nb", "a\tb", "a\u{0}", "a\u{7f}", "a\u{85}b", "a\u{2028}b", "a\u{2029}b"] {
            assert_eq!(outcome(one_line(bad)), "must not contain control characters", "{bad:?}");
        }
        assert_eq!(outcome(one_line("\u{301}a")), "must not begin with a combining character");
        for (bad, rule) in [("", "must have 1 to 3 characters"), ("abcd", "must have at most 3 characters")] {
            assert_eq!(outcome(check_line(bad, 3)), rule);
        }
    }

    #[test]
    fn long_text_has_lines_and_no_hidden_characters() {
        for fine in ["", "a\n\tb", "weich\u{ad}er", "a\u{200e}b", "a\u{200b}b"] {
            assert_eq!(outcome(check_text(fine, 10)), "fine", "{fine:?}");
        }
        assert_eq!(outcome(check_text("a\u{b}", 10)), "must not contain control characters");
        assert_eq!(outcome(check_text("a\u{202e}", 10)), "must not contain invisible or misleading characters (U+202E)");
        assert_eq!(outcome(check_text("abc", 2)), "must have at most 2 characters");
    }

    #[test]
    fn numbers_of_cards_are_found_however_they_are_written() {
        for card in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "my card: 5555.5555.5555.4444, 12/27, 123",
            "378282246310005",
            "3782 822463 10005",
            "30569309025904",
            "6011111111111117",
            "3530111333300000",
            "6304000000000000",
            "4222222222222",
            "٤١١١ ١١١١ ١١١١ ١١١١",
            "４１１１１１１１１１１１１１１１",
            "4111\u{2011}1111\u{2011}1111\u{2011}1111",
            "card4111111111111111",
        ] {
            assert!(outcome(no_card_number(card)).contains("payment card"), "{card}");
            assert!(outcome(check_line(card, 100)).contains("payment card"), "{card}");
            assert!(outcome(check_text(card, 100)).contains("payment card"), "{card}");
        }
        // the check digit is right, the beginning is of no network
        assert!(no_card_number("1111111111111117").is_err() && no_known_card_number("1111111111111117").is_ok());
        for fine in [
            "4111111111111112",
            "sandbox_success",
            "pm_1PgafmB7WZ01zgkW6dKueIc5",
            "+961 70 123456, 12 Spice Lane, 1300",
            "0000000000000000",
            "411111111111",
            "41111111111111111111",
            "4111 and 1111 and 1111 and 1111",
        ] {
            assert_eq!(outcome(no_card_number(fine)), "fine", "{fine}");
        }
    }
}
