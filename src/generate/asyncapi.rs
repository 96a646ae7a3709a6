//! The AsyncAPI 3.0 document: the events, their publishers and their listeners. Generated from the types of the events and from the
//! listeners.

use kernel::{Envelope, EventType, Listener};
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

/// The document of these events and listeners. Channels are types: over RabbitMQ, the routing keys of one exchange.
pub(crate) fn document(types: &[EventType], listeners: &[Listener]) -> serde_json::Result<Value> {
    let mut schemas = Map::new();
    schemas.insert("Envelope".into(), serde_json::to_value(Envelope::schema())?);
    let mut more = Vec::new();
    Envelope::schemas(&mut more);
    for (name, schema) in more.iter().chain(types.iter().flat_map(|kind| &kind.schemas)) {
        schemas.insert(name.clone(), serde_json::to_value(schema)?);
    }
    // AsyncAPI has `examples` where OpenAPI has `example`
    schemas.values_mut().for_each(use_examples);

    let (mut channels, mut messages, mut operations) = (Map::new(), Map::new(), Map::new());
    for kind in types {
        let name = kind.name;
        channels.insert(name.into(), channel(name));
        messages.insert(name.into(), message(kind, &schemas[&kind.schema]));
        operations.insert(format!("{}.publish.{name}", kind.publisher), operation("send", name, kind.publisher));
        for listener in listeners.iter().filter(|listener| listener.wants(name)) {
            operations.insert(format!("{}.handle.{name}", listener.name()), operation("receive", name, listener.name()));
        }
    }
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of Souk",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The events that modules publish. Each is delivered at least once; `aggregateversion` shows which of two \
                            events is newer. Over RabbitMQ the messages are signed: header `souk-signature`.",
        },
        "defaultContentType": Envelope::MEDIA_TYPE,
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    }))
}

fn channel(name: &str) -> Value {
    json!({
        "address": name,
        "messages": { name: { "$ref": format!("#/components/messages/{name}") } },
        "bindings": { "amqp": {
            "is": "routingKey",
            "exchange": { "name": "souk.events", "type": "topic", "durable": true, "autoDelete": false },
        } },
    })
}

fn message(kind: &EventType, schema: &Value) -> Value {
    let data = json!({ "$ref": format!("#/components/schemas/{}", kind.schema) });
    let mut message = json!({
        "name": kind.name,
        "contentType": Envelope::MEDIA_TYPE,
        "payload": { "allOf": [
            { "$ref": "#/components/schemas/Envelope" },
            { "type": "object", "properties": { "type": { "const": kind.name }, "data": data } },
        ] },
    });
    if let Some(text) = schema.get("description") {
        message["summary"] = text.clone();
    }
    message
}

fn operation(action: &str, name: &str, module: &str) -> Value {
    json!({
        "action": action,
        "channel": { "$ref": format!("#/channels/{name}") },
        "messages": [{ "$ref": format!("#/channels/{name}/messages/{name}") }],
        "tags": [{ "name": module }],
    })
}

fn use_examples(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("properties").is_none_or(|properties| properties.get("example").is_none())
                && let Some(example) = members.remove("example")
            {
                members.insert("examples".into(), Value::Array(vec![example]));
            }
            members.values_mut().for_each(use_examples);
        }
        Value::Array(items) => items.iter_mut().for_each(use_examples),
        _ => {}
    }
}
