//! What `search` finds and in which order, in three placements.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    ApiError, Code, IfMatch, placements,
    testing::{Stores, admin, anonymous},
};
use product::{
    Config, Ids, ListProducts, NewCategory, NewProduct, ProductApi, ProductChange, ProductClient, ProductId, ProductTexts,
    Products, SetStock,
};

placements! {
    ProductClient, products: [
        words_are_found_by_their_beginning,
        parts_of_the_name_are_found,
        the_best_comes_first,
        an_explicit_order_overrides_the_ranking,
        other_filters_apply_too,
        the_index_follows_the_products,
        search_text_is_never_syntax,
        totals_agree_with_pages,
        words_of_translations_are_found,
    ]
}

async fn products(stores: Stores) -> (Products, Stores) {
    let config = Config { database_url: stores.database("product").await, ..Config::default() };
    (Products::open_and_migrate(&config).await.unwrap(), stores)
}

async fn add(client: &ProductClient, name: &str, description: &str) -> ProductId {
    let new = NewProduct {
        name: name.into(),
        description: Some(description.into()),
        price: "1".parse().unwrap(),
        currency: None,
        category_id: None,
        stock_quantity: 5,
        ..NewProduct::default()
    };
    client.create(&admin(), new).await.unwrap().id
}

fn searching(text: &str) -> ListProducts {
    ListProducts { search: Some(text.into()), per_page: Some(100), ..ListProducts::default() }
}

/// The names of what is listed; their number must be the total.
async fn names(client: &ProductClient, query: ListProducts) -> Vec<String> {
    let what = query.search.clone();
    let page = client.list(&anonymous(), query).await.unwrap_or_else(|e| panic!("{what:?}: {e}"));
    assert_eq!(page.pagination.total, page.products.len() as u64, "{what:?}");
    page.products.into_iter().map(|product| product.name).collect()
}

async fn found(client: &ProductClient, text: &str) -> Vec<String> {
    names(client, searching(text)).await
}

async fn words_are_found_by_their_beginning(client: ProductClient, _: &Stores) {
    add(&client, "Café pot", "Hand-hammered, 4 cups").await;
    add(&client, "Brass mortar", "For coffee beans\nand spices").await;
    for (text, expected) in [
        ("mortar", &["Brass mortar"][..]),
        ("MORT", &["Brass mortar"]),
        ("bean", &["Brass mortar"]),
        ("spices bra", &["Brass mortar"]),
        ("bra  spi", &["Brass mortar"]),
        ("bra-spi", &["Brass mortar"]),
        ("hammer", &["Café pot"]),
        ("hand hammered", &["Café pot"]),
        ("4", &["Café pot"]),
        ("cafe", &["Café pot"]),
        ("CAFÉ", &["Café pot"]),
        ("pöt", &["Café pot"]),
        // every word, and its beginning
        ("mortar cups", &[]),
        ("eans", &[]),
        ("mortars", &[]),
    ] {
        assert_eq!(found(&client, text).await, expected, "{text}");
    }
}

async fn parts_of_the_name_are_found(client: ProductClient, _: &Stores) {
    add(&client, "Headlamp 100%", "").await;
    add(&client, "ÄRMEL_weiß", "inside").await;
    for (text, expected) in [
        ("lamp", &["Headlamp 100%"][..]),
        ("LAMP 1", &["Headlamp 100%"]),
        ("dl", &["Headlamp 100%"]),
        ("%", &["Headlamp 100%"]),
        ("0%", &["Headlamp 100%"]),
        ("_", &["ÄRMEL_weiß"]),
        ("ärme", &["ÄRMEL_weiß"]),
        ("EL_WEI", &["ÄRMEL_weiß"]),
        ("ß", &["ÄRMEL_weiß"]),
        // of the name only, and as one piece
        ("side", &[]),
        ("lamp 0", &[]),
    ] {
        assert_eq!(found(&client, text).await, expected, "{text}");
    }
}

async fn the_best_comes_first(client: ProductClient, _: &Stores) {
    add(&client, "Wick", "For a lamp; a lamp needs it").await;
    add(&client, "Clamp", "Iron").await;
    add(&client, "Oil lamp", "Clay").await;
    add(&client, "Lamp oil", "Clear").await;
    add(&client, "Lamp", "Brass").await;
    add(&client, "Wick", "For a lamp; a lamp needs it").await;
    let expected = ["Lamp", "Lamp oil", "Oil lamp", "Clamp", "Wick", "Wick"];
    assert_eq!(found(&client, "lamp").await, expected);
    assert_eq!(found(&client, " LAMP ").await, expected);

    let page = client.list(&anonymous(), searching("wick")).await.unwrap();
    assert!(page.products.is_sorted_by_key(|product| product.id), "ties by id");
    assert_eq!(found(&client, "oil lamp").await, ["Oil lamp", "Lamp oil"]);
}

async fn an_explicit_order_overrides_the_ranking(client: ProductClient, _: &Stores) {
    for name in ["Clamp", "Lamp", "Amphora lamp"] {
        add(&client, name, "").await;
    }
    let sort = kernel::serde_json::from_value("name".into()).unwrap();
    let names = names(&client, ListProducts { sort: Some(sort), ..searching("lamp") }).await;
    assert_eq!(names, ["Amphora lamp", "Clamp", "Lamp"]);
}

async fn other_filters_apply_too(client: ProductClient, _: &Stores) {
    let category = NewCategory { name: "Light".into(), ..NewCategory::default() };
    let light = client.create_category(&admin(), category).await.unwrap().id;
    let (lamp, other) = (add(&client, "Lamp", "").await, add(&client, "Lamp of another kind", "").await);
    let change = ProductChange {
        name: "Lamp".into(),
        description: None,
        price: Some("9".parse().unwrap()),
        category_id: Some(light),
        ..ProductChange::default()
    };
    client.change(&admin(), lamp, IfMatch::Absent, change).await.unwrap();

    assert_eq!(names(&client, ListProducts { category_id: Some(light), ..searching("lamp") }).await, ["Lamp"]);
    let dear = Some(kernel::AmountText("5".parse().unwrap()));
    assert_eq!(names(&client, ListProducts { min_price: dear, ..searching("lamp") }).await, ["Lamp"]);
    let ids = Ids::new([other]).ok();
    assert_eq!(names(&client, ListProducts { ids, ..searching("lamp") }).await, ["Lamp of another kind"]);
}

async fn the_index_follows_the_products(client: ProductClient, _: &Stores) {
    let id = add(&client, "Lamp", "Brass").await;
    add(&client, "Rug", "Wool").await;
    client.set_stock(&admin(), id, IfMatch::Any, SetStock { quantity: 3 }).await.unwrap();
    assert_eq!(found(&client, "lamp").await, ["Lamp"]);

    let change = |name: &str, description: &str, price: &str| ProductChange {
        name: name.into(),
        description: Some(description.into()),
        price: Some(price.parse().unwrap()),
        category_id: None,
        ..ProductChange::default()
    };
    client.change(&admin(), id, IfMatch::Absent, change("Lamp", "Brass", "7")).await.unwrap();
    assert_eq!(found(&client, "brass").await, ["Lamp"]);
    client.change(&admin(), id, IfMatch::Absent, change("Lantern", "Copper", "7")).await.unwrap();
    for gone in ["lamp", "amp", "brass"] {
        assert_eq!(found(&client, gone).await, [""; 0], "{gone}");
    }
    for new in ["lantern", "tern", "copper"] {
        assert_eq!(found(&client, new).await, ["Lantern"], "{new}");
    }
    client.delete(&admin(), id, IfMatch::Absent).await.unwrap();
    for gone in ["lantern", "tern", "copper", "n"] {
        assert_eq!(found(&client, gone).await, [""; 0], "{gone}");
    }
    assert_eq!(found(&client, "rug").await, ["Rug"]);
}

/// What a search should find, said the slow way.
fn is_hit(text: &str, name: &str, description: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['é', 'è'], "e").replace('ä', "a");
    let words = |text: &str| -> Vec<String> {
        plain(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(String::from).collect()
    };
    let (wanted, there) = (words(text), [words(name), words(description)].concat());
    let by_words = !wanted.is_empty() && wanted.iter().all(|word| there.iter().any(|other| other.starts_with(word)));
    by_words || name.to_lowercase().contains(text.trim().to_lowercase().as_str())
}

async fn search_text_is_never_syntax(client: ProductClient, _: &Stores) {
    const PRODUCTS: [(&str, &str); 8] = [
        ("Lamp", "a brass lamp, 40 W"),
        ("Clamp (iron)", "NOT a lamp: it's a \"tool\""),
        ("50% off & more", "e-mail: a@b.example/c?d=e, -5, 1e5, v1.2"),
        ("back\\slash_under*star", "{name} : x ^ y + z"),
        ("É tagère 漢字", "ä 漢"),
        ("'quoted' \"twice\"", "or and near(a b, 2)"),
        ("💡 bulb", "!(a|b)&c:*"),
        ("a1 b2", "łódź %_"),
    ];
    const PIECES: [&str; 34] = [
        "a",
        "la",
        "lamp",
        "Pot",
        "e",
        "é",
        "Ä",
        "漢",
        "字",
        "1",
        "1e5",
        "-5",
        "%",
        "_",
        "\\",
        "'",
        "\"",
        "\"\"",
        "*",
        "&",
        "|",
        "!",
        "(",
        ")",
        ":",
        ":*",
        "-",
        "^",
        "{",
        "+",
        "💡",
        " OR ",
        " NOT ",
        "name_lower:",
    ];
    for (name, description) in PRODUCTS {
        add(&client, name, description).await;
    }
    let pairs = PIECES.iter().flat_map(|a| PIECES.iter().map(move |b| format!("{a}{b}")));
    for text in PIECES.iter().map(ToString::to_string).chain(pairs) {
        let mut expected: Vec<_> =
            PRODUCTS.iter().filter(|(name, about)| is_hit(&text, name, about)).map(|(name, _)| *name).collect();
        let mut found = found(&client, &text).await;
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{text:?}");
    }
    for refused in ["a\0b", "", "   ", "\n"] {
        assert_eq!(client.list(&anonymous(), searching(refused)).await.unwrap_err().code(), Code::InvalidArgument, "{refused:?}");
    }
    assert_eq!(found(&client, &"lamp ".repeat(20)).await, ["Lamp", "Clamp (iron)"]);
    assert_eq!(found(&client, &"(".repeat(100)).await, [""; 0]);
}

async fn totals_agree_with_pages(client: ProductClient, _: &Stores) {
    for i in 0..23 {
        add(&client, &format!("Lamp {}", i % 5), &format!("number {i}")).await;
    }
    let mut seen = Vec::new();
    for page in 1..=6 {
        let query = ListProducts { page: Some(page), per_page: Some(4), ..searching("lam") };
        let answer = client.list(&anonymous(), query).await.unwrap();
        assert_eq!((answer.pagination.total, answer.pagination.pages), (23, 6));
        seen.extend(answer.products.into_iter().map(|product| product.id));
    }
    let all = client.list(&anonymous(), searching("lam")).await.unwrap().products;
    assert_eq!(seen, all.iter().map(|product| product.id).collect::<Vec<_>>());
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 23, "each once");
}

async fn words_of_translations_are_found(client: ProductClient, _: &Stores) {
    let pot = add(&client, "Copper pot", "For tea").await;
    let jug = add(&client, "Jug", "Kupfer is German for copper").await;
    let put = async |id, tag: &str, name: &str, description: &str| {
        let texts = ProductTexts { name: Some(name.into()), description: Some(description.into()), ..ProductTexts::default() };
        client.translate_product(&admin(), id, tag.parse().unwrap(), IfMatch::Absent, texts).await.unwrap();
    };
    put(pot, "de", "Kanne aus Kupfer", "Für Tee, gehämmert").await;
    put(pot, "fr", "Théière", "En cuivre").await;
    for (text, expected) in [
        ("kanne", &["Copper pot"][..]),
        ("KUPF kann", &["Copper pot"]),
        ("theiere", &["Copper pot"]),
        ("gehämm", &["Copper pot"]),
        ("tee cuivre", &["Copper pot"]),
        // of the shop's own words and of translated ones, or of some of either
        ("copper", &["Copper pot", "Jug"]),
        ("anne", &[]),
    ] {
        assert_eq!(found(&client, text).await, expected, "{text}");
    }
    let mut both = found(&client, "kupfer").await;
    both.sort_unstable();
    assert_eq!(both, ["Copper pot", "Jug"]);
    let page = client.list(&anonymous(), ListProducts { per_page: Some(1), page: Some(2), ..searching("kupfer") }).await.unwrap();
    assert_eq!((page.products.len(), page.pagination.total), (1, 2));

    put(pot, "de", "Topf", "Aus Messing").await;
    assert_eq!(found(&client, "kanne").await, [""; 0]);
    assert_eq!(found(&client, "messing").await, ["Copper pot"]);
    client.delete_product_translation(&admin(), pot, "de".parse().unwrap(), IfMatch::Absent).await.unwrap();
    assert_eq!(found(&client, "messing").await, [""; 0]);
    assert_eq!(found(&client, "cuivre").await, ["Copper pot"]);
    put(jug, "de", "Krug", "").await;
    client.delete(&admin(), pot, IfMatch::Absent).await.unwrap();
    assert_eq!(found(&client, "cuivre").await, [""; 0]);
    assert_eq!(found(&client, "krug").await, ["Jug"]);
}
