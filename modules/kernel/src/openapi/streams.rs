//! Bodies and answers that are not JSON.

use crate::Accepts;
use utoipa::openapi::{
    Content, ContentBuilder, ObjectBuilder, Required,
    request_body::RequestBody,
    schema::{KnownFormat, SchemaFormat, Type},
};

/// A body that is a stream of bytes.
pub(super) fn body(accepts: &Accepts) -> RequestBody {
    let mut body = RequestBody::new();
    for media_type in accepts.media_types {
        body.content.insert((*media_type).into(), content().into());
    }
    body.description = Some(format!("At most {} bytes.", accepts.max));
    body.required = Some(Required::True);
    body
}

/// Content that is not JSON.
pub(super) fn content() -> Content {
    let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
    ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String).format(Some(binary)))).build()
}
