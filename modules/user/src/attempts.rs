//! The limit of password attempts for one e-mail address.

use crate::{
    context::{Result, Users},
    store::{self, fingerprint},
};
use kernel::{Code, Ctx, Fault, chrono::TimeDelta};

/// Attempts for one e-mail address in [`WINDOW`].
const ATTEMPTS: i64 = 10;
/// Time in which attempts are counted, from the first one.
pub(crate) const WINDOW: TimeDelta = TimeDelta::minutes(15);

impl Users {
    /// Counts an attempt before the password is checked, so that concurrent attempts cannot exceed the limit together.
    pub(crate) async fn count_attempt(&self, cx: &Ctx, email: &str) -> Result<()> {
        let now = self.db.now();
        let counted = store::count_attempt(self.db.write(), fingerprint(email), WINDOW, now).await?;
        if counted.attempts <= ATTEMPTS {
            return Ok(());
        }
        // logged once, not for each attempt that is refused
        if counted.attempts == ATTEMPTS + 1 {
            let user = store::user_by_email(self.db.read(), email).await?.map(|user| user.id);
            tracing::warn!(user, trace = cx.trace().id(), "too many wrong passwords: the address is locked for a while");
        }
        let wait = (counted.since + WINDOW - now).num_seconds().min(WINDOW.num_seconds() - 1);
        let fault = Fault::new(Code::TooManyRequests, "Too many failed logins; try again later");
        Err(fault.retry_after(u32::try_from(wait).unwrap_or_default() + 1).into())
    }
}
