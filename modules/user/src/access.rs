//! `set_access`: activates, deactivates, or changes the role of another user.

use crate::{
    SetAccess, User, UserError,
    context::{Result, Users},
    store,
    view::to_user,
};
use kernel::{Code, Ctx, Fault, Role, UserId};

impl Users {
    pub(crate) async fn change_access(&self, cx: &Ctx, id: UserId, access: SetAccess) -> Result<User> {
        let caller = cx.user()?;
        if caller == id {
            return Err(UserError::OwnAccess);
        }
        let is_admin = access.role == Role::Admin;
        let tx = self.db.begin().await?;
        let users = store::lock_users(&*tx, [caller.0, id.0]).await?;
        let find = |id: UserId| users.iter().find(|user| user.id == id.0);
        // the caller's access token may be older than the end of the caller's access
        if !find(caller).is_some_and(|caller| caller.is_active && caller.is_admin) {
            tracing::warn!(
                user = caller.0,
                of = id.0,
                trace = cx.trace().id(),
                "a caller who is no admin wanted to change an access"
            );
            return Err(Fault::new(Code::PermissionDenied, "Permission denied").into());
        }
        let before = find(id).ok_or(UserError::NotFound)?;
        let user = store::set_access(&*tx, id, access.is_active, is_admin).await?.ok_or(UserError::NotFound)?;
        // issued access tokens contain the old role
        if !access.is_active || before.is_admin != is_admin {
            store::end_sessions_of(&*tx, id, self.db.now()).await?;
        }
        tx.commit().await?;
        let (user_id, by, is_active) = (user.id, caller.0, user.is_active);
        tracing::info!(user = user_id, by, is_active, is_admin, trace = cx.trace().id(), "an access was changed");
        Ok(to_user(user))
    }
}
