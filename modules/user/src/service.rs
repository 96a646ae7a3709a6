//! The implementation of [`UserApi`].

use crate::{
    Address, AddressId, AuthReply, ChangePassword, EmailToken, Jwks, ListUsers, Login, NewAddress, Profile, ProfileChange,
    Refresh, Register, RevokedSessions, RevokedSince, SetAccess, User, UserApi, UserError, UserPage, Verified,
    context::{Result, Users},
    rules::{e164, known_email},
    store::{self, ProfileUpdate, fingerprint},
    view::{changed, to_address, to_user},
};
use kernel::{Ctx, Page, UserId, outbox};

impl UserApi for Users {
    async fn register(&self, cx: &Ctx, request: Register) -> Result<AuthReply> {
        self.open_account(cx, request).await
    }

    async fn login(&self, cx: &Ctx, request: Login) -> Result<AuthReply> {
        self.log_in(cx, request).await
    }

    async fn refresh(&self, cx: &Ctx, request: Refresh) -> Result<AuthReply> {
        self.continue_session(cx, request).await
    }

    async fn logout(&self, _: &Ctx, request: Refresh) -> Result<()> {
        store::end_session(self.db.write(), &fingerprint(&request.refresh_token), self.db.now()).await?;
        Ok(())
    }

    async fn confirm_email(&self, cx: &Ctx, request: EmailToken) -> Result<()> {
        self.confirm(cx, &request.token).await
    }

    async fn disown_email(&self, cx: &Ctx, request: EmailToken) -> Result<()> {
        self.disown(cx, &request.token).await
    }

    async fn jwks(&self, _: &Ctx) -> Result<Jwks> {
        Ok(self.signer.jwks())
    }

    async fn revoked(&self, _: &Ctx, query: RevokedSince) -> Result<RevokedSessions> {
        self.revoked_sessions(query).await
    }

    async fn profile(&self, _: &Ctx, user: UserId) -> Result<Profile> {
        let db = self.db.read();
        let (found, addresses) = tokio::try_join!(store::user(db, user), store::addresses(db, user))?;
        let user = found.map(to_user).ok_or(UserError::NotFound)?;
        Ok(Profile { user, addresses: addresses.into_iter().map(to_address).collect() })
    }

    async fn change_profile(&self, cx: &Ctx, user: UserId, change: ProfileChange) -> Result<User> {
        let change = ProfileUpdate {
            first_name: change.first_name.map(String::from),
            last_name: change.last_name.map(String::from),
            phone: change.phone.map(|phone| phone.as_deref().map(e164).transpose()).transpose()?,
        };
        let tx = self.db.begin().await?;
        let user = store::update_profile(&*tx, user, change).await?.ok_or(UserError::NotFound)?;
        outbox::publish(&tx, cx, &changed(&user)).await?;
        tx.commit().await?;
        Ok(to_user(user))
    }

    async fn request_confirmation(&self, cx: &Ctx, user: UserId) -> Result<()> {
        let tx = self.db.begin().await?;
        let user = store::lock_user(&*tx, user.0).await?.ok_or(UserError::NotFound)?;
        if user.email_confirmed_at.is_some() {
            return Err(UserError::EmailConfirmed);
        }
        self.mail_confirmation(&tx, cx, &user).await?;
        Ok(tx.commit().await?)
    }

    async fn change_password(&self, cx: &Ctx, user: UserId, change: ChangePassword) -> Result<()> {
        self.replace_password(cx, user, change).await
    }

    async fn addresses(&self, _: &Ctx, user: UserId) -> Result<Vec<Address>> {
        Ok(store::addresses(self.db.read(), user).await?.into_iter().map(to_address).collect())
    }

    async fn add_address(&self, cx: &Ctx, user: UserId, new: NewAddress) -> Result<Address> {
        self.insert_address(cx, user, new).await
    }

    async fn change_address(&self, _: &Ctx, user: UserId, address: AddressId, change: NewAddress) -> Result<Address> {
        self.replace_address(user, address, change).await
    }

    async fn delete_address(&self, _: &Ctx, user: UserId, address: AddressId) -> Result<()> {
        self.remove_address(user, address).await
    }

    async fn list(&self, _: &Ctx, query: ListUsers) -> Result<UserPage> {
        let db = self.db.read();
        let page = Page::of(query.page, query.per_page, 10);
        let filter = store::with_email(query.email.as_deref().map(known_email).as_deref());
        let (rows, total) = tokio::try_join!(store::page(db, &filter, &page), store::count(db, &filter))?;
        Ok(UserPage { users: rows.into_iter().map(to_user).collect(), pagination: page.of_total(total) })
    }

    async fn set_access(&self, cx: &Ctx, id: UserId, access: SetAccess) -> Result<User> {
        self.change_access(cx, id, access).await
    }

    async fn verify(&self, _: &Ctx, id: UserId) -> Result<Verified> {
        let user = store::user(self.db.read(), id).await?.ok_or(UserError::NotFound)?;
        Ok(Verified { user_id: id, email: user.address().to_owned(), is_active: user.is_active, is_admin: user.is_admin })
    }
}
