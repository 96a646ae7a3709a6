//! What the product module promises, in three placements.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    AmountText, Code, Ctx, Fault, OrderId, Role,
    chrono::TimeDelta,
    now, placements,
    testing::{Stores, admin, anonymous, customer, start},
};
use product::{
    CategoryId, Config, HoldLine, HoldRequest, Ids, ListProducts, NewCategory, NewProduct, Product, ProductApi, ProductChange,
    ProductClient, ProductError, ProductId, Products, SetStock, Shortage, TooManyIds,
};
use std::sync::Arc;

placements! {
    ProductClient, products: [
        create_get_change_delete,
        keyed_creation_has_one_effect,
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
        price: "12.5".parse().unwrap(),
        category_id: None,
    };
    let changed = client.change(&admin(), product.id, change.clone()).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.description.as_str(), changed.stock_quantity), ("Oil lamp", "Clay", 3));
    assert!(changed.updated_at >= product.updated_at && changed.created_at == product.created_at);
    assert_eq!(client.set_stock(&admin(), product.id, SetStock { quantity: 7 }).await.unwrap().stock_quantity, 7);

    client.delete(&admin(), product.id).await.unwrap();
    assert_eq!(client.get(&anonymous(), product.id).await, Err(ProductError::NotFound));
    assert_eq!(client.delete(&admin(), product.id).await, Err(ProductError::NotFound));
    assert_eq!(client.change(&admin(), product.id, change).await, Err(ProductError::NotFound));
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
    client.change(&admin(), ProductId(1), change).await.unwrap();
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

    let cycle = client.change_category(&admin(), home.id, category("Home", Some(rugs.id))).await.unwrap_err();
    assert_eq!(code(&cycle), Code::InvalidArgument);
    let orphan = client.create_category(&admin(), category("X", Some(CategoryId(99)))).await.unwrap_err();
    assert_eq!(code(&orphan), Code::InvalidArgument);
    assert_eq!(client.delete_category(&admin(), home.id).await, Err(ProductError::CategoryNotEmpty));

    let product = client.create(&admin(), NewProduct { category_id: Some(rugs.id), ..new("Kilim", "1", 1) }).await.unwrap();
    assert_eq!(client.delete_category(&admin(), rugs.id).await, Err(ProductError::CategoryNotEmpty));
    client.delete(&admin(), product.id).await.unwrap();
    client.delete_category(&admin(), rugs.id).await.unwrap();
    assert_eq!(client.change_category(&admin(), home.id, category("House", None)).await.unwrap().name, "House");
    assert_eq!(client.category(&anonymous(), rugs.id).await, Err(ProductError::CategoryNotFound));
    assert_eq!(client.delete_category(&admin(), rugs.id).await, Err(ProductError::CategoryNotFound));
}

async fn categories_that_are_moved_at_once_are_a_tree(client: ProductClient, _: &Stores) {
    let category = |name: &str, parent_id| NewCategory { name: name.into(), parent_id };
    for _ in 0..10 {
        let rugs = client.create_category(&admin(), category("Rugs", None)).await.unwrap().id;
        let lamps = client.create_category(&admin(), category("Lamps", None)).await.unwrap().id;
        let cx = admin();
        let (first, second) = tokio::join!(
            client.change_category(&cx, rugs, category("Rugs", Some(lamps))),
            client.change_category(&cx, lamps, category("Lamps", Some(rugs))),
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
