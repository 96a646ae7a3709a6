//! Rules of the catalogue. Pure functions.

use crate::{
    CategoryId, HoldLine, MAX_PRICE_MINOR, OptionOf, ProductError, ProductId, ProductOption, SetVariant, SetVariants, Slug, Tag,
    VariantId,
    entity::{product, variant},
};
use kernel::{
    Amount, Currency, Fault, Money,
    chrono::{DateTime, Utc},
    serde_json,
};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::{HashMap, HashSet};

/// Validates the price of a product: the shop's currency, and 0 to the highest price.
pub(crate) fn price(price: Amount, given: Option<Currency>, shop: Currency) -> Result<Money, Fault> {
    price_at("/price", price, given, shop)
}

fn price_at(pointer: &str, price: Amount, given: Option<Currency>, shop: Currency) -> Result<Money, Fault> {
    if given.is_some_and(|given| given != shop) {
        return Err(Fault::invalid("/currency", format!("must be {shop}, the currency of this shop")));
    }
    let price = money(pointer, price, shop)?;
    let most = Money { minor: MAX_PRICE_MINOR, currency: shop };
    if (0..=most.minor).contains(&price.minor) { Ok(price) } else { Err(Fault::invalid(pointer, format!("must be 0 to {most}"))) }
}

/// The amount of the member `pointer` in minor units of the shop's currency.
pub(crate) fn money(pointer: &str, amount: Amount, shop: Currency) -> Result<Money, Fault> {
    let detail = || match shop.decimals() {
        0 => format!("must have no decimals, as {shop} has none"),
        decimals => format!("must have at most {decimals} decimals, as {shop} has"),
    };
    amount.in_currency(shop).ok_or_else(|| Fault::invalid(pointer, detail()))
}

/// Validates the times of publication.
pub(crate) fn publication(from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> Result<(), Fault> {
    match (from, until) {
        (Some(from), Some(until)) if until <= from => Err(Fault::invalid("/published_until", "must be after published_from")),
        _ => Ok(()),
    }
}

/// Validates the times of a span.
pub(crate) fn span(from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> Result<(), Fault> {
    match (from, until) {
        (Some(from), Some(until)) if until <= from => Err(Fault::invalid("/until", "must be after from")),
        _ => Ok(()),
    }
}

/// Validates tags: none is there twice, whatever the case.
pub(crate) fn tags(tags: &[Tag]) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    match tags.iter().position(|tag| !seen.insert(tag.to_lowercase())) {
        None => Ok(()),
        Some(i) => Err(Fault::invalid("/tags", format!("has {} twice", tags[i]))),
    }
}

/// How many slugs are tried for one name.
pub(crate) const SLUG_ROUNDS: u32 = 20;

/// The slug of a name, in letters `a` to `z`, or else `nameless`: short enough for a number and an id behind it.
pub(crate) fn slug_base(name: &str, nameless: &str) -> String {
    /// Leaves room for `-`, an id, `-` and two digits.
    const MOST: usize = Slug::MAX - 1 - 19 - 3;
    let mut slug = String::new();
    // an apostrophe separates no words
    for c in name.chars().filter(|c| !matches!(c, '\'' | '’')) {
        for c in deunicode::deunicode_char(c).unwrap_or_default().chars() {
            if c.is_ascii_alphanumeric() {
                slug.push(c.to_ascii_lowercase());
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
    }
    slug.truncate(MOST);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { nameless.into() } else { slug.into() }
}

/// The slug to try in a round: as it is, then with numbers from 2, then with the id, which no other has.
pub(crate) fn numbered_slug(base: &str, id: i64, round: u32) -> String {
    match round {
        0 => base.into(),
        1..=9 => format!("{base}-{}", round + 1),
        10 => format!("{base}-{id}"),
        _ => format!("{base}-{id}-{}", round - 9),
    }
}

/// The lines of a hold, sorted by product and variant, because every transaction locks products in the same order.
pub(crate) fn lines(mut lines: Vec<HoldLine>) -> Result<Vec<HoldLine>, ProductError> {
    lines.sort_unstable_by_key(|line| (line.product_id, line.variant()));
    let mut seen = HashSet::new();
    match lines.iter().find(|line| !seen.insert(line.variant())) {
        None => Ok(lines),
        Some(line) => Err(Fault::invalid("/lines", format!("has variant {} twice", line.variant())).into()),
    }
}

/// A variant that was validated.
pub(crate) struct Wanted {
    pub(crate) spec: SetVariant,
    /// Names and values of the options, as they are stored.
    pub(crate) options: String,
    /// The price, if one was given.
    pub(crate) price_minor: Option<i64>,
}

/// Validates the variants of a product: the same options, other values, no id and no SKU twice.
pub(crate) fn variants(request: SetVariants, shop: Currency) -> Result<Vec<Wanted>, Fault> {
    each_variant(request.variants, shop).into_iter().collect()
}

/// As [`variants`], with what is wrong of each.
pub(crate) fn each_variant(variants: Vec<SetVariant>, shop: Currency) -> Vec<Result<Wanted, Fault>> {
    let names: Vec<_> =
        variants.first().map(|one| one.options.iter().map(|option| option.name.clone()).collect()).unwrap_or_default();
    let (mut ids, mut values, mut skus) = (HashSet::new(), HashSet::new(), HashSet::new());
    let is_alone = variants.len() == 1;
    let wanted = (0..).zip(variants).map(|(i, spec): (usize, SetVariant)| {
        let wrong = |member: &str, detail: String| Err(Fault::invalid(format!("/variants/{i}/{member}"), detail));
        let mut distinct = HashSet::new();
        if let Some(twice) = spec.options.iter().find(|option| !distinct.insert(option.name.to_lowercase())) {
            return wrong("options", format!("has {} twice", twice.name));
        }
        if !spec.options.iter().map(|option| &option.name).eq(&names) {
            return wrong("options", "must have the same names in the same order as the other variants".into());
        }
        if names.is_empty() && !is_alone {
            return wrong("options", "must tell the variants apart".into());
        }
        let options = to_stored(&spec.options)?;
        if !values.insert(options.to_lowercase()) {
            return wrong("options", "has the values of another variant".into());
        }
        if spec.id.is_some_and(|id| !ids.insert(id)) {
            return wrong("id", "is there twice".into());
        }
        if spec.sku.as_ref().is_some_and(|sku| !skus.insert(sku.to_lowercase())) {
            return wrong("sku", "is there twice".into());
        }
        let price = spec.price.map(|price| price_at(&format!("/variants/{i}/price"), price, None, shop)).transpose()?;
        Ok(Wanted { spec, options, price_minor: price.map(|price| price.minor) })
    });
    wanted.collect()
}

/// Finds out which variants of a product are meant: those with their ids, or else those with their values. `all` are the variants that
/// it has, also those that were removed: these come back if they are meant.
pub(crate) fn identify(wanted: &mut [Wanted], product: ProductId, all: &[variant::Model]) -> Result<(), Fault> {
    let first = product.first_variant();
    if let [only] = wanted
        && only.options.is_empty()
    {
        if only.spec.id.is_some_and(|id| id != first) {
            let rule = format!("must be {first}: the variant of a product without options has the id of the product");
            return Err(Fault::invalid("/variants/0/id", rule));
        }
        only.spec.id = Some(first);
    }
    if let Some(i) = wanted.iter().position(|one| one.spec.id.is_some_and(|id| all.iter().all(|known| known.id != id.0))) {
        return Err(Fault::invalid(format!("/variants/{i}/id"), "must be a variant of this product"));
    }
    let named: HashSet<i64> = wanted.iter().filter_map(|one| one.spec.id).map(|id| id.0).collect();
    let mut left: HashMap<String, i64> = all
        .iter()
        .filter(|variant| variant.deleted_at.is_none() && !named.contains(&variant.id))
        .map(|variant| (variant.options.to_lowercase(), variant.id))
        .collect();
    for one in wanted.iter_mut().filter(|one| one.spec.id.is_none()) {
        one.spec.id = left.remove(&one.options.to_lowercase()).map(VariantId);
    }
    // what was sold without options becomes the first of the list, with its stock
    if let (Some(plain), Some(one)) = (left.remove(""), wanted.first_mut().filter(|one| one.spec.id.is_none())) {
        one.spec.id = Some(VariantId(plain));
    }
    Ok(())
}

impl Wanted {
    /// The variant as it shall be, at its new position; `None` if it is so already.
    pub(crate) fn change(self, before: &variant::Model, position: i32, now: DateTime<Utc>) -> Option<variant::Model> {
        let after = self.applied(before.clone(), position);
        (after != *before).then_some(variant::Model { updated_at: now, version: before.version + 1, ..after })
    }

    /// A new variant of a product. The store gives it an id.
    pub(crate) fn add(self, product: &product::Model, position: i32, now: DateTime<Utc>) -> variant::Model {
        let empty = variant::Model {
            id: 0,
            product_id: product.id,
            position,
            options: String::new(),
            sku: None,
            sku_key: None,
            gtin: None,
            price_minor: product.price_minor,
            weight_grams: None,
            length_mm: None,
            width_mm: None,
            height_mm: None,
            version: 1,
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        self.applied(empty, position)
    }

    fn applied(self, before: variant::Model, position: i32) -> variant::Model {
        let Self { spec, options, price_minor } = self;
        variant::Model {
            position,
            options,
            sku_key: spec.sku.as_ref().map(|sku| sku.to_lowercase()),
            sku: spec.sku.map(String::from),
            gtin: spec.gtin,
            price_minor: price_minor.unwrap_or(before.price_minor),
            weight_grams: spec.weight_grams,
            length_mm: spec.length_mm,
            width_mm: spec.width_mm,
            height_mm: spec.height_mm,
            deleted_at: None,
            ..before
        }
    }
}

/// A list or map as the store keeps it: JSON, or an empty text if it is empty.
pub(crate) fn to_stored<'a, T>(all: &'a T) -> Result<String, Fault>
where
    T: Serialize,
    &'a T: IntoIterator,
{
    if all.into_iter().next().is_none() { Ok(String::new()) } else { serde_json::to_string(all).map_err(Fault::internal) }
}

/// What [`to_stored`] made a text of.
pub(crate) fn stored<T: DeserializeOwned + Default>(text: &str) -> Result<T, Fault> {
    if text.is_empty() { Ok(T::default()) } else { serde_json::from_str(text).map_err(Fault::internal) }
}

/// The options of a product: those of its variants, and their values in the order of the variants.
pub(crate) fn options_of<'a>(variants: impl IntoIterator<Item = &'a [OptionOf]>) -> Vec<ProductOption> {
    let mut all: Vec<ProductOption> = Vec::new();
    for option in variants.into_iter().flatten() {
        let at = all.iter().position(|known| known.name == *option.name).unwrap_or_else(|| {
            all.push(ProductOption { name: option.name.to_string(), values: Vec::new() });
            all.len() - 1
        });
        if all[at].values.iter().all(|value| *value != *option.value) {
            all[at].values.push(option.value.to_string());
        }
    }
    all
}

/// The name of a variant: that of its product with the values of the options, at most 255 characters.
pub(crate) fn name_of(product: &str, options: &[OptionOf]) -> String {
    /// As many as a column of names has.
    const MOST: usize = 255;
    if options.is_empty() {
        return product.into();
    }
    let values: Vec<&str> = options.iter().map(|option| &*option.value).collect();
    let values = format!(" ({})", values.join(", "));
    // three values of 60 characters leave room for some of the name
    let room = MOST - values.chars().count();
    if product.chars().count() <= room {
        format!("{product}{values}")
    } else {
        product.chars().take(room - 1).chain(['…']).chain(values.chars()).collect()
    }
}

/// `root` and every category below it.
pub(crate) fn below(root: CategoryId, parents: &[(i64, Option<i64>)]) -> HashSet<i64> {
    let mut children: HashMap<i64, Vec<i64>> = HashMap::new();
    for &(id, parent) in parents {
        children.entry(parent.unwrap_or_default()).or_default().push(id);
    }
    let (mut found, mut next) = (HashSet::from([root.0]), vec![root.0]);
    while let Some(id) = next.pop() {
        next.extend(children.get(&id).into_iter().flatten().filter(|child| found.insert(**child)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_price_depends_on_the_currency() {
        let validate = |text: &str, shop| {
            let price = price(text.parse().expect(text), None, shop);
            price.map_or_else(|e| e.to_string(), |price| price.to_string())
        };
        for (given, shop, answer) in [
            ("99999999.99", Currency::Eur, "99999999.99 EUR"),
            ("100000000", Currency::Eur, "price must be 0 to 99999999.99 EUR"),
            ("29.999", Currency::Eur, "price must have at most 2 decimals, as EUR has"),
            ("165000000", Currency::Vnd, "165000000 VND"),
            ("9999999999", Currency::Vnd, "9999999999 VND"),
            ("10000000000", Currency::Vnd, "price must be 0 to 9999999999 VND"),
            ("0.5", Currency::Vnd, "price must have no decimals, as VND has none"),
            ("9999999.999", Currency::Kwd, "9999999.999 KWD"),
            ("10000000", Currency::Kwd, "price must be 0 to 9999999.999 KWD"),
            ("-1", Currency::Kwd, "price must be 0 to 9999999.999 KWD"),
        ] {
            assert_eq!(validate(given, shop), answer);
        }
    }

    #[test]
    fn a_subtree_has_all_descendants_and_ends_at_a_cycle() {
        let tree = [(1, None), (2, Some(1)), (3, Some(2)), (4, None), (5, Some(6)), (6, Some(5))];
        assert_eq!(below(CategoryId(1), &tree), HashSet::from([1, 2, 3]));
        assert_eq!(below(CategoryId(4), &tree), HashSet::from([4]));
        assert_eq!(below(CategoryId(5), &tree), HashSet::from([5, 6]));
    }

    #[test]
    fn slugs_are_made_of_names() {
        for (name, slug) in [
            ("Copper coffee pot", "copper-coffee-pot"),
            ("Müller's Äpfel & Öl, 1 l", "mullers-apfel-ol-1-l"),
            ("Samovar, 3 litres!", "samovar-3-litres"),
            ("  --Straße-- ", "strasse"),
            ("Ελλάδα", "ellada"),
            ("Чай", "chai"),
            ("林檎", "lin-qin"),
            ("?!", "product"),
            ("\u{301}", "product"),
            (&"é".repeat(255), &"e".repeat(77)),
        ] {
            assert_eq!(slug_base(name, "product"), slug);
            for round in 0..SLUG_ROUNDS {
                let slug = numbered_slug(&slug_base(name, "product"), i64::MAX, round);
                assert!(slug.parse::<Slug>().is_ok(), "{slug}");
            }
        }
        // whatever the name
        for c in ('\0'..='\u{3ffff}').step_by(7) {
            let slug = slug_base(&format!("a{c}b"), "product");
            assert!(slug.parse::<Slug>().is_ok(), "{slug}");
        }
    }

    #[test]
    fn lines_are_sorted_and_distinct() {
        let line = |id, quantity| HoldLine { product_id: ProductId(id), variant_id: None, quantity };
        assert_eq!(lines(vec![line(2, 1), line(1, 3)]), Ok(vec![line(1, 3), line(2, 1)]));
        assert!(lines(vec![line(1, 1), line(2, 1), line(1, 3)]).is_err());
    }
}
