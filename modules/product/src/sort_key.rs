//! The order in which people look for names.

use icu_collator::{CollatorBorrowed, options::CollatorOptions};
use std::sync::LazyLock;

/// Bytes of a key. Far more than the names of a catalogue need, and few enough for the index of any store: of names that are the
/// same up to here the older product comes first.
const LONGEST: usize = 1000;

/// The root collation of Unicode, which is that of no language and good for most.
static COLLATOR: LazyLock<CollatorBorrowed<'static>> = LazyLock::new(|| {
    CollatorBorrowed::try_new(Default::default(), CollatorOptions::default()).expect("the root collation is compiled in")
});

/// What stands for a name when names are sorted, byte by byte: letters first, then accents, then case.
///
/// It is stored, so that all stores sort alike however they were set up. Another version of the library may make other keys: the
/// migration that comes with it sets all of them to null, and the job makes them again.
pub(crate) fn sort_key(name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    let Ok(()) = COLLATOR.write_sort_key_to(name, &mut key);
    key.truncate(LONGEST);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_people_expect() {
        let sorted = [
            "",
            "100 % wool",
            "Apfel",
            "Äpfel",
            "Apple",
            "apple pie",
            "apricot",
            "banana",
            "Ček",
            "co-op",
            "coop",
            "Éclair",
            "eclairs",
            "Øl",
            "straße",
            "strasse 2",
            "Zebra",
            "Ωmega",
            "Яблоко",
            "تفاح",
            "林檎",
        ];
        for pair in sorted.windows(2) {
            assert!(sort_key(pair[0]) < sort_key(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn keys_of_the_longest_names_fit_an_index() {
        // one character that counts as eighteen
        assert_eq!(sort_key(&"\u{fdfa}".repeat(255)).len(), LONGEST);
    }
}
