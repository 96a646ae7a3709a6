//! Proof of e-mail addresses: whoever has the token that was mailed to an address reads what is sent there.
//!
//! An address that nobody has proved is not kept from its owner. With the token its owner gives it back at once (`disown`). When
//! the token has expired and the account was not used since, the next one to register the address gets it. While the account is
//! used, registering mails another token to the address, at most one for each life of a token: so its owner can give it back, and
//! nobody else can take an account that is used away from its user.

use crate::{
    UserConfirmationRequested, UserError, Users,
    entity::{email_confirmation, user},
    service::changed,
    store,
    tokens::{fingerprint, random_id, random_token},
};
use kernel::{Ctx, Fault, UserId, chrono::TimeDelta, db::Tx, outbox};
use sea_orm::Set;

/// How long a token proves an address.
const LIFE: TimeDelta = TimeDelta::hours(48);

type Result<T> = std::result::Result<T, UserError>;

impl Users {
    /// A token that proves the user's address, in place of the one before.
    pub(crate) async fn new_confirmation(&self, tx: &Tx, user: i64) -> Result<String> {
        let token = random_token();
        let row = email_confirmation::Model { user_id: user, token_hash: fingerprint(&token), expires_at: self.db.now() + LIFE };
        store::put_confirmation(&**tx, row).await?;
        Ok(token)
    }

    /// Has a new token mailed to the user's address.
    pub(crate) async fn ask_for_proof(&self, tx: &Tx, cx: &Ctx, user: &user::Model) -> Result<()> {
        let confirm_token = self.new_confirmation(tx, user.id).await?;
        let (user_id, email, version) = (UserId(user.id), user.address().to_owned(), user.version);
        Ok(outbox::publish(tx, cx, &UserConfirmationRequested { user_id, email, confirm_token, version }).await?)
    }

    /// Takes the address for proved by whoever has `token`.
    pub(crate) async fn confirm(&self, cx: &Ctx, token: &str) -> Result<()> {
        let tx = self.db.begin().await?;
        let user = self.user_of(&tx, token).await?;
        // the answer to an earlier call may have been lost
        if user.email_confirmed_at.is_some() {
            return Ok(());
        }
        let row = user::ActiveModel { email_confirmed_at: Set(Some(self.db.now())), ..Default::default() };
        let user = store::update_user(&*tx, UserId(user.id), row).await?.ok_or_else(vanished)?;
        outbox::publish(&tx, cx, &changed(&user)).await?;
        tx.commit().await?;
        tracing::info!(user = user.id, trace = cx.trace().id(), "an e-mail address was confirmed");
        Ok(())
    }

    /// Frees the address for whoever has `token`, and closes the account that had it.
    pub(crate) async fn disown(&self, cx: &Ctx, token: &str) -> Result<()> {
        let tx = self.db.begin().await?;
        let user = self.user_of(&tx, token).await?;
        // who runs the shop is not put out of it by a mail
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

    /// Whether the account that has an address is closed for who wants to register it now; otherwise the owner of the address may be
    /// asked.
    pub(crate) async fn make_room(&self, tx: &Tx, cx: &Ctx, holder: &user::Model) -> Result<bool> {
        if holder.email_confirmed_at.is_some() || holder.is_admin {
            return Ok(false);
        }
        let asked = store::confirmation_of(&**tx, holder.id).await?;
        match asked.map(|asked| asked.expires_at) {
            Some(expires_at) if expires_at > self.db.now() => return Ok(false),
            Some(expired_at) if holder.is_active && !store::was_used_since(&**tx, holder.id, expired_at).await? => {}
            // an account of a release that mailed no tokens has not been asked
            _ => {
                self.ask_for_proof(tx, cx, holder).await?;
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

    /// The user whose address `token` proves, locked.
    async fn user_of(&self, tx: &Tx, token: &str) -> Result<user::Model> {
        let hash = fingerprint(token);
        let find = async || {
            let found = store::confirmation(&**tx, &hash).await?;
            found.filter(|found| found.expires_at > self.db.now()).ok_or(UserError::InvalidEmailToken)
        };
        let user = store::lock_user(&**tx, find().await?.user_id).await?.ok_or(UserError::InvalidEmailToken)?;
        // it may have been used or replaced while the lock was waited for
        find().await?;
        Ok(user)
    }

    /// Closes an account and frees its address, of which nothing is kept.
    async fn close(&self, tx: &Tx, cx: &Ctx, user: &user::Model) -> Result<()> {
        let id = UserId(user.id);
        // a name that nobody can have (RFC 2606), nor guess, and register before
        let nowhere = format!("{}@disowned.invalid", random_id());
        let row = user::ActiveModel {
            email: Set(nowhere),
            long_email: Set(None),
            is_active: Set(false),
            is_admin: Set(false),
            ..Default::default()
        };
        let closed = store::update_user(&**tx, id, row).await?.ok_or_else(vanished)?;
        store::end_sessions_of(&**tx, id, self.db.now()).await?;
        store::delete_confirmation(&**tx, user.id).await?;
        store::forget_attempts(&**tx, &fingerprint(user.address())).await?;
        Ok(outbox::publish(tx, cx, &changed(&closed)).await?)
    }
}

/// The account is locked, and nobody deletes accounts.
fn vanished() -> Fault {
    Fault::internal("a locked account vanished")
}
