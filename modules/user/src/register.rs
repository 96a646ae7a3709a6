//! `register`: opens an account and logs its user in.

use crate::{
    AuthReply, Register, UserError,
    context::{Result, Users},
    meters,
    rules::normal_email,
    store,
    view::registered,
};
use kernel::{Ctx, outbox};

impl Users {
    pub(crate) async fn open_account(&self, cx: &Ctx, request: Register) -> Result<AuthReply> {
        let address = normal_email(&request.email)?;
        self.must_be_hard_to_guess("/password", &request.password, [&request.first_name, &request.last_name, &address]).await?;
        let new = self.new_user(request).await?;
        let tx = self.db.begin().await?;
        if let Some(holder) = store::lock_user_by_email(&*tx, &address).await?
            && !self.make_room(&tx, cx, &holder).await?
        {
            tx.commit().await?;
            return Err(UserError::EmailTaken);
        }
        let user = store::insert_user(&*tx, new).await?.ok_or(UserError::EmailTaken)?;
        let confirm_token = self.new_confirmation(&tx, user.id).await?;
        outbox::publish(&tx, cx, &registered(&user, Some(confirm_token))).await?;
        let reply = self.open_session(&tx, user, "User registered successfully").await?;
        tx.count(meters::sign_ups(), 1);
        tx.commit().await?;
        Ok(reply)
    }
}
