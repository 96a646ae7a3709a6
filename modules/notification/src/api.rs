use crate::{
    EventId, ListAllNotifications, ListNotifications, Mailbox, NotificationEntry, NotificationEntryPage, NotificationError,
    NotificationId, NotificationPage, NotificationPreferences, NotificationRecord, PreviewTemplate, TemplatePreview, listener,
};
use kernel::{Contract, Ctx, Envelope, Listener, UserId};

/// E-mail and SMS about what happens to users and their orders, and the history of them.
#[kernel::api(module = "notification")]
pub trait NotificationApi {
    /// List your notifications.
    ///
    /// The newest come first. What was sent by e-mail and by SMS is two notifications.
    #[get("/users/{user}/notifications", public = "/api/notifications", access = user, rate = "60/min")]
    async fn list(&self, cx: &Ctx, user: UserId, query: ListNotifications) -> Result<NotificationPage, NotificationError>;

    /// Mark one of your notifications as read.
    ///
    /// Repeating it is harmless.
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

    /// Get what you want to be told, how, and in which language.
    ///
    /// Every kind of notification is in the answer. Mail that proves an address cannot be turned off.
    #[get("/users/{user}/preferences", public = "/api/notifications/preferences", access = user, rate = "60/min")]
    async fn preferences(&self, cx: &Ctx, user: UserId) -> Result<NotificationPreferences, NotificationError>;

    /// Choose what you want to be told, how, and in which language.
    ///
    /// Replaces all of it: kinds that are left out are told as they are by default, which is by e-mail, and an order that is
    /// shipped or delivered by SMS, too. Holds for what happens from now on.
    #[put("/users/{user}/preferences", public = "/api/notifications/preferences", access = user, rate = "30/min")]
    async fn change_preferences(
        &self,
        cx: &Ctx,
        user: UserId,
        preferences: NotificationPreferences,
    ) -> Result<NotificationPreferences, NotificationError>;

    /// List the notifications of all users.
    ///
    /// The newest come first, without their texts. `status=failed` is what was given up, and can be sent again.
    #[get("/notifications", public = "/api/admin/notifications", access = role(admin), rate = "60/min")]
    async fn list_all(&self, cx: &Ctx, query: ListAllNotifications) -> Result<NotificationEntryPage, NotificationError>;

    /// Get a notification of any user.
    ///
    /// The whole of it, with its texts.
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
    /// One that failed gets all its attempts anew; one that was sent is sent once more. It goes to the address that its user has
    /// now, or, if it proves an address, to that one. One that is still queued is a conflict. Under the `Idempotency-Key` under
    /// which it was last sent again, it is not sent a third time.
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
    /// With example data; nothing is sent or kept, however often it is called. The answer says which locale was found for the one
    /// that was asked for.
    #[post(
        "/templates/preview",
        public = "/api/admin/notification-templates/preview",
        access = role(admin),
        retry = never,
        rate = "60/min"
    )]
    async fn preview(&self, cx: &Ctx, request: PreviewTemplate) -> Result<TemplatePreview, NotificationError>;

    /// Look into the development mailbox.
    ///
    /// What would have been sent since the process started, the newest first, at most 100. Only where mail goes to the mailbox,
    /// which is in development.
    #[get("/mailbox", public = "/api/dev/mailbox", access = anyone, rate = "120/min", errors(NoMailbox))]
    async fn mailbox(&self, cx: &Ctx) -> Result<Mailbox, NotificationError>;

    /// Handle an event of another module.
    ///
    /// Records the notifications that it leads to; they are sent afterwards. Repeating it is harmless.
    #[put("/events/{id}", access = module(user, order, payment), status = 204)]
    async fn handle(&self, cx: &Ctx, id: EventId, event: Envelope) -> Result<(), NotificationError>;
}

impl Contract for NotificationClient {
    const NAME: &'static str = "notification";
    const PORT: u16 = 5006;

    // a shop that can tell nobody anything for a while still sells
    const IS_ESSENTIAL: bool = false;

    fn listener(&self) -> Option<Listener> {
        Some(listener(self.clone()))
    }
}
