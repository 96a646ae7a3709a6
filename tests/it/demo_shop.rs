//! The demo shop shows what a catalogue can have.

use crate::harness::{Shop, both_deployments, until};
use serde_json::{Value, json};

both_deployments![the_demo_shop_has_all_that_a_catalogue_can_show];

async fn the_demo_shop_has_all_that_a_catalogue_can_show(shop: Shop) {
    // it comes in the background, the pictures last
    let pictured = "/api/products?per_page=100&sort=id&search=pomegranate";
    until(async || shop.get(pictured).await.expect(200)["products"][0]["pictures"][0].is_object()).await;

    let categories = shop.get("/api/categories").await.expect(200);
    let parent =
        |id: &Value| categories.as_array().unwrap().iter().find(|one| one["id"] == *id).map(|one| one["parent_id"].clone());
    let third =
        categories.as_array().unwrap().iter().filter(|one| parent(&one["parent_id"]).is_some_and(|above| !above.is_null()));
    assert!(third.count() >= 4, "{categories}");

    let ask = async |path: &str, language: &str| shop.send(shop.request("GET", path).header("Accept-Language", language)).await;
    let list = "/api/products?category_id=17&view=short&facets=category,option,attribute&options=Size:M";
    let list = ask(&list.replace("17", &id_of(&categories, "Clothing").to_string()), "de").await.expect(200);
    let names: Vec<_> = list["products"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Kaftan aus Baumwolle", "Leinenhemd"]);
    let facet = |kind: &str, code: &str| {
        let found =
            list["facets"].as_array().unwrap().iter().find(|one| one["kind"] == kind && (code.is_empty() || one["code"] == code));
        found.unwrap_or_else(|| panic!("{kind} {code}: {list}")).clone()
    };
    assert_eq!(facet("attribute", "material")["values"][0], json!({"value": "cotton", "name": "Baumwolle", "count": 1}));
    assert_eq!(facet("option", "size")["values"].as_array().unwrap().len(), 3);
    assert_eq!(facet("category", "")["values"][0]["name"], "Garderobe", "{list}");

    let tree = shop.get(pictured).await.expect(200);
    let picture = &tree["products"][0]["pictures"][0];
    let address = picture["url"].as_str().unwrap().replace("{size}", "thumb");
    let thumb = shop.send(shop.request("GET", &address)).await;
    assert_eq!(thumb.status, 200, "{address}");
}

fn id_of(categories: &Value, name: &str) -> i64 {
    categories.as_array().unwrap().iter().find(|one| one["name"] == name).and_then(|one| one["id"].as_i64()).unwrap()
}
