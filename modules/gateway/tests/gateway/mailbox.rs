//! The page of the development mailbox: made of its own files, and only where it is wanted.

use crate::harness::{get, shop};
use actix_web::http::Method;
use gateway::Config;

#[actix_web::test]
async fn the_page_uses_its_own_files_only() {
    let shop = shop(&Config::default());
    let page = shop.get("/dev/mailbox").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let html = String::from_utf8(page.body.clone()).unwrap();
    assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">") && html.contains("<title>"));

    let mut files = 0;
    for from in html.split("src=\"").skip(1).chain(html.split("<link rel=\"stylesheet\" href=\"").skip(1)) {
        let from = from.split('"').next().unwrap();
        assert!(from.starts_with("/dev/mailbox."), "{from}");
        let file = shop.get(from).await;
        assert_eq!(file.status, 200, "{from}");
        let media_type = if from.ends_with(".js") { "text/javascript" } else { "text/css" };
        assert!(file.header("content-type").unwrap().starts_with(media_type));
        let text = String::from_utf8(file.body).unwrap();
        assert!(!text.contains("//cdn") && !text.contains("http://") && !text.contains("https://"), "{from}");
        files += 1;
    }
    assert_eq!(files, 2);
    // nothing that the policy forbids
    assert!(html.split("<script").skip(1).all(|script| script.starts_with(" src=")));
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" onclick="));
}

#[actix_web::test]
async fn mails_have_no_rights_in_the_page() {
    let shop = shop(&Config::default());
    for path in ["/dev/mailbox", "/dev/mailbox.js", "/dev/mailbox.css"] {
        let answer = shop.get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        for rule in
            ["default-src 'none'", "script-src 'self';", "style-src-elem 'self'", "base-uri 'none'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("img-src") && !policy.contains("unsafe-eval") && !policy.contains('*'), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
    let script = String::from_utf8(shop.get("/dev/mailbox.js").await.body).unwrap();
    assert!(script.contains("setAttribute(\"sandbox\", \"\")") && script.contains("srcdoc"));
    for dangerous in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
        assert!(!script.contains(dangerous), "{dangerous}");
    }
}

#[actix_web::test]
async fn the_page_can_be_turned_off_and_is_read_only() {
    let off = shop(&Config { mailbox: false, ..Config::default() });
    let on = shop(&Config::default());
    for path in ["/dev/mailbox", "/dev/mailbox.js", "/dev/mailbox.css"] {
        let answer = off.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (404, "not_found"), "{path}");
        let answer = on.send(get(path).method(Method::POST)).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (405, "method_not_allowed"), "{path}");
        assert_eq!(on.send(get(path).method(Method::HEAD)).await.status, 200, "{path}");
    }
}
