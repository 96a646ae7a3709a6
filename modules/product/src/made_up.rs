//! Made-up products for large catalogues: the same number gives the same product.

use crate::{AttributeCode, AttributeKind, Choice, SetAttribute, demo::hundredths};
use kernel::{Currency, Fault};

const MATERIALS: [&str; 10] = ["Copper", "Brass", "Clay", "Wool", "Linen", "Silk", "Cedar", "Glass", "Leather", "Silver"];
const COLOURS: [&str; 6] = ["Red", "Blue", "Ochre", "Sage", "Black", "White"];
const SIZES: [&str; 5] = ["M", "S", "L", "XS", "XL"];

/// Attributes of the made-up products: their codes and what they are.
pub(crate) fn attributes() -> Result<Vec<(AttributeCode, SetAttribute)>, Fault> {
    let code = |text: &str| text.parse::<AttributeCode>().map_err(Fault::internal);
    let choices = |names: &[&str]| {
        let choice = |name: &&str| Ok::<_, Fault>(Choice { code: code(&name.to_lowercase())?, name: (*name).into() });
        names.iter().map(choice).collect::<Result<Vec<_>, _>>()
    };
    let attribute = |of: &str, name: &str, kind, choices, unit: Option<&str>| {
        let unit = unit.map(Into::into);
        Ok::<_, Fault>((code(of)?, SetAttribute { name: name.into(), kind, unit, choices, translations: Vec::new() }))
    };
    Ok(vec![
        attribute("material", "Material", AttributeKind::Choice, choices(&MATERIALS)?, None)?,
        attribute("colour", "Colour", AttributeKind::Choice, choices(&COLOURS)?, None)?,
        attribute("width_cm", "Width", AttributeKind::Number, Vec::new(), Some("cm"))?,
        attribute("washable", "Washable", AttributeKind::Boolean, Vec::new(), None)?,
    ])
}

/// The columns of [`generate`].
pub(crate) const COLUMNS: [&str; 15] = [
    "slug",
    "name",
    "description",
    "category",
    "brand",
    "attribute:material",
    "attribute:colour",
    "attribute:width_cm",
    "attribute:washable",
    "sku",
    "price",
    "stock_quantity",
    "weight_grams",
    "option1_name",
    "option1_value",
];

/// Product number `i` of a large catalogue with this many variants, as the rows of a file; the same `i` gives the same product.
/// `categories` are slugs.
pub(crate) fn generate(i: usize, variants: usize, categories: &[String], currency: Currency) -> Vec<[String; COLUMNS.len()]> {
    const THINGS: [&str; 12] = ["pot", "lamp", "bowl", "rug", "bag", "scarf", "box", "tray", "jug", "mirror", "chest", "cup"];
    // a linear congruential step scatters prices and stock without a random generator
    let scattered = i.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3_037_000_493);
    let (number, material) = (i + 1, MATERIALS[i % MATERIALS.len()]);
    let price = |variant: usize| hundredths(100 + ((scattered + variant * 500) % 49_900) as i64, currency).amount().to_string();
    let row = |variant: usize| {
        let (size, length) = (SIZES[variant % SIZES.len()], variant / SIZES.len());
        // more than there are sizes
        let size = if length == 0 { size.into() } else { format!("{size} {length}") };
        let option = if variants == 1 { [String::new(), String::new()] } else { ["Size".into(), size] };
        let of_product = |value: String| if variant == 0 { value } else { String::new() };
        let [option, value] = option;
        [
            format!("made-up-{number}"),
            of_product(format!("{material} {} no. {number}", THINGS[(i / MATERIALS.len()) % THINGS.len()])),
            of_product(format!("Piece {number} of the large catalogue.")),
            of_product(categories.get(scattered % categories.len().max(1)).cloned().unwrap_or_default()),
            of_product(format!("Workshop {}", scattered / 19 % 50 + 1)),
            of_product(material.to_lowercase()),
            of_product(COLOURS[scattered / 11 % COLOURS.len()].to_lowercase()),
            of_product((scattered / 13 % 200 + 1).to_string()),
            of_product((scattered / 17).is_multiple_of(2).to_string()),
            format!("MADE-UP-{number}-{}", variant + 1),
            price(variant),
            (scattered / (7 + variant) % 500).to_string(),
            (100 + scattered / 23 % 900).to_string(),
            option,
            value,
        ]
    };
    (0..variants).map(row).collect()
}
