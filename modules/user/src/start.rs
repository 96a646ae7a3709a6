//! How the module is started.

use crate::{
    Register, User, UserClient, UserError, Users,
    entity::user,
    password::Passwords,
    service::{WINDOW, changed, normal_email, registered, to_user},
    store,
    tokens::{Signer, fingerprint},
};
use kernel::{
    BoxError, Ctx, Fault, UserId,
    chrono::TimeDelta,
    db::{Db, Durability, Pool},
    idempotency,
    module::{Module, Start},
    outbox, validate,
};
use migrations::user::Migrator;
use sea_orm::Set;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Settings of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Its database, e.g. `sqlite://data/user.db`.
    pub database_url: String,
    /// Pool of the database.
    pub pool: Pool,
    /// The Ed25519 key that signs access tokens, as a PEM file (PKCS #8). Processes of this module share one.
    pub signing_key_file: PathBuf,
    /// Make the key when there is none. Without this, a missing key keeps the module from starting.
    pub generate_signing_key: bool,
    /// Seconds that an access token lives, 60 to 86,400.
    pub access_token_seconds: u32,
    /// Days after which a session ends and its refresh tokens with it, 1 to 3,650.
    pub refresh_token_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: "sqlite://data/user.db".into(),
            pool: Pool::default(),
            signing_key_file: "data/user-signing-key.pem".into(),
            generate_signing_key: true,
            access_token_seconds: 900,
            refresh_token_days: 30,
        }
    }
}

/// What the launcher starts.
pub use crate::Users as Service;

impl Module for Users {
    type Client = UserClient;
    type Config = Config;
    type Store = Db;
    type Peers = ();

    async fn open(config: &Config) -> Result<Db, BoxError> {
        // NORMAL: who registered in the moment of a power loss registers again
        Ok(Db::open::<Migrator>("user", &config.database_url, config.pool, Durability::Normal).await?)
    }

    async fn start(start: Start<'_, Self>) -> Result<Self, BoxError> {
        let Start { config, store, jobs, .. } = start;
        let users = Self::on(store, config).await?;
        if start.demo {
            let users = Self { db: users.db.in_background(), ..users.clone() };
            jobs.once("user.demo", move || {
                let users = users.clone();
                async move { users.seed_demo().await }
            });
        }
        let db = users.db.in_background();
        jobs.every("user.sweep", Duration::from_secs(3600), move || {
            let db = db.clone();
            async move { sweep(&db).await }
        });
        idempotency::keep_swept(&users.db, jobs);
        Ok(users)
    }
}

impl Users {
    /// The accounts of a shop that runs, for a command: nothing runs in the background.
    ///
    /// # Errors
    /// When a setting is out of its range, the store or the key cannot be opened, or the tables are not those of this release.
    pub async fn open_as_it_is(config: &Config) -> Result<Self, BoxError> {
        let db = <Self as Module>::open(config).await?;
        db.must_be_up_to_date().await?;
        Self::on(db, config).await
    }

    async fn on(db: Db, config: &Config) -> Result<Self, BoxError> {
        if !(60..=86_400).contains(&config.access_token_seconds) {
            return Err("user.access_token_seconds must be 60 to 86400".into());
        }
        if !(1..=3_650).contains(&config.refresh_token_days) {
            return Err("user.refresh_token_days must be 1 to 3650".into());
        }
        let (file, generate, seconds) =
            (config.signing_key_file.clone(), config.generate_signing_key, config.access_token_seconds);
        let secrets =
            tokio::task::spawn_blocking(move || Ok::<_, BoxError>((Signer::open(&file, generate, seconds)?, Passwords::new()?)));
        let (signer, passwords) = secrets.await??;
        Ok(Self { db, passwords, signer: Arc::new(signer), session_days: config.refresh_token_days })
    }
}

async fn sweep(db: &Db) -> Result<(), Fault> {
    store::sweep_attempts(db.write(), db.now() - WINDOW).await?;
    store::sweep_confirmations(db.write(), db.now()).await?;
    let tx = db.begin().await?;
    store::sweep_sessions(&*tx, db.now() - TimeDelta::days(1)).await?;
    tx.commit().await
}

/// An account of the demo shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoAccount {
    /// E-mail address.
    pub email: &'static str,
    /// Password. Known to everyone.
    pub password: &'static str,
    /// Whether it runs the shop.
    pub is_admin: bool,
}

/// The accounts of the demo shop.
pub const DEMO_ACCOUNTS: &[DemoAccount] = &[
    DemoAccount { email: "admin@souk.test", password: "Admin-Souk-1", is_admin: true },
    DemoAccount { email: "customer@souk.test", password: "Customer-Souk-1", is_admin: false },
];

impl Users {
    /// Opens an admin's account, whose e-mail address counts as confirmed. An account that has this e-mail address becomes an active admin's, gets this password and is
    /// logged out everywhere: whoever opened it need not be the admin.
    ///
    /// # Errors
    /// `invalid_argument` when the e-mail address or the password breaks a rule of `register`; or when the store fails.
    pub async fn create_admin(&self, email: &str, password: &str) -> Result<User, UserError> {
        let request = register(email, password, "Shop", "Admin");
        validate(&request)?;
        self.must_be_hard_to_guess("/password", &request.password, ["", "", &normal_email(email)?]).await?;
        let mut row = self.new_row(request).await?;
        row.is_admin = Set(true);
        row.email_confirmed_at = Set(Some(self.db.now()));
        let email = normal_email(email)?;
        let tx = self.db.begin().await?;
        let user = match store::user_by_email(&*tx, &email).await? {
            None => {
                let user = store::insert_user(&*tx, row).await?.ok_or(UserError::EmailTaken)?;
                outbox::publish(&tx, &by_operator(), &registered(&user)).await?;
                user
            }
            Some(found) => {
                let id = UserId(found.id);
                let change = user::ActiveModel {
                    password_hash: row.password_hash,
                    is_active: row.is_active,
                    is_admin: row.is_admin,
                    email_confirmed_at: row.email_confirmed_at,
                    ..Default::default()
                };
                store::end_sessions_of(&*tx, id, self.db.now()).await?;
                store::forget_attempts(&*tx, &fingerprint(&email)).await?;
                let user = store::update_user(&*tx, id, change).await?.ok_or(UserError::NotFound)?;
                outbox::publish(&tx, &by_operator(), &changed(&user)).await?;
                user
            }
        };
        tx.commit().await?;
        tracing::info!(user = user.id, "an operator made an admin");
        Ok(to_user(user))
    }

    /// Opens the demo shop's accounts when there are no accounts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seed_demo(&self) -> Result<(), BoxError> {
        if store::has_users(self.db.read()).await? {
            return Ok(());
        }
        let mut rows = Vec::new();
        for account in DEMO_ACCOUNTS {
            let request = register(account.email, account.password, "Demo", if account.is_admin { "Admin" } else { "Customer" });
            let mut row = self.new_row(request).await?;
            row.is_admin = Set(account.is_admin);
            row.email_confirmed_at = Set(Some(self.db.now()));
            rows.push(row);
        }
        let tx = self.db.begin().await?;
        for row in rows {
            // another process that starts at the same time may have come first
            if let Some(user) = store::insert_user(&*tx, row).await? {
                outbox::publish(&tx, &by_operator(), &registered(&user)).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

/// A change that no call has asked for.
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

    use super::*;
    use crate::{
        ChangePassword, EmailToken, Login, Refresh, SetAccess, UserApi,
        entity::{login_attempts, refresh_token, session},
    };
    use kernel::{
        Role, now,
        testing::{anonymous, folder, sqlite},
    };
    use sea_orm::{EntityTrait, PaginatorTrait, sea_query::Expr};
    use std::{io, sync::Mutex};

    async fn users() -> (Users, tempfile::TempDir) {
        let folder = folder();
        let database_url = sqlite(folder.path(), "user");
        let config = Config { database_url, signing_key_file: folder.path().join("key.pem"), ..Config::default() };
        let db = <Users as Module>::open(&config).await.unwrap();
        db.migrate().await.unwrap();
        (Users::on(db, &config).await.unwrap(), folder)
    }

    async fn lock(users: &Users) {
        for _ in 0..11 {
            assert!(users.login(&anonymous(), wrong()).await.is_err());
        }
    }

    fn wrong() -> Login {
        Login { email: "nobody@example.com".into(), password: "Wrong-1-password".into() }
    }

    #[tokio::test]
    async fn a_lock_ends_with_its_window() {
        let (users, _folder) = users().await;
        lock(&users).await;
        assert!(matches!(users.login(&anonymous(), wrong()).await, Err(UserError::Fault(_))));
        begin_attempts(&users, now() - WINDOW + TimeDelta::minutes(1)).await;
        assert!(matches!(users.login(&anonymous(), wrong()).await, Err(UserError::Fault(_))), "one minute to go");
        begin_attempts(&users, now() - WINDOW).await;
        lock(&users).await;
        let counted = login_attempts::Entity::find().one(users.db.read()).await.unwrap().unwrap();
        assert_eq!(counted.attempts, 11, "counted from the start again");
    }

    #[tokio::test]
    async fn sessions_end_and_old_rows_are_swept() {
        let (users, _folder) = users().await;
        let request = || register("leyla@example.com", "Saffron-7-Road", "Leyla", "Aziz");
        let token = users.register(&anonymous(), request()).await.ok().unwrap().refresh_token;
        lock(&users).await;
        assert_eq!(rows(&users).await, (1, 1, 1));

        sweep(&users.db).await.unwrap();
        assert_eq!(rows(&users).await, (1, 1, 1), "all are needed");

        expire_sessions(&users, now()).await;
        let refreshed = users.refresh(&anonymous(), Refresh { refresh_token: token.into() }).await;
        assert_eq!(refreshed.err(), Some(UserError::InvalidRefreshToken));
        begin_attempts(&users, now() - WINDOW - TimeDelta::seconds(1)).await;
        sweep(&users.db).await.unwrap();
        assert_eq!(rows(&users).await, (1, 1, 0), "expired less than a day ago");

        expire_sessions(&users, now() - TimeDelta::days(1) - TimeDelta::seconds(1)).await;
        sweep(&users.db).await.unwrap();
        assert_eq!(rows(&users).await, (0, 0, 0));
    }

    /// What was logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_concerns_access_is_logged_by_id_and_trace_and_without_secrets() {
        let (users, _folder) = users().await;
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        // for the whole process: what one thread's subscriber sees depends on the thread that logged a line first
        tracing::subscriber::set_global_default(subscriber.with_writer(move || writer.clone()).finish()).unwrap();
        tracing::callsite::rebuild_interest_cache();
        // the lines of one call
        let lines = |cx: &Ctx| {
            let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
            let trace = format!("trace=\"{}\"", cx.trace().id());
            log.lines().filter(|line| line.contains(&trace)).map(str::to_owned).collect::<Vec<_>>()
        };
        let says = |cx: &Ctx, user: Option<UserId>, what: &str| {
            let lines = lines(cx);
            let [line] = lines.as_slice() else { panic!("{what}: {lines:?}") };
            let id = user.map_or_else(String::new, |user| format!(" user={user} "));
            assert!(line.contains(what) && line.contains(&id) && user.is_some() == line.contains(" user="), "{what}: {line}");
        };

        let boss = users.create_admin("boss@souk.test", "Cumin-8-Lane").await.unwrap().id;
        let (email, password) = ("leyla@example.com", "Saffron-7-Road");
        let reply = users.register(&anonymous(), register(email, password, "Leyla", "Aziz")).await.ok().unwrap();
        let leyla = reply.user.id;

        let login = |email: &str, password: &str| Login { email: email.into(), password: password.into() };
        for attempt in 1..=12 {
            let cx = anonymous();
            assert!(users.login(&cx, login(email, "Wrong-1-password")).await.is_err());
            match attempt {
                1..=10 => says(&cx, Some(leyla), "a login failed"),
                11 => says(&cx, Some(leyla), "too many wrong passwords"),
                _ => assert_eq!(lines(&cx).len(), 0, "said once"),
            }
        }
        let cx = anonymous();
        assert!(users.login(&cx, login("nobody@example.com", password)).await.is_err());
        says(&cx, None, "a login failed");

        let cx = anonymous().on_behalf_of(leyla, Role::Customer);
        store::forget_attempts(users.db.write(), &fingerprint(email)).await.unwrap();
        let change = |current: &str| ChangePassword { current_password: current.into(), new_password: "Sumac-9-Street".into() };
        assert!(users.change_password(&cx, leyla, change("Wrong-1-password")).await.is_err());
        says(&cx, Some(leyla), "a change of password failed");
        let cx = anonymous().on_behalf_of(leyla, Role::Customer);
        users.change_password(&cx, leyla, change(password)).await.unwrap();
        says(&cx, Some(leyla), "a password was changed");

        let tx = users.db.begin().await.unwrap();
        let token = users.new_confirmation(&tx, leyla.0).await.unwrap();
        tx.commit().await.unwrap();
        let cx = anonymous();
        users.confirm_email(&cx, EmailToken { token: token.as_str().into() }).await.unwrap();
        says(&cx, Some(leyla), "an e-mail address was confirmed");

        let cx = anonymous().on_behalf_of(boss, Role::Admin);
        users.set_access(&cx, leyla, SetAccess { is_active: false, role: Role::Customer }).await.unwrap();
        says(&cx, Some(leyla), "an access was changed");
        assert!(lines(&cx)[0].contains(&format!("by={boss} ")));
        let cx = anonymous().on_behalf_of(leyla, Role::Admin);
        assert!(users.set_access(&cx, boss, SetAccess { is_active: false, role: Role::Customer }).await.is_err());
        says(&cx, Some(leyla), "wanted to change an access");
        let cx = anonymous();
        assert!(users.login(&cx, login(email, "Sumac-9-Street")).await.is_err());
        says(&cx, Some(leyla), "the account is deactivated");

        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        for secret in
            [email, "nobody@example.com", "Leyla", password, "Sumac-9-Street", "Wrong-1-password", &token, &reply.refresh_token]
        {
            assert!(!log.contains(secret), "{secret}");
        }
    }

    type Time = kernel::chrono::DateTime<kernel::chrono::Utc>;

    async fn begin_attempts(users: &Users, time: Time) {
        let update = login_attempts::Entity::update_many().col_expr(login_attempts::Column::Since, Expr::value(time));
        update.exec(users.db.write()).await.unwrap();
    }

    async fn expire_sessions(users: &Users, time: Time) {
        let update = session::Entity::update_many().col_expr(session::Column::ExpiresAt, Expr::value(time));
        update.exec(users.db.write()).await.unwrap();
    }

    async fn rows(users: &Users) -> (u64, u64, u64) {
        let db = users.db.read();
        let sessions = session::Entity::find().count(db).await.unwrap();
        let tokens = refresh_token::Entity::find().count(db).await.unwrap();
        (sessions, tokens, login_attempts::Entity::find().count(db).await.unwrap())
    }
}
