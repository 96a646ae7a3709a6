//! Texts in other languages, and what categories show, in three placements.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    ApiError, Code, Ctx, IfMatch, Language, Languages, OrderId, Tagged,
    chrono::TimeDelta,
    now, placements,
    testing::{Stores, admin, anonymous, start},
};
use product::{
    CategoryPatch, CategoryTexts, Config, FindVariants, HoldLine, HoldRequest, Ids, ListProducts, MAX_TERMS, MAX_TRANSLATIONS,
    NewCategory, NewProduct, OptionOf, Product, ProductApi, ProductClient, ProductError, ProductId, ProductTexts, Products,
    SetStock, SetVariant, SetVariants, Slug,
};
use std::collections::BTreeMap;

placements! {
    ProductClient, products: [
        texts_are_in_the_language_that_is_wanted,
        each_text_falls_back_for_itself,
        variants_have_translated_names_and_options,
        categories_are_translated,
        a_translation_is_a_change_of_its_product,
        translations_that_cannot_be_are_refused,
        a_tag_is_accepted_in_whatever_language_it_was_read,
        admins_read_what_they_change,
        orders_hold_the_texts_of_the_shop,
        a_cursor_leads_on_in_another_language,
        categories_have_slugs_and_keep_those_of_before,
        categories_are_sorted_by_position,
        what_is_not_sent_of_a_category_stays,
    ]
}

async fn products(stores: Stores) -> (Products, Stores) {
    let config = Config { database_url: stores.database("product").await, ..Config::default() };
    (start::<Products>(&config, ()).await.service, stores)
}

/// Someone who sends this `Accept-Language`.
fn reader(wanted: &str) -> Ctx {
    anonymous().with_languages(Languages::accepted(wanted))
}

fn language(tag: &str) -> Language {
    tag.parse().unwrap()
}

async fn shirt(client: &ProductClient) -> Product {
    let new = NewProduct {
        name: "Linen shirt".into(),
        description: Some("Cut wide".into()),
        price: "49.90".parse().unwrap(),
        stock_quantity: 5,
        tags: vec!["summer".into(), "gift".into()],
        seo_title: Some("A shirt of linen".into()),
        ..NewProduct::default()
    };
    client.create(&admin(), new).await.unwrap()
}

fn terms<const N: usize>(terms: [(&str, &str); N]) -> BTreeMap<product::Term, product::Term> {
    terms.into_iter().map(|(term, translation)| (term.into(), translation.into())).collect()
}

fn named(name: &str) -> ProductTexts {
    ProductTexts { name: Some(name.into()), ..ProductTexts::default() }
}

async fn translate(client: &ProductClient, id: ProductId, tag: &str, texts: ProductTexts) {
    client.translate_product(&admin(), id, language(tag), IfMatch::Absent, texts).await.unwrap();
}

fn code(error: &ProductError) -> Code {
    error.code()
}

async fn texts_are_in_the_language_that_is_wanted(client: ProductClient, _: &Stores) {
    let shirt = shirt(&client).await;
    assert_eq!(shirt.language, "en");
    let texts = ProductTexts {
        name: Some("Leinenhemd".into()),
        description: Some("Weit geschnitten".into()),
        seo_title: Some("Ein Hemd aus Leinen".into()),
        seo_description: Some("Hemd".into()),
        terms: terms([("summer", "Sommer")]),
    };
    translate(&client, shirt.id, "de", texts).await;
    translate(&client, shirt.id, "pt-BR", named("Camisa de linho")).await;

    for (wanted, tag, name) in [
        ("de", "de", "Leinenhemd"),
        ("de-AT, en;q=0.9", "de", "Leinenhemd"),
        ("fr, de;q=0.5", "de", "Leinenhemd"),
        ("pt-br", "pt-BR", "Camisa de linho"),
        ("pt-BR;q=0.5, de;q=0.4", "pt-BR", "Camisa de linho"),
        ("pt", "en", "Linen shirt"),
        ("en, de", "en", "Linen shirt"),
        ("en-GB, de", "en", "Linen shirt"),
        ("*/*;;q=x", "en", "Linen shirt"),
        ("", "en", "Linen shirt"),
    ] {
        let seen = client.get(&reader(wanted), shirt.id).await.unwrap();
        assert_eq!((seen.language.as_str(), seen.name.as_str()), (tag, name), "{wanted}");
        assert_eq!(seen.variants.unwrap()[0].name, name, "{wanted}");
    }

    let german = client.get(&reader("de"), shirt.id).await.unwrap();
    assert_eq!(german.description, "Weit geschnitten");
    assert_eq!((german.seo_title.as_deref(), german.seo_description.as_deref()), (Some("Ein Hemd aus Leinen"), Some("Hemd")));
    assert_eq!(german.tags, ["Sommer", "gift"]);
    assert_ne!(german.etag(), client.get(&anonymous(), shirt.id).await.unwrap().etag());
    let slug: Slug = shirt.slug.unwrap().parse().unwrap();
    assert_eq!(client.by_slug(&reader("de"), slug).await.unwrap(), german);
    let listed = client.list(&reader("de"), ListProducts { variants: Some(true), ..ListProducts::default() }).await.unwrap();
    assert_eq!(listed.products, [german]);
}

async fn each_text_falls_back_for_itself(client: ProductClient, _: &Stores) {
    let shirt = shirt(&client).await;
    let austrian =
        ProductTexts { name: Some("Leinenhemd aus Wien".into()), terms: terms([("gift", "Mitbringsel")]), ..named("") };
    translate(&client, shirt.id, "de-AT", austrian).await;
    let german = ProductTexts {
        description: Some("Weit geschnitten".into()),
        terms: terms([("gift", "Geschenk"), ("summer", "Sommer")]),
        ..named("Leinenhemd")
    };
    translate(&client, shirt.id, "de", german).await;
    translate(&client, shirt.id, "fr", ProductTexts { seo_title: Some("Une chemise".into()), ..ProductTexts::default() }).await;

    let seen = client.get(&reader("de-AT, fr"), shirt.id).await.unwrap();
    assert_eq!((seen.language.as_str(), seen.name.as_str()), ("de-AT", "Leinenhemd aus Wien"));
    assert_eq!((seen.description.as_str(), seen.seo_title.as_deref()), ("Weit geschnitten", Some("Une chemise")));
    assert_eq!(seen.tags, ["Sommer", "Mitbringsel"]);
    assert_eq!(seen.seo_description, None);
    // the name is nowhere but in the shop's own language
    let seen = client.get(&reader("fr"), shirt.id).await.unwrap();
    assert_eq!(
        (seen.language.as_str(), seen.name.as_str(), seen.seo_title.as_deref()),
        ("en", "Linen shirt", Some("Une chemise"))
    );
}

async fn variants_have_translated_names_and_options(client: ProductClient, _: &Stores) {
    let shirt = shirt(&client).await;
    let option = |value: &str| SetVariant {
        options: vec![
            OptionOf { name: "Colour".into(), value: value.into() },
            OptionOf { name: "Size".into(), value: "M".into() },
        ],
        sku: Some(value.into()),
        ..SetVariant::default()
    };
    let variants = SetVariants { variants: vec![option("White"), option("Sage")] };
    let shirt = client.set_variants(&admin(), shirt.id, IfMatch::Absent, variants).await.unwrap();
    let german = ProductTexts { terms: terms([("Colour", "Farbe"), ("White", "Weiß")]), ..named("Leinenhemd") };
    translate(&client, shirt.id, "de", german).await;

    let seen = client.get(&reader("de"), shirt.id).await.unwrap();
    let names = |product: &Product| product.variants.iter().flatten().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&seen), ["Leinenhemd (Weiß, M)", "Leinenhemd (Sage, M)"]);
    assert_eq!((seen.options[0].name.as_str(), &seen.options[0].values[..]), ("Farbe", &["Weiß".to_owned(), "Sage".into()][..]));
    assert_eq!((seen.options[1].name.as_str(), &seen.options[1].values[..]), ("Size", &["M".to_owned()][..]));

    let all = seen.variants.unwrap();
    assert_eq!(client.variant(&reader("de"), all[1].id).await.unwrap(), all[1]);
    let ids = Ids::new(all.iter().map(|one| one.id)).ok();
    assert_eq!(client.variants(&reader("de"), FindVariants { ids, sku: None }).await.unwrap().variants, all);
    let white = FindVariants { ids: None, sku: Some("white".into()) };
    assert_eq!(client.variants(&reader("de"), white).await.unwrap().variants, all[..1]);
    // what writes show is what was written
    assert_eq!(names(&shirt), ["Linen shirt (White, M)", "Linen shirt (Sage, M)"]);
    assert_eq!(client.variant(&anonymous(), all[0].id).await.unwrap().name, "Linen shirt (White, M)");
}

async fn categories_are_translated(client: ProductClient, _: &Stores) {
    let kitchen = NewCategory { name: "Kitchen".into(), description: Some(Some("Pots".into())), ..NewCategory::default() };
    let kitchen = client.create_category(&admin(), kitchen).await.unwrap();
    client.create_category(&admin(), NewCategory { name: "Garden".into(), ..NewCategory::default() }).await.unwrap();
    let texts = CategoryTexts { name: Some("Küche".into()), description: None };
    let written = client.translate_category(&admin(), kitchen.id, language("de"), IfMatch::seen(&kitchen), texts.clone()).await;
    let written = written.unwrap();
    assert_eq!((written.version, &written.translations[0].texts), (2, &texts));
    assert_eq!(client.category_translations(&admin(), kitchen.id).await.unwrap(), written);

    let seen = client.category(&reader("de-CH"), kitchen.id).await.unwrap();
    assert_eq!((seen.language.as_str(), seen.name.as_str(), seen.description.as_str()), ("de", "Küche", "Pots"));
    let all = client.categories(&reader("de")).await.unwrap();
    let all: Vec<_> = all.iter().map(|one| (one.language.as_str(), one.name.as_str())).collect();
    assert_eq!(all, [("de", "Küche"), ("en", "Garden")]);
    assert_eq!(client.category_by_slug(&reader("de"), "kitchen".parse().unwrap()).await.unwrap(), seen);

    let stale = client.delete_category_translation(&admin(), kitchen.id, language("de"), IfMatch::seen(&kitchen)).await;
    assert_eq!(code(&stale.unwrap_err()), Code::PreconditionFailed);
    client.delete_category_translation(&admin(), kitchen.id, language("de"), IfMatch::seen(&seen)).await.unwrap();
    assert_eq!(client.category(&reader("de"), kitchen.id).await.unwrap().name, "Kitchen");
    // translations go with their category
    client.translate_category(&admin(), kitchen.id, language("de"), IfMatch::Absent, texts).await.unwrap();
    client.delete_category(&admin(), kitchen.id, IfMatch::Absent).await.unwrap();
    assert_eq!(client.category_translations(&admin(), kitchen.id).await, Err(ProductError::CategoryNotFound));
}

async fn a_translation_is_a_change_of_its_product(client: ProductClient, _: &Stores) {
    let shirt = shirt(&client).await;
    let put =
        async |if_match, name: &str| client.translate_product(&admin(), shirt.id, language("de"), if_match, named(name)).await;
    let written = put(IfMatch::seen(&shirt), "Hemd").await.unwrap();
    let now = client.get(&anonymous(), shirt.id).await.unwrap();
    assert_eq!((written.version, now.version), (2, 2));
    assert!(now.updated_at >= shirt.updated_at && now.etag() != shirt.etag());
    assert_eq!(put(IfMatch::Absent, "Hemd").await.unwrap(), written, "the same again is no change");
    assert_eq!(code(&put(IfMatch::seen(&shirt), "Leinenhemd").await.unwrap_err()), Code::PreconditionFailed);
    assert_eq!(put(IfMatch::seen(&written), "Leinenhemd").await.unwrap().version, 3);

    translate(&client, shirt.id, "ar", named("قميص")).await;
    let all = client.product_translations(&admin(), shirt.id).await.unwrap();
    let languages: Vec<_> = all.translations.iter().map(|one| one.language.as_str()).collect();
    assert_eq!((&languages[..], all.version), (&["ar", "de"][..], 4));

    let delete = async |tag| client.delete_product_translation(&admin(), shirt.id, language(tag), IfMatch::Absent).await;
    delete("ar").await.unwrap();
    assert_eq!(delete("ar").await, Err(ProductError::TranslationNotFound));
    assert_eq!(client.get(&reader("ar"), shirt.id).await.unwrap().name, "Linen shirt");
    assert_eq!(client.get(&reader("de"), shirt.id).await.unwrap().version, 5);
}

async fn translations_that_cannot_be_are_refused(client: ProductClient, _: &Stores) {
    let shirt = shirt(&client).await;
    let put = async |tag: &str, texts| client.translate_product(&admin(), shirt.id, language(tag), IfMatch::Absent, texts).await;
    let pointer = |error: ProductError| match error {
        ProductError::Fault(fault) => fault.errors()[0].pointer.clone(),
        other => panic!("{other}"),
    };
    assert_eq!(pointer(put("en", named("Shirt")).await.unwrap_err()), "/language");
    assert_eq!(pointer(put("de", named(&"x".repeat(256))).await.unwrap_err()), "/name");
    for bad in [("", "x"), ("x", ""), ("x", &"y".repeat(61)), (&"x".repeat(61), "y"), ("x", "a\u{200b}b")] {
        let texts = ProductTexts { terms: terms([bad]), ..ProductTexts::default() };
        assert_eq!(pointer(put("de", texts).await.unwrap_err()), "/terms", "{bad:?}");
    }
    let many = |count| (0..count).map(|i| (format!("t{i}").into(), "x".into())).collect();
    let texts = ProductTexts { terms: many(MAX_TERMS + 1), ..ProductTexts::default() };
    assert_eq!(pointer(put("de", texts).await.unwrap_err()), "/terms");
    let texts = ProductTexts { terms: many(MAX_TERMS), ..ProductTexts::default() };
    put("de", texts).await.unwrap();

    let tags = (b'a'..=b'z').flat_map(|a| ["b", "c"].map(|b| format!("x{}{b}", char::from(a))));
    for tag in tags.take(MAX_TRANSLATIONS - 1) {
        put(&tag, named("x")).await.unwrap();
    }
    assert_eq!(put("fr", named("Chemise")).await, Err(ProductError::TooManyTranslations));
    // one of them may be replaced
    put("de", named("Hemd")).await.unwrap();

    let nowhere = client.translate_product(&admin(), ProductId(99), language("de"), IfMatch::Absent, named("x")).await;
    assert_eq!(nowhere, Err(ProductError::NotFound));
    assert_eq!(client.product_translations(&admin(), ProductId(99)).await, Err(ProductError::NotFound));
    let stranger = client.translate_product(&anonymous(), shirt.id, language("de"), IfMatch::Absent, named("x")).await;
    assert_eq!(code(&stranger.unwrap_err()), Code::Unauthenticated);
}

async fn a_tag_is_accepted_in_whatever_language_it_was_read(client: ProductClient, _: &Stores) {
    let shirt = shirt(&client).await;
    translate(&client, shirt.id, "de", named("Leinenhemd")).await;
    let german = client.get(&reader("de"), shirt.id).await.unwrap();
    let patch = product::ProductPatch { brand: Some(Some("Atlas".into())), ..product::ProductPatch::default() };
    client.patch(&admin(), shirt.id, IfMatch::seen(&german), patch).await.unwrap();
}

async fn admins_read_what_they_change(client: ProductClient, _: &Stores) {
    let shirt = shirt(&client).await;
    translate(&client, shirt.id, "de", named("Leinenhemd")).await;
    // as a browser sends it
    let clerk = admin().with_languages(Languages::accepted("de"));
    let seen = client.get(&clerk, shirt.id).await.unwrap();
    assert_eq!((seen.name.as_str(), seen.language.as_str()), ("Linen shirt", "en"));
    assert_eq!(client.list(&clerk, ListProducts::default()).await.unwrap().products[0].name, "Linen shirt");
    let set = client.set_stock(&clerk, shirt.id, IfMatch::seen(&seen), SetStock { quantity: 7 }).await.unwrap();
    assert_eq!((set.name.as_str(), set.stock_quantity), ("Linen shirt", 7));
}

async fn orders_hold_the_texts_of_the_shop(client: ProductClient, _: &Stores) {
    let shirt = shirt(&client).await;
    translate(&client, shirt.id, "de", named("Leinenhemd")).await;
    let lines = vec![HoldLine { product_id: shirt.id, variant_id: None, quantity: 1 }];
    let request = HoldRequest { lines, expires_at: now() + TimeDelta::minutes(5) };
    let held = client.called_by("order").hold(&reader("de"), OrderId(1), request).await.unwrap();
    assert_eq!(held.lines[0].name, "Linen shirt");
}

async fn a_cursor_leads_on_in_another_language(client: ProductClient, _: &Stores) {
    for name in ["Lamp", "Rug", "Bowl"] {
        let new = NewProduct { name: name.into(), price: "1".parse().unwrap(), ..NewProduct::default() };
        let id = client.create(&admin(), new).await.unwrap().id;
        // in the opposite order
        translate(&client, id, "de", named(&format!("{} {name}", u64::MAX - id.0 as u64))).await;
    }
    let query = |cursor| ListProducts {
        per_page: Some(1),
        sort: kernel::serde_json::from_value("name".into()).unwrap(),
        cursor,
        ..ListProducts::default()
    };
    let (mut cursor, mut names) = (None, Vec::new());
    for wanted in ["de", "", "de"] {
        let page = client.list(&reader(wanted), query(cursor)).await.unwrap();
        names.push(page.products[0].name.clone());
        cursor = page.pagination.next_cursor.map(|cursor| cursor.parse().unwrap());
    }
    // sorted as the shop has it
    assert!(names[0].ends_with(" Bowl") && names[1] == "Lamp" && names[2].ends_with(" Rug"), "{names:?}");
}

async fn categories_have_slugs_and_keep_those_of_before(client: ProductClient, _: &Stores) {
    let new = |name: &str, slug: Option<&str>| NewCategory {
        name: name.into(),
        slug: slug.map(|slug| slug.parse().unwrap()),
        ..NewCategory::default()
    };
    let create = async |name: &str, slug| client.create_category(&admin(), new(name, slug)).await;
    let kitchen = create("Kitchen", None).await.unwrap();
    assert_eq!(kitchen.slug.as_deref(), Some("kitchen"));
    assert_eq!(create("Kitchen!", None).await.unwrap().slug.as_deref(), Some("kitchen-2"));
    assert_eq!(create("?", None).await.unwrap().slug.as_deref(), Some("category"));
    let garden = create("Garden", Some("out-doors")).await.unwrap();
    assert_eq!(garden.slug.as_deref(), Some("out-doors"));
    let taken = Err(ProductError::CategorySlugTaken { slug: "out-doors".into() });
    assert_eq!(create("Outdoors", Some("out-doors")).await, taken);

    let slug = |slug: &str| CategoryPatch { slug: Some(slug.parse().unwrap()), ..CategoryPatch::default() };
    let patch = async |id, wanted| client.patch_category(&admin(), id, IfMatch::Absent, slug(wanted)).await;
    assert_eq!(patch(garden.id, "garden").await.unwrap().version, 2);
    assert_eq!(patch(garden.id, "garden").await.unwrap().version, 2, "the same again is no change");
    assert_eq!(patch(kitchen.id, "out-doors").await, taken);
    assert_eq!(client.category(&anonymous(), kitchen.id).await.unwrap(), kitchen);
    let by_slug = async |slug: &str| client.category_by_slug(&anonymous(), slug.parse().unwrap()).await;
    assert_eq!(by_slug("out-doors").await.unwrap().slug.as_deref(), Some("garden"));
    assert_eq!(by_slug("garden").await.unwrap().id, garden.id);
    assert_eq!(by_slug("nowhere").await, Err(ProductError::CategoryNotFound));
    // its own of before it may have again, and a deleted one gives up its own
    assert_eq!(patch(garden.id, "out-doors").await.unwrap().slug.as_deref(), Some("out-doors"));
    client.delete_category(&admin(), garden.id, IfMatch::Absent).await.unwrap();
    assert_eq!(patch(kitchen.id, "out-doors").await.unwrap().slug.as_deref(), Some("out-doors"));
    // products have slugs of their own
    let product = NewProduct { name: "Kitchen".into(), price: "1".parse().unwrap(), ..NewProduct::default() };
    assert_eq!(client.create(&admin(), product).await.unwrap().slug.as_deref(), Some("kitchen"));
}

async fn categories_are_sorted_by_position(client: ProductClient, _: &Stores) {
    let mut ids = Vec::new();
    for (name, position) in [("A", None), ("B", Some(20)), ("C", Some(10)), ("D", Some(0))] {
        let new = NewCategory { name: name.into(), position, ..NewCategory::default() };
        ids.push(client.create_category(&admin(), new).await.unwrap().id);
    }
    let names = async || client.categories(&anonymous()).await.unwrap().into_iter().map(|one| one.name).collect::<String>();
    assert_eq!(names().await, "ADCB");
    let last = CategoryPatch { position: Some(1_000_000), ..CategoryPatch::default() };
    assert_eq!(client.patch_category(&admin(), ids[0], IfMatch::Absent, last).await.unwrap().position, 1_000_000);
    assert_eq!(names().await, "DCBA");
    for position in [-1, 1_000_001] {
        let patch = CategoryPatch { position: Some(position), ..CategoryPatch::default() };
        let refused = client.patch_category(&admin(), ids[0], IfMatch::Absent, patch).await.unwrap_err();
        assert_eq!(code(&refused), Code::InvalidArgument);
    }
}

async fn what_is_not_sent_of_a_category_stays(client: ProductClient, _: &Stores) {
    let new = NewCategory {
        name: "Kitchen".into(),
        slug: Some("cooking".parse().unwrap()),
        position: Some(7),
        description: Some(Some("Pots and pans".into())),
        ..NewCategory::default()
    };
    let kitchen = client.create_category(&admin(), new).await.unwrap();
    // a client of the first release
    let old = NewCategory { name: "Kitchens".into(), ..NewCategory::default() };
    let changed = client.change_category(&admin(), kitchen.id, IfMatch::Absent, old).await.unwrap();
    assert_eq!((changed.slug.as_deref(), changed.position, changed.description.as_str()), (Some("cooking"), 7, "Pots and pans"));
    let emptied = CategoryPatch { description: Some(None), ..CategoryPatch::default() };
    let emptied = client.patch_category(&admin(), kitchen.id, IfMatch::seen(&changed), emptied).await.unwrap();
    assert_eq!((emptied.description.as_str(), emptied.name.as_str(), emptied.version), ("", "Kitchens", 3));
}
