//! The products of the demo shop.

use crate::{CategoryId, NewProduct, OptionOf, SetVariant};
use kernel::{Currency, Money};

/// A product of the demo shop.
pub(crate) struct Demo {
    name: &'static str,
    description: &'static str,
    /// In hundredths of the currency unit.
    price: i64,
    stock: u32,
}

impl Demo {
    pub(crate) fn to_new(&self, category: i64) -> NewProduct {
        NewProduct {
            name: self.name.into(),
            description: Some(self.description.into()),
            price: self.money(Currency::Eur).amount(),
            currency: None,
            category_id: Some(CategoryId(category)),
            stock_quantity: self.stock.into(),
            ..NewProduct::default()
        }
    }

    pub(crate) fn money(&self, currency: Currency) -> Money {
        hundredths(self.price, currency)
    }
}

/// A price in hundredths of the currency unit.
pub(crate) fn hundredths(price: i64, currency: Currency) -> Money {
    let minor = match currency.decimals() {
        0 => price / 100,
        2 => price,
        more => price * 10_i64.pow(more - 2),
    };
    Money { minor, currency }
}

const fn demo(name: &'static str, description: &'static str, price: i64, stock: u32) -> Demo {
    Demo { name, description, price, stock }
}

/// An option: its name and its values.
type Choice = (&'static str, &'static [&'static str]);

/// Products of the demo shop that have options.
const OPTIONS: &[(&str, &[Choice])] = &[
    ("Leather babouches", &[("Size", &["38", "40", "42", "44"])]),
    ("Cotton kaftan", &[("Size", &["S", "M", "L"])]),
    ("Linen shirt", &[("Size", &["S", "M", "L"]), ("Colour", &["White", "Sage"])]),
    ("Wool scarf", &[("Colour", &["Charcoal", "Ochre", "Madder"])]),
];

/// The products of the demo shop that have options, and a variant for each combination: the first one with the stock of the product,
/// the others with ten pieces.
pub(crate) fn variants() -> impl Iterator<Item = (&'static str, Vec<SetVariant>)> {
    OPTIONS.iter().map(|(product, choices)| {
        let combinations = choices.iter().fold(vec![Vec::new()], |all, (name, values)| {
            let with = |one: &Vec<OptionOf>| {
                let one = one.clone();
                values.iter().map(move |value| [&one[..], &[OptionOf { name: (*name).into(), value: (*value).into() }]].concat())
            };
            all.iter().flat_map(with).collect()
        });
        let variant = |options| SetVariant { options, stock_quantity: Some(10), ..SetVariant::default() };
        (*product, combinations.into_iter().map(variant).collect())
    })
}

/// The German names of the categories.
const GERMAN_CATEGORIES: &[(&str, &str)] = &[
    ("Kitchen", "Küche"),
    ("Coffee and tea", "Kaffee und Tee"),
    ("Cookware", "Kochgeschirr"),
    ("Spices", "Gewürze"),
    ("Home", "Wohnen"),
    ("Carpets", "Teppiche"),
    ("Lighting", "Beleuchtung"),
    ("Textiles", "Textilien"),
    ("Wardrobe", "Garderobe"),
    ("Leather", "Leder"),
    ("Clothing", "Kleidung"),
    ("Jewellery", "Schmuck"),
    ("Garden", "Garten"),
    ("Pots", "Töpfe"),
    ("Tools", "Werkzeug"),
    ("Seeds", "Saatgut"),
    ("Pantry", "Vorrat"),
    ("Sweets", "Süßes"),
    ("Oils and olives", "Öl und Oliven"),
];

/// The German name of a category.
pub(crate) fn german_category(name: &str) -> Option<&'static str> {
    GERMAN_CATEGORIES.iter().find(|(english, _)| *english == name).map(|(_, german)| *german)
}

/// The products of a category in German: name, German name, description, and terms.
pub(crate) const GERMAN: &[(&str, &str, &str, &[(&str, &str)])] = &[
    ("Cotton kaftan", "Kaftan aus Baumwolle", "Weiter Kaftan mit besticktem Ausschnitt.", &[("Size", "Größe")]),
    (
        "Linen shirt",
        "Leinenhemd",
        "Mit Stehkragen, weit geschnitten.",
        &[("Size", "Größe"), ("Colour", "Farbe"), ("White", "Weiß"), ("Sage", "Salbei")],
    ),
    (
        "Wool scarf",
        "Wollschal",
        "Im Fischgrätmuster, 30 mal 180 cm.",
        &[("Colour", "Farbe"), ("Charcoal", "Anthrazit"), ("Ochre", "Ocker"), ("Madder", "Krapprot")],
    ),
    ("Straw hat", "Strohhut", "Aus einem Stück Palmstroh geflochten.", &[]),
    ("Silk headscarf", "Kopftuch aus Seide", "Bedruckter Köper, 90 mal 90 cm.", &[]),
];

/// Categories, the categories below them, and their products. The first product has plenty of stock: examples buy it.
pub(crate) const TREE: &[(&str, &[(&str, &[Demo])])] = &[
    (
        "Kitchen",
        &[
            (
                "Coffee and tea",
                &[
                    demo("Copper coffee pot", "Hand-hammered pot for four cups, tinned inside, with a brass handle.", 3490, 250),
                    demo("Brass mortar", "Heavy mortar with pestle for spices and coffee beans.", 2750, 60),
                    demo("Tea glasses, set of six", "Tulip-shaped glasses with saucers; safe in the dishwasher.", 1890, 120),
                    demo("Samovar, 3 litres", "Electric samovar of stainless steel with a teapot on top.", 8990, 18),
                    demo("Hand coffee mill", "Steel burrs, adjustable from espresso to press.", 4250, 45),
                    demo("Mint tea, 100 g", "Dried spearmint leaves from this year's harvest.", 450, 400),
                ],
            ),
            (
                "Cookware",
                &[
                    demo("Clay tagine, 28 cm", "Glazed tagine for four people, for oven and gas flame.", 3990, 35),
                    demo("Carbon steel pan, 26 cm", "Bare steel that becomes non-stick with use.", 3250, 70),
                    demo("Couscous steamer", "Two-part steamer of stainless steel, 6 litres.", 5490, 22),
                    demo("Olive wood spoon set", "Five spoons from one piece of wood each.", 1590, 150),
                    demo("Bread stone", "Cordierite stone for flat bread and pizza, 38 by 30 cm.", 2990, 40),
                ],
            ),
            (
                "Spices",
                &[
                    demo("Saffron, 1 g", "Threads of the first grade in a tin.", 890, 300),
                    demo("Za'atar, 250 g", "Wild thyme, sumac and roasted sesame.", 590, 260),
                    demo("Ras el hanout, 100 g", "Blend of twenty-two spices, ground to order.", 690, 180),
                    demo("Sumac, 200 g", "Coarse and tart, without added salt.", 490, 210),
                    demo("Aleppo pepper, 150 g", "Mild flakes with a fruity heat.", 540, 190),
                ],
            ),
        ],
    ),
    (
        "Home",
        &[
            (
                "Carpets",
                &[
                    demo("Kilim runner, 70 by 200 cm", "Flat-woven wool in indigo and madder.", 14900, 9),
                    demo("Berber rug, 120 by 180 cm", "Undyed wool, knotted by hand.", 32900, 5),
                    demo("Jute mat, round, 90 cm", "Braided mat for hall or terrace.", 3490, 48),
                    demo("Felt slippers rug pad", "Keeps rugs up to 200 by 300 cm in their place.", 1990, 65),
                ],
            ),
            (
                "Lighting",
                &[
                    demo("Mosaic table lamp", "Cut glass on a brass foot, E14 socket.", 5990, 27),
                    demo("Pierced brass lantern", "Throws a pattern of stars; for candles or bulbs.", 4490, 33),
                    demo("Beeswax candles, set of eight", "Each burns for about six hours.", 1290, 140),
                    demo("Hanging glass lamp", "Mouth-blown globe with a chain of 80 cm.", 7490, 14),
                    demo("Oil lamp", "Terracotta lamp after a Roman find.", 990, 80),
                ],
            ),
            (
                "Textiles",
                &[
                    demo("Linen tablecloth, 140 by 240 cm", "Washed linen in natural or sage.", 4990, 38),
                    demo("Turkish towel", "Light cotton towel, 90 by 170 cm.", 1990, 160),
                    demo("Ikat cushion cover", "Hand-dyed silk and cotton, 45 by 45 cm.", 2490, 75),
                    demo("Wool blanket", "Merino throw with fringes, 130 by 180 cm.", 6990, 25),
                    demo("Apron with pockets", "Heavy cotton with leather straps.", 2790, 55),
                ],
            ),
        ],
    ),
    (
        "Wardrobe",
        &[
            (
                "Leather",
                &[
                    demo("Leather babouches", "Soft slippers of goat leather, sizes 36 to 46.", 3490, 90),
                    demo("Saddle bag", "Vegetable-tanned shoulder bag with brass buckle.", 12900, 16),
                    demo("Slim wallet", "Six cards and folded notes.", 3290, 110),
                    demo("Belt, 3.5 cm", "Full-grain belt that can be shortened at home.", 2990, 95),
                    demo("Key fob", "Off-cut leather with a brass ring.", 790, 220),
                ],
            ),
            (
                "Clothing",
                &[
                    demo("Cotton kaftan", "Loose kaftan with an embroidered neck.", 5490, 32),
                    demo("Linen shirt", "Stand-up collar, cut wide.", 4990, 58),
                    demo("Wool scarf", "Herringbone weave, 30 by 180 cm.", 2990, 85),
                    demo("Straw hat", "Woven from one piece of palm straw.", 2490, 44),
                    demo("Silk headscarf", "Printed twill, 90 by 90 cm.", 4490, 36),
                ],
            ),
            (
                "Jewellery",
                &[
                    demo("Filigree earrings", "Sterling silver, 2 cm.", 3990, 40),
                    demo("Turquoise ring", "Silver ring with a natural stone.", 5990, 21),
                    demo("Bead bracelet", "Glass beads in seven colours.", 1290, 130),
                    demo("Silver chain, 45 cm", "Anchor links with a spring ring.", 3490, 52),
                ],
            ),
        ],
    ),
    (
        "Garden",
        &[
            (
                "Pots",
                &[
                    demo("Terracotta pot, 30 cm", "Frost-proof pot with a saucer.", 2290, 66),
                    demo("Glazed planter, 40 cm", "Deep blue glaze, with drain hole.", 5490, 19),
                    demo("Hanging planter", "Rope and clay for one trailing plant.", 1790, 72),
                    demo("Herb trough", "Zinc trough for four pots.", 2690, 43),
                ],
            ),
            (
                "Tools",
                &[
                    demo("Pruning shears", "Forged blades, replaceable spring.", 2990, 68),
                    demo("Copper watering can, 1.5 litres", "Long spout for pots indoors.", 4990, 24),
                    demo("Hand trowel", "Ash handle, stainless blade.", 1490, 105),
                    demo("Garden twine, 100 m", "Natural jute on a wooden spool.", 690, 240),
                ],
            ),
            (
                "Seeds",
                &[
                    demo("Pomegranate seedling", "Two-year-old plant in a 3-litre pot.", 2490, 26),
                    demo("Sweet basil seeds", "About 400 seeds.", 290, 500),
                    demo("Damask rose", "Bare-root plant, flowers in June.", 1890, 30),
                    demo("Mulberry seedling", "Black mulberry, 80 cm.", 2790, 15),
                ],
            ),
        ],
    ),
    (
        "Pantry",
        &[
            (
                "Sweets",
                &[
                    demo("Baklava, 500 g", "Walnut and pistachio, baked on the day of dispatch.", 1490, 85),
                    demo("Rose lokum, 300 g", "Cut by hand, without gelatine.", 890, 140),
                    demo("Halva with pistachio, 400 g", "Sesame halva in a tin.", 790, 155),
                    demo("Date syrup, 350 ml", "Pressed dates and nothing else.", 590, 200),
                ],
            ),
            (
                "Oils and olives",
                &[
                    demo("Olive oil, 1 litre", "Cold-pressed from one grove.", 1690, 175),
                    demo("Green olives, 500 g", "Cracked, with lemon and thyme.", 690, 165),
                    demo("Argan oil, 250 ml", "From roasted kernels, for the kitchen.", 1990, 62),
                    demo("Preserved lemons, 400 g", "In salt, for tagines.", 790, 98),
                ],
            ),
        ],
    ),
];
