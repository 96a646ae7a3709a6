//! The OpenAPI document of all public operations.

use crate::{
    health::{HealthReport, ServiceHealth},
    operations::is_auth,
};
use kernel::{
    Dispatch, Problem,
    openapi::{BEARER, json, public},
};
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Response, ResponseBuilder, Server,
        path::{HttpMethod, OperationBuilder},
        security::{Http, HttpAuthScheme, SecurityScheme},
        tag::{Tag, TagBuilder},
    },
};

/// Groups of operations in the order of the page, each with the prefixes of its paths. Other paths are grouped by module.
const TAGS: &[(&str, &str, &[&str])] = &[
    (
        "auth",
        "Open an account, log in and out. To try the rest: call `login`, copy its `access_token`, press **Authorize** and paste it.",
        &["/api/auth/", "/.well-known/"],
    ),
    ("users", "Profile, addresses and, for admins, accounts.", &["/api/users"]),
    (
        "products",
        "The catalogue: products, their variants, pictures, attributes, categories and stock.",
        &["/api/products", "/api/product-slugs", "/api/variants", "/api/stock", "/api/categor", "/api/attributes", "/api/media"],
    ),
    ("cart", "The cart of the logged-in user.", &["/api/cart"]),
    ("orders", "Orders, from the cart to the door.", &["/api/orders", "/api/admin/orders"]),
    ("payments", "Payments of orders.", &["/api/payments"]),
    (
        "notifications",
        "E-mail and SMS to users, and their preferences; for admins, the status of messages.",
        &["/api/notifications", "/api/admin/notification", "/api/dev/"],
    ),
];

/// The group of the gateway's own operations.
const SERVICE: (&str, &str) = ("service", "The state of the service, for operators.");

const DESCRIPTION: &str = "\
An e-commerce backend.

- Failures are problem documents (RFC 9457): `code` is stable and for programs, `detail` for people, `trace_id` for support.
- Calls are limited per user, or per address without a login: see `RateLimit` and `RateLimit-Policy`, and after a 429 `Retry-After`.
- POST requests that accept an `Idempotency-Key` can be repeated with it without another effect.
- Times are RFC 3339 in UTC. Money is a decimal number with its `currency` beside it.";

/// The document of all operations of the gateway.
pub fn openapi(modules: &[Arc<dyn Dispatch>]) -> OpenApi {
    let info = InfoBuilder::new()
        .title("Souk")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()));
    let mut components = Components::new();
    let scheme = Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    let scheme = scheme.description(Some("The `access_token` of the answer of `login`, `register` or `refresh`.")).build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    for (name, schema) in [
        (Problem::name(), Problem::schema()),
        (HealthReport::name(), HealthReport::schema()),
        (ServiceHealth::name(), ServiceHealth::schema()),
    ] {
        components.schemas.insert(name.into_owned(), schema);
    }
    let mut api = OpenApiBuilder::new().info(info.build()).servers(Some([Server::new("/")])).components(Some(components)).build();
    let mut tags: Vec<Tag> = TAGS.iter().map(|(name, text, _)| tag(name, text)).collect();
    for module in modules {
        let mut document = public(module.openapi(), module.ops(), |op| !is_auth(op));
        let name = module.ops().first().map_or("", |op| op.module);
        if set_tags(&mut document, name) {
            tags.push(tag(name, &document.info.description.take().unwrap_or_default()));
        }
        document.tags = None;
        api.merge(document);
    }
    add_own_routes(&mut api);
    tags.push(tag(SERVICE.0, SERVICE.1));
    api.tags = Some(tags);
    drop_unused_schemas(&mut api);
    api
}

fn add_own_routes(api: &mut OpenApi) {
    let object = || Content::builder().schema(Some(utoipa::openapi::ObjectBuilder::new().build())).build();
    let good =
        |description: &str, media: &str, content| ResponseBuilder::new().description(description).content(media, content).build();
    let mut add = |path: &str, id: &str, summary: &str, description: &str, responses: Vec<(&str, Response)>| {
        let operation = OperationBuilder::new().operation_id(Some(id)).summary(Some(summary)).description(Some(description));
        let operation = responses
            .into_iter()
            .fold(operation.tag(SERVICE.0), |operation, (status, response)| operation.response(status, response));
        api.paths.paths.insert(path.into(), PathItem::new(HttpMethod::Get, operation.build()));
    };
    add(
        "/health",
        "gateway_health",
        "Check whether every module works.",
        "Checked every 30 seconds unless configured otherwise.",
        vec![
            ("200", good("Every module has a working instance.", "application/json", json("HealthReport"))),
            ("503", good("Some module has no working instance.", "application/json", json("HealthReport"))),
        ],
    );
    add(
        "/livez",
        "gateway_livez",
        "Check whether the process runs.",
        "For liveness probes; checks nothing else.",
        vec![("200", good("The process runs.", "application/json", object()))],
    );
    add(
        "/openapi.json",
        "gateway_openapi",
        "Get this document.",
        "OpenAPI 3.1.",
        vec![("200", good("The document.", "application/json", object()))],
    );
}

fn tag(name: &str, text: &str) -> Tag {
    TagBuilder::new().name(name).description(Some(text)).build()
}

/// Puts the operations of a module into their groups. Returns whether some are in the group of the module itself.
fn set_tags(document: &mut OpenApi, module: &str) -> bool {
    let mut has_own_group = false;
    for (path, item) in &mut document.paths.paths {
        let group = TAGS.iter().find(|(_, _, prefixes)| prefixes.iter().any(|prefix| path.starts_with(prefix)));
        has_own_group |= group.is_none();
        let tags = Some(vec![group.map_or(module, |(name, ..)| name).to_owned()]);
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten() {
            operation.tags.clone_from(&tags);
        }
    }
    has_own_group
}

/// Removes the types of internal operations.
fn drop_unused_schemas(api: &mut OpenApi) {
    let mut used = BTreeSet::new();
    let mut new = references(&api.paths);
    let Some(components) = &mut api.components else { return };
    while let Some(name) = new.pop_first() {
        if let Some(schema) = components.schemas.get(&name) {
            new.extend(references(schema).into_iter().filter(|name| !used.contains(name)));
        }
        used.insert(name);
    }
    components.schemas.retain(|name, _| used.contains(name));
}

fn references(part: &impl Serialize) -> BTreeSet<String> {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    found.extend(to.strip_prefix("#/components/schemas/").map(str::to_owned));
                }
                fields.values().for_each(|field| collect(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    let value = serde_json::to_value(part).unwrap_or_else(|e| panic!("a part of a document is always JSON: {e}"));
    collect(&value, &mut found);
    found
}
