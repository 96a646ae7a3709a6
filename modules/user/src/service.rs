//! The implementation of [`UserApi`].

use crate::{
    Address, AddressId, AuthReply, ChangePassword, EmailToken, Jwks, LEEWAY_SECONDS, ListUsers, Login, NewAddress, Profile,
    ProfileChange, Refresh, Register, RevokedSessions, RevokedSince, SetAccess, User, UserApi, UserChanged, UserError, UserPage,
    UserRegistered, Verified,
    entity::{address, session, user},
    fields, ops,
    password::{Passwords, Place, Weakness},
    store,
    tokens::{Signer, fingerprint, random_id, random_token},
};
use kernel::{
    Code, Ctx, Fault, Page, Role, UserId,
    chrono::TimeDelta,
    db::{Db, Tx},
    idempotency::{self, Begun},
    now, outbox,
};
use sea_orm::Set;
use std::sync::Arc;

/// Passwords that may be tried for one e-mail address in [`WINDOW`].
const ATTEMPTS: i64 = 10;
/// Time in which attempts are counted, from the first one.
pub(crate) const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// Addresses that one user can have.
const ADDRESSES: u64 = 50;
/// Longest time between the time of a revocation and the moment when others can see it.
const COMMIT: TimeDelta = TimeDelta::seconds(5);
/// How long an access token may be taken after it has expired by our clock: the issuer's clock, the verifier's and ours differ, and
/// the verifier allows for it.
const LEEWAY: TimeDelta = TimeDelta::seconds(3 * LEEWAY_SECONDS as i64);

/// The accounts, on a database.
#[derive(Clone)]
pub struct Users {
    pub(crate) db: Db,
    pub(crate) passwords: Passwords,
    pub(crate) signer: Arc<Signer>,
    pub(crate) session_days: u32,
}

type Result<T> = std::result::Result<T, UserError>;

impl UserApi for Users {
    async fn register(&self, cx: &Ctx, request: Register) -> Result<AuthReply> {
        let address = normal_email(&request.email)?;
        self.must_be_hard_to_guess("/password", &request.password, [&request.first_name, &request.last_name, &address]).await?;
        let row = self.new_row(request).await?;
        let tx = self.db.begin().await?;
        if let Some(holder) = store::lock_user_by_email(&*tx, &address).await?
            && !self.make_room(&tx, cx, &holder).await?
        {
            tx.commit().await?;
            return Err(UserError::EmailTaken);
        }
        let user = store::insert_user(&*tx, row).await?.ok_or(UserError::EmailTaken)?;
        let confirm_token = Some(self.new_confirmation(&tx, user.id).await?);
        outbox::publish(&tx, cx, &UserRegistered { confirm_token, ..registered(&user) }).await?;
        let reply = self.open_session(&tx, user, "User registered successfully").await?;
        tx.commit().await?;
        Ok(reply)
    }

    async fn login(&self, cx: &Ctx, request: Login) -> Result<AuthReply> {
        let place = self.passwords.enter()?;
        let email = known_email(&request.email);
        self.count_attempt(cx, &email).await?;
        let found = store::user_by_email(self.db.read(), &email).await?;
        let hash = found.as_ref().map(|user| user.password_hash.as_str());
        if !place.is_right(request.password, hash).await? {
            // whose address it is stays unsaid: it may be a typing error, or a password in the wrong field
            tracing::warn!(
                user = found.map(|user| user.id),
                trace = cx.trace().id(),
                "a login failed: wrong address or password"
            );
            return Err(UserError::WrongCredentials);
        }
        let found = found.ok_or(UserError::WrongCredentials)?;
        let tx = self.db.begin().await?;
        let user = still_has_password(&tx, &found).await?;
        if !user.is_active {
            tracing::warn!(user = user.id, trace = cx.trace().id(), "a login failed: the account is deactivated");
            return Err(UserError::Deactivated);
        }
        store::forget_attempts(&*tx, &fingerprint(&email)).await?;
        let reply = self.open_session(&tx, user, "Login successful").await?;
        tx.commit().await?;
        Ok(reply)
    }

    async fn refresh(&self, cx: &Ctx, request: Refresh) -> Result<AuthReply> {
        let hash = fingerprint(&request.refresh_token);
        let now = self.db.now();
        let tx = self.db.begin().await?;
        let Some(token) = store::use_refresh_token(&*tx, &hash, now).await? else {
            if let Some(user) = store::end_session(&*tx, &hash, now).await? {
                tx.commit().await?;
                tracing::warn!(user, trace = cx.trace().id(), "a refresh token was used twice; its session was ended");
            }
            return Err(UserError::InvalidRefreshToken);
        };
        let session = store::live_session(&*tx, &token.session_id, now).await?.ok_or(UserError::InvalidRefreshToken)?;
        let user = store::lock_user(&*tx, session.user_id).await?.filter(|user| user.is_active);
        let user = user.ok_or(UserError::InvalidRefreshToken)?;
        let refresh_token = random_token();
        store::insert_refresh_token(&*tx, session.id.clone(), fingerprint(&refresh_token)).await?;
        let reply = self.reply(user, &session.id, refresh_token, "Token refreshed")?;
        tx.commit().await?;
        Ok(reply)
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
        let now = self.db.now();
        let oldest = now - TimeDelta::seconds(self.signer.seconds().into()) - LEEWAY;
        let since = query.since.map_or(oldest, |since| since.max(oldest));
        // gateways ask every few seconds, for no request
        let sessions = store::ended_since(self.db.in_background().read(), since).await?;
        Ok(RevokedSessions { sessions, as_of: now - COMMIT })
    }

    async fn profile(&self, _: &Ctx, user: UserId) -> Result<Profile> {
        let db = self.db.read();
        let (found, addresses) = tokio::try_join!(store::user(db, user), store::addresses(db, user))?;
        let user = found.map(to_user).ok_or(UserError::NotFound)?;
        Ok(Profile { user, addresses: addresses.into_iter().map(to_address).collect() })
    }

    async fn change_profile(&self, cx: &Ctx, user: UserId, change: ProfileChange) -> Result<User> {
        let mut row = user::ActiveModel::default();
        if let Some(name) = change.first_name {
            row.first_name = Set(name.into());
        }
        if let Some(name) = change.last_name {
            row.last_name = Set(name.into());
        }
        if let Some(phone) = change.phone {
            row.phone = Set(phone.as_deref().map(e164).transpose()?);
        }
        let tx = self.db.begin().await?;
        let user = store::update_user(&*tx, user, row).await?.ok_or(UserError::NotFound)?;
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
        self.ask_for_proof(&tx, cx, &user).await?;
        Ok(tx.commit().await?)
    }

    async fn change_password(&self, cx: &Ctx, user: UserId, change: ChangePassword) -> Result<()> {
        let place = self.passwords.enter()?;
        let found = store::user(self.db.read(), user).await?.ok_or(UserError::NotFound)?;
        let person = [found.first_name.as_str(), &found.last_name, found.address()];
        self.must_be_hard_to_guess("/new_password", &change.new_password, person).await?;
        self.count_attempt(cx, found.address()).await?;
        if !place.is_right(change.current_password, Some(&found.password_hash)).await? {
            // the answer to an earlier call may have been lost: then the new password is the current one
            return match place.is_right(change.new_password, Some(&found.password_hash)).await? {
                true => Ok(store::forget_attempts(self.db.write(), &fingerprint(found.address())).await?),
                false => {
                    tracing::warn!(user = found.id, trace = cx.trace().id(), "a change of password failed: wrong password");
                    Err(Fault::invalid("/current_password", "is not your password").into())
                }
            };
        }
        let password_hash = Set(place.hash(change.new_password).await?);
        let tx = self.db.begin().await?;
        still_has_password(&tx, &found).await?;
        store::update_user(&*tx, user, user::ActiveModel { password_hash, ..Default::default() }).await?;
        store::end_sessions_of(&*tx, user, self.db.now()).await?;
        store::forget_attempts(&*tx, &fingerprint(found.address())).await?;
        tx.commit().await?;
        tracing::info!(user = found.id, trace = cx.trace().id(), "a password was changed");
        Ok(())
    }

    async fn addresses(&self, _: &Ctx, user: UserId) -> Result<Vec<Address>> {
        Ok(store::addresses(self.db.read(), user).await?.into_iter().map(to_address).collect())
    }

    async fn add_address(&self, cx: &Ctx, user: UserId, new: NewAddress) -> Result<Address> {
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::ADD_ADDRESS, &new).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        store::lock_user(&*tx, user.0).await?.ok_or(UserError::NotFound)?;
        let count = store::count_addresses(&*tx, user).await?;
        if count >= ADDRESSES {
            return Err(UserError::TooManyAddresses);
        }
        let is_default = new.is_default || count == 0;
        let address = store::insert_address(&*tx, user, new, is_default).await?;
        if is_default {
            store::set_default(&*tx, user, address.id).await?;
        }
        let address = to_address(address);
        held.finish(&tx, &address).await?;
        tx.commit().await?;
        Ok(address)
    }

    async fn change_address(&self, _: &Ctx, user: UserId, address: AddressId, change: NewAddress) -> Result<Address> {
        let tx = self.db.begin().await?;
        store::lock_user(&*tx, user.0).await?.ok_or(UserError::AddressNotFound)?;
        let mut row = store::update_address(&*tx, user, address, &change).await?.ok_or(UserError::AddressNotFound)?;
        if change.is_default && !row.is_default {
            store::set_default(&*tx, user, row.id).await?;
            row.is_default = true;
        }
        tx.commit().await?;
        Ok(to_address(row))
    }

    async fn delete_address(&self, _: &Ctx, user: UserId, address: AddressId) -> Result<()> {
        let tx = self.db.begin().await?;
        store::lock_user(&*tx, user.0).await?.ok_or(UserError::AddressNotFound)?;
        let deleted = store::delete_address(&*tx, user, address).await?.ok_or(UserError::AddressNotFound)?;
        let oldest = store::addresses(&*tx, user).await?.into_iter().next();
        if let (true, Some(oldest)) = (deleted.is_default, oldest) {
            store::set_default(&*tx, user, oldest.id).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn list(&self, _: &Ctx, query: ListUsers) -> Result<UserPage> {
        let db = self.db.read();
        let page = Page::of(query.page, query.per_page, 10);
        let filter = store::with_email(query.email.as_deref().map(known_email).as_deref());
        let (rows, total) = tokio::try_join!(store::page(db, &filter, page), store::count(db, &filter))?;
        Ok(UserPage { users: rows.into_iter().map(to_user).collect(), pagination: page.of_total(total) })
    }

    async fn set_access(&self, cx: &Ctx, id: UserId, access: SetAccess) -> Result<User> {
        let caller = cx.user()?;
        if caller == id {
            return Err(UserError::OwnAccess);
        }
        let is_admin = access.role == Role::Admin;
        let tx = self.db.begin().await?;
        let users = store::lock_users(&*tx, [caller.0, id.0]).await?;
        let find = |id: UserId| users.iter().find(|user| user.id == id.0);
        // whose access was taken away still has a token that says otherwise
        if !find(caller).is_some_and(|caller| caller.is_active && caller.is_admin) {
            tracing::warn!(user = caller.0, of = id.0, trace = cx.trace().id(), "who is no admin wanted to change an access");
            return Err(Fault::new(Code::PermissionDenied, "Permission denied").into());
        }
        let before = find(id).ok_or(UserError::NotFound)?;
        let row = user::ActiveModel { is_active: Set(access.is_active), is_admin: Set(is_admin), ..Default::default() };
        let user = store::update_user(&*tx, id, row).await?.ok_or(UserError::NotFound)?;
        // the role is part of the access tokens that are out there
        if !access.is_active || before.is_admin != is_admin {
            store::end_sessions_of(&*tx, id, self.db.now()).await?;
        }
        tx.commit().await?;
        let (user_id, by, is_active) = (user.id, caller.0, user.is_active);
        tracing::info!(user = user_id, by, is_active, is_admin, trace = cx.trace().id(), "an access was changed");
        Ok(to_user(user))
    }

    async fn verify(&self, _: &Ctx, id: UserId) -> Result<Verified> {
        let user = store::user(self.db.read(), id).await?.ok_or(UserError::NotFound)?;
        Ok(Verified { user_id: id, email: user.address().to_owned(), is_active: user.is_active, is_admin: user.is_admin })
    }
}

impl Users {
    /// The row of an account to be opened: a customer's.
    pub(crate) async fn new_row(&self, request: Register) -> Result<user::ActiveModel> {
        let (email, now) = (normal_email(&request.email)?, now());
        let phone = request.phone.as_deref().map(e164).transpose()?;
        let place: Place = self.passwords.enter()?;
        Ok(user::ActiveModel {
            email: Set(store::email_key(&email)),
            long_email: Set(Some(email.clone()).filter(|email| store::email_key(email) != *email)),
            password_hash: Set(place.hash(request.password).await?),
            first_name: Set(request.first_name.into()),
            last_name: Set(request.last_name.into()),
            phone: Set(phone),
            is_active: Set(true),
            is_admin: Set(false),
            created_at: Set(now),
            updated_at: Set(now),
            ..Default::default()
        })
    }

    /// Refuses a password that others would try: one that many use, and one made of what is known of a person, whose names and
    /// address these are.
    pub(crate) async fn must_be_hard_to_guess(&self, pointer: &str, password: &str, person: [&str; 3]) -> Result<()> {
        let refused = |detail: &str| Err(Fault::invalid(pointer, detail).into());
        if known_email(password) == person[2] {
            return refused("Password must not be the email address");
        }
        let (password, person) = (password.to_owned(), person.map(str::to_owned));
        match self.passwords.enter()?.weakness(password, person).await? {
            None => Ok(()),
            Some(Weakness::Common) => refused("Password must not be a common one, or one that is easy to guess"),
            Some(Weakness::OfThePerson) => refused("Password must not be made of your name or your email address"),
        }
    }

    /// Counts an attempt before it is made, so that attempts at the same time cannot pass the limit together.
    async fn count_attempt(&self, cx: &Ctx, email: &str) -> Result<()> {
        let now = self.db.now();
        let counted = store::count_attempt(self.db.write(), fingerprint(email), WINDOW, now).await?;
        if counted.attempts <= ATTEMPTS {
            return Ok(());
        }
        // said once, not for each attempt that a lock refuses
        if counted.attempts == ATTEMPTS + 1 {
            let user = store::user_by_email(self.db.read(), email).await?.map(|user| user.id);
            tracing::warn!(user, trace = cx.trace().id(), "too many wrong passwords: the address is locked for a while");
        }
        let wait = (counted.since + WINDOW - now).num_seconds().min(WINDOW.num_seconds() - 1);
        let fault = Fault::new(Code::TooManyRequests, "Too many failed logins; try again later");
        Err(fault.retry_after(u32::try_from(wait).unwrap_or_default() + 1).into())
    }

    async fn open_session(&self, tx: &Tx, user: user::Model, message: &str) -> Result<AuthReply> {
        let (id, refresh_token, now) = (random_id(), random_token(), self.db.now());
        let session = session::Model {
            id: id.clone(),
            user_id: user.id,
            created_at: now,
            expires_at: now + TimeDelta::days(self.session_days.into()),
            revoked_at: None,
        };
        store::insert_session(&**tx, session, fingerprint(&refresh_token)).await?;
        self.reply(user, &id, refresh_token, message)
    }

    fn reply(&self, user: user::Model, session: &str, refresh_token: String, message: &str) -> Result<AuthReply> {
        let role = if user.is_admin { Role::Admin } else { Role::Customer };
        Ok(AuthReply {
            message: message.into(),
            access_token: self.signer.sign(UserId(user.id), role, session)?,
            token_type: "Bearer".into(),
            expires_in: self.signer.seconds().into(),
            refresh_token,
            user: to_user(user),
        })
    }
}

/// The user as of now: the account may have been closed, or got another password, while the old one was checked.
async fn still_has_password(tx: &Tx, checked: &user::Model) -> Result<user::Model> {
    let user = store::lock_user(&**tx, checked.id).await?;
    user.filter(|user| user.password_hash == checked.password_hash).ok_or(UserError::WrongCredentials)
}

/// An address that someone registers, as it is stored.
pub(crate) fn normal_email(text: &str) -> Result<String> {
    fields::normal_email(text).map_err(|e| Fault::invalid("/email", e.message()).into())
}

/// An address that may be registered, as it is stored: also one that earlier releases took, and the part of one that is looked for.
pub(crate) fn known_email(text: &str) -> String {
    fields::normal_email(text).unwrap_or_else(|_| text.trim().to_lowercase())
}

fn e164(phone: &str) -> Result<String> {
    fields::e164(phone).map_err(|e| Fault::invalid("/phone", e.message()).into())
}

/// What is told about a new account.
pub(crate) fn registered(row: &user::Model) -> UserRegistered {
    let UserChanged { user_id, email, first_name, last_name, phone, email_confirmed, version } = changed(row);
    UserRegistered { user_id, email, first_name, last_name, phone, email_confirmed, confirm_token: None, version }
}

/// What is told about an account that has changed.
pub(crate) fn changed(row: &user::Model) -> UserChanged {
    UserChanged {
        user_id: UserId(row.id),
        email: row.address().to_owned(),
        first_name: row.first_name.clone(),
        last_name: row.last_name.clone(),
        phone: row.phone.clone(),
        email_confirmed: row.email_confirmed_at.is_some(),
        version: row.version,
    }
}

pub(crate) fn to_user(row: user::Model) -> User {
    User {
        id: UserId(row.id),
        email_confirmed: row.email_confirmed_at.is_some(),
        email: row.long_email.unwrap_or(row.email),
        first_name: row.first_name,
        last_name: row.last_name,
        phone: row.phone,
        is_active: row.is_active,
        is_admin: row.is_admin,
        created_at: row.created_at,
    }
}

fn to_address(row: address::Model) -> Address {
    Address {
        id: AddressId(row.id),
        street_address: row.street_address,
        city: row.city,
        state: row.state,
        postal_code: row.postal_code,
        country: row.country,
        is_default: row.is_default,
    }
}
