use crate::{
    EventId, ListAllNotifications, ListNotifications, Mailbox, NotificationEntry, NotificationEntryPage, NotificationError,
    NotificationId, NotificationPage, NotificationPreferences, NotificationRecord, PreviewTemplate, TemplatePreview,
    listen::LISTENS,
};
use kernel::{Contract, Ctx, Envelope, Fault, Listener, UserId};

/// E-mail and SMS about what happens to users and their orders, and the history of them.
#[kernel::api(module = "notification")]
pub trait NotificationApi {
    /// List your notifications.
    ///
    /// The newest first. An e-mail and an SMS about the same event are two notifications.
    #[get("/users/{user}/notifications", public = "/api/notifications", access = user, rate = "60/min")]
    async fn list(&self, cx: &Ctx, user: UserId, query: ListNotifications) -> Result<NotificationPage, NotificationError>;

    /// Mark one of your notifications as read.
    ///
    /// Repeating the call is harmless.
    #[put(
        "/users/{user}/notifications/{id}/read",
        public = "/api/notifications/{id}/read",
        access = user,
        status = 204,
        rate = "120/min",
        errors(NotFound)
    )]
    async fn mark_read(&self, cx: &Ctx, user: UserId, id: NotificationId) -> Result<(), NotificationError>;

    /// Mark all your notifications as read.
    #[put("/users/{user}/notifications/read", public = "/api/notifications/read", access = user, status = 204, rate = "30/min")]
    async fn mark_all_read(&self, cx: &Ctx, user: UserId) -> Result<(), NotificationError>;

    /// Get your preferences: kinds of notifications, channels, and language.
    ///
    /// The answer contains every kind that goes to users. Mail that confirms an address cannot be turned off.
    #[get("/users/{user}/preferences", public = "/api/notifications/preferences", access = user, rate = "60/min")]
    async fn preferences(&self, cx: &Ctx, user: UserId) -> Result<NotificationPreferences, NotificationError>;

    /// Change your preferences: kinds of notifications, channels, and language.
    ///
    /// Replaces all preferences. A missing kind gets its default: e-mail, and also SMS when an order is shipped or delivered. The
    /// change applies to future events.
    #[put("/users/{user}/preferences", public = "/api/notifications/preferences", access = user, rate = "30/min")]
    async fn change_preferences(
        &self,
        cx: &Ctx,
        user: UserId,
        preferences: NotificationPreferences,
    ) -> Result<NotificationPreferences, NotificationError>;

    /// List the notifications of all users.
    ///
    /// The newest first, without their texts. Notifications with `status=failed` can be sent again.
    #[get("/notifications", public = "/api/admin/notifications", access = role(admin), rate = "60/min")]
    async fn list_all(&self, cx: &Ctx, query: ListAllNotifications) -> Result<NotificationEntryPage, NotificationError>;

    /// Get a notification of any user.
    ///
    /// The answer contains its texts.
    #[get(
        "/notifications/{id}",
        public = "/api/admin/notifications/{id}",
        access = role(admin),
        rate = "120/min",
        errors(NotFound)
    )]
    async fn get(&self, cx: &Ctx, id: NotificationId) -> Result<NotificationRecord, NotificationError>;

    /// Send a notification again.
    ///
    /// A failed notification gets all its attempts again; a sent one is sent once more. It goes to the user's current address, or
    /// to the one that it is for: the address that it confirms, or that of the shop. A queued notification is a conflict. A repeated call with the same `Idempotency-Key` does
    /// not send it again.
    #[post(
        "/notifications/{id}/resend",
        public = "/api/admin/notifications/{id}/resend",
        access = role(admin),
        retry = key,
        status = 202,
        rate = "60/min",
        errors(NotFound, StillQueued)
    )]
    async fn resend(&self, cx: &Ctx, id: NotificationId) -> Result<NotificationEntry, NotificationError>;

    /// Preview a template.
    ///
    /// Renders it with example data; nothing is sent or stored. The answer contains the nearest available locale to the requested
    /// one.
    #[post(
        "/templates/preview",
        public = "/api/admin/notification-templates/preview",
        access = role(admin),
        retry = never,
        rate = "60/min"
    )]
    async fn preview(&self, cx: &Ctx, request: PreviewTemplate) -> Result<TemplatePreview, NotificationError>;

    /// Get the messages in the development mailbox.
    ///
    /// The unsent messages since the start of the process, the newest first, at most 100. Only where mail goes to the mailbox, as
    /// in development.
    #[get("/mailbox", public = "/api/dev/mailbox", access = anyone, rate = "120/min", errors(NoMailbox))]
    async fn mailbox(&self, cx: &Ctx) -> Result<Mailbox, NotificationError>;

    /// Handle an event of another module.
    ///
    /// Records its notifications, which are sent afterwards. Repeating the call is harmless.
    #[put("/events/{id}", access = module(user, order, payment, product), status = 204)]
    async fn handle(&self, cx: &Ctx, id: EventId, event: Envelope) -> Result<(), NotificationError>;
}

impl Contract for NotificationClient {
    const NAME: &'static str = "notification";
    const PORT: u16 = 5006;

    // the shop can sell without sending messages for a while
    const IS_ESSENTIAL: bool = false;

    fn listener(&self) -> Option<Listener> {
        let client = self.clone();
        Some(Listener::new(Self::NAME, LISTENS, move |cx, event| {
            let client = client.clone();
            async move {
                client.handle(&cx, EventId(event.id), event).await.map_err(|error| match error {
                    NotificationError::Fault(fault) => fault,
                    other => Fault::internal(other),
                })
            }
        }))
    }
}
