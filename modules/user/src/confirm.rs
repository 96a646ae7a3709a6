//! Confirmation of e-mail addresses, by a token that is mailed to the address.
//!
//! An unconfirmed address stays available to its owner. With the token the owner frees it at once (`disown`). When the token has
//! expired and the account was not used since, the next user to register the address gets it. While the account is used,
//! registering mails another token to the address, at most one in the lifetime of a token. So the owner can free the address, and
//! nobody else can take an account in use away from its user.

use crate::{
    UserConfirmationRequested, UserError,
    context::{Result, Users},
    entity::{email_confirmation, user},
    secrets::{random_id, random_token},
    store::{self, fingerprint},
    view::changed,
};
use kernel::{Ctx, Fault, UserId, chrono::TimeDelta, db::Tx, outbox};

/// Time in which a token is valid.
const LIFETIME: TimeDelta = TimeDelta::hours(48);

impl Users {
    /// A new token that confirms the user's address; it replaces the previous one.
    pub(crate) async fn new_confirmation(&self, tx: &Tx, user: i64) -> Result<String> {
        let token = random_token();
        let row =
            email_confirmation::Model { user_id: user, token_hash: fingerprint(&token), expires_at: self.db.now() + LIFETIME };
        store::put_confirmation(&**tx, row).await?;
        Ok(token)
    }

    /// Publishes the event by which a new token is mailed to the user's address.
    pub(crate) async fn mail_confirmation(&self, tx: &Tx, cx: &Ctx, user: &user::Model) -> Result<()> {
        let confirm_token = self.new_confirmation(tx, user.id).await?;
        let (user_id, email, version) = (UserId(user.id), user.address().to_owned(), user.version);
        Ok(outbox::publish(tx, cx, &UserConfirmationRequested { user_id, email, confirm_token, version }).await?)
    }

    /// Confirms the address of `token`.
    pub(crate) async fn confirm(&self, cx: &Ctx, token: &str) -> Result<()> {
        let tx = self.db.begin().await?;
        let user = self.user_of(&tx, token).await?;
        // the answer to an earlier call may have been lost
        if user.email_confirmed_at.is_some() {
            return Ok(());
        }
        let user = store::confirm_email(&*tx, UserId(user.id), self.db.now()).await?.ok_or_else(vanished)?;
        outbox::publish(&tx, cx, &changed(&user)).await?;
        tx.commit().await?;
        tracing::info!(user = user.id, trace = cx.trace().id(), "an e-mail address was confirmed");
        Ok(())
    }

    /// Closes the account of the unconfirmed address of `token`, and frees the address.
    pub(crate) async fn disown(&self, cx: &Ctx, token: &str) -> Result<()> {
        let tx = self.db.begin().await?;
        let user = self.user_of(&tx, token).await?;
        // no mail closes an admin's account
        if user.email_confirmed_at.is_some() || user.is_admin {
            return Err(UserError::InvalidEmailToken);
        }
        self.close(&tx, cx, &user).await?;
        tx.commit().await?;
        tracing::warn!(
            user = user.id,
            trace = cx.trace().id(),
            "an account was closed: the owner of its e-mail address did not open it"
        );
        Ok(())
    }

    /// Closes the unconfirmed and unused account that holds an address, so that another user can register it, and returns whether
    /// it did. Otherwise a new token may be mailed to the address.
    pub(crate) async fn make_room(&self, tx: &Tx, cx: &Ctx, holder: &user::Model) -> Result<bool> {
        if holder.email_confirmed_at.is_some() || holder.is_admin {
            return Ok(false);
        }
        let confirmation = store::confirmation_of(&**tx, holder.id).await?;
        match confirmation.map(|confirmation| confirmation.expires_at) {
            Some(expires_at) if expires_at > self.db.now() => return Ok(false),
            Some(expired_at) if holder.is_active && !store::was_used_since(&**tx, holder.id, expired_at).await? => {}
            // a release without confirmation may have opened the account
            _ => {
                self.mail_confirmation(tx, cx, holder).await?;
                return Ok(false);
            }
        }
        self.close(tx, cx, holder).await?;
        tracing::warn!(
            user = holder.id,
            trace = cx.trace().id(),
            "an account was closed: its e-mail address was never confirmed"
        );
        Ok(true)
    }

    /// The user whose address `token` confirms, locked.
    async fn user_of(&self, tx: &Tx, token: &str) -> Result<user::Model> {
        let hash = fingerprint(token);
        let find = async || {
            let found = store::confirmation(&**tx, &hash).await?;
            found.filter(|found| found.expires_at > self.db.now()).ok_or(UserError::InvalidEmailToken)
        };
        let user = store::lock_user(&**tx, find().await?.user_id).await?.ok_or(UserError::InvalidEmailToken)?;
        // the token may have been used or replaced during the wait for the lock
        find().await?;
        Ok(user)
    }

    /// Deactivates an account, frees its address and deletes all traces of the address.
    async fn close(&self, tx: &Tx, cx: &Ctx, user: &user::Model) -> Result<()> {
        let id = UserId(user.id);
        // a reserved domain (RFC 2606), so that nobody has the address, and a random name, so that nobody can register it first
        let disowned = format!("{}@disowned.invalid", random_id());
        let closed = store::close_user(&**tx, id, disowned).await?.ok_or_else(vanished)?;
        store::end_sessions_of(&**tx, id, self.db.now()).await?;
        store::delete_confirmation(&**tx, user.id).await?;
        store::reset_attempts(&**tx, &fingerprint(user.address())).await?;
        Ok(outbox::publish(tx, cx, &changed(&closed)).await?)
    }
}

/// The account is locked, and accounts are never deleted.
fn vanished() -> Fault {
    Fault::internal("a locked account vanished")
}
