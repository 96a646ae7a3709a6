//! `change_password`: replaces a password and ends all sessions of its user.

use crate::{
    ChangePassword, UserError,
    context::{Result, Users},
    store::{self, fingerprint},
};
use kernel::{Ctx, Fault, UserId};

impl Users {
    pub(crate) async fn replace_password(&self, cx: &Ctx, user: UserId, change: ChangePassword) -> Result<()> {
        let place = self.passwords.enter()?;
        let found = store::user(self.db.read(), user).await?.ok_or(UserError::NotFound)?;
        let person = [found.first_name.as_str(), &found.last_name, found.address()];
        self.must_be_hard_to_guess("/new_password", &change.new_password, person).await?;
        self.count_attempt(cx, found.address()).await?;
        if !place.is_right(change.current_password, Some(&found.password_hash)).await? {
            // the answer to an earlier call may have been lost: then the new password is the current one
            return match place.is_right(change.new_password, Some(&found.password_hash)).await? {
                true => Ok(store::reset_attempts(self.db.write(), &fingerprint(found.address())).await?),
                false => {
                    tracing::warn!(user = found.id, trace = cx.trace().id(), "a change of password failed: wrong password");
                    Err(Fault::invalid("/current_password", "is not your password").into())
                }
            };
        }
        let hash = place.hash(change.new_password).await?;
        let tx = self.db.begin().await?;
        store::lock_user_with_password(&*tx, &found).await?.ok_or(UserError::WrongCredentials)?;
        store::set_password(&*tx, user, hash).await?;
        store::end_sessions_of(&*tx, user, self.db.now()).await?;
        store::reset_attempts(&*tx, &fingerprint(found.address())).await?;
        tx.commit().await?;
        tracing::info!(user = found.id, trace = cx.trace().id(), "a password was changed");
        Ok(())
    }
}
