//! Pictures: what is taken and kept, in which sizes it is given, who has it; in three placements, in a folder and in a bucket.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use futures_util::{StreamExt, future::join_all, stream};
use image::{
    DynamicImage, ExtendedColorType, GenericImageView, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage,
    codecs::{jpeg::JpegEncoder, webp::WebPEncoder},
};
use kernel::{
    ApiError, Code, Ctx, Fault, IfMatch, Upload, placements,
    testing::{Kind, Stores, admin, anonymous, customer, server, start},
};
use product::{
    CategoryPatch, Config, ListMedia, ListProducts, Media, MediaId, MediaSize, NewCategory, NewProduct, Product, ProductApi,
    ProductClient, ProductError, Products, SetPicture, SetPictures, VariantId,
};
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

placements! {
    ProductClient, products: [
        a_picture_is_kept_upright_and_without_anything_else,
        what_is_no_picture_is_refused,
        a_bomb_is_refused_before_it_is_decoded,
        a_body_without_end_is_not_read_to_its_end,
        the_same_picture_has_the_same_id,
        sizes_are_made_once_and_never_larger,
        a_product_has_pictures,
        a_category_has_a_picture,
        pictures_that_are_used_cannot_be_deleted,
        pictures_are_listed_and_only_for_admins,
    ]
}

async fn products(stores: Stores) -> (Products, Stores) {
    let media_url = match stores.kind() {
        Kind::Embedded => format!("file://{}/media", stores.folder().display()),
        // moto, which scripts/s3 starts
        Kind::Servers => {
            let endpoint = server("SOUK_TEST_S3", "http://127.0.0.1:5555");
            format!("s3://test:test@souk-test/{}?region=us-east-1&endpoint={endpoint}", stores.name())
        }
    };
    let config = Config { database_url: stores.database("product").await, media_url, ..Config::default() };
    (start::<Products>(&config, ()).await.service, stores)
}

fn code(error: &ProductError) -> Code {
    error.code()
}

/// Red on the left, blue on the right; a yellow line at the top, so that turning shows.
fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match () {
        () if y < height / 8 => Rgb([240, 220, 0]),
        () if x < width / 2 => Rgb([200, 10, 10]),
        () => Rgb([10, 10, 200]),
    })
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(picture).unwrap();
    bytes
}

/// The same JPEG with Exif: it is to be turned by 90 degrees, and says where it was taken.
fn with_exif(jpeg: &[u8]) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0".to_vec();
    // orientation 6, and the name of the camera
    exif.extend(b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0");
    exif.extend(b"\x10\x01\x02\0\x18\0\0\0\x26\0\0\0\0\0\0\0");
    exif.extend(b"at 52.5200 N, 13.4050 E\0");
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

fn png(picture: DynamicImage) -> Vec<u8> {
    let mut bytes = io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn webp(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let color = ExtendedColorType::from(picture.color());
    WebPEncoder::new_lossless(&mut bytes).write_image(picture.as_bytes(), picture.width(), picture.height(), color).unwrap();
    bytes
}

async fn upload(client: &ProductClient, bytes: Vec<u8>) -> Result<Media, ProductError> {
    // what the sender says it is does not matter
    client.upload_media(&admin(), Upload::of("image/png", bytes)).await
}

async fn read(client: &ProductClient, id: &MediaId, size: MediaSize) -> Vec<u8> {
    client.media(&anonymous(), id.clone(), size).await.unwrap().bytes().await.unwrap()
}

async fn a_picture_is_kept_upright_and_without_anything_else(client: ProductClient, _: &Stores) {
    let script = b"<script>alert(1)</script>PK\x03\x04";
    let polyglot = [with_exif(&jpeg(&photo(64, 32))), script.to_vec()].concat();
    let kept = upload(&client, polyglot).await.unwrap();
    assert_eq!((kept.media_type.as_str(), kept.width, kept.height), ("image/jpeg", 32, 64), "it was turned");
    let bytes = read(&client, &kept.id, MediaSize::Original).await;
    assert_eq!((kept.bytes, kept.id.to_string()), (bytes.len() as u64, format!("{:x}", Sha256::digest(&bytes))));
    for secret in [&b"alert"[..], b"PK\x03\x04", b"52.5200", b"Exif"] {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret));
    }
    let turned = image::load_from_memory(&bytes).unwrap();
    // the top is at the right, the left at the top
    let is_near = |at: (u32, u32), colour: [u8; 3]| {
        let pixel = turned.get_pixel(at.0, at.1).0;
        std::iter::zip(pixel, colour).all(|(a, b)| a.abs_diff(b) < 40)
    };
    assert!(is_near((30, 32), [240, 220, 0]) && is_near((5, 5), [200, 10, 10]) && is_near((5, 58), [10, 10, 200]));

    let answer = client.media(&anonymous(), kept.id.clone(), MediaSize::Original).await.unwrap();
    assert_eq!((answer.media_type(), answer.length(), answer.is_immutable()), ("image/jpeg", Some(kept.bytes), true));
    assert_eq!(answer.etag().unwrap().as_str(), format!("\"{}-original\"", kept.id));
    assert_eq!(kept.url, format!("/api/media/{}/{{size}}", kept.id));

    // what can be seen through stays so, and drawings are not blurred
    let glass = RgbaImage::from_fn(20, 10, |x, _| Rgba([0, 99, 0, if x < 10 { 255 } else { 7 }]));
    for file in [png(glass.clone().into()), webp(&glass.clone().into())] {
        let kept = upload(&client, file).await.unwrap();
        assert_eq!(kept.media_type, "image/png");
        let bytes = read(&client, &kept.id, MediaSize::Original).await;
        assert_eq!(image::load_from_memory(&bytes).unwrap().into_rgba8(), glass);
    }
    assert_eq!(upload(&client, webp(&photo(20, 10).into())).await.unwrap().media_type, "image/jpeg");
    let deep = DynamicImage::from(photo(20, 10)).into_rgb16();
    assert_eq!(upload(&client, png(deep.into())).await.unwrap().width, 20, "16 bits become 8");
}

async fn what_is_no_picture_is_refused(client: ProductClient, stores: &Stores) {
    let script = b"#!/bin/sh\nrm -rf /tmp/nothing\n# image/jpeg.jpg\n".to_vec();
    let gif = b"GIF89a\x01\0\x01\0\0\0\0;................".to_vec();
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec();
    for file in [script, gif, svg, Vec::new(), vec![0xff, 0xd8], vec![0; 100]] {
        assert_eq!(upload(&client, file).await, Err(ProductError::NotAPicture));
    }
    let whole = jpeg(&photo(200, 100));
    let drawing = png(photo(200, 100).into());
    for cut in [&drawing[..drawing.len() / 2], &drawing[..40], &whole[..30], b"\xff\xd8\xff\xe0............................"] {
        assert_eq!(upload(&client, cut.to_vec()).await, Err(ProductError::PictureUnreadable));
    }
    let page = client.upload_media(&admin(), Upload::of("text/html", whole)).await.unwrap_err();
    assert_eq!(code(&page), Code::UnsupportedMediaType);
    assert_eq!(client.list_media(&admin(), ListMedia::default()).await.unwrap().pagination.total, 0);
    if stores.kind() == Kind::Embedded {
        assert_eq!(fs::read_dir(stores.folder().join("media")).unwrap().count(), 0, "nothing is kept");
    }
}

/// A PNG of one colour: some hundred bytes for each megapixel.
fn flat(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0; (width.div_ceil(8) * height) as usize]).unwrap();
    writer.finish().unwrap();
    bytes
}

async fn a_bomb_is_refused_before_it_is_decoded(client: ProductClient, _: &Stores) {
    let bomb = flat(20_000, 10_000);
    assert!(bomb.len() < 100_000, "{} bytes for 200 megapixels", bomb.len());
    let refused = upload(&client, bomb).await;
    assert_eq!(refused, Err(ProductError::PictureTooLarge { width: 20_000, height: 10_000 }));
    assert_eq!(upload(&client, flat(16_385, 1)).await, Err(ProductError::PictureTooLarge { width: 16_385, height: 1 }));
    assert_eq!(upload(&client, flat(16_384, 1)).await.unwrap().width, 16_384);
    let memory = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    assert!(most.unwrap_or_default() < 300_000, "{most:?} kB were in use");
}

async fn a_body_without_end_is_not_read_to_its_end(client: ProductClient, _: &Stores) {
    let sent = Arc::new(AtomicU64::new(0));
    let endless = |first: Vec<u8>| {
        let sent = sent.clone();
        sent.store(0, Ordering::SeqCst);
        let rest = stream::repeat_with(move || {
            sent.fetch_add(50_000, Ordering::SeqCst);
            Ok::<_, Fault>(vec![7; 50_000].into())
        });
        Upload::new("image/jpeg", None, stream::iter([Ok(first.into())]).chain(rest.take(40_000)))
    };
    // two gigabytes
    let refused = client.upload_media(&admin(), endless(jpeg(&photo(20, 10)))).await.unwrap_err();
    assert_eq!(code(&refused), Code::PayloadTooLarge);
    assert!(sent.load(Ordering::SeqCst) < 40_000_000, "{sent:?} bytes were read");
    let refused = client.upload_media(&admin(), endless(b"#!/bin/sh\n# a script named .jpg".to_vec())).await;
    assert_eq!(refused, Err(ProductError::NotAPicture));
    assert!(sent.load(Ordering::SeqCst) < 20_000_000, "its first bytes are enough, and {sent:?} were sent");
}

async fn the_same_picture_has_the_same_id(client: ProductClient, stores: &Stores) {
    let file = jpeg(&photo(300, 200));
    let all = join_all((0..8).map(|_| upload(&client, file.clone()))).await;
    let first = all[0].as_ref().unwrap();
    assert!(all.iter().all(|one| one.as_ref().unwrap().id == first.id));
    assert_eq!(client.list_media(&admin(), ListMedia::default()).await.unwrap().pagination.total, 1);
    assert!(!read(&client, &first.id, MediaSize::Original).await.is_empty());
    if stores.kind() == Kind::Embedded {
        assert_eq!(objects(&stores.folder().join("media")), 1, "those of the others are removed");
    }
}

/// How many files are in a folder and those below it.
fn objects(folder: &Path) -> usize {
    let below = |entry: io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() { objects(&path) } else { 1 }
    };
    fs::read_dir(folder).unwrap().map(below).sum()
}

async fn sizes_are_made_once_and_never_larger(client: ProductClient, stores: &Stores) {
    let kept = upload(&client, jpeg(&photo(1000, 500))).await.unwrap();
    for (size, width, height) in
        [(MediaSize::Large, 1000, 500), (MediaSize::Medium, 800, 400), (MediaSize::Small, 400, 200), (MediaSize::Thumb, 160, 80)]
    {
        let asked = join_all((0..10).map(|_| read(&client, &kept.id, size))).await;
        assert!(asked.iter().all(|bytes| *bytes == asked[0]), "{size}");
        let picture = image::load_from_memory(&asked[0]).unwrap();
        assert_eq!((picture.width(), picture.height()), (width, height), "{size}");
        assert_eq!(read(&client, &kept.id, size).await, asked[0]);
    }
    assert_eq!(read(&client, &kept.id, MediaSize::Large).await, read(&client, &kept.id, MediaSize::Original).await);
    if stores.kind() == Kind::Embedded {
        assert_eq!(objects(&stores.folder().join("media")), 4, "the original and three sizes");
    }
    let line = upload(&client, flat(16_384, 2)).await.unwrap();
    let thumb = image::load_from_memory(&read(&client, &line.id, MediaSize::Thumb).await).unwrap();
    assert_eq!((thumb.width(), thumb.height()), (160, 1));

    let unknown = "0".repeat(64).parse::<MediaId>().unwrap();
    let missing = client.media(&anonymous(), unknown, MediaSize::Thumb).await.unwrap_err();
    assert_eq!(missing, ProductError::MediaNotFound);
}

async fn add(client: &ProductClient, name: &str) -> Product {
    let new = NewProduct { name: name.into(), price: "5".parse().unwrap(), ..NewProduct::default() };
    client.create(&admin(), new).await.unwrap()
}

fn with(ids: &[&MediaId]) -> SetPictures {
    let picture = |id: &&MediaId| SetPicture { media_id: (*id).clone(), alt: None, variant_ids: Vec::new() };
    SetPictures { pictures: ids.iter().map(picture).collect() }
}

async fn a_product_has_pictures(client: ProductClient, _: &Stores) {
    let cx = &admin();
    let lamp = add(&client, "Lamp").await;
    assert_eq!(lamp.pictures, []);
    let first = upload(&client, jpeg(&photo(100, 50))).await.unwrap();
    let second = upload(&client, jpeg(&photo(50, 100))).await.unwrap();
    let mut wanted = with(&[&first.id, &second.id]);
    wanted.pictures[1].alt = Some("The lamp from behind".into());
    wanted.pictures[1].variant_ids = vec![VariantId(lamp.id.0)];
    let changed = client.set_pictures(cx, lamp.id, IfMatch::seen(&lamp), wanted.clone()).await.unwrap();
    assert_eq!(changed.version, lamp.version + 1);
    let [a, b] = &changed.pictures[..] else { panic!("{:?}", changed.pictures) };
    assert_eq!((&a.media_id, a.width, a.height, a.alt.as_str(), &a.url), (&first.id, 100, 50, "", &first.url));
    assert_eq!(
        (&b.media_id, b.alt.as_str(), &b.variant_ids[..]),
        (&second.id, "The lamp from behind", &[VariantId(lamp.id.0)][..])
    );
    assert_eq!(client.get(&anonymous(), lamp.id).await.unwrap(), changed);
    let again = client.set_pictures(cx, lamp.id, IfMatch::Absent, wanted.clone()).await.unwrap();
    assert_eq!(again.version, changed.version, "nothing has changed");
    let listed = client.list(&anonymous(), ListProducts::default()).await.unwrap().products;
    assert_eq!(listed[0].pictures, changed.pictures[..1], "lists show the first");

    let late = client.set_pictures(cx, lamp.id, IfMatch::seen(&lamp), with(&[])).await.unwrap_err();
    assert_eq!(code(&late), Code::PreconditionFailed);
    let unknown = "0".repeat(64).parse::<MediaId>().unwrap();
    let mut of_another = with(&[&first.id]);
    of_another.pictures[0].variant_ids = vec![VariantId(lamp.id.0), VariantId(999)];
    for (wrong, pointer) in [
        (with(&[&first.id, &unknown]), "/pictures/1/media_id"),
        (with(&[&first.id, &first.id]), "/pictures/1/media_id"),
        (of_another, "/pictures/0/variant_ids/1"),
        (with(&[&first.id; 21]), "/pictures"),
    ] {
        match client.set_pictures(cx, lamp.id, IfMatch::Absent, wrong).await.unwrap_err() {
            ProductError::Fault(fault) => assert_eq!(fault.errors()[0].pointer, pointer),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(client.get(&anonymous(), lamp.id).await.unwrap(), changed);
    let none = client.set_pictures(cx, product::ProductId(99), IfMatch::Absent, with(&[])).await;
    assert_eq!(none, Err(ProductError::NotFound));
    assert_eq!(client.set_pictures(cx, lamp.id, IfMatch::Absent, with(&[])).await.unwrap().pictures, []);
}

async fn a_category_has_a_picture(client: ProductClient, _: &Stores) {
    let cx = &admin();
    let picture = upload(&client, jpeg(&photo(100, 50))).await.unwrap();
    let new = |picture_id| NewCategory { name: "Lamps".into(), picture_id, ..NewCategory::default() };
    let lamps = client.create_category(cx, new(Some(Some(picture.id.clone())))).await.unwrap();
    let shown = lamps.picture.clone().unwrap();
    assert_eq!((&shown.media_id, shown.width, shown.height, &shown.url), (&picture.id, 100, 50, &picture.url));
    // clients of before do not send it, and do not remove it
    let kept = client.change_category(cx, lamps.id, IfMatch::Absent, new(None)).await.unwrap();
    assert_eq!((&kept.picture, kept.version), (&lamps.picture, lamps.version));
    assert_eq!(client.delete_media(cx, picture.id.clone()).await, Err(ProductError::MediaInUse));
    let without = CategoryPatch { picture_id: Some(None), ..CategoryPatch::default() };
    let without = client.patch_category(cx, lamps.id, IfMatch::seen(&kept), without).await.unwrap();
    assert_eq!((without.picture, without.version), (None, kept.version + 1));
    client.delete_media(cx, picture.id.clone()).await.unwrap();
    match client
        .patch_category(cx, lamps.id, IfMatch::Absent, CategoryPatch { picture_id: Some(Some(picture.id)), ..Default::default() })
        .await
    {
        Err(ProductError::Fault(fault)) => assert_eq!(fault.errors()[0].pointer, "/picture_id"),
        other => panic!("{other:?}"),
    }
    assert_eq!(client.create_category(cx, new(None)).await.unwrap().picture, None);
}

async fn pictures_that_are_used_cannot_be_deleted(client: ProductClient, stores: &Stores) {
    let cx = &admin();
    let (lamp, rug) = (add(&client, "Lamp").await, add(&client, "Rug").await);
    let file = jpeg(&photo(500, 250));
    let picture = upload(&client, file.clone()).await.unwrap();
    for product in [&lamp, &rug] {
        client.set_pictures(cx, product.id, IfMatch::Absent, with(&[&picture.id])).await.unwrap();
    }
    read(&client, &picture.id, MediaSize::Thumb).await;
    client.set_pictures(cx, lamp.id, IfMatch::Absent, with(&[])).await.unwrap();
    assert_eq!(client.delete_media(cx, picture.id.clone()).await, Err(ProductError::MediaInUse));
    client.delete(cx, rug.id, IfMatch::Absent).await.unwrap();
    client.delete_media(cx, picture.id.clone()).await.unwrap();
    assert_eq!(client.delete_media(cx, picture.id.clone()).await, Err(ProductError::MediaNotFound));
    let gone = client.media(&anonymous(), picture.id.clone(), MediaSize::Thumb).await.unwrap_err();
    assert_eq!(gone, ProductError::MediaNotFound);
    if stores.kind() == Kind::Embedded {
        assert_eq!(objects(&stores.folder().join("media")), 0, "with all sizes");
    }
    assert_eq!(upload(&client, file).await.unwrap().id, picture.id);
    assert!(!read(&client, &picture.id, MediaSize::Small).await.is_empty());
}

async fn pictures_are_listed_and_only_for_admins(client: ProductClient, _: &Stores) {
    let mut uploaded = Vec::new();
    for side in 1..=5 {
        uploaded.push(upload(&client, jpeg(&photo(10 * side, 10))).await.unwrap().id);
    }
    uploaded.reverse();
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let query = ListMedia { page: None, cursor, per_page: Some(2) };
        let page = client.list_media(&admin(), query).await.unwrap();
        listed.extend(page.media.into_iter().map(|media| media.id));
        let Some(next) = page.pagination.next_cursor else { break };
        cursor = Some(next.parse().unwrap());
    }
    assert_eq!(listed, uploaded, "the newest first");
    let refused = |cx: Ctx| {
        let (client, id) = (client.clone(), uploaded[0].clone());
        async move {
            let body = Upload::of("image/jpeg", jpeg(&photo(1, 1)));
            [
                client.list_media(&cx, ListMedia::default()).await.map(drop),
                client.upload_media(&cx, body).await.map(drop),
                client.delete_media(&cx, id).await,
            ]
            .map(|result| code(&result.unwrap_err()))
        }
    };
    assert_eq!(refused(customer(7)).await, [Code::PermissionDenied; 3]);
    assert_eq!(refused(anonymous()).await, [Code::Unauthenticated; 3]);
}
