//! Products are imported from files and exported to them, in three placements.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    Code, Fault, IfMatch, OrderId, Upload,
    chrono::TimeDelta,
    db::{Db, Pool},
    jobs::Jobs,
    module::{self, Module, Started},
    now, placements,
    serde_json::{Value, from_value, json},
    testing::{Stores, admin, customer, start},
    verify::Finding,
};
use product::{
    Config, ExportFile, FindVariants, HoldLine, HoldRequest, Import, ImportFile, ImportId, ImportOptions, ImportState,
    ImportStock, ListMovements, ListProducts, MovementKind, NewCategory, Product, ProductApi, ProductClient, ProductError,
    ProductId, ProductStatus, Products, StatusFilter, VariantId,
};
use std::{
    fs::File,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

placements! {
    ProductClient, products: [
        a_file_adds_products_with_their_variants,
        what_is_not_in_the_file_stays,
        a_product_gets_and_loses_options,
        what_is_exported_can_be_imported_again,
        everything_wrong_is_named_and_nothing_is_imported,
        columns_that_cannot_be_are_named,
        skus_are_told_apart_from_those_of_others,
        stock_is_set_only_if_that_is_asked_for,
        a_file_is_only_checked_in_a_dry_run,
        sales_go_on_during_an_import,
        only_admins_import_and_export_files,
        every_batch_is_written,
    ]
}

/// The service with its store, to look into.
struct Fixture {
    products: Products,
    db: Db,
    #[expect(dead_code, reason = "gone with it")]
    stores: Stores,
}

async fn config(stores: &Stores) -> Config {
    // tests run on busy machines, and importing is work
    let pool = Pool { acquire_timeout_ms: 30_000, ..Pool::default() };
    Config { database_url: stores.database("product").await, pool, ..Config::default() }
}

async fn products(stores: Stores) -> (Products, Fixture) {
    let config = config(&stores).await;
    let Started { service, store } = start::<Products>(&config, ()).await;
    (service.clone(), Fixture { products: service, db: store, stores })
}

/// Imports a file, to its end.
async fn import_with(client: &ProductClient, query: ImportFile, file: impl Into<Vec<u8>>) -> Import {
    let file = Upload::of("text/csv; charset=utf-8", file.into());
    let mut import = client.import_products(&admin(), query, file).await.unwrap();
    while import.finished_at.is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
        import = client.import_of_products(&admin(), import.id).await.unwrap();
    }
    import
}

async fn import(client: &ProductClient, file: &str) -> Import {
    import_with(client, ImportFile::default(), file).await
}

/// The numbers of products added, changed and unchanged by an import that must succeed.
async fn imported(client: &ProductClient, file: &str) -> (u64, u64, u64) {
    counts(&import(client, file).await)
}

fn counts(import: &Import) -> (u64, u64, u64) {
    assert_eq!((import.state, &import.wrong_rows[..], &import.message), (ImportState::Done, &[][..], &None));
    assert_eq!(import.done, import.rows);
    (import.added, import.changed, import.unchanged)
}

/// What is wrong, a line for each.
fn wrong(import: &Import) -> String {
    assert_eq!((import.state, import.wrong), (ImportState::Refused, import.wrong_rows.len() as u64));
    assert_eq!((import.added, import.changed, import.unchanged), (0, 0, 0));
    import.wrong_rows.iter().map(|row| format!("{row}\n")).collect()
}

async fn export(client: &ProductClient) -> String {
    let file = client.export_products(&admin(), ExportFile::default()).await.unwrap();
    assert_eq!((file.media_type(), file.file_name()), ("text/csv", Some("catalogue.csv")));
    String::from_utf8(file.bytes().await.unwrap()).unwrap()
}

async fn product(client: &ProductClient, slug: &str) -> Product {
    client.by_slug(&admin(), slug.parse().unwrap()).await.unwrap()
}

/// Each variant in a line: options, SKU, price and stock.
fn variants(product: &Product) -> Vec<String> {
    let show = |variant: &product::Variant| {
        let options: Vec<_> = variant.options.iter().map(|one| format!("{}={}", one.name, one.value)).collect();
        let sku = variant.sku.as_deref().unwrap_or("-");
        format!("{} {sku} {} {}", options.join("/"), variant.price, variant.stock_quantity)
    };
    product.variants.iter().flatten().map(show).collect()
}

/// Adds a category, and returns its id. Its slug is its name in lower case.
async fn category(client: &ProductClient, new: Value) -> i64 {
    let new: NewCategory = from_value(new).unwrap();
    client.create_category(&admin(), new).await.unwrap().id.0
}

async fn with_attributes(client: &ProductClient) {
    let choices = json!([{"code": "wool", "name": "Wool"}, {"code": "linen", "name": "Linen"}]);
    for (code, attribute) in [
        ("material", json!({"name": "Material", "kind": "choice", "choices": choices})),
        ("colours", json!({"name": "Colours", "kind": "choices", "choices": choices})),
        ("width_cm", json!({"name": "Width", "kind": "number", "unit": "cm"})),
        ("washable", json!({"name": "Washable", "kind": "boolean"})),
        ("care", json!({"name": "Care", "kind": "text"})),
    ] {
        let set = from_value(attribute).unwrap();
        client.set_attribute(&admin(), code.parse().unwrap(), IfMatch::Absent, set).await.unwrap();
    }
}

/// What does not add up in the store.
async fn findings(fixture: &Fixture) -> Vec<Finding> {
    Products::verify(&fixture.db).await.unwrap()
}

async fn a_file_adds_products_with_their_variants(client: ProductClient, fixture: &Fixture) {
    with_attributes(&client).await;
    let shirts = category(&client, json!({"name": "Shirts", "required_attributes": ["material"]})).await;
    let file = "\u{feff}slug,name,description,category,brand,tags,seo_title,seo_description,status,published_from,published_until,\
         attribute:material,attribute:colours,attribute:width_cm,attribute:washable,attribute:care,\
         sku,gtin,option1_name,option1_value,option2_name,option2_value,price,weight_grams,length_mm,width_mm,height_mm,stock_quantity\r\n\
         shirt, Shirt ,\"Cut \"\"wide\"\",\nwashed.\",shirts,Atlas,new|a\\|b,T,D,draft,2026-12-01T09:00:00+01:00,,\
         linen,wool|linen,70.5,TRUE,'-40 °C,S-M,4006381333931,Size,M,Colour,Red,29.9,250,1,2,3,5\r\n\
         ,,,,,,,,,,,,,,,,S-L,,Size,L,Colour,Red,31,,,,,\r\n\
         \r\n\
         mug,Mug,,,,,,,active,,,,,,,,,,,,,,4,,,,,7\r\n";
    assert_eq!(imported(&client, file).await, (2, 0, 0));

    let shirt = product(&client, "shirt").await;
    assert_eq!((shirt.name.as_str(), shirt.description.as_str()), ("Shirt", "Cut \"wide\",\nwashed."));
    assert_eq!((shirt.category_id.map(|id| id.0), shirt.brand.as_deref()), (Some(shirts), Some("Atlas")));
    assert_eq!((&shirt.tags[..], shirt.status), (&["new".to_owned(), "a|b".to_owned()][..], ProductStatus::Draft));
    assert_eq!((shirt.seo_title.as_deref(), shirt.seo_description.as_deref()), (Some("T"), Some("D")));
    assert_eq!(json!(shirt.published_from), json!("2026-12-01T08:00:00Z"));
    let attributes =
        json!({"material": "linen", "colours": ["wool", "linen"], "width_cm": 70.5, "washable": true, "care": "-40 °C"});
    assert_eq!(json!(shirt.attributes), attributes);
    assert_eq!(variants(&shirt), ["Size=M/Colour=Red S-M 29.9 5", "Size=L/Colour=Red S-L 31 0"]);
    let first = &shirt.variants.as_ref().unwrap()[0];
    assert_eq!(
        (first.id.0, first.gtin.as_deref(), first.weight_grams, first.height_mm),
        (shirt.id.0, Some("4006381333931"), Some(250), Some(3))
    );
    assert_eq!((shirt.price.to_string().as_str(), shirt.stock_quantity, shirt.version), ("29.9", 5, 1));
    let mug = product(&client, "mug").await;
    assert_eq!((variants(&mug), mug.status), (vec![" - 4 7".to_owned()], ProductStatus::Active));

    // they are found, and their stock came in
    for (query, found) in [
        ("status=any&attributes=material:linen,washable:true", 1),
        ("status=any&options=Size:L,Colour:Red", 1),
        ("status=any&tag=NEW", 1),
        ("status=any&search=mug", 1),
        ("status=any&brand=atlas", 1),
    ] {
        let query: ListProducts = serde_html_form::from_str(query).unwrap();
        assert_eq!(client.list(&admin(), query).await.unwrap().pagination.total, found);
    }
    let moved = client.stock_movements(&admin(), ListMovements::default()).await.unwrap().movements;
    assert_eq!(
        moved.iter().map(|one| (one.kind, one.available_change)).collect::<Vec<_>>(),
        [(MovementKind::Received, 7), (MovementKind::Received, 5)]
    );
    assert_eq!(moved[0].user_id.map(|id| id.0), Some(1_000_000));
    assert_eq!(findings(fixture).await, []);

    assert_eq!(imported(&client, file).await, (0, 0, 2));
    assert_eq!(product(&client, "shirt").await, shirt);
}

async fn what_is_not_in_the_file_stays(client: ProductClient, fixture: &Fixture) {
    with_attributes(&client).await;
    let all = "slug,name,description,brand,tags,attribute:material,attribute:washable,sku,option1_name,option1_value,price,weight_grams\n\
               scarf,Scarf,Long.,Atlas,a|b,wool,true,S-1,Size,S,10,100\n\
               scarf,,,,,,,S-2,Size,M,11,110\n";
    assert_eq!(imported(&client, all).await, (1, 0, 0));
    let before = product(&client, "scarf").await;

    // columns of products only
    assert_eq!(imported(&client, "slug,brand,attribute:material,tags\nscarf,Rif,,\n").await, (0, 1, 0));
    let after = product(&client, "scarf").await;
    let expected = Product {
        brand: Some("Rif".into()),
        tags: Vec::new(),
        attributes: from_value(json!({"washable": true})).unwrap(),
        version: 2,
        updated_at: after.updated_at,
        ..before.clone()
    };
    assert_eq!(after, expected);

    // variants by their SKUs: without columns of options they keep theirs; an empty cell removes
    assert_eq!(imported(&client, "slug,sku,price\nscarf,s-1,9\n,S-2,11\n").await, (0, 1, 0));
    let after = product(&client, "scarf").await;
    assert_eq!(variants(&after), ["Size=S s-1 9 0", "Size=M S-2 11 0"]);
    assert_eq!((after.price.to_string(), after.variants.as_ref().unwrap()[1].weight_grams), ("9".into(), Some(110)));
    let by_options = "slug,option1_name,option1_value,weight_grams\nscarf,Size,M,\nscarf,Size,S,90\n";
    assert_eq!(imported(&client, by_options).await, (0, 1, 0));
    let after = product(&client, "scarf").await;
    assert_eq!(variants(&after), ["Size=M S-2 11 0", "Size=S s-1 9 0"]);
    let weights: Vec<_> = after.variants.unwrap().iter().map(|variant| variant.weight_grams).collect();
    assert_eq!((weights, after.version), (vec![None, Some(90)], 4));
    assert_eq!(findings(fixture).await, []);
}

async fn a_product_gets_and_loses_options(client: ProductClient, fixture: &Fixture) {
    assert_eq!(imported(&client, "slug,name,price,stock_quantity\nrug,Rug,10,3\n").await, (1, 0, 0));
    let id = product(&client, "rug").await.id;
    // what was sold without options is the first of the list, with its stock
    let with = "slug,option1_name,option1_value,price,stock_quantity\nrug,Size,S,10,9\nrug,Size,M,12,4\n";
    assert_eq!(imported(&client, with).await, (0, 1, 0));
    let rug = product(&client, "rug").await;
    assert_eq!((variants(&rug), rug.stock_quantity), (vec!["Size=S - 10 3".to_owned(), "Size=M - 12 4".to_owned()], 7));
    assert_eq!(rug.variants.as_ref().unwrap()[0].id.0, id.0);

    assert_eq!(imported(&client, "slug,option1_name,option1_value,price\nrug,,,8\n").await, (0, 1, 0));
    let rug = product(&client, "rug").await;
    assert_eq!((variants(&rug), rug.stock_quantity, rug.options.len()), (vec![" - 8 3".to_owned()], 3, 0));
    let none: ListProducts = serde_html_form::from_str("options=Size:M").unwrap();
    assert_eq!(client.list(&admin(), none).await.unwrap().pagination.total, 0);
    assert_eq!(findings(fixture).await, []);
}

/// Texts that are not easy to keep.
const TEXTS: [&str; 12] = [
    "Plain",
    "=1+1",
    "'=1+1",
    "-5 °C",
    "@home, +49",
    "'t Hof",
    "a,b;c",
    "say \"hi\"",
    "|a|b\\",
    "Ωmega – ünïcode 林檎",
    "a\tb",
    "'",
];

async fn what_is_exported_can_be_imported_again(client: ProductClient, _: &Fixture) {
    with_attributes(&client).await;
    let category = category(&client, json!({"name": "All"})).await;
    // a linear congruential generator: the same products each time
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for i in 0..40 {
        let line = |text: &str| text.replace('\t', " ");
        let mut text = || line(TEXTS[random(TEXTS.len())]);
        let (name, brand, seo, value) = (text(), text(), text(), text());
        let tags = [format!("{}1", text()), format!("{}2", text())];
        let description = format!("{}\n\n{}", text(), TEXTS[random(TEXTS.len())]);
        let mut new = json!({
            "name": name, "description": description, "price": random(10_000) as f64 / 100.0, "stock_quantity": random(100),
            "status": (["draft", "active", "archived"][random(3)]), "slug": format!("product-{i}"),
        });
        let mut some = json!({});
        for (member, value) in [
            ("brand", json!(brand)),
            ("tags", json!(tags)),
            ("seo_title", json!(seo)),
            ("category_id", json!(category)),
            ("published_from", json!("2026-11-27T10:11:12.000013Z")),
            ("published_until", json!("2036-01-01T00:00:00Z")),
            ("attributes", json!({"care": value, "width_cm": random(1_000) as f64 / 8.0 - 50.0, "colours": ["linen", "wool"]})),
            ("attributes", json!({"washable": random(2) == 1, "material": "wool"})),
        ] {
            if random(2) == 1 {
                some[member] = value;
            }
        }
        new.as_object_mut().unwrap().extend(some.as_object().unwrap().clone());
        let id = client.create(&admin(), from_value(new).unwrap()).await.unwrap().id;
        if random(2) == 1 {
            let name = line(TEXTS[random(TEXTS.len())]);
            let variants: Vec<_> = (0..=random(4))
                .map(|n| {
                    let text = line(TEXTS[random(TEXTS.len())]);
                    json!({
                        "options": [{"name": name, "value": format!("{text} {n}")}],
                        "sku": (random(2) == 1).then(|| format!("{text} {i} {n}")), "price": random(100), "stock_quantity": random(50),
                        "weight_grams": (random(2) == 1).then(|| random(1_000)), "gtin": (random(2) == 1).then_some("4006381333931"),
                    })
                })
                .collect();
            let set = from_value(json!({"variants": variants})).unwrap();
            client.set_variants(&admin(), id, IfMatch::Absent, set).await.unwrap();
        }
    }
    let before = everything(&client).await;
    let file = export(&client).await;
    assert_eq!(imported(&client, &file).await, (0, 0, 40));
    let again = import_with(&client, ImportFile { stock: Some(ImportStock::Set), dry_run: None }, file.clone()).await;
    assert_eq!(counts(&again), (0, 0, 40));
    assert_eq!(everything(&client).await, before);

    // in another shop the same file makes the same products
    let other = Stores::embedded();
    let (service, fixture) = products(other).await;
    let other = ProductClient::local(service);
    with_attributes(&other).await;
    self::category(&other, json!({"name": "All"})).await;
    assert_eq!(imported(&other, &file).await, (40, 0, 0));
    assert_eq!(export(&other).await, file);
    assert_eq!(findings(&fixture).await, []);
    for (here, there) in std::iter::zip(before, everything(&other).await) {
        assert_eq!((&here.name, &here.description, &here.tags), (&there.name, &there.description, &there.tags));
        assert_eq!((&here.attributes, here.stock_quantity), (&there.attributes, there.stock_quantity));
    }
}

async fn everything(client: &ProductClient) -> Vec<Product> {
    let query =
        ListProducts { status: Some(StatusFilter::Any), variants: Some(true), per_page: Some(100), ..ListProducts::default() };
    client.list(&admin(), query).await.unwrap().products
}

async fn everything_wrong_is_named_and_nothing_is_imported(client: ProductClient, fixture: &Fixture) {
    with_attributes(&client).await;
    let rugs = category(&client, json!({"name": "Rugs", "required_attributes": ["material"]})).await;
    assert_eq!(imported(&client, "slug,name,sku,price\ntaken,Taken,T-1,1\n").await, (1, 0, 0));
    let patch = from_value(json!({"slug": "moved"})).unwrap();
    client.patch(&admin(), product(&client, "taken").await.id, IfMatch::Absent, patch).await.unwrap();
    let before = everything(&client).await;
    let file = "slug,name,category,status,published_from,published_until,tags,attribute:material,attribute:width_cm,attribute:washable,sku,gtin,option1_name,option1_value,price,weight_grams,stock_quantity\n\
         good,Good,,active,,,,,,,G-1,,,,1,,\n\
         Bad Slug,,99,shown,soon,,a|A,felt,wide,maybe,,123,,,free,heavy,-1\n\
         rug,Rug,rugs,active,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,,,,,R-1,,Size,S,1,,\n\
         rug,Carpet,,,,,,,,,R-1,,Size,S,100000000,,\n\
         rug,,,,,,,,,,R-2,,Colour,S,1.999,,1000001\n\
         rug,,,,,,,,,,R-3,,Size,,1,,\n\
         few,cells\n\
         taken,Taken,,active,,,,,,,,,,,1,,\n\
         good,Again,,active,,,,,,,t-1,,,,1,,\n\
         ,,,,,,,,,,,,,,,,\n\
         \"open,Name,,active,,,,,,,,,,,1,,\n";
    let import = import(&client, file).await;
    assert_eq!(
        wrong(&import),
        format!(
            "line 3, slug: must be 1 to 100 letters a to z, digits, and single hyphens between them\n\
             line 3, category: must be the slug of a category\n\
             line 3, status: must be draft, active or archived\n\
             line 3, published_from: must be a time such as 2026-12-01T08:00:00Z\n\
             line 3, attribute:width_cm: must be a number such as -2.5\n\
             line 3, attribute:washable: must be true or false\n\
             line 3, name: must have 1 to 255 characters\n\
             line 3, price: must be a decimal number such as 29.99\n\
             line 3, weight_grams: must be a whole number\n\
             line 3, gtin: must be 8, 12, 13 or 14 digits\n\
             line 3, stock_quantity: must be at least 0\n\
             line 4, published_until: must be after published_from\n\
             line 4, attribute:material: is required by category {rugs} for what is active\n\
             line 5, name: must be empty, or as in line 4, the first one of the product\n\
             line 5, sku: is in line 4 already\n\
             line 6, stock_quantity: must be at most 1000000\n\
             line 7, option1_value: must not be empty beside a name\n\
             line 8: must have 17 cells, as the first row has: it has 2\n\
             line 9, slug: was the slug of the product moved before: use that one\n\
             line 10, slug: has rows at line 2 already: the rows of a product follow each other\n\
             line 10, sku: is that of a variant of another product\n\
             line 12: has a quotation mark that is neither closed nor doubled\n"
        )
    );
    assert_eq!((import.rows, import.done), (10, 10));
    assert_eq!(everything(&client).await, before);

    // what can only be said of variants together, and of values
    let file = "slug,name,tags,attribute:material,option1_name,option1_value,price\n\
                rug,Rug,a|A,felt,Size,S,1\n,,,,Size,s,100000000\n,,,,Colour,M,1.999\n\
                mug,Mug,,,,,1\n,,,,,,2\n";
    assert_eq!(
        wrong(&self::import(&client, file).await),
        "line 2, tags: has A twice\n\
         line 2, attribute:material: must be wool, linen\n\
         line 3, option1_value: has the values of another variant\n\
         line 4, option1_value: must have the same names in the same order as the other variants\n\
         line 5, option1_value: must tell the variants apart\n\
         line 6, option1_value: must tell the variants apart\n"
    );
    assert_eq!(everything(&client).await, before);
    assert_eq!(findings(fixture).await, []);
}

async fn columns_that_cannot_be_are_named(client: ProductClient, _: &Fixture) {
    for (file, expected) in [
        ("", "line 1: must name the columns: the file is empty\n"),
        ("\n\n", "line 1: must name the columns: the file is empty\n"),
        (
            "slug;name\na;b\n",
            "line 1, slug;name: is no column: columns are separated by commas\nline 1, slug: must be there: products are recognised by it\n",
        ),
        (
            "slug,colour,slug,attribute:size,option1_name\n",
            "line 1, colour: is not a column that can be imported\n\
             line 1, slug: is there twice\n\
             line 1, attribute:size: is not an attribute of this shop\n\
             line 1, option1_value: must be there: names and values of options go together\n",
        ),
        (
            "slug,brand\nnew,Atlas\n",
            "line 2, name: must be there: the product is new\nline 2, price: must be there: the product is new\n",
        ),
        ("slug,name\n,Rug\n", "line 2, slug: must be that of a product\n"),
        (
            "slug,name\na,A\na,A\n",
            "line 2, price: must be there: the product is new\nline 3, slug: is that of the row before: without columns of variants a product has one row\n",
        ),
    ] {
        assert_eq!(wrong(&import(&client, file).await), expected, "{file}");
    }
    let file = Upload::of("text/csv", &b"slug,n\xffme\n"[..]);
    let latin = client.import_products(&admin(), ImportFile::default(), file).await.unwrap();
    let latin = finished(&client, latin.id).await;
    assert_eq!(wrong(&latin), "line 1: must be UTF-8\n");
    assert_eq!(imported(&client, "slug\n").await, (0, 0, 0));
}

async fn finished(client: &ProductClient, id: ImportId) -> Import {
    loop {
        let import = client.import_of_products(&admin(), id).await.unwrap();
        if import.finished_at.is_some() {
            return import;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn skus_are_told_apart_from_those_of_others(client: ProductClient, fixture: &Fixture) {
    let head = "slug,name,sku,option1_name,option1_value,price\n";
    let file = |a: &str, b: &str, c: &str| format!("{head}one,One,{a},Size,S,1\n,,{b},Size,M,1\ntwo,Two,{c},,,1\n");
    assert_eq!(imported(&client, &file("A", "B", "C")).await, (2, 0, 0));
    let ids = |product: &Product| {
        product.variants.iter().flatten().map(|variant| (variant.sku.clone().unwrap(), variant.id)).collect::<Vec<_>>()
    };
    let before = product(&client, "one").await;
    // variants are recognised by their SKUs: these exchange their options
    assert_eq!(imported(&client, &file("B", "A", "C")).await, (0, 1, 1));
    let after = product(&client, "one").await;
    assert_eq!(variants(&after), ["Size=S B 1 0", "Size=M A 1 0"]);
    let (mut was, mut is) = (ids(&before), ids(&after));
    was.sort();
    is.sort();
    assert_eq!(was, is);
    // those of another product are refused, also if that gives them up further below
    let taken = "line 2, sku: is that of a variant of another product\n";
    assert_eq!(wrong(&import(&client, &file("C", "A", "D")).await), taken);
    assert_eq!(wrong(&import(&client, &file("c", "A", "")).await), taken);
    assert_eq!(findings(fixture).await, []);
}

fn one_of(product: ProductId, quantity: u32) -> HoldRequest {
    let lines = vec![HoldLine { product_id: product, variant_id: None, quantity }];
    HoldRequest { lines, expires_at: now() + TimeDelta::minutes(5) }
}

async fn stock_is_set_only_if_that_is_asked_for(client: ProductClient, fixture: &Fixture) {
    let file = |stock: &str| format!("slug,name,price,stock_quantity\nlamp,Lamp,10,{stock}\n");
    assert_eq!(imported(&client, &file("10")).await, (1, 0, 0));
    let lamp = product(&client, "lamp").await.id;
    client.called_by("order").hold(&admin(), OrderId(1), one_of(lamp, 3)).await.unwrap();
    // sales are not undone
    assert_eq!(imported(&client, &file("10")).await, (0, 0, 1));
    assert_eq!(product(&client, "lamp").await.stock_quantity, 7);

    let set =
        async |stock: &str| import_with(&client, ImportFile { stock: Some(ImportStock::Set), dry_run: None }, file(stock)).await;
    let version = product(&client, "lamp").await.version;
    assert_eq!(counts(&set("20").await), (0, 1, 0));
    let after = product(&client, "lamp").await;
    assert_eq!((after.stock_quantity, after.version), (20, version));
    let stock = client.stock(&admin(), VariantId(lamp.0)).await.unwrap();
    assert_eq!((stock.available, stock.held, stock.version), (20, 3, 3));
    let moved = client.stock_movements(&admin(), ListMovements::default()).await.unwrap().movements;
    assert_eq!((moved[0].kind, moved[0].available_change, moved[0].note.as_str()), (MovementKind::Counted, 13, "import"));
    // an empty cell was not counted; nor can there be more than the most
    assert_eq!(counts(&set("").await), (0, 0, 1));
    assert_eq!(
        wrong(&set("1000000").await),
        "line 2, stock_quantity: must be at most 1000000, with the 3 pieces that orders hold\n"
    );
    assert_eq!(findings(fixture).await, []);
}

async fn a_file_is_only_checked_in_a_dry_run(client: ProductClient, _: &Fixture) {
    assert_eq!(imported(&client, "slug,name,price\na,A,1\nb,B,1\n").await, (2, 0, 0));
    let before = everything(&client).await;
    let dry = ImportFile { dry_run: Some(true), stock: None };
    let import = import_with(&client, dry, "slug,name,price\na,A,1\nb,B,2\nc,C,1\n").await;
    assert_eq!((counts(&import), import.dry_run), ((1, 1, 1), true));
    assert_eq!(everything(&client).await, before);
}

async fn sales_go_on_during_an_import(client: ProductClient, fixture: &Fixture) {
    let mut file = "slug,name,price,stock_quantity\n".to_owned();
    for i in 0..600 {
        file += &format!("p-{i},P {i},1,100\n");
    }
    assert_eq!(imported(&client, &file).await, (600, 0, 0));
    let ids: Vec<_> = [0, 250, 599].map(|i| format!("p-{i}")).into();
    let mut products = Vec::new();
    for slug in &ids {
        products.push(product(&client, slug).await.id);
    }
    let cheaper = file.replace(",1,100", ",2,100");
    let orders = client.called_by("order");
    for (i, stock) in [ImportStock::Keep, ImportStock::Set].into_iter().enumerate() {
        let cheaper = if i == 0 { cheaper.clone() } else { file.clone() };
        let importing = import_with(&client, ImportFile { stock: Some(stock), dry_run: None }, cheaper);
        let buying = async {
            for order in 0..30 {
                let id = products[order % 3];
                let order = OrderId(i64::try_from(1 + i * 100 + order).unwrap());
                orders.hold(&admin(), order, one_of(id, 1)).await.unwrap();
            }
        };
        let (import, ()) = tokio::join!(importing, buying);
        assert_eq!(counts(&import), (0, 600, 0));
        for id in &products {
            let stock = client.stock(&admin(), VariantId(id.0)).await.unwrap();
            // each sale came before its product was set, or after
            let expected = if i == 0 { 90..=90 } else { 90..=100 };
            assert!(expected.contains(&stock.available), "{stock:?}");
            assert_eq!(u64::from(stock.held), 10 * (i as u64 + 1));
        }
        assert_eq!(findings(fixture).await, []);
    }
}

async fn only_admins_import_and_export_files(client: ProductClient, _: &Fixture) {
    let denied = |error: ProductError| assert_eq!(kernel::ApiError::code(&error), Code::PermissionDenied);
    let file = || Upload::of("text/csv", "slug\n");
    denied(client.import_products(&customer(1), ImportFile::default(), file()).await.unwrap_err());
    denied(client.import_of_products(&customer(1), ImportId(1)).await.unwrap_err());
    denied(client.export_products(&customer(1), ExportFile::default()).await.map(drop).unwrap_err());
    let json = client.import_products(&admin(), ImportFile::default(), Upload::of("application/json", "[]")).await;
    assert_eq!(kernel::ApiError::code(&json.unwrap_err()), Code::UnsupportedMediaType);
    assert_eq!(client.import_of_products(&admin(), ImportId(99)).await, Err(ProductError::ImportNotFound));

    // of a file that does not come whole nothing stays
    let broken = [Ok("slug,name,price\nx,X,1\n".into()), Err(Fault::new(Code::InvalidArgument, "The sender left"))];
    let broken = Upload::new("text/csv", None, futures_util::stream::iter(broken));
    client.import_products(&admin(), ImportFile::default(), broken).await.unwrap_err();
    let next = client.import_products(&admin(), ImportFile::default(), file()).await.unwrap().id;
    for id in 1..next.0 {
        assert_eq!(client.import_of_products(&admin(), ImportId(id)).await, Err(ProductError::ImportNotFound));
    }
    assert!(everything(&client).await.is_empty());
}

/// A file of so many products with three variants each.
fn many(products: usize, price: &str) -> String {
    let mut file = "slug,name,sku,option1_name,option1_value,price,stock_quantity\n".to_owned();
    for i in 0..products {
        for (n, size) in ["S", "M", "L"].into_iter().enumerate() {
            file += &format!("p-{i},P {i},SKU-{i}-{n},Size,{size},{price},{n}\n");
        }
    }
    file
}

async fn every_batch_is_written(client: ProductClient, fixture: &Fixture) {
    let import = import(&client, &many(1_100, "5")).await;
    assert_eq!((counts(&import), import.rows), ((1_100, 0, 0), 3_300));
    assert_eq!(imported(&client, &many(1_100, "5")).await, (0, 0, 1_100));
    let last = FindVariants { ids: None, sku: Some("sku-1099-2".into()) };
    assert_eq!(client.variants(&admin(), last).await.unwrap().variants[0].stock_quantity, 2);
    assert_eq!(export(&client).await.lines().count(), 3_301);
    // of a thousand wrong rows and more the first thousand are named
    let wrong = self::import(&client, &many(400, "free")).await;
    assert_eq!((wrong.wrong, wrong.wrong_rows.len(), wrong.wrong_rows[999].line), (1_200, 1_000, 1_001));
    assert_eq!(findings(fixture).await, []);
}

/// A file on this machine.
fn file(text: &str) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

async fn an_import_that_breaks_off_is_completed(stores: Stores) {
    let (service, fixture) = products(stores).await;
    let products = &fixture.products;
    let whole = file(&many(2_000, "5"));
    let written = Arc::new(AtomicU64::new(0));
    let options = ImportOptions::default();
    // it ends as if the process had: in the midst of a statement, or between two
    let noted = written.clone();
    let broken = async {
        let progress =
            |counts: product::ImportCounts, is_writing| noted.store(if is_writing { counts.done } else { 0 }, Ordering::SeqCst);
        products.import_file(&whole, options, |_| {}, progress).await.unwrap();
    };
    let enough = async {
        while written.load(Ordering::SeqCst) < 1_500 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = enough => {}
        () = broken => unreachable!("it was to break off"),
    }
    let client = ProductClient::local(service);
    let some = client.list(&admin(), ListProducts::default()).await.unwrap().pagination.total;
    assert!((500..2_000).contains(&some), "{some}");
    assert_eq!(findings(&fixture).await, []);

    let done = products.import_file(&whole, options, |row| panic!("{row}"), |_, _| {}).await.unwrap();
    assert_eq!((done.added, done.changed, done.unchanged), (2_000 - some, 0, some));
    assert_eq!(findings(&fixture).await, []);
}

async fn another_instance_goes_on_with_an_import(stores: Stores) {
    let config = config(&stores).await;
    let jobs = Jobs::default();
    let first = module::start::<Products>(&config, (), false, &jobs).await.unwrap();
    let client = ProductClient::local(first.service);
    let body = Upload::of("text/csv", many(2_000, "5"));
    let id = client.import_products(&admin(), ImportFile::default(), body).await.unwrap().id;
    // it ends, whatever it is doing
    while client.list(&admin(), ListProducts::default()).await.unwrap().pagination.total == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(jobs.end(Duration::from_secs(30)).await);
    let Started { service, store } = start::<Products>(&config, ()).await;
    let other = ProductClient::local(service.clone());
    let import = finished(&other, id).await;
    assert_eq!((import.state, import.rows, import.added + import.unchanged), (ImportState::Done, 6_000, 2_000));
    assert_eq!(findings(&Fixture { products: service, db: store, stores }).await, []);
}

macro_rules! both_stores {
    ($($test:ident),* $(,)?) => {
        mod broken_off {
            use kernel::testing::Stores;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(Stores::embedded()).await;
            })*
        }
        mod broken_off_on_servers {
            use kernel::testing::Stores;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs PostgreSQL"]
            async fn $test() {
                super::$test(Stores::servers()).await;
            })*
        }
    };
}

both_stores!(an_import_that_breaks_off_is_completed, another_instance_goes_on_with_an_import);
