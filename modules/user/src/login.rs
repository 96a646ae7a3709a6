//! `login`: checks a password and opens a session.

use crate::{
    AuthReply, Login, UserError,
    context::{Result, Users},
    meters,
    rules::known_email,
    store::{self, fingerprint},
};
use kernel::{ApiError, Code, Ctx};

impl Users {
    pub(crate) async fn log_in(&self, cx: &Ctx, request: Login) -> Result<AuthReply> {
        let place = self.passwords.enter()?;
        let email = known_email(&request.email);
        self.count_attempt(cx, &email).await.inspect_err(|e| {
            if e.code() == Code::TooManyRequests {
                meters::Login::TooMany.counter().increment(1);
            }
        })?;
        let found = store::user_by_email(self.db.read(), &email).await?;
        let hash = found.as_ref().map(|user| user.password_hash.as_str());
        if !place.is_right(request.password, hash).await? {
            meters::Login::WrongCredentials.counter().increment(1);
            // the address is not logged: it may be a typing error, or a password in the wrong field
            tracing::warn!(
                user = found.map(|user| user.id),
                trace = cx.trace().id(),
                "a login failed: wrong address or password"
            );
            return Err(UserError::WrongCredentials);
        }
        let found = found.ok_or(UserError::WrongCredentials)?;
        let tx = self.db.begin().await?;
        let user = store::lock_user_with_password(&*tx, &found).await?.ok_or(UserError::WrongCredentials)?;
        if !user.is_active {
            tracing::warn!(user = user.id, trace = cx.trace().id(), "a login failed: the account is deactivated");
            meters::Login::Deactivated.counter().increment(1);
            return Err(UserError::Deactivated);
        }
        store::reset_attempts(&*tx, &fingerprint(&email)).await?;
        let reply = self.open_session(&tx, user, "Login successful").await?;
        tx.count(meters::Login::Succeeded.counter(), 1);
        tx.commit().await?;
        Ok(reply)
    }
}
