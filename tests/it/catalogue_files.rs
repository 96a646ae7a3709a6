//! The catalogue as a file, as clients and operators get and send it.

use crate::harness::{Account, Shop, both_deployments, souk, until};
use serde_json::{Value, json};
use std::{cell::RefCell, fs};

both_deployments![a_file_is_exported_and_imported];

async fn import(shop: &Shop, admin: &Account, query: &str, file: &str) -> Value {
    let request = shop.request("POST", &format!("/api/catalogue/imports{query}")).bearer_auth(&admin.token);
    let answer = shop.send(request.header("content-type", "text/csv").body(file.to_owned())).await;
    let import = answer.expect(202);
    let location = answer.headers["location"].to_str().unwrap();
    assert_eq!(location, format!("/api/catalogue/imports/{}", import["id"]));
    let last = RefCell::new(import);
    until(async || {
        *last.borrow_mut() = shop.call(admin, "GET", location, None).await.expect(200);
        !last.borrow()["finished_at"].is_null()
    })
    .await;
    last.into_inner()
}

async fn a_file_is_exported_and_imported(shop: Shop) {
    let admin = shop.admin().await;
    let export = shop.call(&admin, "GET", "/api/catalogue/export", None).await;
    assert_eq!((export.status, &export.headers["content-type"]), (200, &"text/csv".parse().unwrap()));
    assert!(export.headers["content-disposition"].to_str().unwrap().contains("catalogue.csv"));
    let products = shop.call(&admin, "GET", "/api/products?status=any", None).await.expect(200)["pagination"]["total"].clone();

    let same = import(&shop, &admin, "?stock=set", &export.text).await;
    assert_eq!(
        (&same["state"], &same["added"], &same["changed"], &same["unchanged"]),
        (&json!("done"), &json!(0), &json!(0), &products)
    );

    let dry = import(&shop, &admin, "?dry_run=true", "slug,name,price\nnew-lamp,Lamp,5\n").await;
    assert_eq!((&dry["state"], &dry["added"]), (&json!("done"), &json!(1)));
    assert_eq!(shop.get("/api/product-slugs/new-lamp").await.status, 404);
    let wrong = import(&shop, &admin, "", "slug,name,price\nnew-lamp,Lamp,5\nnew-rug,Rug,free\n").await;
    let rows = json!([{"line": 3, "column": "price", "reason": "must be a decimal number such as 29.99"}]);
    assert_eq!((&wrong["state"], &wrong["wrong_rows"]), (&json!("refused"), &rows));
    let done = import(&shop, &admin, "", "slug,name,price\nnew-lamp,Lamp,5\n").await;
    assert_eq!((&done["state"], &done["added"]), (&json!("done"), &json!(1)));
    assert_eq!(shop.get("/api/product-slugs/new-lamp").await.expect(200)["name"], "Lamp");

    let me = shop.customer("me").await;
    for path in ["/api/catalogue/export", "/api/catalogue/imports/1"] {
        assert_eq!(shop.get(path).await.problem(401), "unauthenticated");
        assert_eq!(shop.call(&me, "GET", path, None).await.problem(403), "permission_denied");
    }
    let json = shop.call(&admin, "POST", "/api/catalogue/imports", Some(json!({}))).await;
    assert_eq!(json.problem(415), "unsupported_media_type");
    let unknown = shop.call(&admin, "GET", "/api/catalogue/imports/999", None).await;
    assert_eq!(unknown.problem(404), "product.import_not_found");
}

#[test]
fn a_command_imports_and_exports() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = souk(folder.path(), &[&["catalogue"], arguments].concat(), &[]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let file = folder.path().join("shop.csv");
    fs::write(&file, "slug,name,price\nlamp,Lamp,5\nrug,,free\n").unwrap();
    let (code, wrong, _) = run(&["import", "shop.csv"]);
    let expected = "line 3, name: must have 1 to 255 characters\nline 3, price: must be a decimal number such as 29.99\n\
                    2 wrong in 2 rows: nothing was imported\n";
    assert_eq!((code, wrong.as_str()), (Some(1), expected));
    fs::write(&file, "slug,name,price\nlamp,Lamp,5\nrug,Rug,7\n").unwrap();
    for (arguments, numbers) in [
        (&["import", "shop.csv", "--dry-run"][..], "2 products would be added, 0 changed, 0 unchanged"),
        (&["import", "shop.csv"], "2 products added, 0 changed, 0 unchanged"),
        (&["import", "--set-stock", "shop.csv"], "0 products added, 0 changed, 2 unchanged"),
    ] {
        let (code, done, _) = run(arguments);
        assert!(code == Some(0) && done.contains(numbers), "{done}");
    }
    let (code, exported, said) = run(&["export"]);
    assert_eq!((code, exported.lines().count()), (Some(0), 3), "{said}");
    assert_eq!(run(&["export", "again.csv"]).0, Some(0));
    assert_eq!(fs::read_to_string(folder.path().join("again.csv")).unwrap(), exported);
    // a file that is there is not overwritten
    assert_eq!(run(&["export", "again.csv"]).0, Some(1));
}
