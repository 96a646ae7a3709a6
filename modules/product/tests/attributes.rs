//! Attributes of products, and the filters and facets of lists, in three placements.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    Code, Fault, IfMatch, Tagged, placements,
    serde_json::{from_value, json},
    testing::{Stores, admin, anonymous, start},
};
use product::{
    AttributeCode, CategoryPatch, Config, Facet, ListProducts, NewCategory, NewProduct, OptionOf, Product, ProductApi,
    ProductChange, ProductClient, ProductError, ProductPatch, ProductStatus, ProductView, Products, SetAttribute, SetVariant,
    SetVariants,
};

placements! {
    ProductClient, products: [
        attributes_are_added_replaced_and_deleted,
        what_is_in_use_stays,
        values_have_the_kind_of_their_attribute,
        a_patch_merges_attributes_and_a_replacement_replaces_them,
        what_is_active_has_what_its_categories_require,
        lists_are_restricted_by_attributes,
        lists_are_restricted_by_options_of_one_variant,
        facets_count_what_another_choice_would_find,
        categories_count_what_is_below_them,
        products_are_found_by_the_beginning_of_a_sku,
        a_short_list_has_no_long_texts,
        attributes_are_read_in_the_language_of_the_caller,
    ]
}

async fn products(stores: Stores) -> (Products, Stores) {
    let config = Config { database_url: stores.database("product").await, ..Config::default() };
    (start::<Products>(&config, ()).await.service, stores)
}

fn code(text: &str) -> AttributeCode {
    text.parse().unwrap()
}

async fn set(
    client: &ProductClient,
    name: &str,
    attribute: kernel::serde_json::Value,
) -> Result<product::Attribute, ProductError> {
    let attribute: SetAttribute = from_value(attribute).unwrap();
    client.set_attribute(&admin(), code(name), IfMatch::Absent, attribute).await
}

/// `material` (choice), `colours` (choices), `width_cm` (number), `washable` (boolean), `care` (text).
async fn with_attributes(client: &ProductClient) {
    let choices = |names: &[&str]| names.iter().map(|n| json!({"code": n.to_lowercase(), "name": n})).collect::<Vec<_>>();
    for (name, attribute) in [
        ("material", json!({"name": "Material", "kind": "choice", "choices": choices(&["Wool", "Linen", "Jute"])})),
        ("colours", json!({"name": "Colours", "kind": "choices", "choices": choices(&["Red", "Blue", "Ochre"])})),
        ("width_cm", json!({"name": "Width", "kind": "number", "unit": "cm"})),
        ("washable", json!({"name": "Washable", "kind": "boolean"})),
        ("care", json!({"name": "Care", "kind": "text"})),
    ] {
        set(client, name, attribute).await.unwrap();
    }
}

fn new(name: &str, more: kernel::serde_json::Value) -> NewProduct {
    let mut new = json!({"name": name, "price": 10});
    new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    from_value(new).unwrap()
}

async fn add(client: &ProductClient, name: &str, more: kernel::serde_json::Value) -> Product {
    client.create(&admin(), new(name, more)).await.unwrap()
}

fn query(query: &str) -> ListProducts {
    serde_html_form::from_str(query).unwrap()
}

async fn names(client: &ProductClient, text: &str) -> String {
    let page = client.list(&anonymous(), query(text)).await.unwrap();
    assert_eq!(page.pagination.total, page.products.len() as u64);
    page.products.iter().map(|product| product.name.clone()).collect::<Vec<_>>().join(" ")
}

/// A facet in one line: `material Material: wool Wool 2, linen Linen 1`.
fn show(facet: Facet) -> String {
    let values: Vec<_> = facet.values.iter().map(|one| format!("{} {} {}", one.value, one.name, one.count)).collect();
    let ends = facet.lowest.map(|lowest| format!("{} to {}", lowest.0, facet.highest.unwrap().0));
    let name = [facet.code, facet.name].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let name = if name.is_empty() { format!("{:?}", facet.kind) } else { name };
    format!("{name}: {}", ends.unwrap_or(values.join(", ")))
}

async fn facets(client: &ProductClient, text: &str) -> Vec<String> {
    client.list(&anonymous(), query(text)).await.unwrap().facets.unwrap().into_iter().map(show).collect()
}

fn wrong(fault: ProductError) -> String {
    let ProductError::Fault(fault) = fault else { return fault.to_string() };
    fault.errors().iter().map(|e| format!("{} {}", e.pointer, e.detail)).collect()
}

async fn attributes_are_added_replaced_and_deleted(client: ProductClient, _: &Stores) {
    with_attributes(&client).await;
    let all = client.attributes(&anonymous()).await.unwrap().attributes;
    let codes: Vec<_> = all.iter().map(|attribute| attribute.code.as_str()).collect();
    assert_eq!(codes, ["care", "colours", "material", "washable", "width_cm"]);
    assert_eq!((all[4].unit.as_deref(), all[4].version), (Some("cm"), 1));

    // again the same is no change; another name is one
    let same = set(&client, "width_cm", json!({"name": "Width", "kind": "number", "unit": "cm"})).await.unwrap();
    assert_eq!(same.version, 1);
    let other = set(&client, "width_cm", json!({"name": "Breadth", "kind": "number"})).await.unwrap();
    assert_eq!((other.name.as_str(), other.unit.clone(), other.version), ("Breadth", None, 2));
    let old: IfMatch = same.etag().to_string().parse().unwrap();
    let late = client.delete_attribute(&admin(), code("width_cm"), old).await.unwrap_err();
    assert_eq!(kernel::ApiError::code(&late), Code::PreconditionFailed);
    client.delete_attribute(&admin(), code("width_cm"), IfMatch::Absent).await.unwrap();
    assert_eq!(client.attribute(&anonymous(), code("width_cm")).await, Err(ProductError::AttributeNotFound));

    for (attribute, rule) in [
        (json!({"name": "A", "kind": "choice"}), "/choices must have 1 to 500 items"),
        (json!({"name": "A", "kind": "text", "unit": "cm"}), "/unit must be absent: only numbers have a unit"),
        (
            json!({"name": "A", "kind": "number", "choices": [{"code": "a", "name": "A"}]}),
            "/choices must be absent: the kind has no choices",
        ),
        (
            json!({"name": "A", "kind": "choice", "choices": [{"code": "a", "name": "A"}, {"code": "a", "name": "B"}]}),
            "/choices/1/code is there twice",
        ),
    ] {
        assert_eq!(set(&client, "a", attribute).await.map_err(wrong).unwrap_err(), rule);
    }
    assert_eq!(client.attribute(&anonymous(), code("a")).await, Err(ProductError::AttributeNotFound));
    let (nobody, text) = (anonymous(), from_value(json!({"name": "A", "kind": "text"})).unwrap());
    let refused = client.set_attribute(&nobody, code("a"), IfMatch::Absent, text).await;
    assert_eq!(refused.unwrap_err(), ProductError::Fault(Fault::unauthenticated()));
}

async fn what_is_in_use_stays(client: ProductClient, _: &Stores) {
    with_attributes(&client).await;
    let rug = add(&client, "Rug", json!({"attributes": {"material": "wool", "care": "Beat it."}})).await;
    let in_use = |what: &str| ProductError::AttributeInUse { what: what.into() };
    let linen = json!({"name": "Material", "kind": "choice", "choices": [{"code": "linen", "name": "Linen"}]});
    assert_eq!(set(&client, "material", linen.clone()).await.unwrap_err(), in_use("Choice wool"));
    assert_eq!(set(&client, "care", json!({"name": "Care", "kind": "boolean"})).await.unwrap_err(), in_use("Attribute care"));
    let care = client.delete_attribute(&admin(), code("care"), IfMatch::Absent).await;
    assert_eq!(care.unwrap_err(), in_use("Attribute care"));
    // choices that nobody has can go
    let wool = json!({"name": "Material", "kind": "choice", "choices": [{"code": "wool", "name": "Sheep's wool"}]});
    set(&client, "material", wool).await.unwrap();

    let required =
        NewCategory { name: "Rugs".into(), required_attributes: Some(Some(vec![code("washable")])), ..NewCategory::default() };
    let category = client.create_category(&admin(), required).await.unwrap();
    assert_eq!(category.required_attributes, [code("washable")]);
    let washable = client.delete_attribute(&admin(), code("washable"), IfMatch::Absent).await;
    assert_eq!(washable.unwrap_err(), in_use("Attribute washable"));

    // of a product that is gone they are not in use
    client.delete(&admin(), rug.id, IfMatch::Absent).await.unwrap();
    set(&client, "material", linen).await.unwrap();
    client.delete_attribute(&admin(), code("care"), IfMatch::Absent).await.unwrap();
}

async fn values_have_the_kind_of_their_attribute(client: ProductClient, _: &Stores) {
    with_attributes(&client).await;
    let values =
        json!({"material": "wool", "colours": ["red", "ochre"], "width_cm": 70.5, "washable": false, "care": " Beat it. "});
    let rug = add(&client, "Rug", json!({"attributes": values})).await;
    let kept = json!({"material": "wool", "colours": ["red", "ochre"], "width_cm": 70.5, "washable": false, "care": "Beat it."});
    assert_eq!(json!(rug.attributes), kept);
    assert_eq!(json!(client.get(&anonymous(), rug.id).await.unwrap().attributes), kept);

    for (attributes, rule) in [
        (json!({"size": 1}), "/attributes/size is not an attribute of this shop"),
        (json!({"material": "felt"}), "/attributes/material must be wool, linen, jute"),
        (json!({"material": true}), "/attributes/material must be the code of one of its choices"),
        (json!({"colours": []}), "/attributes/colours must be a list of one or more codes, each once"),
        (json!({"colours": ["red", "red"]}), "/attributes/colours must be a list of one or more codes, each once"),
        (json!({"colours": "red"}), "/attributes/colours must be a list of codes of its choices"),
        (json!({"width_cm": "70"}), "/attributes/width_cm must be a number from -1000000000000 to 1000000000000"),
        (json!({"width_cm": 1e13}), "/attributes/width_cm must be a number from -1000000000000 to 1000000000000"),
        (json!({"washable": "yes"}), "/attributes/washable must be true or false"),
        (json!({"care": 7}), "/attributes/care must be text of 1 to 255 characters"),
        (json!({"care": ""}), "/attributes/care must have 1 to 255 characters"),
    ] {
        let refused = client.create(&admin(), new("Rug", json!({"attributes": attributes}))).await;
        assert_eq!(wrong(refused.unwrap_err()), rule);
    }
    assert_eq!(names(&client, "").await, "Rug");
}

async fn a_patch_merges_attributes_and_a_replacement_replaces_them(client: ProductClient, _: &Stores) {
    with_attributes(&client).await;
    let rug = add(&client, "Rug", json!({"attributes": {"material": "wool", "width_cm": 70}})).await;
    let patch = async |patch| {
        let patch: ProductPatch = from_value(patch).unwrap();
        client.patch(&admin(), rug.id, IfMatch::Absent, patch).await.unwrap()
    };
    let after = patch(json!({"attributes": {"material": null, "washable": true}})).await;
    assert_eq!((json!(after.attributes), after.version), (json!({"width_cm": 70, "washable": true}), 2));
    let same = patch(json!({"attributes": {"washable": true, "care": null}})).await;
    assert_eq!((same.version, same.updated_at), (2, after.updated_at));
    assert_eq!(
        (names(&client, "attributes=washable:true").await, names(&client, "attributes=material:wool").await),
        ("Rug".into(), String::new())
    );

    // clients of before do not know them
    let put = async |change| {
        let change: ProductChange = from_value(change).unwrap();
        client.change(&admin(), rug.id, IfMatch::Absent, change).await.unwrap()
    };
    assert_eq!(put(json!({"name": "Rug", "price": 10})).await.attributes, after.attributes);
    let replaced = put(json!({"name": "Rug", "price": 10, "attributes": {"material": "jute"}})).await;
    assert_eq!(json!(replaced.attributes), json!({"material": "jute"}));
    assert_eq!(json!(put(json!({"name": "Rug", "price": 10, "attributes": null})).await.attributes), json!({}));
    assert_eq!(names(&client, "attributes=material:jute").await, "");
    patch(json!({"attributes": {"material": "jute"}})).await;
    assert_eq!(json!(patch(json!({"attributes": null})).await.attributes), json!({}));
}

async fn what_is_active_has_what_its_categories_require(client: ProductClient, _: &Stores) {
    with_attributes(&client).await;
    let category = |name: &str, parent_id, required: &[&str]| NewCategory {
        name: name.into(),
        parent_id,
        required_attributes: Some(Some(required.iter().map(|name| code(name)).collect())),
        ..NewCategory::default()
    };
    let home = client.create_category(&admin(), category("Home", None, &["material"])).await.unwrap().id;
    let rugs = client.create_category(&admin(), category("Rugs", Some(home), &["width_cm"])).await.unwrap().id;
    let unknown = client.create_category(&admin(), category("Bad", None, &["material", "size"])).await;
    assert_eq!(wrong(unknown.unwrap_err()), "/required_attributes/1 must be an existing attribute");

    let rug = |more: kernel::serde_json::Value| {
        let mut all = json!({"category_id": rugs});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        new("Rug", all)
    };
    let needs = format!("/attributes/material is required by category {home} for what is active");
    assert_eq!(wrong(client.create(&admin(), rug(json!({"attributes": {"width_cm": 1}}))).await.unwrap_err()), needs);
    client.create(&admin(), rug(json!({"attributes": {"width_cm": 1, "material": "wool"}}))).await.unwrap();
    // a draft may be incomplete until it is shown
    let draft = client.create(&admin(), rug(json!({"status": "draft"}))).await.unwrap();
    let publish = async |attributes| {
        let patch = ProductPatch { status: Some(ProductStatus::Active), attributes, ..ProductPatch::default() };
        client.patch(&admin(), draft.id, IfMatch::Absent, patch).await
    };
    assert_eq!(wrong(publish(None).await.unwrap_err()), needs);
    let all = from_value(json!({"width_cm": 1, "material": "wool"})).unwrap();
    publish(Some(Some(all))).await.unwrap();

    // what is required later is demanded when the attributes, the category or the status change, and not of a price
    let more = CategoryPatch { required_attributes: Some(Some(vec![code("washable")])), ..CategoryPatch::default() };
    client.patch_category(&admin(), rugs, IfMatch::Absent, more).await.unwrap();
    let price = ProductPatch { price: Some("11".parse().unwrap()), ..ProductPatch::default() };
    client.patch(&admin(), draft.id, IfMatch::Absent, price).await.unwrap();
    let width = ProductPatch { attributes: Some(Some(from_value(json!({"width_cm": 2})).unwrap())), ..ProductPatch::default() };
    let refused = client.patch(&admin(), draft.id, IfMatch::Absent, width).await;
    assert_eq!(wrong(refused.unwrap_err()), format!("/attributes/washable is required by category {rugs} for what is active"));
    // clients of before keep what they do not know
    let before = NewCategory { name: "Rugs".into(), parent_id: Some(home), ..NewCategory::default() };
    let kept = client.change_category(&admin(), rugs, IfMatch::Absent, before).await.unwrap();
    assert_eq!(kept.required_attributes, [code("washable")]);
}

async fn lists_are_restricted_by_attributes(client: ProductClient, _: &Stores) {
    with_attributes(&client).await;
    for (name, attributes) in [
        ("Kilim", json!({"material": "wool", "width_cm": 70, "washable": false, "colours": ["red", "blue"]})),
        ("Berber", json!({"material": "wool", "width_cm": 120.5, "washable": true, "colours": ["ochre"]})),
        ("Mat", json!({"material": "jute", "width_cm": 90})),
        ("Lamp", json!({})),
    ] {
        add(&client, name, json!({"attributes": attributes})).await;
    }
    for (filter, found) in [
        ("material:wool", "Kilim Berber"),
        ("material:wool,material:jute", "Kilim Berber Mat"),
        ("material:wool,washable:true", "Berber"),
        ("colours:blue", "Kilim"),
        ("colours:blue,colours:ochre", "Kilim Berber"),
        ("width_cm:70..90", "Kilim Mat"),
        ("width_cm:90.5..", "Berber"),
        ("width_cm:..70", "Kilim"),
        ("width_cm:120.5", "Berber"),
        ("width_cm:70,width_cm:100..130", "Kilim Berber"),
        ("size:m", ""),
        ("material:felt", ""),
    ] {
        assert_eq!(names(&client, &format!("attributes={filter}")).await, found, "{filter}");
    }
}

fn options(all: &[(&str, &str)], stock: i64) -> SetVariant {
    let options = all.iter().map(|(name, value)| OptionOf { name: (*name).into(), value: (*value).into() }).collect();
    SetVariant { options, stock_quantity: Some(stock), ..SetVariant::default() }
}

async fn with_options(client: &ProductClient) {
    let shirt = add(client, "Shirt", json!({"brand": "Atlas"})).await;
    let variants = vec![
        options(&[("Size", "M"), ("Colour", "Red")], 0),
        options(&[("Size", "M"), ("Colour", "Blue")], 3),
        options(&[("Size", "L"), ("Colour", "Red")], 2),
    ];
    client.set_variants(&admin(), shirt.id, IfMatch::Absent, SetVariants { variants }).await.unwrap();
    let scarf = add(client, "Scarf", json!({"brand": "Nord", "stock_quantity": 1})).await;
    let variants = vec![options(&[("Colour", "Red")], 1), options(&[("Colour", "2,5 m: écru")], 1)];
    client.set_variants(&admin(), scarf.id, IfMatch::Absent, SetVariants { variants }).await.unwrap();
    add(client, "Lamp", json!({"brand": "Nord", "stock_quantity": 5})).await;
}

async fn lists_are_restricted_by_options_of_one_variant(client: ProductClient, _: &Stores) {
    with_options(&client).await;
    for (filter, found) in [
        ("options=Size:M", "Shirt"),
        ("options=colour:RED", "Shirt Scarf"),
        ("options=Colour:Red,Size:L", "Shirt"),
        // no variant has both
        ("options=Colour:Blue,Size:L", ""),
        ("options=Size:M,Size:L,Colour:Blue", "Shirt"),
        ("options=Colour:Red&in_stock=true", "Shirt Scarf"),
        // there are shirts in red, and shirts of size M, but no red ones of size M
        ("options=Colour:Red,Size:M&in_stock=true", ""),
        (r"options=Colour:2\,5 m\: ÉCRU", "Scarf"),
        ("options=Size:XL", ""),
    ] {
        assert_eq!(names(&client, filter).await, found, "{filter}");
    }
    // variants that are removed are not found
    let shirt = client.list(&anonymous(), query("search=Shirt")).await.unwrap().products.remove(0);
    let variants = vec![options(&[("Size", "S")], 1)];
    client.set_variants(&admin(), shirt.id, IfMatch::Absent, SetVariants { variants }).await.unwrap();
    assert_eq!(names(&client, "options=Size:M").await, "");
    assert_eq!(names(&client, "options=Size:S").await, "Shirt");
    let scarf = client.list(&anonymous(), query("search=Scarf")).await.unwrap().products.remove(0);
    client.delete(&admin(), scarf.id, IfMatch::Absent).await.unwrap();
    assert_eq!(facets(&client, "facets=option").await, ["size Size: s S 1"]);
}

async fn facets_count_what_another_choice_would_find(client: ProductClient, _: &Stores) {
    with_attributes(&client).await;
    with_options(&client).await;
    add(
        &client,
        "Kilim",
        json!({"brand": "Atlas", "tags": ["Gift"], "price": 149.5, "attributes": {"material": "wool", "width_cm": 70}}),
    )
    .await;
    add(
        &client,
        "Mat",
        json!({"brand": "Nord", "tags": ["gift", "new"], "price": 35, "stock_quantity": 1,
        "attributes": {"material": "jute", "width_cm": 90.5, "washable": true}}),
    )
    .await;
    add(&client, "Hidden", json!({"brand": "Nord", "status": "draft", "attributes": {"material": "wool"}})).await;

    assert_eq!(
        facets(&client, "facets=brand,tag,price,in_stock,option,attribute").await,
        [
            "Brand: nord Nord 3, atlas Atlas 2",
            "Tag: gift gift 2, new new 1",
            "Price: 10 to 149.5",
            "InStock: true true 4, false false 1",
            "colour Colour: red Red 2, 2,5 m: écru 2,5 m: écru 1, blue Blue 1",
            "size Size: l L 1, m M 1",
            "material Material: jute Jute 1, wool Wool 1",
            "washable Washable: true true 1",
            "width_cm Width: 70 to 90.5",
        ]
    );
    // what restricts the list by a facet does not count for the facet itself, but for the others
    assert_eq!(
        facets(&client, "facets=brand,attribute&brand=NORD&attributes=material:jute").await,
        [
            "Brand: nord Nord 1",
            "material Material: jute Jute 1",
            "washable Washable: true true 1",
            "width_cm Width: 90.5 to 90.5"
        ]
    );
    assert_eq!(
        facets(&client, "facets=attribute,price&attributes=material:jute,width_cm:90..&max_price=100").await,
        ["material Material: jute Jute 1", "washable Washable: true true 1", "width_cm Width: 90.5 to 90.5", "Price: 35 to 35"]
    );
    assert_eq!(
        facets(&client, "facets=option&options=Size:M").await,
        ["colour Colour: blue Blue 1, red Red 1", "size Size: l L 1, m M 1"]
    );
    assert_eq!(
        facets(&client, "facets=option&options=Size:M&in_stock=true").await,
        ["colour Colour: blue Blue 1", "size Size: l L 1, m M 1"]
    );
    assert_eq!(facets(&client, "facets=brand&search=kil").await, ["Brand: atlas Atlas 1"]);
    assert!(facets(&client, "facets=brand,price&search=nothing").await.is_empty());
    assert!(client.list(&anonymous(), query("")).await.unwrap().facets.is_none());
}

async fn categories_count_what_is_below_them(client: ProductClient, _: &Stores) {
    let mut parent = None;
    for name in ["Home", "Textiles", "Rugs"] {
        let new_category = NewCategory { name: name.into(), parent_id: parent, ..NewCategory::default() };
        let id = client.create_category(&admin(), new_category).await.unwrap().id;
        add(&client, &format!("One of {name}"), json!({"category_id": id})).await;
        parent = Some(id);
    }
    add(&client, "Runner", json!({"category_id": parent})).await;
    add(&client, "In none", json!({})).await;
    let all = ["Category: 1 Home 4, 2 Textiles 3, 3 Rugs 2"];
    assert_eq!(facets(&client, "facets=category").await, all);
    // the choice of a category does not count for the others
    assert_eq!(facets(&client, "facets=category&category_id=3").await, all);
    assert_eq!(facets(&client, "facets=category&search=runner").await, ["Category: 1 Home 1, 2 Textiles 1, 3 Rugs 1"]);
}

async fn a_short_list_has_no_long_texts(client: ProductClient, _: &Stores) {
    add(&client, "Rug", json!({"description": "Long.", "seo_title": "A rug", "seo_description": "Longer."})).await;
    let list = async |view| {
        let page = client.list(&anonymous(), ListProducts { view, ..ListProducts::default() }).await.unwrap();
        let product = page.products.into_iter().next().unwrap();
        (product.name, product.description, product.seo_title, product.seo_description)
    };
    let full = ("Rug".to_owned(), "Long.".to_owned(), Some("A rug".to_owned()), Some("Longer.".to_owned()));
    assert_eq!(list(None).await, full);
    assert_eq!(list(Some(ProductView::Full)).await, full);
    assert_eq!(list(Some(ProductView::Short)).await, ("Rug".into(), String::new(), Some("A rug".into()), None));
    // cursors and the search, too
    assert_eq!(names(&client, "view=short&search=rug").await, "Rug");
    assert_eq!(names(&client, "view=short&sort=-price,name").await, "Rug");
}

async fn attributes_are_read_in_the_language_of_the_caller(client: ProductClient, _: &Stores) {
    let wool = json!({"code": "wool", "name": "Wool"});
    let jute = json!({"code": "jute", "name": "Jute"});
    let translations = json!([
        {"language": "de", "name": "Material", "choices": [{"code": "wool", "name": "Wolle"}]},
        {"language": "fr", "name": "Matière", "choices": [{"code": "wool", "name": "Laine"}, {"code": "jute", "name": "Toile"}]},
    ]);
    let set_with = async |translations| {
        let attribute = json!({"name": "Made of", "kind": "choice", "choices": [wool, jute], "translations": translations});
        set(&client, "material", attribute).await
    };
    let all = set_with(translations).await.unwrap();
    assert_eq!(all.translations.len(), 2);
    assert_eq!(client.attribute(&admin(), code("material")).await.unwrap(), all);

    let category = NewCategory { name: "Rugs".into(), ..NewCategory::default() };
    let rugs = client.create_category(&admin(), category).await.unwrap().id;
    let texts = from_value(json!({"name": "Teppiche"})).unwrap();
    client.translate_category(&admin(), rugs, "de".parse().unwrap(), IfMatch::Absent, texts).await.unwrap();
    add(&client, "Rug", json!({"attributes": {"material": "wool"}, "category_id": rugs})).await;
    add(&client, "Mat", json!({"attributes": {"material": "jute"}})).await;

    for (accepted, names, facet) in [
        ("de-AT", "Material: Wolle, Jute", "material Material: jute Jute 1, wool Wolle 1; Category: 1 Teppiche 1"),
        ("de,fr;q=0.5", "Material: Wolle, Toile", "material Material: jute Toile 1, wool Wolle 1; Category: 1 Teppiche 1"),
        ("es", "Made of: Wool, Jute", "material Made of: jute Jute 1, wool Wool 1; Category: 1 Rugs 1"),
    ] {
        let reader = anonymous().with_languages(kernel::Languages::accepted(accepted));
        let read = client.attributes(&reader).await.unwrap().attributes.remove(0);
        let choices: Vec<_> = read.choices.iter().map(|choice| choice.name.as_str()).collect();
        assert_eq!(format!("{}: {}", read.name, choices.join(", ")), names);
        assert!(read.translations.is_empty());
        let page = client.list(&reader, query("facets=attribute,category")).await.unwrap();
        assert_eq!(page.facets.unwrap().into_iter().map(show).collect::<Vec<_>>().join("; "), facet);
    }

    for (translations, rule) in [
        (json!([{"language": "en"}]), "/translations/0/language must not be en, the shop's own language, nor be there twice"),
        (
            json!([{"language": "de"}, {"language": "de"}]),
            "/translations/1/language must not be en, the shop's own language, nor be there twice",
        ),
        (
            json!([{"language": "de", "choices": [{"code": "felt", "name": "Filz"}]}]),
            "/translations/0/choices/0/code must be one of the choices",
        ),
    ] {
        assert_eq!(wrong(set_with(translations).await.unwrap_err()), rule);
    }
}

async fn products_are_found_by_the_beginning_of_a_sku(client: ProductClient, _: &Stores) {
    for (name, skus) in [("Shirt", ["SH-1", "sh-20"]), ("Scarf", ["SC-1", "SC%_2"])] {
        let id = add(&client, name, json!({})).await.id;
        let variant = |(sku, size): (&&str, &str)| SetVariant { sku: Some((**sku).into()), ..options(&[("Size", size)], 1) };
        let variants = skus.iter().zip(["M", "L"]).map(variant).collect();
        client.set_variants(&admin(), id, IfMatch::Absent, SetVariants { variants }).await.unwrap();
    }
    for (sku, found) in
        [("sh", "Shirt"), ("S", "Shirt Scarf"), ("sh-2", "Shirt"), ("SC-1", "Scarf"), ("sc%25", "Scarf"), ("H-1", ""), ("s_", "")]
    {
        assert_eq!(names(&client, &format!("sku={sku}")).await, found, "{sku}");
    }
    assert_eq!(names(&client, "sku=s&search=scarf").await, "Scarf");
    // a variant that was removed has its SKU no more
    let shirt = client.list(&anonymous(), query("search=Shirt")).await.unwrap().products.remove(0);
    let variants = vec![SetVariant { sku: Some("X".into()), ..options(&[("Size", "M")], 1) }];
    client.set_variants(&admin(), shirt.id, IfMatch::Absent, SetVariants { variants }).await.unwrap();
    assert_eq!((names(&client, "sku=sh").await, names(&client, "sku=x").await), (String::new(), "Shirt".into()));
}
