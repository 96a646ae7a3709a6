//! Events: facts about the past of a module, in the form of CloudEvents 1.0.
//!
//! The module that owns a thing defines its events as types of its contract (`events.rs`), and writes them into its outbox in the
//! transaction of the change. A module that handles them declares a [`Listener`]; neither side knows where the other runs.

use crate::{BoxFuture, Code, Ctx, Fault, Request, Trace, future::panic_text, now};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fmt, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use utoipa::openapi::{RefOr, Schema};
use uuid::Uuid;

/// Something that happened. The type is a stable contract: members are added, never changed or removed.
pub trait Event: Serialize + DeserializeOwned + utoipa::ToSchema {
    /// Its name, e.g. `order.placed`: the module that publishes it or the thing that it is about, a point, and what happened.
    const TYPE: &'static str;

    /// The module that publishes it, if its name does not begin with it.
    fn publisher() -> &'static str {
        Self::TYPE.split('.').next().unwrap_or_default()
    }

    /// The id of its subject: the order, the user.
    fn subject(&self) -> String;

    /// The version of its subject after it: from 1, and higher with every change. 0 where there are no versions.
    fn version(&self) -> i64;
}

/// A type of events, as data: for the document that describes them all.
#[derive(Clone)]
pub struct EventType {
    /// Its name: [`Event::TYPE`].
    pub name: &'static str,
    /// The module that publishes it.
    pub publisher: &'static str,
    /// The name of the schema of its data.
    pub schema: String,
    /// That schema, and the ones that it refers to.
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

impl EventType {
    /// The type of `E`.
    pub fn of<E: Event>() -> Self {
        let schema = E::name().into_owned();
        let mut schemas = vec![(schema.clone(), E::schema())];
        E::schemas(&mut schemas);
        Self { name: E::TYPE, publisher: E::publisher(), schema, schemas }
    }
}

/// An event on its way: CloudEvents 1.0 in JSON, with the distributed tracing extension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, garde::Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub struct Envelope {
    /// Version of CloudEvents: `1.0`.
    #[schema(example = "1.0")]
    pub specversion: String,
    /// A UUID, version 7 (RFC 9562). The same event may arrive more than once, and always has the same id.
    pub id: Uuid,
    /// The module that publishes it, as a URI reference.
    #[schema(example = "/souk/order")]
    pub source: String,
    /// The kind of event.
    #[schema(example = "order.placed")]
    pub r#type: String,
    /// The id of its subject, e.g. of the order.
    #[schema(example = "42")]
    pub subject: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// Media type of `data`: `application/json`.
    #[schema(example = "application/json")]
    pub datacontenttype: String,
    /// The trace in which it happened (W3C Trace Context).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The version of the subject after the event, by which a listener recognizes a stale event. 0 where it has none, and in
    /// events of releases without versions.
    #[serde(default)]
    pub aggregateversion: i64,
    /// The facts, by the type of the event.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// What a source begins with, before the name of its module.
const SOURCE: &str = "/souk/";

/// Events of newer releases may have more members.
impl Request for Envelope {}

impl Envelope {
    /// The media type of an envelope.
    pub const MEDIA_TYPE: &'static str = "application/cloudevents+json";

    /// Something that happened just now, in the call `cx`.
    ///
    /// # Errors
    /// `internal` when the event cannot be written as JSON.
    pub fn new<E: Event>(cx: &Ctx, event: &E) -> Result<Self, Fault> {
        Ok(Self {
            specversion: "1.0".into(),
            id: Uuid::now_v7(),
            source: format!("{SOURCE}{}", E::publisher()),
            r#type: E::TYPE.into(),
            subject: event.subject(),
            time: now(),
            datacontenttype: "application/json".into(),
            traceparent: Some(cx.here().to_string()),
            aggregateversion: event.version(),
            data: serde_json::to_value(event).map_err(Fault::internal)?,
        })
    }

    /// The event inside, if it is an `E`.
    ///
    /// # Errors
    /// `internal` when it is an `E` that cannot be read: it will not get better by waiting.
    pub fn read<E: Event>(&self) -> Result<Option<E>, Fault> {
        if self.r#type != E::TYPE {
            return Ok(None);
        }
        let event = E::deserialize(&self.data);
        event.map(Some).map_err(|e| self.unreadable(&e))
    }

    /// The fault of an event whose data does not match its type. It names the type, so that a dead letter says what is wrong; the
    /// rest is in the log.
    pub fn unreadable(&self, why: &serde_json::Error) -> Fault {
        let fault = Fault::internal(format_args!("{} {} cannot be read: {why}", self.r#type, self.id));
        fault.with_message(format!("The data of {} cannot be read", self.r#type))
    }

    /// The context in which the event is handled: without a user, called by the module that published it, in the same trace.
    pub fn ctx(&self, budget: Duration) -> Ctx {
        let publisher = self.source.strip_prefix(SOURCE).unwrap_or_default();
        let cx = Ctx::anonymous(budget).via(publisher.to_owned());
        match Trace::current().or_else(|| self.trace()) {
            Some(trace) => cx.in_trace(trace),
            None => cx,
        }
    }

    /// The position in its trace at which it was published.
    pub fn trace(&self) -> Option<Trace> {
        self.traceparent.as_deref()?.parse().ok()
    }
}

type Handler = dyn Fn(Ctx, Envelope) -> BoxFuture<Result<(), Fault>> + Send + Sync;

/// A module that handles events, local or remote.
///
/// An event is handled when `handle` answers `Ok`, and is retried otherwise: with growing pauses until it is a dead letter, which
/// comes sooner when the fault is not transient. It may also come again after `Ok`: handling it twice must do no more than
/// handling it once.
#[derive(Clone)]
pub struct Listener {
    name: &'static str,
    types: &'static [&'static str],
    handle: Arc<Handler>,
}

impl Listener {
    /// The module `name`, which wants events of these types.
    pub fn new<F, Fut>(name: &'static str, types: &'static [&'static str], handle: F) -> Self
    where
        F: Fn(Ctx, Envelope) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        Self { name, types, handle: Arc::new(move |cx, event| Box::pin(handle(cx, event))) }
    }

    /// The module that handles them.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The types that it wants.
    pub fn types(&self) -> &'static [&'static str] {
        self.types
    }

    /// Whether it wants events of this type.
    pub fn wants(&self, kind: &str) -> bool {
        self.types.contains(&kind)
    }

    /// Lets the module handle an event, within ten seconds.
    ///
    /// # Errors
    /// The fault of the listener; `deadline_exceeded` when it took too long, `internal` when it panicked.
    pub async fn handle(&self, event: Envelope) -> Result<(), Fault> {
        /// How long it may take.
        const BUDGET: Duration = Duration::from_secs(10);
        let (id, handle) = (event.id, self.handle.clone());
        let handled = AssertUnwindSafe(async move { handle(event.ctx(BUDGET), event).await }).catch_unwind();
        match tokio::time::timeout(BUDGET, handled).await {
            Ok(Ok(handled)) => handled,
            Ok(Err(panic)) => Err(Fault::internal(format_args!("{} panicked on event {id}: {}", self.name, panic_text(&*panic)))),
            Err(_) => Err(Fault::new(Code::DeadlineExceeded, "The listener did not handle it in time")),
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
    struct Sold {
        pieces: u32,
    }
    impl Event for Sold {
        const TYPE: &'static str = "lamp.sold";
        fn subject(&self) -> String {
            "7".into()
        }
        fn version(&self) -> i64 {
            2
        }
    }

    #[test]
    fn an_event_is_a_cloud_event_and_survives_the_wire() {
        let cx = Ctx::anonymous(Duration::from_secs(1));
        let published = Envelope::new(&cx, &Sold { pieces: 3 }).expect("an envelope");
        let json = serde_json::to_value(&published).expect("json");
        let members = [
            "aggregateversion",
            "data",
            "datacontenttype",
            "id",
            "source",
            "specversion",
            "subject",
            "time",
            "traceparent",
            "type",
        ];
        let mut found: Vec<_> = json.as_object().expect("an object").keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, members);
        assert_eq!((&json["specversion"], &json["source"], &json["subject"]), (&"1.0".into(), &"/souk/lamp".into(), &"7".into()));
        assert_eq!(json["aggregateversion"], 2);

        let received: Envelope = serde_json::from_value(json).expect("an envelope");
        assert_eq!(received, published);
        assert_eq!(received.read::<Sold>(), Ok(Some(Sold { pieces: 3 })));
        let handled = received.ctx(Duration::from_secs(1));
        assert_eq!((handled.trace(), handled.caller()), (cx.trace(), Some("lamp")));
    }

    #[test]
    fn an_event_of_an_older_release_has_no_version() {
        let published = Envelope::new(&Ctx::anonymous(Duration::from_secs(1)), &Sold { pieces: 3 }).expect("an envelope");
        let mut json = serde_json::to_value(&published).expect("json");
        json.as_object_mut().expect("an object").remove("aggregateversion");
        assert_eq!(serde_json::from_value::<Envelope>(json).expect("an envelope").aggregateversion, 0);
    }

    #[test]
    fn another_type_is_not_read_and_a_broken_one_is_a_fault() {
        let mut published = Envelope::new(&Ctx::anonymous(Duration::from_secs(1)), &Sold { pieces: 3 }).expect("an envelope");
        published.data = Value::Null;
        assert!(published.read::<Sold>().is_err());
        published.r#type = "lamp.lit".into();
        assert_eq!(published.read::<Sold>(), Ok(None));
    }
}
