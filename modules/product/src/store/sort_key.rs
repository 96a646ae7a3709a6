//! The alphabetical order of names.

use icu_collator::{CollatorBorrowed, options::CollatorOptions};
use std::sync::LazyLock;

/// The longest key in bytes: more than usual names need, and short enough for the index of any store. Names with the same key are
/// sorted by id.
const LONGEST: usize = 1000;

/// The root collation of Unicode, which belongs to no language and suits most.
static COLLATOR: LazyLock<CollatorBorrowed<'static>> = LazyLock::new(|| {
    CollatorBorrowed::try_new(Default::default(), CollatorOptions::default()).expect("the root collation is compiled in")
});

/// The key by which a name is sorted, byte by byte: letters first, then accents, then case.
///
/// Keys are stored, so that all stores sort alike whatever their settings. Another version of the library may give other keys:
/// its migration must then set all keys to null, and the job adds them again.
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
    fn names_are_sorted_alphabetically() {
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
        // one character that is sorted as eighteen
        assert_eq!(sort_key(&"\u{fdfa}".repeat(255)).len(), LONGEST);
    }
}
