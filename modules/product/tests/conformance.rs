//! What the product module promises, in three placements.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    AmountText, Code, Ctx, Fault, IfMatch, OrderId, Role, Tagged,
    chrono::TimeDelta,
    now, placements,
    testing::{Stores, admin, anonymous, customer, start},
};
use product::{
    CategoryId, CategoryPatch, Config, FindVariants, HoldLine, HoldRequest, Ids, ListMovements, ListProducts, MovementKind,
    NewCategory, NewMovement, NewProduct, OptionOf, Product, ProductApi, ProductChange, ProductClient, ProductError, ProductId,
    ProductPatch, ProductStatus, Products, Reason, SetStock, SetVariant, SetVariants, Shortage, Slug, StatusFilter,
    StockMovement, StockPatch, StockRule, TooManyIds, VariantId, VariantPatch,
};
use std::sync::Arc;

placements! {
    ProductClient, products: [
        create_get_change_delete,
        keyed_creation_has_one_effect,
        a_change_of_what_another_has_changed_is_refused,
        a_category_that_another_has_changed_is_not_changed,
        of_two_changes_at_once_one_is_made,
        a_patch_changes_what_is_sent,
        pages_by_cursor_are_those_by_number,
        lists_filter_sort_and_page,
        names_are_sorted_alphabetically,
        text_is_kept_and_searched_in_one_form,
        categories_are_a_tree,
        categories_that_are_moved_at_once_are_a_tree,
        bad_input_names_the_field,
        only_admins_write_and_only_orders_hold,
        hold_is_all_or_nothing,
        hold_commit_release_repeat_harmlessly,
        a_late_hold_is_refused,
        expired_holds_are_freed,
        the_last_pieces_are_sold_once,
        a_product_gets_options_and_loses_them,
        variants_that_cannot_be_are_refused,
        skus_are_unique_and_can_be_exchanged,
        variants_are_held_each_for_itself,
        every_change_of_stock_is_a_movement,
        movements_that_cannot_be_are_refused,
        a_patch_of_a_variant_changes_what_is_sent,
        what_is_left_of_a_deleted_product_is_taken_out,
        a_tag_is_of_one_thing_only,
        what_sets_stock_or_variants_must_have_seen_them,
        the_last_pieces_of_variants_are_sold_once_while_clerks_count,
        what_is_not_published_is_seen_by_admins_only,
        products_are_shown_within_their_times,
        only_what_is_sent_changes_the_publication,
        a_product_has_a_slug_and_keeps_those_of_before,
        slugs_of_the_same_name_are_numbered,
        brand_tags_and_texts_are_kept_and_filtered,
    ]
}

async fn products(stores: Stores) -> (Products, Stores) {
    let config = Config { database_url: stores.database("product").await, hold_sweep_seconds: 1, ..Config::default() };
    (start::<Products>(&config, ()).await.service, stores)
}

fn new(name: &str, price: &str, stock: u32) -> NewProduct {
    NewProduct {
        name: name.into(),
        description: None,
        price: price.parse().unwrap(),
        currency: None,
        category_id: None,
        stock_quantity: stock.into(),
        ..NewProduct::default()
    }
}

async fn add(client: &ProductClient, name: &str, price: &str, stock: u32) -> Product {
    client.create(&admin(), new(name, price, stock)).await.unwrap()
}

fn hold(lines: &[(ProductId, u32)]) -> HoldRequest {
    let lines = lines.iter().map(|&(product_id, quantity)| HoldLine { product_id, variant_id: None, quantity }).collect();
    HoldRequest { lines, expires_at: now() + TimeDelta::minutes(5) }
}

/// A client in the hands of the order module.
fn order(client: &ProductClient) -> ProductClient {
    client.called_by("order")
}

async fn stock(client: &ProductClient, id: ProductId) -> u32 {
    client.get(&anonymous(), id).await.unwrap().stock_quantity
}

fn code(error: &ProductError) -> Code {
    kernel::ApiError::code(error)
}

async fn create_get_change_delete(client: ProductClient, _: &Stores) {
    let product = client.create(&admin(), new("  Lamp ", "29.99", 3)).await.unwrap();
    assert_eq!((product.name.as_str(), product.price.to_string().as_str()), ("Lamp", "29.99"));
    assert_eq!(client.get(&anonymous(), product.id).await.unwrap(), product);

    let change = ProductChange {
        name: "Oil lamp".into(),
        description: Some("Clay".into()),
        price: Some("12.5".parse().unwrap()),
        category_id: None,
        ..ProductChange::default()
    };
    let changed = client.change(&admin(), product.id, IfMatch::Absent, change.clone()).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.description.as_str(), changed.stock_quantity), ("Oil lamp", "Clay", 3));
    assert!(changed.updated_at >= product.updated_at && changed.created_at == product.created_at);
    assert_eq!(client.set_stock(&admin(), product.id, IfMatch::Any, SetStock { quantity: 7 }).await.unwrap().stock_quantity, 7);

    client.delete(&admin(), product.id, IfMatch::Absent).await.unwrap();
    assert_eq!(client.get(&anonymous(), product.id).await, Err(ProductError::NotFound));
    assert_eq!(client.delete(&admin(), product.id, IfMatch::Absent).await, Err(ProductError::NotFound));
    assert_eq!(client.change(&admin(), product.id, IfMatch::Absent, change).await, Err(ProductError::NotFound));
    assert_eq!(client.set_stock(&admin(), product.id, IfMatch::Any, SetStock { quantity: 7 }).await, Err(ProductError::NotFound));
    assert_eq!(client.list(&anonymous(), ListProducts::default()).await.unwrap().pagination.total, 0);
}

async fn keyed_creation_has_one_effect(client: ProductClient, _: &Stores) {
    let cx = admin().with_key("k1");
    let first = client.create(&cx, new("Lamp", "1", 1)).await.unwrap();
    let again = admin().with_key("k1");
    assert_eq!(client.create(&again, new("Lamp", "1", 1)).await.unwrap(), first);
    assert!(again.is_replayed());
    assert_eq!(client.list(&anonymous(), ListProducts::default()).await.unwrap().pagination.total, 1);

    let other = client.create(&admin().with_key("k1"), new("Rug", "1", 1)).await.unwrap_err();
    assert_eq!(code(&other), Code::Unprocessable);
    // another person's key is another key
    let stranger = admin().on_behalf_of(kernel::UserId(5), Role::Admin).with_key("k1");
    assert_ne!(client.create(&stranger, new("Lamp", "1", 1)).await.unwrap().id, first.id);
}

async fn lists_filter_sort_and_page(client: ProductClient, _: &Stores) {
    let category = |name: &str, parent_id| NewCategory { name: name.into(), parent_id, ..NewCategory::default() };
    let top = client.create_category(&admin(), category("Home", None)).await.unwrap();
    let below = client.create_category(&admin(), category("Lamps", Some(top.id))).await.unwrap();
    for (name, price, category_id) in
        [("Ärmel 100%", "5", None), ("lamp_a", "3", Some(below.id)), ("LAMP b", "4", Some(top.id)), ("Rug", "4", None)]
    {
        client.create(&admin(), NewProduct { category_id, ..new(name, price, 1) }).await.unwrap();
    }
    let names = async |query: ListProducts| {
        let page = client.list(&anonymous(), query).await.unwrap();
        (page.products.into_iter().map(|p| p.name).collect::<Vec<_>>(), page.pagination.total)
    };
    let base = ListProducts::default;
    let text = |t: &str| Some(t.into());
    let sort = |s: &str| Some(serde_json_sort(s));
    let amount = |a: &str| Some(AmountText(a.parse().unwrap()));

    assert_eq!(names(base()).await.0, ["Ärmel 100%", "lamp_a", "LAMP b", "Rug"]);
    assert_eq!(names(ListProducts { search: text("LaMp"), ..base() }).await.0, ["lamp_a", "LAMP b"]);
    assert_eq!(names(ListProducts { search: text("äRMEL"), ..base() }).await.0, ["Ärmel 100%"]);
    assert_eq!(names(ListProducts { search: text("%"), ..base() }).await.0, ["Ärmel 100%"]);
    assert_eq!(names(ListProducts { search: text("_"), ..base() }).await.0, ["lamp_a"]);
    assert_eq!(names(ListProducts { search: text("' OR 1=1--"), ..base() }).await.1, 0);
    assert_eq!(names(ListProducts { category_id: Some(top.id), ..base() }).await.0, ["lamp_a", "LAMP b"]);
    assert_eq!(names(ListProducts { category_id: Some(below.id), ..base() }).await.0, ["lamp_a"]);
    assert_eq!(names(ListProducts { category_id: Some(CategoryId(99)), ..base() }).await.1, 0);
    assert_eq!(names(ListProducts { min_price: amount("4"), max_price: amount("4.99"), ..base() }).await.0, ["LAMP b", "Rug"]);
    assert_eq!(names(ListProducts { sort: sort("-price,name"), ..base() }).await.0, ["Ärmel 100%", "LAMP b", "Rug", "lamp_a"]);
    let ids = Ids::new([ProductId(3), ProductId(1), ProductId(3), ProductId(77)]).ok();
    assert_eq!(names(ListProducts { ids, ..base() }).await.0, ["Ärmel 100%", "LAMP b"]);
    let none = ListProducts { ids: Ids::new([]).ok(), ..base() };
    assert_eq!(names(none).await, (vec![], 0), "no ids are not the whole catalogue");
    assert_eq!(Ids::new((1..=101).map(ProductId)), Err(TooManyIds));

    let page = client.list(&anonymous(), ListProducts { page: Some(2), per_page: Some(3), ..base() }).await.unwrap();
    assert_eq!((page.products.len(), page.pagination.pages, page.pagination.total), (1, 2, 4));
    let past = client.list(&anonymous(), ListProducts { page: Some(9), per_page: Some(3), ..base() }).await.unwrap();
    assert_eq!((past.products.len(), past.pagination.page, past.pagination.total), (0, 9, 4));
}

/// Whether the change was refused because the thing is not as its caller saw it, with the tag that it has now.
fn refused_for(error: ProductError, current: &impl Tagged) -> bool {
    let problem = kernel::ApiError::into_problem(error);
    (problem.status, problem.code.as_str()) == (412, "precondition_failed") && problem.etag == Some(current.etag())
}

async fn a_change_of_what_another_has_changed_is_refused(client: ProductClient, _: &Stores) {
    let seen = add(&client, "Lamp", "5", 3).await;
    let change = |name: &str| ProductChange {
        name: name.into(),
        description: None,
        price: Some("5".parse().unwrap()),
        category_id: None,
        ..ProductChange::default()
    };
    let cx = &admin();
    let first = client.change(cx, seen.id, IfMatch::seen(&seen), change("Lantern")).await.unwrap();
    assert_eq!((seen.version, first.version), (1, 2));
    assert_ne!(seen.etag(), first.etag());

    let patch = ProductPatch { name: Some("Torch".into()), ..ProductPatch::default() };
    let late = IfMatch::seen(&seen);
    assert!(refused_for(client.change(cx, seen.id, late.clone(), change("Torch")).await.unwrap_err(), &first));
    assert!(refused_for(client.patch(cx, seen.id, late.clone(), patch.clone()).await.unwrap_err(), &first));
    assert!(refused_for(client.delete(cx, seen.id, late.clone()).await.unwrap_err(), &first));
    assert_eq!(client.get(cx, seen.id).await.unwrap(), first, "nothing has changed");
    // tags of others, and weak ones, match nothing
    for other in ["\"x\"", "W/\"2-0\""] {
        assert!(refused_for(client.delete(cx, seen.id, other.parse().unwrap()).await.unwrap_err(), &first));
    }

    // a sale is no change of the content, but another tag
    order(&client).hold(cx, OrderId(1), hold(&[(seen.id, 1)])).await.unwrap();
    let sold = client.get(cx, seen.id).await.unwrap();
    assert!(sold.version == first.version && sold.etag() != first.etag());
    order(&client).commit(cx, OrderId(1)).await.unwrap();
    assert_ne!(client.get(cx, seen.id).await.unwrap().etag(), sold.etag(), "`updated_at` is shown, too");
    let torch = client.patch(cx, seen.id, IfMatch::seen(&first), patch).await.unwrap();
    assert_eq!((torch.name.as_str(), torch.version, torch.stock_quantity), ("Torch", 3, 2));
    let any = client.change(cx, seen.id, IfMatch::Any, change("Candle")).await.unwrap();
    let one_of_two = IfMatch::Tags(vec![seen.etag(), any.etag()]);
    client.delete(cx, seen.id, one_of_two).await.unwrap();
    assert_eq!(client.delete(cx, seen.id, late).await, Err(ProductError::NotFound));
    assert_eq!(client.change(cx, seen.id, IfMatch::Any, change("Lamp")).await, Err(ProductError::NotFound));
}

async fn a_category_that_another_has_changed_is_not_changed(client: ProductClient, _: &Stores) {
    let cx = &admin();
    let category = |name: &str| NewCategory { name: name.into(), ..NewCategory::default() };
    let seen = client.create_category(cx, category("Light")).await.unwrap();
    let first = client.change_category(cx, seen.id, IfMatch::seen(&seen), category("Lights")).await.unwrap();
    let late = IfMatch::seen(&seen);
    let patch = CategoryPatch { name: Some("Lamps".into()), ..CategoryPatch::default() };
    assert!(refused_for(client.change_category(cx, seen.id, late.clone(), category("Lamps")).await.unwrap_err(), &first));
    assert!(refused_for(client.patch_category(cx, seen.id, late.clone(), patch.clone()).await.unwrap_err(), &first));
    assert!(refused_for(client.delete_category(cx, seen.id, late).await.unwrap_err(), &first));
    assert_eq!(client.category(cx, seen.id).await.unwrap(), first);

    let below = NewCategory { name: "Oil".into(), parent_id: Some(seen.id), ..NewCategory::default() };
    let below = client.create_category(cx, below).await.unwrap();
    let renamed = client.patch_category(cx, below.id, IfMatch::seen(&below), patch).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.parent_id, renamed.version), ("Lamps", Some(seen.id), 2));
    let moved = CategoryPatch { parent_id: Some(Some(below.id)), ..CategoryPatch::default() };
    let cycle = client.patch_category(cx, seen.id, IfMatch::Absent, moved).await.unwrap_err();
    assert_eq!(code(&cycle), Code::InvalidArgument);
    let to_the_top = CategoryPatch { parent_id: Some(None), ..CategoryPatch::default() };
    let top = client.patch_category(cx, below.id, IfMatch::Any, to_the_top).await.unwrap();
    assert_eq!((top.name.as_str(), top.parent_id), ("Lamps", None));
    client.delete_category(cx, top.id, IfMatch::seen(&top)).await.unwrap();
    assert_eq!(
        client.patch_category(cx, top.id, IfMatch::Any, CategoryPatch::default()).await,
        Err(ProductError::CategoryNotFound)
    );
}

async fn of_two_changes_at_once_one_is_made(client: ProductClient, _: &Stores) {
    for _ in 0..10 {
        let seen = add(&client, "Lamp", "5", 3).await;
        let patches = ["Lantern", "Torch"].map(|name| {
            let (client, if_match) = (client.clone(), IfMatch::seen(&seen));
            let patch = ProductPatch { name: Some(name.into()), ..ProductPatch::default() };
            tokio::spawn(async move { client.patch(&admin(), seen.id, if_match, patch).await })
        });
        let [first, second] = patches;
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        let (made, refused) = match (first, second) {
            (Ok(made), Err(refused)) | (Err(refused), Ok(made)) => (made, refused),
            other => panic!("{other:?}"),
        };
        assert_eq!((client.get(&admin(), seen.id).await.unwrap(), made.version), (made.clone(), 2));
        assert!(refused_for(refused, &made));
    }
}

async fn a_patch_changes_what_is_sent(client: ProductClient, _: &Stores) {
    let cx = &admin();
    let light = client.create_category(cx, NewCategory { name: "Light".into(), ..NewCategory::default() }).await.unwrap().id;
    let whole = NewProduct { description: Some("Brass".into()), category_id: Some(light), ..new("Lamp", "5", 3) };
    let lamp = client.create(cx, whole).await.unwrap();
    let patch = async |patch: kernel::serde_json::Value| {
        let patch = kernel::serde_json::from_value(patch).unwrap();
        client.patch(cx, lamp.id, IfMatch::Absent, patch).await
    };
    let shown = |p: &Product| (p.name.clone(), p.description.clone(), p.price.to_string(), p.category_id, p.stock_quantity);
    let all = |name: &str, description: &str, price: &str, category| (name.into(), description.into(), price.into(), category, 3);
    let json = |text: &str| kernel::serde_json::from_str(text).unwrap();
    for (sent, expected) in [
        ("{}", all("Lamp", "Brass", "5", Some(light))),
        (r#"{"price":5,"name":"Lamp"}"#, all("Lamp", "Brass", "5", Some(light))),
        (r#"{"price":7.5}"#, all("Lamp", "Brass", "7.5", Some(light))),
        (r#"{"name":" Lantern ","category_id":null}"#, all("Lantern", "Brass", "7.5", None)),
        (r#"{"description":null,"category_id":1}"#, all("Lantern", "", "7.5", Some(light))),
        (r#"{"description":"Copper"}"#, all("Lantern", "Copper", "7.5", Some(light))),
        (r#"{"description":" "}"#, all("Lantern", "", "7.5", Some(light))),
    ] {
        let changed = patch(json(sent)).await.unwrap();
        assert_eq!(shown(&changed), expected, "{sent}");
        assert_eq!(client.get(cx, lamp.id).await.unwrap(), changed);
        assert_eq!(patch(json(sent)).await.unwrap(), changed, "a repeated change is none");
        // two that changed nothing, and five that did
        assert_eq!(changed.version > 1, shown(&changed) != shown(&lamp));
    }
    assert_eq!(client.get(cx, lamp.id).await.unwrap().version, 6);
    // a new name has a new place, and is found
    let query = ListProducts { search: Some("lantern".into()), ..ListProducts::default() };
    assert_eq!(client.list(cx, query).await.unwrap().pagination.total, 1);
    let pointer = |error: ProductError| match error {
        ProductError::Fault(fault) => fault.errors()[0].pointer.clone(),
        other => panic!("{other:?}"),
    };
    for (sent, field) in [
        (r#"{"name":" "}"#, "/name"),
        (r#"{"price":-1}"#, "/price"),
        (r#"{"price":1.234}"#, "/price"),
        (r#"{"category_id":99}"#, "/category_id"),
        (r#"{"category_id":0}"#, "/category_id"),
    ] {
        assert_eq!(pointer(patch(json(sent)).await.unwrap_err()), field, "{sent}");
    }
    for sent in [r#"{"name":null}"#, r#"{"price":null}"#, r#"{"stock_quantity":1}"#] {
        assert!(kernel::serde_json::from_str::<ProductPatch>(sent).is_err(), "{sent}");
    }
    let none = client.patch(cx, ProductId(99), IfMatch::Absent, ProductPatch::default()).await;
    assert_eq!(none, Err(ProductError::NotFound));
    let denied = client.patch(&customer(1), lamp.id, IfMatch::Absent, ProductPatch::default()).await.unwrap_err();
    assert_eq!(code(&denied), Code::PermissionDenied);
}

async fn pages_by_cursor_are_those_by_number(client: ProductClient, _: &Stores) {
    let cx = &admin();
    for i in 0..25 {
        client.create(cx, new(&format!("Lamp {}", i % 7), &(i % 4 + 1).to_string(), i % 3)).await.unwrap();
    }
    let text = |t: &str| Some(t.into());
    let base = |sort: Option<&str>, search: Option<&str>| ListProducts {
        sort: sort.map(serde_json_sort),
        search: search.and_then(text),
        per_page: Some(4),
        ..ListProducts::default()
    };
    for (sort, search) in [
        (None, None),
        (Some("name"), None),
        (Some("-name"), None),
        (Some("-price"), None),
        (Some("-stock_quantity,name,-price"), None),
        (Some("created_at"), None),
        (Some("-id,name"), None),
        (None, Some("lamp")),
        (Some("-name"), Some("lamp")),
    ] {
        let base = base(sort, search);
        let mut next = None;
        for number in 1..=7 {
            let by_number = client.list(cx, ListProducts { page: Some(number), ..base.clone() }).await.unwrap();
            if let Some(cursor) = next {
                let by_cursor = client.list(cx, ListProducts { cursor, ..base.clone() }).await.unwrap();
                let ids = |page: &product::ProductPage| page.products.iter().map(|p| p.id).collect::<Vec<_>>();
                assert_eq!(ids(&by_cursor), ids(&by_number), "{sort:?} {search:?} {number}");
                assert_eq!(by_cursor.pagination, by_number.pagination);
            }
            assert_eq!(by_number.pagination.next_cursor.is_some(), number < 7);
            next = Some(by_number.pagination.next_cursor.map(|cursor| cursor.parse().unwrap()));
        }
    }
    // a cursor belongs to its list
    let first = client.list(cx, base(Some("name"), None)).await.unwrap();
    let cursor: Option<kernel::Cursor> = first.pagination.next_cursor.map(|cursor| cursor.parse().unwrap());
    let cursor = || cursor.clone();
    for other in [
        ListProducts { cursor: cursor(), page: Some(2), ..base(Some("name"), None) },
        ListProducts { cursor: cursor(), ..base(Some("-name"), None) },
        ListProducts { cursor: cursor(), ..base(Some("name"), Some("lamp")) },
        ListProducts { cursor: cursor(), category_id: Some(CategoryId(1)), ..base(Some("name"), None) },
        ListProducts { cursor: cursor(), per_page: Some(5), ..base(Some("name"), None) },
    ] {
        match client.list(cx, other).await.unwrap_err() {
            ProductError::Fault(fault) => assert_eq!(fault.errors()[0].pointer, "/cursor"),
            other => panic!("{other:?}"),
        }
    }
    // the total is the one that the first page has counted; what stayed is seen once
    let lamps = client.list(cx, base(Some("name"), None)).await.unwrap();
    client.delete(cx, lamps.products[0].id, IfMatch::Absent).await.unwrap();
    client.delete(cx, lamps.products[3].id, IfMatch::Absent).await.unwrap();
    add(&client, "A lamp", "1", 1).await;
    let rest = client.list(cx, ListProducts { cursor: cursor(), ..base(Some("name"), None) }).await.unwrap();
    assert_eq!((rest.pagination.total, rest.pagination.page), (25, 2));
    let all = client.list(cx, ListProducts { per_page: Some(100), ..base(Some("name"), None) }).await.unwrap();
    assert_eq!(rest.products, all.products[3..7], "after the new one and the two that stayed");
}

async fn names_are_sorted_alphabetically(client: ProductClient, _: &Stores) {
    for name in ["Zebra", "banana", "e\u{301}clair", "Apple", "Äpfel", "apricot", "Éclair", "apple"] {
        client.create(&admin(), new(name, "1", 1)).await.unwrap();
    }
    let sorted = async |sort: &str| {
        let query = ListProducts { sort: Some(serde_json_sort(sort)), ..ListProducts::default() };
        client.list(&anonymous(), query).await.unwrap().products.into_iter().map(|p| p.name).collect::<Vec<_>>()
    };
    let mut names = ["Äpfel", "apple", "Apple", "apricot", "banana", "éclair", "Éclair", "Zebra"];
    assert_eq!(sorted("name").await, names);
    names.reverse();
    assert_eq!(sorted("-name").await, names);
    // a new name has a new place
    let change = ProductChange {
        name: "Aachen".into(),
        description: None,
        price: Some("1".parse().unwrap()),
        category_id: None,
        ..ProductChange::default()
    };
    client.change(&admin(), ProductId(1), IfMatch::Absent, change).await.unwrap();
    assert_eq!(sorted("name").await[0], "Aachen");
}

async fn text_is_kept_and_searched_in_one_form(client: ProductClient, _: &Stores) {
    let added = NewProduct { description: Some(" One\r\ntwo\n".into()), ..new("\u{a0}Cafetie\u{300}re ", "1", 1) };
    let added = client.create(&admin(), added).await.unwrap();
    assert_eq!((added.name.as_str(), added.description.as_str()), ("Cafetière", "One\ntwo"));
    let root =
        client.create_category(&admin(), NewCategory { name: " The\u{301} ".into(), ..NewCategory::default() }).await.unwrap();
    assert_eq!(root.name, "Thé");
    for text in ["CAFETIE\u{300}RE", " cafetière", "tière"] {
        let query = ListProducts { search: Some(text.into()), variants: Some(true), ..ListProducts::default() };
        assert_eq!(client.list(&anonymous(), query).await.unwrap().products, std::slice::from_ref(&added), "{text}");
    }
    for (bad, rule) in [
        (new("La\u{200b}mp", "1", 1), "name must not contain invisible or misleading characters (U+200B)"),
        (new("Lamp\u{202e}", "1", 1), "name must not contain invisible or misleading characters (U+202E)"),
        (new("Lamp\nRug", "1", 1), "name must not contain control characters"),
        (new("x", "1", 1_000_001), "stock_quantity must be at most 1000000"),
        (new("x", "100000000", 1), "price must be 0 to 99999999.99 EUR"),
        (new("x", "-0.01", 1), "price must be at least 0"),
    ] {
        assert_eq!(client.create(&admin(), bad).await.unwrap_err().to_string(), rule);
    }
}

fn serde_json_sort(text: &str) -> product::ProductSort {
    kernel::serde_json::from_value(text.into()).unwrap()
}

async fn categories_are_a_tree(client: ProductClient, _: &Stores) {
    let category = |name: &str, parent_id| NewCategory { name: name.into(), parent_id, ..NewCategory::default() };
    let home = client.create_category(&admin(), category("Home", None)).await.unwrap();
    let rugs = client.create_category(&admin(), category("Rugs", Some(home.id))).await.unwrap();
    assert_eq!(client.categories(&anonymous()).await.unwrap(), [home.clone(), rugs.clone()]);
    assert_eq!(client.category(&anonymous(), rugs.id).await.unwrap(), rugs);

    let cycle = client.change_category(&admin(), home.id, IfMatch::Absent, category("Home", Some(rugs.id))).await.unwrap_err();
    assert_eq!(code(&cycle), Code::InvalidArgument);
    let orphan = client.create_category(&admin(), category("X", Some(CategoryId(99)))).await.unwrap_err();
    assert_eq!(code(&orphan), Code::InvalidArgument);
    assert_eq!(client.delete_category(&admin(), home.id, IfMatch::Absent).await, Err(ProductError::CategoryNotEmpty));

    let product = client.create(&admin(), NewProduct { category_id: Some(rugs.id), ..new("Kilim", "1", 1) }).await.unwrap();
    assert_eq!(client.delete_category(&admin(), rugs.id, IfMatch::Absent).await, Err(ProductError::CategoryNotEmpty));
    client.delete(&admin(), product.id, IfMatch::Absent).await.unwrap();
    client.delete_category(&admin(), rugs.id, IfMatch::Absent).await.unwrap();
    assert_eq!(client.change_category(&admin(), home.id, IfMatch::Absent, category("House", None)).await.unwrap().name, "House");
    assert_eq!(client.category(&anonymous(), rugs.id).await, Err(ProductError::CategoryNotFound));
    assert_eq!(client.delete_category(&admin(), rugs.id, IfMatch::Absent).await, Err(ProductError::CategoryNotFound));
}

async fn categories_that_are_moved_at_once_are_a_tree(client: ProductClient, _: &Stores) {
    let category = |name: &str, parent_id| NewCategory { name: name.into(), parent_id, ..NewCategory::default() };
    for _ in 0..10 {
        let rugs = client.create_category(&admin(), category("Rugs", None)).await.unwrap().id;
        let lamps = client.create_category(&admin(), category("Lamps", None)).await.unwrap().id;
        let cx = admin();
        let (first, second) = tokio::join!(
            client.change_category(&cx, rugs, IfMatch::Absent, category("Rugs", Some(lamps))),
            client.change_category(&cx, lamps, IfMatch::Absent, category("Lamps", Some(rugs))),
        );
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        assert_eq!(code(&first.err().or(second.err()).unwrap()), Code::InvalidArgument);
    }
}

async fn bad_input_names_the_field(client: ProductClient, _: &Stores) {
    let refused = |error: ProductError| match error {
        ProductError::Fault(fault) if fault.code() == Code::InvalidArgument => fault.errors()[0].pointer.clone(),
        other => panic!("{other:?}"),
    };
    for (bad, field) in [
        (new("", "1", 1), "/name"),
        (new("   ", "1", 1), "/name"),
        (new("a\u{0}b", "1", 1), "/name"),
        (new(&"x".repeat(256), "1", 1), "/name"),
        (new("x", "-1", 1), "/price"),
        (new("x", "1.999", 1), "/price"),
        (new("x", "100000000", 1), "/price"),
        (new("x", "1", 1_000_001), "/stock_quantity"),
        (NewProduct { category_id: Some(CategoryId(9)), ..new("x", "1", 1) }, "/category_id"),
        (NewProduct { currency: Some(kernel::Currency::Usd), ..new("x", "1", 1) }, "/currency"),
    ] {
        assert_eq!(refused(client.create(&admin(), bad).await.unwrap_err()), field);
    }
    let page = ListProducts { page: Some(0), ..Default::default() };
    assert_eq!(refused(client.list(&anonymous(), page).await.unwrap_err()), "/page");
    let per_page = ListProducts { per_page: Some(101), ..Default::default() };
    assert_eq!(refused(client.list(&anonymous(), per_page).await.unwrap_err()), "/per_page");
    assert_eq!(client.list(&anonymous(), ListProducts::default()).await.unwrap().pagination.total, 0);
}

async fn only_admins_write_and_only_orders_hold(client: ProductClient, _: &Stores) {
    let product = add(&client, "Lamp", "1", 1).await;
    let denied = |cx: Ctx| {
        let client = client.clone();
        async move { code(&client.create(&cx, new("x", "1", 1)).await.unwrap_err()) }
    };
    assert_eq!(denied(anonymous()).await, Code::Unauthenticated);
    assert_eq!(denied(customer(1)).await, Code::PermissionDenied);
    for caller in [client.clone(), client.called_by("gateway"), client.called_by("cart")] {
        let fault = caller.hold(&admin(), OrderId(1), hold(&[(product.id, 1)])).await.unwrap_err();
        assert_eq!(code(&fault), Code::PermissionDenied);
    }
    assert_eq!(stock(&client, product.id).await, 1);
}

async fn hold_is_all_or_nothing(client: ProductClient, _: &Stores) {
    let (a, b) = (add(&client, "A", "1.5", 5).await.id, add(&client, "B", "2", 1).await.id);
    let order = order(&client);
    let error = order.hold(&anonymous(), OrderId(1), hold(&[(b, 2), (a, 2)])).await.unwrap_err();
    let shortage = Shortage { product_id: b, variant_id: None, requested: 2, available: 1 };
    assert_eq!(error, ProductError::OutOfStock { lines: vec![shortage] });
    assert_eq!((stock(&client, a).await, stock(&client, b).await), (5, 1));

    let missing = order.hold(&anonymous(), OrderId(1), hold(&[(a, 1), (ProductId(99), 1)])).await.unwrap_err();
    let shortage = Shortage { product_id: ProductId(99), variant_id: None, requested: 1, available: 0 };
    assert_eq!(missing, ProductError::OutOfStock { lines: vec![shortage] });

    let held = order.hold(&anonymous(), OrderId(1), hold(&[(b, 1), (a, 2)])).await.unwrap();
    let lines: Vec<_> =
        held.lines.iter().map(|l| (l.product_id, l.name.as_str(), l.unit_price.to_string(), l.quantity)).collect();
    assert_eq!(lines, [(a, "A", "1.5".into(), 2), (b, "B", "2".into(), 1)]);
    assert_eq!((stock(&client, a).await, stock(&client, b).await), (3, 0));

    let twice = order.hold(&anonymous(), OrderId(2), hold(&[(a, 1), (a, 1)])).await.unwrap_err();
    assert_eq!(code(&twice), Code::InvalidArgument);
    let none = order.hold(&anonymous(), OrderId(2), hold(&[])).await.unwrap_err();
    assert_eq!(code(&none), Code::InvalidArgument);
}

async fn hold_commit_release_repeat_harmlessly(client: ProductClient, _: &Stores) {
    let a = add(&client, "A", "1", 10).await.id;
    let order = order(&client);
    let cx = anonymous();
    let request = hold(&[(a, 3)]);
    let held = order.hold(&cx, OrderId(1), request.clone()).await.unwrap();
    assert_eq!(order.hold(&cx, OrderId(1), request.clone()).await.unwrap(), held);
    assert_eq!(order.hold(&cx, OrderId(1), hold(&[(a, 4)])).await, Err(ProductError::HoldEnded));
    assert_eq!(stock(&client, a).await, 7);

    order.commit(&cx, OrderId(1)).await.unwrap();
    order.commit(&cx, OrderId(1)).await.unwrap();
    assert_eq!(stock(&client, a).await, 7);
    order.release(&cx, OrderId(1)).await.unwrap();
    order.release(&cx, OrderId(1)).await.unwrap();
    assert_eq!(stock(&client, a).await, 10, "what was sold came back, once");
    assert_eq!(order.commit(&cx, OrderId(1)).await, Err(ProductError::HoldEnded));

    order.hold(&cx, OrderId(2), request).await.unwrap();
    order.release(&cx, OrderId(2)).await.unwrap();
    assert_eq!(stock(&client, a).await, 10);
    assert_eq!(order.commit(&cx, OrderId(3)).await, Err(ProductError::HoldEnded), "nothing was held");
}

async fn a_late_hold_is_refused(client: ProductClient, _: &Stores) {
    let a = add(&client, "A", "1", 10).await.id;
    let order = order(&client);
    order.release(&anonymous(), OrderId(1)).await.unwrap();
    assert_eq!(order.hold(&anonymous(), OrderId(1), hold(&[(a, 3)])).await, Err(ProductError::HoldEnded));
    assert_eq!(stock(&client, a).await, 10);
}

async fn expired_holds_are_freed(client: ProductClient, _: &Stores) {
    let (a, b) = (add(&client, "A", "1", 10).await.id, add(&client, "B", "1", 10).await.id);
    let order = order(&client);
    let past = |lines| HoldRequest { expires_at: now() - TimeDelta::seconds(1), ..hold(lines) };
    // whether the sweep comes before the second call or after it, the stock is back in the end
    for (id, lines) in [(1, &[(a, 3), (b, 1)][..]), (2, &[(a, 2)])] {
        match order.hold(&anonymous(), OrderId(id), past(lines)).await {
            Ok(_) | Err(ProductError::HoldEnded) => {}
            Err(e) => panic!("{e}"),
        }
    }
    let freed = async {
        while (stock(&client, a).await, stock(&client, b).await) != (10, 10) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), freed).await.unwrap();
    assert_eq!(order.commit(&anonymous(), OrderId(1)).await, Err(ProductError::HoldEnded));
    order.release(&anonymous(), OrderId(1)).await.unwrap();
    assert_eq!(stock(&client, a).await, 10, "freed once");
}

async fn the_last_pieces_are_sold_once(client: ProductClient, _: &Stores) {
    let (a, b) = (add(&client, "A", "1", 30).await.id, add(&client, "B", "1", 30).await.id);
    let client = Arc::new(order(&client));
    let buyers = (1..=100).map(|id| {
        let client = client.clone();
        // crossing baskets
        let lines = if id % 2 == 0 { hold(&[(a, 1), (b, 1)]) } else { hold(&[(b, 1), (a, 1)]) };
        tokio::spawn(async move { client.hold(&anonymous(), OrderId(id), lines).await })
    });
    let (mut sold, mut refused) = (0, 0);
    for buyer in buyers.collect::<Vec<_>>() {
        match buyer.await.unwrap() {
            Ok(_) => sold += 1,
            Err(ProductError::OutOfStock { .. }) => refused += 1,
            Err(ProductError::Fault(fault)) => panic!("{}", Fault::to_string(&fault)),
            Err(e) => panic!("{e}"),
        }
    }
    assert_eq!((sold, refused), (30, 70));
    assert_eq!((stock(&client, a).await, stock(&client, b).await), (0, 0));
}

/// Values of the options size and colour; none for an empty text.
fn options(values: &str) -> Vec<OptionOf> {
    let of = |(name, value): (&str, &str)| OptionOf { name: name.into(), value: value.into() };
    std::iter::zip(["Size", "Colour"], values.split_whitespace()).map(of).collect()
}

fn variant(id: Option<i64>, values: &str) -> SetVariant {
    SetVariant { id: id.map(VariantId), options: options(values), ..SetVariant::default() }
}

/// Gives a product variants.
async fn set(client: &ProductClient, id: ProductId, variants: Vec<SetVariant>) -> Result<Product, ProductError> {
    client.set_variants(&admin(), id, IfMatch::Absent, SetVariants { variants }).await
}

/// A shirt in three sizes, the first of which has the id of the product, with 5 pieces each.
async fn shirt(client: &ProductClient) -> [VariantId; 3] {
    let shirt = add(client, "Linen shirt", "20", 5).await.id;
    let more = |size| SetVariant { stock_quantity: Some(5), ..variant(None, size) };
    let shirt = set(client, shirt, vec![variant(Some(shirt.0), "S"), more("M"), more("L")]).await.unwrap();
    let ids: Vec<_> = shirt.variants.unwrap().iter().map(|variant| variant.id).collect();
    ids.try_into().unwrap()
}

async fn available(client: &ProductClient, id: VariantId) -> u32 {
    client.variant(&anonymous(), id).await.unwrap().stock_quantity
}

fn invalid(error: ProductError, text: &str) {
    assert_eq!((code(&error), error.to_string().as_str()), (Code::InvalidArgument, text));
}

async fn a_product_gets_options_and_loses_them(client: ProductClient, _: &Stores) {
    let plain = add(&client, "Linen shirt", "20", 5).await;
    let only = plain.variants.as_ref().unwrap();
    assert_eq!((only.len(), only[0].id, only[0].name.as_str()), (1, plain.id.first_variant(), "Linen shirt"));
    assert_eq!((only[0].price, only[0].stock_quantity, plain.options.len()), (plain.price, 5, 0));

    let red = SetVariant {
        sku: Some("shirt-m-red".into()),
        gtin: Some("4006381333931".into()),
        price: Some("18.5".parse().unwrap()),
        weight_grams: Some(250),
        stock_quantity: Some(7),
        ..variant(None, "M red")
    };
    let shirt = set(&client, plain.id, vec![variant(Some(plain.id.0), "S red"), red, variant(None, "M blue")]).await.unwrap();
    assert_eq!(client.get(&anonymous(), plain.id).await.unwrap(), shirt);
    let names: Vec<_> = shirt.options.iter().map(|option| (option.name.as_str(), option.values.join(" "))).collect();
    assert_eq!(names, [("Size", "S M".into()), ("Colour", "red blue".into())]);
    assert_eq!((shirt.price.to_string(), shirt.stock_quantity), ("18.5".into(), 12));
    let all = shirt.variants.clone().unwrap();
    let seen: Vec<_> = all.iter().map(|v| (v.name.as_str(), v.price.to_string(), v.stock_quantity)).collect();
    let expected = [("Linen shirt (S, red)", "20", 5), ("Linen shirt (M, red)", "18.5", 7), ("Linen shirt (M, blue)", "20", 0)];
    assert_eq!(seen, expected.map(|(name, price, stock)| (name, price.to_owned(), stock)));
    assert_eq!(all[0].id, plain.id.first_variant(), "what was sold keeps its id");
    // an id of a further variant is never that of a product
    assert!(all[1].id.0 >= 1_000_000_000_000 && all[2].id > all[1].id);
    assert_eq!((all[1].gtin.as_deref(), all[1].weight_grams), (Some("4006381333931"), Some(250)));

    let found = client.variants(&anonymous(), FindVariants { ids: None, sku: Some("SHIRT-M-Red".into()) }).await.unwrap();
    assert_eq!(found.variants, [all[1].clone()]);
    let ids = Ids::new([all[2].id, all[0].id, VariantId(99)]).unwrap();
    let found = client.variants(&anonymous(), FindVariants { ids: Some(ids), sku: None }).await.unwrap();
    assert_eq!(found.variants, [all[0].clone(), all[2].clone()]);
    let listed = client.list(&anonymous(), ListProducts { variants: Some(true), ..ListProducts::default() }).await.unwrap();
    assert_eq!(listed.products, [shirt]);
    let listed = client.list(&anonymous(), ListProducts::default()).await.unwrap();
    assert_eq!((listed.products[0].variants.as_ref(), listed.products[0].options.len()), (None, 0));

    // a price of its own it has no more; the name and the rest can be changed
    let change = |price: Option<&str>| ProductChange {
        name: "Shirt".into(),
        description: None,
        price: price.map(|price| price.parse().unwrap()),
        category_id: None,
        ..ProductChange::default()
    };
    let refused = client.change(&admin(), plain.id, IfMatch::Absent, change(Some("19"))).await.unwrap_err();
    invalid(refused, "price must be changed at the variants, because the product has options");
    client.change(&admin(), plain.id, IfMatch::Absent, change(Some("18.5"))).await.unwrap();
    assert_eq!(
        client.change(&admin(), plain.id, IfMatch::Absent, change(None)).await.unwrap().variants.unwrap()[1].name,
        "Shirt (M, red)"
    );

    // without options it is the variant with the product's id again, also if that had been removed
    set(&client, plain.id, vec![variant(Some(all[1].id.0), "M red")]).await.unwrap();
    assert_eq!(client.variant(&anonymous(), all[0].id).await, Err(ProductError::VariantNotFound));
    let other = set(&client, plain.id, vec![variant(Some(all[1].id.0), "")]).await.unwrap_err();
    invalid(other, "variants/0/id must be 1: the variant of a product without options has the id of the product");
    let left = set(&client, plain.id, vec![variant(None, "")]).await.unwrap();
    assert_eq!((left.options.len(), left.stock_quantity, left.price.to_string()), (0, 0, "20".into()));
    assert_eq!(left.variants.as_ref().unwrap()[0].id, plain.id.first_variant());
    client.move_stock(&admin(), plain.id.first_variant(), delta(2, None)).await.unwrap();
    assert_eq!(client.variant(&anonymous(), all[1].id).await, Err(ProductError::VariantNotFound));
    assert_eq!(client.change(&admin(), plain.id, IfMatch::Absent, change(None)).await.unwrap().price.to_string(), "20");
    // and with options again, what it has is the first of the list
    let again = set(&client, plain.id, vec![variant(None, "S red"), variant(None, "M red")]).await.unwrap();
    let first = &again.variants.as_ref().unwrap()[0];
    assert_eq!((first.id, first.stock_quantity), (plain.id.first_variant(), 2));
    client.delete(&admin(), plain.id, IfMatch::Absent).await.unwrap();
    assert_eq!(client.variant(&anonymous(), all[1].id).await, Err(ProductError::VariantNotFound));
}

async fn variants_that_cannot_be_are_refused(client: ProductClient, _: &Stores) {
    let lamp = add(&client, "Lamp", "1", 1).await;
    let other = add(&client, "Rug", "1", 1).await.id.0;
    let id = Some(lamp.id.0);
    let with = |change: fn(&mut SetVariant)| {
        let mut changed = variant(None, "");
        change(&mut changed);
        vec![changed]
    };
    let named = |name: &str| OptionOf { name: name.into(), value: "x".into() };
    for (variants, rule) in [
        (vec![], "variants must have 1 to 100 items"),
        (vec![variant(id, ""), variant(None, "")], "variants/0/options must tell the variants apart"),
        (
            vec![variant(id, "S"), variant(None, "M red")],
            "variants/1/options must have the same names in the same order as the other variants",
        ),
        (vec![variant(id, "S"), variant(None, "s")], "variants/1/options has the values of another variant"),
        (vec![variant(id, "S"), variant(id, "M")], "variants/1/id is there twice"),
        (vec![variant(Some(other), "S")], "variants/0/id must be a variant of this product"),
        (
            vec![SetVariant { options: vec![named("Size"), named("size")], ..variant(id, "") }],
            "variants/0/options has size twice",
        ),
        (
            with(|v| v.gtin = Some("4006381333930".into())),
            "variants/0/gtin has a digit that is wrong: its last digit does not fit the others",
        ),
        (with(|v| v.price = "0.001".parse().ok()), "variants/0/price must have at most 2 decimals, as EUR has"),
        (with(|v| v.price = "100000000".parse().ok()), "variants/0/price must be 0 to 99999999.99 EUR"),
        (with(|v| v.weight_grams = Some(-1)), "variants/0/weight_grams must be at least 0"),
        (
            vec![
                SetVariant { sku: Some("a".into()), ..variant(id, "S") },
                SetVariant { sku: Some("A".into()), ..variant(None, "M") },
            ],
            "variants/1/sku is there twice",
        ),
    ] {
        invalid(set(&client, lamp.id, variants).await.unwrap_err(), rule);
    }
    assert_eq!(set(&client, ProductId(99), vec![variant(None, "")]).await, Err(ProductError::NotFound));
    assert_eq!(client.get(&anonymous(), lamp.id).await.unwrap(), lamp, "nothing was changed");
    for query in [FindVariants::default(), FindVariants { ids: Ids::new([VariantId(1)]).ok(), sku: Some("a".into()) }] {
        invalid(client.variants(&anonymous(), query).await.unwrap_err(), "must have either ids or sku");
    }
    let denied = client
        .set_variants(&customer(1), lamp.id, IfMatch::Absent, SetVariants { variants: vec![variant(id, "S")] })
        .await
        .unwrap_err();
    assert_eq!(code(&denied), Code::PermissionDenied);
}

async fn skus_are_unique_and_can_be_exchanged(client: ProductClient, _: &Stores) {
    let [s, m, l] = shirt(&client).await;
    let product = ProductId(s.0);
    let with = |skus: [&str; 3]| {
        let of = |((id, size), sku): ((VariantId, &str), &str)| SetVariant { sku: Some(sku.into()), ..variant(Some(id.0), size) };
        std::iter::zip([(s, "S"), (m, "M"), (l, "L")], skus).map(of).collect::<Vec<_>>()
    };
    let skus = |product: Product| product.variants.unwrap().into_iter().map(|v| v.sku.unwrap()).collect::<Vec<_>>().join(" ");
    assert_eq!(skus(set(&client, product, with(["A", "B", "C"])).await.unwrap()), "A B C");
    assert_eq!(skus(set(&client, product, with(["B", "C", "a"])).await.unwrap()), "B C a");

    let rug = add(&client, "Rug", "1", 1).await.id;
    let sku = |sku: &str| vec![SetVariant { sku: Some(sku.into()), ..variant(Some(rug.0), "") }];
    assert_eq!(set(&client, rug, sku("c")).await, Err(ProductError::SkuTaken { sku: "c".into() }));
    // at once: one of two products gets it
    let bag = add(&client, "Bag", "1", 1).await.id;
    let of_bag = vec![SetVariant { sku: Some("d".into()), ..variant(Some(bag.0), "") }];
    let (one, other) = tokio::join!(set(&client, rug, sku("D")), set(&client, bag, of_bag));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(one.and(other), Err(ProductError::SkuTaken { sku: "d".into() }));
    // that of a product that is gone is free
    client.delete(&admin(), product, IfMatch::Absent).await.unwrap();
    set(&client, rug, sku("c")).await.unwrap();
}

async fn variants_are_held_each_for_itself(client: ProductClient, _: &Stores) {
    let [s, m, l] = shirt(&client).await;
    let product = ProductId(s.0);
    let lamp = add(&client, "Lamp", "1", 5).await.id;
    let order = order(&client);
    let line = |variant: VariantId, quantity| HoldLine { product_id: product, variant_id: Some(variant), quantity };
    let request = |lines| HoldRequest { lines, expires_at: now() + TimeDelta::minutes(5) };
    let of_lamp = HoldLine { product_id: lamp, variant_id: None, quantity: 1 };

    let lines = vec![line(l, 2), of_lamp.clone(), line(s, 5), line(m, 1)];
    let held = order.hold(&anonymous(), OrderId(1), request(lines.clone())).await.unwrap();
    let seen: Vec<_> =
        held.lines.iter().map(|line| (line.product_id, line.variant_id, line.name.as_str(), line.quantity)).collect();
    let expected = [
        (product, Some(s), "Linen shirt (S)", 5),
        (product, Some(m), "Linen shirt (M)", 1),
        (product, Some(l), "Linen shirt (L)", 2),
        (lamp, None, "Lamp", 1),
    ];
    assert_eq!(seen, expected);
    assert_eq!(order.hold(&anonymous(), OrderId(1), request(lines)).await.unwrap(), held, "repeated");
    assert_eq!((available(&client, s).await, available(&client, m).await, available(&client, l).await), (0, 4, 3));
    assert_eq!(stock(&client, product).await, 7);

    // the shirt has seven pieces, and none in this size
    let short = order.hold(&anonymous(), OrderId(2), request(vec![line(m, 1), line(s, 1)])).await.unwrap_err();
    let shortage = Shortage { product_id: product, variant_id: Some(s), requested: 1, available: 0 };
    assert_eq!(short, ProductError::OutOfStock { lines: vec![shortage] });
    assert_eq!(available(&client, m).await, 4);
    // a variant of another product
    let wrong = HoldLine { product_id: lamp, variant_id: Some(m), quantity: 1 };
    let wrong = order.hold(&anonymous(), OrderId(3), request(vec![wrong])).await.unwrap_err();
    assert!(matches!(wrong, ProductError::OutOfStock { .. }), "{wrong}");

    // pieces that are held of a variant that is removed stay sold or come back to it
    set(&client, product, vec![variant(Some(s.0), "S"), variant(Some(m.0), "M")]).await.unwrap();
    order.commit(&anonymous(), OrderId(1)).await.unwrap();
    assert_eq!((stock(&client, product).await, available(&client, m).await), (4, 4));
    order.release(&anonymous(), OrderId(1)).await.unwrap();
    assert_eq!((stock(&client, product).await, available(&client, s).await, available(&client, m).await), (10, 5, 5));
    // the clerks see what came back to it, and it comes back when it is sent with its id
    let came_back = client.stock(&admin(), l).await.unwrap();
    assert_eq!((came_back.available, came_back.held), (2, 0));
    client.move_stock(&admin(), l, delta(1, None)).await.unwrap();
    assert_eq!(stock(&client, product).await, 10, "it is not sold");
    let all = vec![variant(Some(s.0), "S"), variant(Some(m.0), "M"), variant(Some(l.0), "XL")];
    assert_eq!(set(&client, product, all).await.unwrap().stock_quantity, 13);
    assert_eq!(available(&client, l).await, 3);
    assert_eq!(stock(&client, lamp).await, 5);
}

/// Kinds and changes of the movements of a variant, the first one first.
async fn moved(client: &ProductClient, id: VariantId) -> Vec<(MovementKind, i64, i64)> {
    let query = ListMovements { variant_id: Some(id), ..ListMovements::default() };
    let page = client.stock_movements(&admin(), query).await.unwrap();
    assert_eq!(page.pagination.total, page.movements.len() as u64);
    page.movements.iter().rev().map(|m| (m.kind, m.available_change, m.held_change)).collect()
}

fn delta(pieces: i64, reason: Option<Reason>) -> NewMovement {
    NewMovement { delta: Some(pieces), counted: None, reason, note: None }
}

fn counted(pieces: i64) -> NewMovement {
    NewMovement { delta: None, counted: Some(pieces), reason: None, note: None }
}

async fn every_change_of_stock_is_a_movement(client: ProductClient, _: &Stores) {
    use MovementKind::{Adjusted, Counted, Held, Received, Released, Returned, Sold};
    let lamp = add(&client, "Lamp", "1", 10).await.id;
    let id = lamp.first_variant();
    let orders = order(&client);
    for order in [1, 2] {
        orders.hold(&anonymous(), OrderId(order), hold(&[(lamp, 2)])).await.unwrap();
    }
    orders.commit(&anonymous(), OrderId(1)).await.unwrap();
    // eight are on the shelf, of which two are held: one is missing
    let count = NewMovement { note: Some(" behind the shelf ".into()), ..counted(7) };
    let movement = client.move_stock(&admin(), id, count).await.unwrap();
    assert_eq!((movement.kind, movement.available_change, movement.note.as_str()), (Counted, -1, "behind the shelf"));
    assert_eq!((movement.user_id, movement.order_id), (Some(admin().user().unwrap()), None));
    let seen = client.stock(&admin(), id).await.unwrap();
    assert_eq!((seen.on_hand, seen.held, seen.available), (7, 2, 5));

    orders.release(&anonymous(), OrderId(2)).await.unwrap();
    orders.release(&anonymous(), OrderId(1)).await.unwrap();
    client.move_stock(&admin(), id, delta(12, Some(Reason::Received))).await.unwrap();
    client.move_stock(&admin(), id, delta(-3, None)).await.unwrap();
    client.set_stock(&admin(), lamp, IfMatch::Any, SetStock { quantity: 20 }).await.unwrap();
    client.move_stock(&admin(), id, delta(1, Some(Reason::Returned))).await.unwrap();
    let expected = [
        (Received, 10, 0),
        (Held, -2, 2),
        (Held, -2, 2),
        (Sold, 0, -2),
        (Counted, -1, 0),
        (Released, 2, -2),
        (Returned, 2, 0),
        (Received, 12, 0),
        (Adjusted, -3, 0),
        (Counted, 2, 0),
        (Returned, 1, 0),
    ];
    assert_eq!(moved(&client, id).await, expected);
    assert_eq!(stock(&client, lamp).await, 21);

    let of_order = ListMovements { order_id: Some(OrderId(1)), ..ListMovements::default() };
    let kinds = |movements: Vec<StockMovement>| movements.iter().map(|m| m.kind).collect::<Vec<_>>();
    assert_eq!(kinds(client.stock_movements(&admin(), of_order).await.unwrap().movements), [Returned, Sold, Held]);
    let received = ListMovements { kind: Some(Received), per_page: Some(1), page: Some(2), ..ListMovements::default() };
    let page = client.stock_movements(&admin(), received).await.unwrap();
    assert_eq!((page.movements[0].available_change, page.pagination.total), (10, 2));

    // a repeated movement is one
    let cx = || admin().with_key("k");
    let first = client.move_stock(&cx(), id, delta(5, None)).await.unwrap();
    assert_eq!(client.move_stock(&cx(), id, delta(5, None)).await.unwrap(), first);
    let rug = add(&client, "Rug", "1", 1).await.id;
    let other = client.move_stock(&cx(), rug.first_variant(), delta(5, None)).await.unwrap_err();
    assert_eq!(code(&other), Code::Unprocessable, "the key is of a movement of another variant");
    assert_eq!(stock(&client, lamp).await, 26);
    // removing what is sold is a movement, too
    assert_eq!(set(&client, lamp, vec![variant(None, "S"), variant(None, "M")]).await.unwrap().stock_quantity, 26);
    let other = set(&client, lamp, vec![variant(None, "M")]).await.unwrap();
    assert_eq!((other.stock_quantity, moved(&client, id).await.last().copied()), (0, Some((Adjusted, -26, 0))));
}

async fn movements_that_cannot_be_are_refused(client: ProductClient, _: &Stores) {
    let lamp = add(&client, "Lamp", "1", 10).await.id;
    let id = lamp.first_variant();
    order(&client).hold(&anonymous(), OrderId(1), hold(&[(lamp, 4)])).await.unwrap();
    for (movement, rule, text) in [
        (delta(-7, None), StockRule::TooFew, "No more pieces can go than the 6 that are available"),
        (counted(3), StockRule::FewerThanHeld, "No fewer pieces can be counted than the 4 that orders hold"),
        (delta(999_991, None), StockRule::TooMany, "There can be at most 1000000 pieces: 6 are available, and 4 held by orders"),
        (
            delta(1_000_000, None),
            StockRule::TooMany,
            "There can be at most 1000000 pieces: 6 are available, and 4 held by orders",
        ),
    ] {
        let error = client.move_stock(&admin(), id, movement).await.unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(error, ProductError::StockOutOfRange { available: 6, held: 4, rule: Some(rule) });
    }
    for (movement, rule) in [
        (delta(0, None), "delta must not be 0"),
        (delta(1_000_001, None), "delta must be at most 1000000"),
        (counted(-1), "counted must be at least 0"),
        (delta(-1, Some(Reason::Received)), "delta must be at least 1: pieces that were received or returned only come"),
        (NewMovement { reason: Some(Reason::Adjusted), ..counted(9) }, "reason must not be sent with counted"),
        (NewMovement { delta: None, ..delta(1, None) }, "must have either delta or counted"),
        (NewMovement { counted: Some(1), ..delta(1, None) }, "must have either delta or counted"),
    ] {
        invalid(client.move_stock(&admin(), id, movement).await.unwrap_err(), rule);
    }
    let missing = client.move_stock(&admin(), VariantId(99), delta(1, None)).await;
    assert_eq!(missing, Err(ProductError::VariantNotFound));
    for cx in [anonymous(), customer(1)] {
        assert!(client.move_stock(&cx, id, delta(1, None)).await.is_err());
        assert!(client.stock(&cx, id).await.is_err());
        assert!(client.stock_movements(&cx, ListMovements::default()).await.is_err());
    }
    assert_eq!(moved(&client, id).await.len(), 2, "nothing else was written");
    let [s, ..] = shirt(&client).await;
    assert_eq!(
        client.set_stock(&admin(), ProductId(s.0), IfMatch::Any, SetStock { quantity: 1 }).await,
        Err(ProductError::VariantRequired)
    );
}

async fn the_last_pieces_of_variants_are_sold_once_while_clerks_count(client: ProductClient, _: &Stores) {
    let [s, m, l] = shirt(&client).await;
    let product = ProductId(s.0);
    for id in [s, m, l] {
        client.move_stock(&admin(), id, delta(5, Some(Reason::Received))).await.unwrap();
    }
    let client = Arc::new(client);
    let buyers = (1..=60_i64).map(|id| {
        let client = order(&client);
        // crossing baskets of two variants
        let sizes = match id % 3 {
            0 => [s, m],
            1 => [l, s],
            _ => [m, l],
        };
        let lines = sizes.map(|size| HoldLine { product_id: product, variant_id: Some(size), quantity: 1 }).into();
        let request = HoldRequest { lines, expires_at: now() + TimeDelta::minutes(5) };
        tokio::spawn(async move {
            let held = match client.hold(&anonymous(), OrderId(id), request).await {
                Ok(_) => true,
                Err(ProductError::OutOfStock { .. }) => false,
                Err(e) => panic!("{e}"),
            };
            // every third buyer pays, every third gives up, as do those who got nothing
            match id % 3 {
                0 if held => client.commit(&anonymous(), OrderId(id)).await.unwrap(),
                2 if held => {}
                _ => {
                    client.release(&anonymous(), OrderId(id)).await.unwrap();
                    return 0;
                }
            }
            2
        })
    });
    let clerks = (0..6).map(|i| {
        let (client, id) = (client.clone(), [s, m, l][i % 3]);
        // two pieces are received and two are found broken, again and again
        tokio::spawn(async move {
            for pieces in [2, -2, 2, -2] {
                match client.move_stock(&admin(), id, delta(pieces, None)).await {
                    Ok(_) => {}
                    // sold meanwhile: then they were not broken
                    Err(ProductError::StockOutOfRange { .. }) if pieces < 0 => {}
                    Err(e) => panic!("{e}"),
                }
            }
        })
    });
    let (buyers, clerks): (Vec<_>, Vec<_>) = (buyers.collect(), clerks.collect());
    let mut taken = 0;
    for buyer in buyers {
        taken += buyer.await.unwrap();
    }
    for clerk in clerks {
        clerk.await.unwrap();
    }
    let (mut on_hand, mut held, mut sold, mut clerks) = (0, 0, 0, 0);
    for id in [s, m, l] {
        let item = client.stock(&admin(), id).await.unwrap();
        let mut rows = Vec::new();
        let mut cursor = None;
        loop {
            let query =
                ListMovements { variant_id: Some(id), cursor: cursor.take(), per_page: Some(20), ..ListMovements::default() };
            let found = client.stock_movements(&admin(), query).await.unwrap();
            rows.extend(found.movements);
            let Some(next) = found.pagination.next_cursor else { break };
            cursor = Some(next.parse().unwrap());
        }
        assert_eq!(rows.iter().map(|m| m.available_change).sum::<i64>(), i64::from(item.available), "the ledger adds up");
        assert_eq!(rows.iter().map(|m| m.held_change).sum::<i64>(), i64::from(item.held));
        sold += rows.iter().filter(|m| m.kind == MovementKind::Sold).map(|m| -m.held_change).sum::<i64>();
        clerks += rows.iter().filter(|m| m.order_id.is_none()).map(|m| m.available_change).sum::<i64>();
        on_hand += i64::from(item.on_hand);
        held += i64::from(item.held);
    }
    assert_eq!(held + sold, taken, "each piece has one buyer");
    assert_eq!(on_hand + sold, clerks, "what came in is there or sold");
    assert_eq!(i64::from(stock(&client, product).await), on_hand - held);
}

async fn what_sets_stock_or_variants_must_have_seen_them(client: ProductClient, _: &Stores) {
    let lamp = add(&client, "Lamp", "1", 10).await;
    let set = async |if_match, quantity| client.set_stock(&admin(), lamp.id, if_match, SetStock { quantity }).await;
    let absent = set(IfMatch::Absent, 3).await.unwrap_err();
    assert_eq!(code(&absent), Code::PreconditionRequired);
    assert!(absent.to_string().contains("stock-movements"), "{absent}");
    // of the product or of its stock, until one of them changes
    let of_stock = client.stock(&admin(), lamp.id.first_variant()).await.unwrap();
    let lamp_now = set(IfMatch::seen(&of_stock), 9).await.unwrap();
    assert_eq!((lamp_now.stock_quantity, lamp_now.version), (9, lamp.version), "stock is not content");
    order(&client).hold(&anonymous(), OrderId(1), hold(&[(lamp.id, 1)])).await.unwrap();
    for seen in [IfMatch::seen(&lamp), IfMatch::seen(&lamp_now), IfMatch::seen(&of_stock), IfMatch::Tags(vec![])] {
        assert_eq!(code(&set(seen, 20).await.unwrap_err()), Code::PreconditionFailed);
    }
    assert_eq!(stock(&client, lamp.id).await, 8);
    let seen = client.get(&anonymous(), lamp.id).await.unwrap();
    assert_eq!(set(IfMatch::seen(&seen), 20).await.unwrap().stock_quantity, 20);

    // variants are content, and a sale is no conflict
    let with = async |if_match, variants| client.set_variants(&admin(), lamp.id, if_match, SetVariants { variants }).await;
    let sizes = || vec![variant(Some(lamp.id.0), "S"), variant(None, "M")];
    let changed = with(IfMatch::seen(&lamp), sizes()).await.unwrap();
    assert_eq!(changed.version, lamp.version + 1);
    assert_eq!(with(IfMatch::seen(&changed), sizes()).await.unwrap(), changed, "nothing was changed");
    assert_eq!(code(&with(IfMatch::seen(&lamp), vec![variant(None, "L")]).await.unwrap_err()), Code::PreconditionFailed);
    assert_eq!(client.get(&anonymous(), lamp.id).await.unwrap(), changed);
}

async fn a_patch_of_a_variant_changes_what_is_sent(client: ProductClient, _: &Stores) {
    let cx = &admin();
    let [s, m, _] = shirt(&client).await;
    let shirt = ProductId(s.0);
    let product = async || client.get(cx, shirt).await.unwrap();
    let of = |json: &str| kernel::serde_json::from_str::<VariantPatch>(json).unwrap();
    let patch = async |if_match, json: &str| client.patch_variant(cx, m, if_match, of(json)).await;
    let (first, of_product) = (client.variant(cx, m).await.unwrap(), product().await);
    assert_eq!((first.version, of_product.version), (1, 2));
    assert_eq!(patch(IfMatch::Absent, "{}").await.unwrap(), first);
    assert_eq!(product().await, of_product, "nothing has changed");

    let all =
        r#"{"sku":" Shirt-M ","gtin":"4006381333931","price":18.5,"weight_grams":250,"length_mm":1,"width_mm":2,"height_mm":3}"#;
    let changed = patch(IfMatch::seen(&first), all).await.unwrap();
    assert_eq!((changed.sku.as_deref(), changed.gtin.as_deref()), (Some("Shirt-M"), Some("4006381333931")));
    assert_eq!((changed.price.to_string().as_str(), changed.weight_grams), ("18.5", Some(250)));
    assert_eq!((changed.length_mm, changed.width_mm, changed.height_mm), (Some(1), Some(2), Some(3)));
    assert_eq!((changed.version, changed.stock_quantity, &changed.options), (2, 5, &first.options));
    assert!(changed.updated_at > first.updated_at);
    let now = product().await;
    assert_eq!((now.version, now.price), (3, changed.price), "the lowest price of its variants");
    assert_eq!(now.variants.as_ref().unwrap()[1], changed);
    assert_eq!(client.variant(cx, m).await.unwrap(), changed);
    assert_eq!(patch(IfMatch::Absent, all).await.unwrap(), changed, "a repeated change is none");
    assert!(refused_for(patch(IfMatch::seen(&first), "{}").await.unwrap_err(), &changed));

    let fewer = patch(IfMatch::Any, r#"{"sku":null,"gtin":" ","weight_grams":null,"price":30}"#).await.unwrap();
    assert_eq!((fewer.sku, fewer.gtin, fewer.weight_grams, fewer.length_mm), (None, None, None, Some(1)));
    assert_eq!((fewer.version, product().await.price.to_string().as_str()), (3, "20"));
    // a sale is no change
    let line = HoldLine { product_id: shirt, variant_id: Some(m), quantity: 1 };
    order(&client).hold(cx, OrderId(1), HoldRequest { lines: vec![line], ..hold(&[]) }).await.unwrap();
    assert_eq!(client.variant(cx, m).await.unwrap().version, 3);
    // the other ways to change variants count, too
    let sizes = vec![variant(Some(s.0), "S"), SetVariant { sku: Some("m".into()), ..variant(Some(m.0), "M") }];
    set(&client, shirt, sizes).await.unwrap();
    assert_eq!((client.variant(cx, s).await.unwrap().version, client.variant(cx, m).await.unwrap().version), (2, 4));
    let lamp = add(&client, "Lamp", "5", 3).await.id;
    let of_lamp = async |json: &str| client.patch_variant(cx, lamp.first_variant(), IfMatch::Absent, of(json)).await;
    client.patch(cx, lamp, IfMatch::Absent, json_patch(r#"{"price":6}"#)).await.unwrap();
    assert_eq!(client.variant(cx, lamp.first_variant()).await.unwrap().version, 2);
    // of a product without options it is the product's price
    of_lamp(r#"{"price":7}"#).await.unwrap();
    assert_eq!(client.get(cx, lamp).await.unwrap().price.to_string(), "7");

    assert_eq!(of_lamp(r#"{"sku":"M"}"#).await, Err(ProductError::SkuTaken { sku: "m".into() }));
    let long = format!(r#"{{"sku":"{}"}}"#, "x".repeat(65));
    for (json, rule) in [
        (long.as_str(), "sku must have at most 64 characters"),
        (r#"{"gtin":"4006381333930"}"#, "gtin has a digit that is wrong: its last digit does not fit the others"),
        (r#"{"price":-1}"#, "price must be at least 0"),
        (r#"{"price":1.234}"#, "price must have at most 2 decimals, as EUR has"),
        (r#"{"weight_grams":-1}"#, "weight_grams must be at least 0"),
        (r#"{"height_mm":100001}"#, "height_mm must be at most 100000"),
    ] {
        invalid(patch(IfMatch::Absent, json).await.unwrap_err(), rule);
    }
    for json in [r#"{"price":null}"#, r#"{"options":[]}"#, r#"{"stock_quantity":1}"#] {
        assert!(kernel::serde_json::from_str::<VariantPatch>(json).is_err(), "{json}");
    }
    set(&client, shirt, vec![variant(Some(s.0), "S")]).await.unwrap();
    for gone in [VariantId(99), m] {
        let none = client.patch_variant(cx, gone, IfMatch::Absent, VariantPatch::default()).await;
        assert_eq!(none, Err(ProductError::VariantNotFound));
    }
    let denied = client.patch_variant(&customer(1), s, IfMatch::Absent, VariantPatch::default()).await.unwrap_err();
    assert_eq!(code(&denied), Code::PermissionDenied);
}

async fn what_is_left_of_a_deleted_product_is_taken_out(client: ProductClient, _: &Stores) {
    use MovementKind::{Adjusted, Held, Received, Released};
    let cx = &admin();
    let [s, m, l] = shirt(&client).await;
    let product = ProductId(s.0);
    let hold = async |id, lines: &[(VariantId, u32)]| {
        let line = |&(id, quantity)| HoldLine { product_id: product, variant_id: Some(id), quantity };
        let request = HoldRequest { lines: lines.iter().map(line).collect(), ..hold(&[]) };
        order(&client).hold(cx, OrderId(id), request).await.unwrap()
    };
    hold(1, &[(s, 2), (l, 1)]).await;
    // pieces come back to a variant that was removed
    set(&client, product, vec![variant(Some(s.0), "S"), variant(Some(m.0), "M")]).await.unwrap();
    order(&client).release(cx, OrderId(1)).await.unwrap();
    hold(2, &[(s, 2)]).await;

    client.delete(cx, product, IfMatch::Absent).await.unwrap();
    for (id, pieces) in [(s, -3), (m, -5), (l, -1)] {
        let last = ListMovements { variant_id: Some(id), per_page: Some(1), ..ListMovements::default() };
        let last = client.stock_movements(cx, last).await.unwrap().movements.remove(0);
        assert_eq!((last.kind, last.available_change, last.held_change), (Adjusted, pieces, 0));
        assert_eq!((last.note.as_str(), last.user_id), ("product removed", cx.user().ok()));
        assert_eq!(client.stock(cx, id).await.unwrap().available, 0);
    }
    // what an order holds comes back all the same
    order(&client).release(cx, OrderId(2)).await.unwrap();
    let expected = [(Received, 5, 0), (Held, -2, 2), (Released, 2, -2), (Held, -2, 2), (Adjusted, -3, 0), (Released, 2, -2)];
    assert_eq!(moved(&client, s).await, expected);
    let seen = client.stock(cx, s).await.unwrap();
    assert_eq!((seen.available, seen.held), (2, 0));
}

async fn a_tag_is_of_one_thing_only(client: ProductClient, _: &Stores) {
    let cx = &admin();
    let (lamp, rug) = (add(&client, "Lamp", "5", 3).await, add(&client, "Rug", "5", 3).await);
    let light = client.create_category(cx, NewCategory { name: "Light".into(), ..NewCategory::default() }).await.unwrap();
    let only = client.variant(cx, lamp.id.first_variant()).await.unwrap();
    let stock = client.stock(cx, lamp.id.first_variant()).await.unwrap();
    assert_eq!([lamp.version, rug.version, light.version, only.version, stock.version], [1; 5]);
    assert_eq!((lamp.id.0, light.id.0, only.id.0), (1, 1, 1));
    let tags = [
        IfMatch::seen(&lamp),
        IfMatch::seen(&light),
        IfMatch::seen(&only),
        IfMatch::seen(&stock),
        IfMatch::seen(&rug),
        // of a release before
        "\"1-9f86d081884c7d65\"".parse().unwrap(),
    ];
    let failed = |error: ProductError| assert_eq!(code(&error), Code::PreconditionFailed);
    for (i, tag) in tags.iter().enumerate() {
        if i != 0 {
            failed(client.patch(cx, lamp.id, tag.clone(), ProductPatch::default()).await.unwrap_err());
            failed(client.delete(cx, lamp.id, tag.clone()).await.unwrap_err());
            let same = SetVariants { variants: vec![variant(Some(lamp.id.0), "")] };
            failed(client.set_variants(cx, lamp.id, tag.clone(), same).await.unwrap_err());
        }
        if i != 1 {
            failed(client.patch_category(cx, light.id, tag.clone(), CategoryPatch::default()).await.unwrap_err());
            failed(client.delete_category(cx, light.id, tag.clone()).await.unwrap_err());
        }
        if i != 2 {
            failed(client.patch_variant(cx, only.id, tag.clone(), VariantPatch::default()).await.unwrap_err());
        }
        if i != 3 {
            failed(client.patch_stock(cx, only.id, tag.clone(), StockPatch::default()).await.unwrap_err());
        }
        if ![0, 3].contains(&i) {
            failed(client.set_stock(cx, lamp.id, tag.clone(), SetStock { quantity: 9 }).await.unwrap_err());
        }
    }
    client.patch(cx, lamp.id, tags[0].clone(), ProductPatch::default()).await.unwrap();
    client.patch_category(cx, light.id, tags[1].clone(), CategoryPatch::default()).await.unwrap();
    client.patch_variant(cx, only.id, tags[2].clone(), VariantPatch::default()).await.unwrap();
    client.patch_stock(cx, only.id, tags[3].clone(), StockPatch::default()).await.unwrap();
    client.set_stock(cx, lamp.id, tags[3].clone(), SetStock { quantity: 9 }).await.unwrap();
}

/// A patch as JSON.
fn json_patch(text: &str) -> ProductPatch {
    kernel::serde_json::from_str(text).unwrap()
}

/// Ids of a list.
async fn listed(client: &ProductClient, cx: &Ctx, query: ListProducts) -> Vec<ProductId> {
    client.list(cx, query).await.unwrap().products.iter().map(|product| product.id).collect()
}

/// Whether everybody sees the product wherever it could be seen, and it can be bought; all these must agree.
async fn is_shown(client: &ProductClient, id: ProductId) -> bool {
    let variant = id.first_variant();
    let ids = ListProducts { ids: Ids::new([id]).ok(), ..ListProducts::default() };
    let all = FindVariants { ids: Ids::new([variant]).ok(), ..FindVariants::default() };
    let sku = FindVariants { sku: Some(format!("sku-{id}").as_str().into()), ..FindVariants::default() };
    let mut seen = Vec::new();
    for cx in [anonymous(), customer(1)] {
        seen.push(client.get(&cx, id).await.is_ok());
        seen.push(client.variant(&cx, variant).await.is_ok());
    }
    // lists and carts of admins, too
    for cx in [anonymous(), admin()] {
        seen.push(!listed(client, &cx, ids.clone()).await.is_empty());
        seen.push(listed(client, &cx, ListProducts::default()).await.contains(&id));
        seen.push(!client.variants(&cx, all.clone()).await.unwrap().variants.is_empty());
        seen.push(!client.variants(&cx, sku.clone()).await.unwrap().variants.is_empty());
    }
    // each time another order
    let id_of_order = OrderId(now().timestamp_micros());
    match order(client).hold(&anonymous(), id_of_order, hold(&[(id, 1)])).await {
        Ok(_) => seen.push(true),
        Err(ProductError::OutOfStock { lines }) => {
            seen.push(false);
            let shortage = Shortage { product_id: id, variant_id: None, requested: 1, available: 0 };
            assert_eq!(lines, [shortage], "as a product that is gone");
        }
        Err(e) => panic!("{e}"),
    }
    order(client).release(&anonymous(), id_of_order).await.unwrap();
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    assert_eq!(client.get(&admin(), id).await.unwrap().id, id);
    client.variant(&admin(), variant).await.unwrap();
    seen[0]
}

/// A product with a SKU.
async fn lamp_with(client: &ProductClient, new: NewProduct) -> Product {
    let id = client.create(&admin(), new).await.unwrap().id;
    set(client, id, vec![SetVariant { sku: Some(format!("SKU-{id}").as_str().into()), ..variant(Some(id.0), "") }]).await.unwrap()
}

async fn what_is_not_published_is_seen_by_admins_only(client: ProductClient, _: &Stores) {
    let other = add(&client, "Rug", "1", 5).await;
    assert_eq!(other.status, ProductStatus::Active);
    let lamp = lamp_with(&client, NewProduct { status: Some(ProductStatus::Draft), ..new("Lamp", "5", 3) }).await;
    assert_eq!(client.get(&anonymous(), lamp.id).await, Err(ProductError::NotFound));
    assert!(!is_shown(&client, lamp.id).await);
    let with = |status| ListProducts { status: Some(status), ..ListProducts::default() };
    assert_eq!(listed(&client, &admin(), with(StatusFilter::Draft)).await, [lamp.id]);
    assert_eq!(listed(&client, &admin(), with(StatusFilter::Active)).await, [other.id]);
    assert_eq!(listed(&client, &admin(), with(StatusFilter::Any)).await, [other.id, lamp.id]);
    assert_eq!(listed(&client, &admin(), ListProducts::default()).await, [other.id]);
    let searched = ListProducts { search: Some("lamp".into()), ..ListProducts::default() };
    assert_eq!(client.list(&admin(), searched.clone()).await.unwrap().pagination.total, 0);
    let drafts = ListProducts { status: Some(StatusFilter::Any), ..searched };
    assert_eq!(client.list(&admin(), drafts).await.unwrap().pagination.total, 1);
    for cx in [anonymous(), customer(1)] {
        for status in [StatusFilter::Active, StatusFilter::Draft, StatusFilter::Archived, StatusFilter::Any] {
            assert_eq!(client.list(&cx, with(status)).await, Err(ProductError::StatusForAdmins));
        }
    }

    let status = async |status: &str| {
        client.patch(&admin(), lamp.id, IfMatch::Absent, json_patch(&format!(r#"{{"status":"{status}"}}"#))).await.unwrap()
    };
    let active = status("active").await;
    assert_eq!((active.status, active.version), (ProductStatus::Active, lamp.version + 1));
    assert_ne!(active.etag(), lamp.etag());
    assert!(is_shown(&client, lamp.id).await);
    assert_eq!(status("active").await, client.get(&anonymous(), lamp.id).await.unwrap(), "a repeated change is none");

    // what orders hold stays theirs
    let orders = order(&client);
    for id in [1, 2] {
        orders.hold(&anonymous(), OrderId(id), hold(&[(lamp.id, 1)])).await.unwrap();
    }
    assert_eq!(status("archived").await.status, ProductStatus::Archived);
    assert!(!is_shown(&client, lamp.id).await);
    assert_eq!(listed(&client, &admin(), with(StatusFilter::Archived)).await, [lamp.id]);
    // with one that is shown: nothing is held
    let both = orders.hold(&anonymous(), OrderId(3), hold(&[(other.id, 1), (lamp.id, 1)])).await.unwrap_err();
    let shortage = Shortage { product_id: lamp.id, variant_id: None, requested: 1, available: 0 };
    assert_eq!(both, ProductError::OutOfStock { lines: vec![shortage] });
    assert_eq!(stock(&client, other.id).await, 5);
    let repeated = orders.hold(&anonymous(), OrderId(1), hold(&[(lamp.id, 1)])).await.unwrap();
    assert_eq!(repeated.lines[0].name, "Lamp");
    orders.commit(&anonymous(), OrderId(1)).await.unwrap();
    orders.release(&anonymous(), OrderId(2)).await.unwrap();
    let seen = client.stock(&admin(), lamp.id.first_variant()).await.unwrap();
    assert_eq!((seen.held, seen.available), (0, 2));
}

async fn products_are_shown_within_their_times(client: ProductClient, _: &Stores) {
    let (past, future) = (now() - TimeDelta::hours(1), now() + TimeDelta::hours(1));
    let far = now() + TimeDelta::days(3650);
    for (from, until, shown) in [
        (None, None, true),
        (Some(past), None, true),
        (Some(future), None, false),
        (None, Some(future), true),
        (None, Some(past), false),
        (Some(past), Some(future), true),
        (Some(future), Some(far), false),
        (Some(past - TimeDelta::hours(1)), Some(past), false),
    ] {
        for status in [None, Some(ProductStatus::Draft), Some(ProductStatus::Active)] {
            let new = NewProduct { status, published_from: from, published_until: until, ..new("Lamp", "5", 3) };
            let lamp = lamp_with(&client, new).await;
            assert_eq!((lamp.published_from, lamp.published_until), (from, until));
            assert_eq!(is_shown(&client, lamp.id).await, shown && status != Some(ProductStatus::Draft), "{from:?} {until:?}");
        }
    }
    // at its time, without a job
    let soon = now() + TimeDelta::seconds(1);
    let lamp = lamp_with(&client, NewProduct { published_from: Some(soon), ..new("Lamp", "5", 3) }).await;
    let appears = async {
        while client.get(&anonymous(), lamp.id).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), appears).await.unwrap();
    assert!(now() >= soon - TimeDelta::milliseconds(100) && is_shown(&client, lamp.id).await);
    // more digits than a store keeps
    let fine = r#"{"published_from":"2026-01-01T00:00:00.123456789Z"}"#;
    let kept = client.patch(&admin(), lamp.id, IfMatch::Absent, json_patch(fine)).await.unwrap();
    assert_eq!(kept.published_from.unwrap().to_rfc3339(), "2026-01-01T00:00:00.123456+00:00");
    assert_eq!(client.patch(&admin(), lamp.id, IfMatch::Absent, json_patch(fine)).await.unwrap(), kept);
}

async fn only_what_is_sent_changes_the_publication(client: ProductClient, _: &Stores) {
    let cx = &admin();
    let (from, until) = (now() - TimeDelta::hours(2), now() + TimeDelta::hours(2));
    let draft = NewProduct {
        status: Some(ProductStatus::Draft),
        published_from: Some(from),
        published_until: Some(until),
        ..new("Lamp", "5", 3)
    };
    let lamp = client.create(cx, draft.clone()).await.unwrap();
    let shown = |p: &Product| (p.status, p.published_from, p.published_until);
    // a client of before replaces what it knows
    let old = r#"{"name":"Lantern","price":5}"#;
    let put = async |text: &str| client.change(cx, lamp.id, IfMatch::Absent, kernel::serde_json::from_str(text).unwrap()).await;
    let changed = put(old).await.unwrap();
    assert_eq!((changed.name.as_str(), shown(&changed)), ("Lantern", (ProductStatus::Draft, Some(from), Some(until))));
    let bounds = r#"{"name":"Lantern","price":5,"status":"active","published_from":null}"#;
    assert_eq!(shown(&put(bounds).await.unwrap()), (ProductStatus::Active, None, Some(until)));

    let patch = async |text: &str| client.patch(cx, lamp.id, IfMatch::Absent, json_patch(text)).await;
    assert_eq!(shown(&patch(r#"{"published_until":null}"#).await.unwrap()), (ProductStatus::Active, None, None));
    let set = patch(r#"{"published_from":"2026-01-02T03:04:05+01:00","published_until":"2026-01-02T02:04:06Z"}"#).await.unwrap();
    assert_eq!(set.published_from.unwrap().to_rfc3339(), "2026-01-02T02:04:05+00:00");
    // with what is there, too
    for sent in [
        r#"{"published_until":"2026-01-02T02:04:05Z"}"#,
        r#"{"published_until":"2020-01-01T00:00:00Z"}"#,
        r#"{"published_from":"2026-01-02T02:04:06Z"}"#,
    ] {
        invalid(patch(sent).await.unwrap_err(), "published_until must be after published_from");
    }
    let year = "published_from must be in the years 1 to 9999";
    invalid(patch(r#"{"published_from":"+12026-01-02T02:04:06Z"}"#).await.unwrap_err(), year);
    let wrong = NewProduct { published_from: Some(until), published_until: Some(from), ..draft };
    invalid(client.create(cx, wrong).await.unwrap_err(), "published_until must be after published_from");
    assert_eq!(client.get(cx, lamp.id).await.unwrap(), set, "nothing else was changed");
    for sent in [r#"{"status":null}"#, r#"{"status":"gone"}"#, r#"{"published_from":"today"}"#] {
        assert!(kernel::serde_json::from_str::<ProductPatch>(sent).is_err(), "{sent}");
    }
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

async fn a_product_has_a_slug_and_keeps_those_of_before(client: ProductClient, _: &Stores) {
    let cx = &admin();
    let lamp = add(&client, "Öl-Lampe No. 7", "5", 3).await;
    assert_eq!((lamp.slug.as_deref(), lamp.version), (Some("ol-lampe-no-7"), 1));
    assert_eq!(client.by_slug(&anonymous(), slug("ol-lampe-no-7")).await.unwrap(), lamp);
    assert_eq!(client.by_slug(cx, slug("ol-lampe")).await, Err(ProductError::NotFound));
    let rug = client.create(cx, NewProduct { slug: Some(slug("kilim")), ..new("Rug", "5", 3) }).await.unwrap();
    assert_eq!(rug.slug.as_deref(), Some("kilim"));

    let patch = async |id, to: &str| {
        client.patch(cx, id, IfMatch::Absent, ProductPatch { slug: Some(slug(to)), ..ProductPatch::default() }).await
    };
    let taken = |slug: &str| Err(ProductError::SlugTaken { slug: slug.into() });
    assert_eq!(patch(lamp.id, "kilim").await, taken("kilim"));
    let renamed = patch(lamp.id, "oil-lamp").await.unwrap();
    assert_eq!((renamed.slug.as_deref(), renamed.version), (Some("oil-lamp"), 2));
    assert_ne!(renamed.etag(), lamp.etag());
    assert_eq!(patch(lamp.id, "oil-lamp").await.unwrap(), renamed, "a repeated change is none");
    for asked in ["oil-lamp", "ol-lampe-no-7"] {
        assert_eq!(client.by_slug(&anonymous(), slug(asked)).await.unwrap(), renamed, "{asked}");
    }
    // listed with it, and another name does not change it
    let query = ListProducts { variants: Some(true), ..ListProducts::default() };
    assert_eq!(client.list(&anonymous(), query).await.unwrap().products, [renamed, rug.clone()]);
    let put = async |text: &str| {
        client.change(cx, lamp.id, IfMatch::Absent, kernel::serde_json::from_str(text).unwrap()).await.unwrap()
    };
    assert_eq!(put(r#"{"name":"Lamp","price":5}"#).await.slug.as_deref(), Some("oil-lamp"));
    assert_eq!(put(r#"{"name":"Lamp","price":5,"slug":null}"#).await.slug.as_deref(), Some("oil-lamp"));
    assert_eq!(put(r#"{"name":"Lamp","price":5,"slug":"lamp"}"#).await.slug.as_deref(), Some("lamp"));

    // those of before are nobody else's, and its own again
    assert_eq!(patch(rug.id, "oil-lamp").await, taken("oil-lamp"));
    let other = NewProduct { slug: Some(slug("ol-lampe-no-7")), ..new("Lamp", "5", 3) };
    assert_eq!(client.create(cx, other).await, taken("ol-lampe-no-7"));
    assert_eq!(client.get(cx, rug.id).await.unwrap(), rug, "nothing was changed");
    assert_eq!(patch(lamp.id, "ol-lampe-no-7").await.unwrap().slug.as_deref(), Some("ol-lampe-no-7"));
    assert_eq!(client.by_slug(cx, slug("lamp")).await.unwrap().id, lamp.id);

    // what is not shown is found by admins only, by every slug
    client.patch(cx, lamp.id, IfMatch::Absent, json_patch(r#"{"status":"archived"}"#)).await.unwrap();
    for asked in ["lamp", "oil-lamp", "ol-lampe-no-7"] {
        assert_eq!(client.by_slug(&anonymous(), slug(asked)).await, Err(ProductError::NotFound));
        assert_eq!(client.by_slug(cx, slug(asked)).await.unwrap().id, lamp.id);
    }
    // deleted products have none
    client.delete(cx, lamp.id, IfMatch::Absent).await.unwrap();
    assert_eq!(client.by_slug(cx, slug("lamp")).await, Err(ProductError::NotFound));
    assert_eq!(patch(rug.id, "oil-lamp").await.unwrap().slug.as_deref(), Some("oil-lamp"));
    for sent in [r#"{"slug":null}"#, r#"{"slug":""}"#, r#"{"slug":"Lamp"}"#, r#"{"slug":"a--b"}"#] {
        assert!(kernel::serde_json::from_str::<ProductPatch>(sent).is_err(), "{sent}");
    }
}

async fn slugs_of_the_same_name_are_numbered(client: ProductClient, _: &Stores) {
    for expected in ["lamp", "lamp-2", "lamp-3"] {
        assert_eq!(add(&client, "Lamp", "5", 3).await.slug.as_deref(), Some(expected));
    }
    // at once
    let client = Arc::new(client);
    let added = (0..10).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.create(&admin(), new("Rug", "5", 3)).await.unwrap() })
    });
    let mut slugs = Vec::new();
    for one in added.collect::<Vec<_>>() {
        slugs.push(one.await.unwrap().slug.unwrap());
    }
    slugs.sort_unstable();
    let mut expected: Vec<_> = (2..=10).map(|number| format!("rug-{number}")).chain(["rug".into()]).collect();
    expected.sort_unstable();
    assert_eq!(slugs, expected);
    let more = add(&client, "Rug", "5", 3).await;
    assert_eq!(more.slug, Some(format!("rug-{}", more.id)), "and then by their ids");
    // of two that want the same, one gets it
    let ids = [ProductId(1), ProductId(2)];
    let [first, second] = ids.map(|id| {
        let client = client.clone();
        let patch = ProductPatch { slug: Some(slug("the-lamp")), ..ProductPatch::default() };
        tokio::spawn(async move { client.patch(&admin(), id, IfMatch::Absent, patch).await })
    });
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let winner = first.as_ref().or(second.as_ref()).unwrap().id;
    assert_eq!(client.by_slug(&anonymous(), slug("the-lamp")).await.unwrap().id, winner);
    assert_eq!(first.and(second), Err(ProductError::SlugTaken { slug: "the-lamp".into() }));
}

async fn brand_tags_and_texts_are_kept_and_filtered(client: ProductClient, _: &Stores) {
    let cx = &admin();
    let whole = NewProduct {
        brand: Some("Çelik".into()),
        tags: vec![" Handmade ".into(), "gift".into(), "a".into()],
        seo_title: Some("A lamp".into()),
        seo_description: Some("The lamp".into()),
        ..new("Lamp", "5", 3)
    };
    let lamp = client.create(cx, whole.clone()).await.unwrap();
    let shown = |p: &Product| (p.brand.clone(), p.tags.join(" "), p.seo_title.clone(), p.seo_description.clone(), p.version);
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(shown(&lamp), (some("Çelik"), "Handmade gift a".into(), some("A lamp"), some("The lamp"), 1));
    let rug = client.create(cx, NewProduct { tags: vec!["GIFT".into()], ..new("Rug", "5", 0) }).await.unwrap();
    assert_eq!(shown(&rug), (None, "GIFT".into(), None, None, 1));
    let all = ListProducts { variants: Some(true), ..ListProducts::default() };
    assert_eq!(client.list(&anonymous(), all).await.unwrap().products, [lamp.clone(), rug.clone()]);
    assert_eq!(client.by_slug(&anonymous(), slug("lamp")).await.unwrap(), lamp);

    let base = ListProducts::default;
    let (of_lamp, of_rug, both) = ([lamp.id], [rug.id], [lamp.id, rug.id]);
    let brand = |text: &str| ListProducts { brand: Some(text.into()), ..base() };
    let tag = |text: &str| ListProducts { tag: Some(text.into()), ..base() };
    for (query, expected) in [
        (brand("ÇELIK"), &of_lamp[..]),
        (brand("Celik"), &[]),
        (tag("handMADE"), &of_lamp),
        (tag("Gift"), &both),
        (tag("gif"), &[]),
        (ListProducts { in_stock: Some(true), ..base() }, &of_lamp),
        (ListProducts { in_stock: Some(false), ..base() }, &of_rug),
        (ListProducts { in_stock: Some(true), search: Some("rug".into()), ..tag("gift") }, &[]),
        (ListProducts { search: Some("lamp".into()), ..tag("gift") }, &of_lamp),
    ] {
        assert_eq!(listed(&client, cx, query.clone()).await, expected, "{query:?}");
    }

    // a client of before replaces what it knows
    let put = async |text: &str| {
        client.change(cx, lamp.id, IfMatch::Absent, kernel::serde_json::from_str(text).unwrap()).await.unwrap()
    };
    let kept = put(r#"{"name":"Lamp","price":5}"#).await;
    assert_eq!(kept, lamp, "nothing was changed");
    let sent = put(r#"{"name":"Lamp","price":5,"tags":["x","a"],"brand":null}"#).await;
    assert_eq!(shown(&sent), (None, "x a".into(), some("A lamp"), some("The lamp"), 2));
    let patch = async |text: &str| client.patch(cx, lamp.id, IfMatch::Absent, json_patch(text)).await;
    // the order is content, and so is the case
    for (sent, tags, version) in [
        (r#"{"tags":["x","a"]}"#, "x a", 2),
        (r#"{"tags":["a","x"]}"#, "a x", 3),
        (r#"{"tags":["A","x"]}"#, "A x", 4),
        (r#"{"name":"Lamp"}"#, "A x", 4),
        (r#"{"tags":null}"#, "", 5),
        (r#"{"tags":[]}"#, "", 5),
    ] {
        let before = client.get(cx, lamp.id).await.unwrap();
        let after = patch(sent).await.unwrap();
        assert_eq!((after.tags.join(" ").as_str(), after.version), (tags, version), "{sent}");
        assert_eq!(after.etag() == before.etag(), after == before);
        assert_eq!(client.get(&anonymous(), lamp.id).await.unwrap(), after);
    }
    let texts = r#"{"brand":"Atlas","seo_title":" ","seo_description":null}"#;
    assert_eq!(shown(&patch(texts).await.unwrap()), (some("Atlas"), String::new(), None, None, 6));
    assert_eq!(listed(&client, cx, brand("atlas")).await, of_lamp);
    assert_eq!(listed(&client, cx, brand("çelik")).await, []);

    // with a condition that fails, no tag changes
    let late = client.patch(cx, lamp.id, IfMatch::seen(&lamp), json_patch(r#"{"tags":["late"]}"#)).await.unwrap_err();
    assert!(refused_for(late, &client.get(cx, lamp.id).await.unwrap()));

    let pointer = |error: ProductError| match error {
        ProductError::Fault(fault) => fault.errors()[0].pointer.clone(),
        other => panic!("{other:?}"),
    };
    let many: Vec<_> = (0..21).map(|i| product::Tag::from(format!("t{i}"))).collect();
    for (bad, field) in [
        (NewProduct { brand: Some("x".repeat(81).into()), ..whole.clone() }, "/brand"),
        (NewProduct { tags: many.clone(), ..whole.clone() }, "/tags"),
        (NewProduct { tags: vec!["a".into(), "A".into()], ..whole.clone() }, "/tags"),
        (NewProduct { tags: vec!["a".into(), " ".into()], ..whole.clone() }, "/tags/1"),
        (NewProduct { tags: vec!["x".repeat(41).into()], ..whole.clone() }, "/tags/0"),
        (NewProduct { seo_title: Some("x".repeat(71).into()), ..whole.clone() }, "/seo_title"),
        (NewProduct { seo_description: Some("x".repeat(201).into()), ..whole.clone() }, "/seo_description"),
    ] {
        assert_eq!(pointer(client.create(cx, bad).await.unwrap_err()), field);
    }
    let twenty = NewProduct { tags: many[..20].to_vec(), ..whole };
    assert_eq!(client.create(cx, twenty).await.unwrap().tags.len(), 20);
    for (sent, field) in [(r#"{"tags":["a","A"]}"#, "/tags"), (r#"{"tags":[""]}"#, "/tags/0")] {
        assert_eq!(pointer(patch(sent).await.unwrap_err()), field);
    }
}
