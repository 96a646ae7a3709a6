//! Accounts that an operator opens without a call: admins, and the accounts of the demo shop.

use crate::{
    Register, User, UserError,
    context::{Result, Users},
    rules::normal_email,
    store::{self, NewUser, fingerprint},
    view::{changed, registered, to_user},
};
use kernel::{BoxError, Ctx, UserId, outbox, validate};
use std::time::Duration;

/// An account of the demo shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoAccount {
    /// E-mail address.
    pub email: &'static str,
    /// Password, which is public.
    pub password: &'static str,
    /// Whether the account is an admin's.
    pub is_admin: bool,
}

/// The accounts of the demo shop.
pub const DEMO_ACCOUNTS: &[DemoAccount] = &[
    DemoAccount { email: "admin@souk.test", password: "Admin-Souk-1", is_admin: true },
    DemoAccount { email: "customer@souk.test", password: "Customer-Souk-1", is_admin: false },
];

impl Users {
    /// Opens an admin's account with a confirmed e-mail address. An existing account with this address becomes an active admin's
    /// account, gets this password, and all its sessions end: another person may have opened it.
    ///
    /// # Errors
    /// `invalid_argument` when the e-mail address or the password breaks a rule of `register`; or when the store fails.
    pub async fn create_admin(&self, email: &str, password: &str) -> Result<User> {
        let request = register(email, password, "Shop", "Admin");
        validate(&request)?;
        let email = normal_email(email)?;
        self.must_be_hard_to_guess("/password", &request.password, ["", "", &email]).await?;
        let now = self.db.now();
        let new = NewUser { is_admin: true, email_confirmed_at: Some(now), ..self.new_user(request).await? };
        let tx = self.db.begin().await?;
        let user = match store::user_by_email(&*tx, &email).await? {
            None => {
                let user = store::insert_user(&*tx, new).await?.ok_or(UserError::EmailTaken)?;
                outbox::publish(&tx, &by_operator(), &registered(&user, None)).await?;
                user
            }
            Some(found) => {
                let id = UserId(found.id);
                store::end_sessions_of(&*tx, id, now).await?;
                store::reset_attempts(&*tx, &fingerprint(&email)).await?;
                let user = store::make_admin(&*tx, id, new.password_hash, now).await?.ok_or(UserError::NotFound)?;
                outbox::publish(&tx, &by_operator(), &changed(&user)).await?;
                user
            }
        };
        tx.commit().await?;
        tracing::info!(user = user.id, "an operator made an admin");
        Ok(to_user(user))
    }

    /// Opens the accounts of the demo shop when there are no accounts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seed_demo(&self) -> std::result::Result<(), BoxError> {
        if store::has_users(self.db.read()).await? {
            return Ok(());
        }
        let mut accounts = Vec::new();
        for account in DEMO_ACCOUNTS {
            let request = register(account.email, account.password, "Demo", if account.is_admin { "Admin" } else { "Customer" });
            let new = self.new_user(request).await?;
            accounts.push(NewUser { is_admin: account.is_admin, email_confirmed_at: Some(self.db.now()), ..new });
        }
        let tx = self.db.begin().await?;
        for new in accounts {
            // another process that starts at the same time may have been faster
            if let Some(user) = store::insert_user(&*tx, new).await? {
                outbox::publish(&tx, &by_operator(), &registered(&user, None)).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

/// The context of a change without a call.
fn by_operator() -> Ctx {
    Ctx::anonymous(Duration::ZERO)
}

fn register(email: &str, password: &str, first_name: &str, last_name: &str) -> Register {
    Register {
        email: email.into(),
        password: password.into(),
        first_name: first_name.into(),
        last_name: last_name.into(),
        phone: None,
    }
}
