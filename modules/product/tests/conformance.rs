//! What the product module promises, in three placements.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    AmountText, Code, Ctx, Fault, IfMatch, OrderId, Role, Tagged,
    chrono::TimeDelta,
    now, placements,
    testing::{Stores, admin, anonymous, customer, start},
};
use product::{
    CategoryId, CategoryPatch, Config, HoldLine, HoldRequest, Ids, ListProducts, NewCategory, NewProduct, Product, ProductApi,
    ProductChange, ProductClient, ProductError, ProductId, ProductPatch, Products, SetStock, Shortage, TooManyIds,
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
    }
}

async fn add(client: &ProductClient, name: &str, price: &str, stock: u32) -> Product {
    client.create(&admin(), new(name, price, stock)).await.unwrap()
}

fn hold(lines: &[(ProductId, u32)]) -> HoldRequest {
    let lines = lines.iter().map(|&(product_id, quantity)| HoldLine { product_id, quantity }).collect();
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
        price: "12.5".parse().unwrap(),
        category_id: None,
    };
    let changed = client.change(&admin(), product.id, IfMatch::Absent, change.clone()).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.description.as_str(), changed.stock_quantity), ("Oil lamp", "Clay", 3));
    assert!(changed.updated_at >= product.updated_at && changed.created_at == product.created_at);
    assert_eq!(client.set_stock(&admin(), product.id, SetStock { quantity: 7 }).await.unwrap().stock_quantity, 7);

    client.delete(&admin(), product.id, IfMatch::Absent).await.unwrap();
    assert_eq!(client.get(&anonymous(), product.id).await, Err(ProductError::NotFound));
    assert_eq!(client.delete(&admin(), product.id, IfMatch::Absent).await, Err(ProductError::NotFound));
    assert_eq!(client.change(&admin(), product.id, IfMatch::Absent, change).await, Err(ProductError::NotFound));
    assert_eq!(client.set_stock(&admin(), product.id, SetStock { quantity: 7 }).await, Err(ProductError::NotFound));
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
    let category = |name: &str, parent_id| NewCategory { name: name.into(), parent_id };
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
    let change =
        |name: &str| ProductChange { name: name.into(), description: None, price: "5".parse().unwrap(), category_id: None };
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
    let category = |name: &str| NewCategory { name: name.into(), parent_id: None };
    let seen = client.create_category(cx, category("Light")).await.unwrap();
    let first = client.change_category(cx, seen.id, IfMatch::seen(&seen), category("Lights")).await.unwrap();
    let late = IfMatch::seen(&seen);
    let patch = CategoryPatch { name: Some("Lamps".into()), ..CategoryPatch::default() };
    assert!(refused_for(client.change_category(cx, seen.id, late.clone(), category("Lamps")).await.unwrap_err(), &first));
    assert!(refused_for(client.patch_category(cx, seen.id, late.clone(), patch.clone()).await.unwrap_err(), &first));
    assert!(refused_for(client.delete_category(cx, seen.id, late).await.unwrap_err(), &first));
    assert_eq!(client.category(cx, seen.id).await.unwrap(), first);

    let below = NewCategory { name: "Oil".into(), parent_id: Some(seen.id) };
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
    let light = client.create_category(cx, NewCategory { name: "Light".into(), parent_id: None }).await.unwrap().id;
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
    let change = ProductChange { name: "Aachen".into(), description: None, price: "1".parse().unwrap(), category_id: None };
    client.change(&admin(), ProductId(1), IfMatch::Absent, change).await.unwrap();
    assert_eq!(sorted("name").await[0], "Aachen");
}

async fn text_is_kept_and_searched_in_one_form(client: ProductClient, _: &Stores) {
    let added = NewProduct { description: Some(" One\r\ntwo\n".into()), ..new("\u{a0}Cafetie\u{300}re ", "1", 1) };
    let added = client.create(&admin(), added).await.unwrap();
    assert_eq!((added.name.as_str(), added.description.as_str()), ("Cafetière", "One\ntwo"));
    let root = client.create_category(&admin(), NewCategory { name: " The\u{301} ".into(), parent_id: None }).await.unwrap();
    assert_eq!(root.name, "Thé");
    for text in ["CAFETIE\u{300}RE", " cafetière", "tière"] {
        let query = ListProducts { search: Some(text.into()), ..ListProducts::default() };
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
    let category = |name: &str, parent_id| NewCategory { name: name.into(), parent_id };
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
    let category = |name: &str, parent_id| NewCategory { name: name.into(), parent_id };
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
    let shortage = Shortage { product_id: b, requested: 2, available: 1 };
    assert_eq!(error, ProductError::OutOfStock { lines: vec![shortage] });
    assert_eq!((stock(&client, a).await, stock(&client, b).await), (5, 1));

    let missing = order.hold(&anonymous(), OrderId(1), hold(&[(a, 1), (ProductId(99), 1)])).await.unwrap_err();
    let shortage = Shortage { product_id: ProductId(99), requested: 1, available: 0 };
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
