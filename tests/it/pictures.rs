//! Pictures through the gateway: how they are uploaded and given out, and what is left when processes are killed meanwhile.

use crate::harness::{Account, Shop, both_deployments};
use image::{ImageFormat, Rgb, RgbImage};
use kernel::testing::Stores;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    env, fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

both_deployments! { pictures_are_uploaded_and_shown }

/// A picture like no other with another number.
fn png(number: u32, width: u32) -> Vec<u8> {
    let [_, r, g, b] = number.to_be_bytes();
    let mut bytes = io::Cursor::new(Vec::new());
    RgbImage::from_pixel(width, 4, Rgb([r, g, b])).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

async fn pictures_are_uploaded_and_shown(shop: Shop) {
    let admin = shop.admin().await;
    let upload = |account: &Account, media_type: &str, body: Vec<u8>| {
        let request = shop.request("POST", "/api/media").bearer_auth(&account.token).header("content-type", media_type);
        shop.send(request.body(body))
    };
    let picture = upload(&admin, "image/jpeg", png(1, 200)).await.expect(201);
    let id = picture["id"].as_str().unwrap();
    assert_eq!((&picture["media_type"], &picture["width"], &picture["height"]), (&json!("image/png"), &json!(200), &json!(4)));
    let url = |size: &str| picture["url"].as_str().unwrap().replace("{size}", size);

    // the same for those who are logged in: a copy of a picture is nobody's own
    for account in [None, Some(&admin)] {
        let ask = |method: &str, size: &str, headers: &[(&str, &str)]| {
            let request = shop.request(method, &url(size));
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            shop.send(account.iter().fold(request, |request, account| request.bearer_auth(&account.token)))
        };
        let thumb = shop.request("GET", &url("thumb")).send().await.unwrap();
        assert_eq!(image::load_from_memory(&thumb.bytes().await.unwrap()).unwrap().width(), 160);
        let head = ask("HEAD", "thumb", &[]).await;
        let length = head.headers["content-length"].to_str().unwrap().parse::<usize>().unwrap();
        assert!(head.status == 200 && length > 50 && head.text.is_empty());
        for (name, value) in [
            ("content-type", "image/png"),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "cross-origin"),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(head.headers[name], value);
        }
        let etag = head.headers["etag"].to_str().unwrap();
        assert_eq!(ask("GET", "thumb", &[("if-none-match", etag)]).await.status, 304);
        let part = ask("GET", "original", &[("range", "bytes=1-3")]).await;
        assert_eq!((part.status, part.text.as_str()), (206, "PNG"));
        assert_eq!(ask("GET", "original", &[("range", "bytes=9999999-")]).await.problem(416), "range_not_satisfiable");
        assert_eq!(ask("GET", "huge", &[]).await.problem(400), "invalid_argument");
    }
    let missing = shop.get(&format!("/api/media/{}/thumb", "0".repeat(64))).await;
    assert_eq!(missing.problem(404), "product.media_not_found");
    assert_eq!(missing.headers["cache-control"], "no-store");

    let customer = shop.customer("leyla").await;
    assert_eq!(upload(&customer, "image/png", png(2, 8)).await.problem(403), "permission_denied");
    assert_eq!(shop.send(shop.request("POST", "/api/media").body("x")).await.problem(401), "unauthenticated");
    let script = b"#!/bin/sh\necho picture.jpg\n".to_vec();
    assert_eq!(upload(&admin, "image/jpeg", script.clone()).await.problem(415), "product.not_a_picture");
    assert_eq!(upload(&admin, "text/x-sh", script).await.problem(415), "unsupported_media_type");
    assert_eq!(upload(&admin, "image/png", png(3, 17_000)).await.problem(422), "product.picture_too_large");
    assert_eq!(upload(&admin, "image/png", png(3, 100)[..60].to_vec()).await.problem(422), "product.picture_unreadable");

    // two gigabytes are refused before they are sent, and a client that leaves harms nobody
    let address = shop.base.trim_start_matches("http://");
    for (length, body, expected) in [(2_000_000_000_u64, &b""[..], "HTTP/1.1 413 "), (1_000, &png(4, 8)[..50], "")] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /api/media HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {}\r\nContent-Type: image/png\r\n\
             Content-Length: {length}\r\n\r\n",
            admin.token
        );
        connection.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        if !expected.is_empty() {
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with(expected), "{answer}");
        }
    }
    let again = upload(&admin, "image/webp", png(1, 200)).await.expect(201);
    assert_eq!(again["id"], picture["id"]);

    let lamp = shop.product(&admin, "Lamp", 9.99, 3).await;
    let body = json!({"pictures": [{"media_id": id, "alt": "A lamp"}]});
    let path = format!("/api/products/{lamp}/pictures");
    let changed = shop.call(&admin, "PUT", &path, Some(body.clone())).await;
    assert_eq!(changed.expect(200)["pictures"][0]["url"], picture["url"]);
    assert!(changed.headers["etag"].to_str().unwrap().starts_with("\"2-"));
    assert_eq!(shop.get(&format!("/api/products/{lamp}")).await.expect(200)["pictures"][0]["alt"], "A lamp");
    assert_eq!(shop.call(&admin, "DELETE", &format!("/api/media/{id}"), None).await.problem(409), "product.media_in_use");
    let customers = shop.call(&customer, "PUT", &path, Some(body)).await;
    assert_eq!(customers.problem(403), "permission_denied");
    let listed = shop.call(&admin, "GET", "/api/media?per_page=1", None).await.expect(200);
    assert_eq!(listed["media"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_is_half_there_after_kills_of_one_process() {
    uploads_with_kills(Shop::one_process(&[]).await, "gateway").await;
}

#[tokio::test]
async fn nothing_is_half_there_after_kills_of_the_product_process() {
    uploads_with_kills(Shop::split(&[]).await, "product").await;
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn nothing_is_half_there_after_kills_on_servers() {
    uploads_with_kills(Shop::split_on(Stores::servers(), &[]).await, "product").await;
}

/// Uploads pictures and asks for sizes of them while a process is killed again and again. `SOUK_TEST_UPLOADS=10000` takes longer.
async fn uploads_with_kills(mut shop: Shop, killed: &str) {
    let wanted: usize = env::var("SOUK_TEST_UPLOADS").ok().and_then(|count| count.parse().ok()).unwrap_or(150);
    let admin = shop.admin().await;
    let (next, accepted, is_done) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (base, token) = (shop.base.clone(), admin.token.clone());
        let (next, accepted) = (next.clone(), accepted.clone());
        clients.spawn(async move {
            let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= wanted {
                    break;
                }
                let body = png(number as u32, 161 + number as u32 % 7);
                // until it is taken; a process that was just killed takes nothing
                let picture: Value = loop {
                    let upload = client.post(format!("{base}/api/media")).bearer_auth(&token).header("content-type", "image/png");
                    match upload.body(body.clone()).send().await {
                        Ok(answer) if answer.status() == 201 => match answer.json().await {
                            Ok(picture) => break picture,
                            Err(_) => continue,
                        },
                        Ok(answer) => assert!(answer.status().is_server_error(), "{}", answer.text().await.unwrap_or_default()),
                        Err(_) => {}
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                };
                accepted.fetch_add(1, Ordering::SeqCst);
                let url = picture["url"].as_str().unwrap().replace("{size}", "thumb");
                if let Ok(answer) = client.get(format!("{base}{url}")).send().await
                    && answer.status() == 200
                    && let Ok(bytes) = answer.bytes().await
                {
                    assert_eq!(image::load_from_memory(&bytes).unwrap().width(), 160);
                }
            }
        });
    }
    let mut kills = 0;
    while !is_done.load(Ordering::SeqCst) {
        let before = accepted.load(Ordering::SeqCst);
        // some more are taken, then the process is killed in the middle of others
        while accepted.load(Ordering::SeqCst) < before + 15 && !clients.is_empty() {
            match tokio::time::timeout(Duration::from_millis(5), clients.join_next()).await {
                Ok(Some(ended)) => ended.unwrap(),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        if clients.is_empty() {
            is_done.store(true, Ordering::SeqCst);
        } else {
            shop.kill_and_start_again(killed).await;
            kills += 1;
        }
    }
    assert!(kills >= 2, "{kills} kills");

    let (mut rows, mut cursor) = (0, String::new());
    loop {
        let page = shop.call(&admin, "GET", &format!("/api/media?per_page=100{cursor}"), None).await.expect(200);
        for picture in page["media"].as_array().unwrap() {
            let url = picture["url"].as_str().unwrap().replace("{size}", "original");
            let bytes = shop.request("GET", &url).send().await.unwrap().bytes().await.unwrap();
            assert_eq!(picture["id"], format!("{:x}", Sha256::digest(&bytes)), "a row without its whole object");
            rows += 1;
        }
        let Some(next) = page["pagination"]["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(rows >= wanted, "{rows} rows for {wanted} pictures that were taken");
    let (objects, sizes, partial) = inspect(&shop.stores.folder().join("data/media"));
    assert!(objects >= rows, "{objects} objects");
    eprintln!(
        "{wanted} uploads, {kills} kills: {rows} rows, {objects} whole originals, {sizes} whole sizes, {partial} parts that nothing reads"
    );
}

/// How many originals and sizes are in a folder, all of them whole, and how many files whose writing was cut off.
fn inspect(folder: &Path) -> (usize, usize, usize) {
    let (mut originals, mut sizes, mut partial) = (0, 0, 0);
    for below in fs::read_dir(folder).unwrap() {
        for entry in fs::read_dir(below.unwrap().path()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let bytes = fs::read(&path).unwrap();
            if name.contains('#') {
                partial += 1;
            } else if name.contains('.') {
                image::load_from_memory(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
                sizes += 1;
            } else {
                assert!(name.starts_with(&format!("{:x}-", Sha256::digest(&bytes))), "{name} is not whole");
                originals += 1;
            }
        }
    }
    (originals, sizes, partial)
}
