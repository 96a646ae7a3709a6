//! Opens and starts the module.

use crate::{
    UserClient, config::Config, context::Users, meters, password::Passwords, signer::Signer, store::checks, sweep::sweep,
};
use kernel::{
    BoxError,
    db::{Db, Durability},
    idempotency,
    module::{Module, Start},
    verify::Finding,
};
use migrations::user::Migrator;
use std::{sync::Arc, time::Duration};

impl Module for Users {
    type Client = UserClient;
    type Config = Config;
    type Store = Db;
    type Peers = ();

    async fn open(config: &Config) -> Result<Db, BoxError> {
        // NORMAL: a power loss takes back registrations of the last moments, which can be repeated
        Ok(Db::open::<Migrator>("user", &config.database_url, config.pool, Durability::Normal).await?)
    }

    async fn start(start: Start<'_, Self>) -> Result<Self, BoxError> {
        let Start { config, store, jobs, .. } = start;
        let users = Self::new(store, config).await?;
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
        meters::start();
        Ok(users)
    }

    async fn verify(store: &Db) -> Result<Vec<Finding>, BoxError> {
        Ok(store.verify(checks::CHECKS).await?)
    }
}

impl Users {
    /// Opens the accounts of a running shop for a command, without background jobs.
    ///
    /// # Errors
    /// When a setting is out of its range, the store or the key cannot be opened, or the tables are not those of this release.
    pub async fn open_as_it_is(config: &Config) -> Result<Self, BoxError> {
        let db = <Self as Module>::open(config).await?;
        db.must_be_up_to_date().await?;
        Self::new(db, config).await
    }

    async fn new(db: Db, config: &Config) -> Result<Self, BoxError> {
        if !(60..=86_400).contains(&config.access_token_seconds) {
            return Err("user.access_token_seconds must be 60 to 86400".into());
        }
        if !(1..=3_650).contains(&config.refresh_token_days) {
            return Err("user.refresh_token_days must be 1 to 3650".into());
        }
        let owned = config.clone();
        let secrets = tokio::task::spawn_blocking(move || Ok::<_, BoxError>((Signer::open(&owned)?, Passwords::new()?)));
        let (signer, passwords) = secrets.await??;
        Ok(Self { db, passwords, signer: Arc::new(signer), session_days: config.refresh_token_days })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

    use super::*;
    use crate::{
        ChangePassword, EmailToken, Login, Refresh, Register, SetAccess, UserApi, UserError,
        attempts::WINDOW,
        entity::{login_attempts, refresh_token, session},
        store::{self, fingerprint},
    };
    use kernel::{
        Ctx, Role, UserId,
        chrono::TimeDelta,
        now,
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
        (Users::new(db, &config).await.unwrap(), folder)
    }

    fn register(email: &str, password: &str) -> Register {
        Register {
            email: email.into(),
            password: password.into(),
            first_name: "Leyla".into(),
            last_name: "Aziz".into(),
            phone: None,
        }
    }

    async fn lock(users: &Users) {
        for _ in 0..11 {
            assert!(users.login(&anonymous(), wrong_login()).await.is_err());
        }
    }

    fn wrong_login() -> Login {
        Login { email: "nobody@example.com".into(), password: "Wrong-1-password".into() }
    }

    #[tokio::test]
    async fn a_lock_ends_with_its_window() {
        let (users, _folder) = users().await;
        lock(&users).await;
        assert!(matches!(users.login(&anonymous(), wrong_login()).await, Err(UserError::Fault(_))));
        begin_attempts(&users, now() - WINDOW + TimeDelta::minutes(1)).await;
        assert!(matches!(users.login(&anonymous(), wrong_login()).await, Err(UserError::Fault(_))), "one minute to go");
        begin_attempts(&users, now() - WINDOW).await;
        lock(&users).await;
        let counted = login_attempts::Entity::find().one(users.db.read()).await.unwrap().unwrap();
        assert_eq!(counted.attempts, 11, "counted from the start again");
    }

    #[tokio::test]
    async fn sessions_end_and_old_rows_are_swept() {
        let (users, _folder) = users().await;
        let request = || register("leyla@example.com", "Saffron-7-Road");
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

    /// The logged text.
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
    async fn changes_of_access_are_logged_by_id_and_trace_without_secrets() {
        let (users, _folder) = users().await;
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        // for the whole process: which lines a thread's subscriber sees depends on the thread that logged a line first
        tracing::subscriber::set_global_default(subscriber.with_writer(move || writer.clone()).finish()).unwrap();
        tracing::callsite::rebuild_interest_cache();
        // the lines of one call
        let lines = |cx: &Ctx| {
            let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
            let trace = format!("trace=\"{}\"", cx.trace().id());
            log.lines().filter(|line| line.contains(&trace)).map(str::to_owned).collect::<Vec<_>>()
        };
        let logs = |cx: &Ctx, user: Option<UserId>, what: &str| {
            let lines = lines(cx);
            let [line] = lines.as_slice() else { panic!("{what}: {lines:?}") };
            let id = user.map_or_else(String::new, |user| format!(" user={user} "));
            assert!(line.contains(what) && line.contains(&id) && user.is_some() == line.contains(" user="), "{what}: {line}");
        };

        let boss = users.create_admin("boss@souk.test", "Cumin-8-Lane").await.unwrap().id;
        let (email, password) = ("leyla@example.com", "Saffron-7-Road");
        let reply = users.register(&anonymous(), register(email, password)).await.ok().unwrap();
        let leyla = reply.user.id;

        let login = |email: &str, password: &str| Login { email: email.into(), password: password.into() };
        for attempt in 1..=12 {
            let cx = anonymous();
            assert!(users.login(&cx, login(email, "Wrong-1-password")).await.is_err());
            match attempt {
                1..=10 => logs(&cx, Some(leyla), "a login failed"),
                11 => logs(&cx, Some(leyla), "too many wrong passwords"),
                _ => assert_eq!(lines(&cx).len(), 0, "logged once"),
            }
        }
        let cx = anonymous();
        assert!(users.login(&cx, login("nobody@example.com", password)).await.is_err());
        logs(&cx, None, "a login failed");

        let cx = anonymous().on_behalf_of(leyla, Role::Customer);
        store::reset_attempts(users.db.write(), &fingerprint(email)).await.unwrap();
        let change = |current: &str| ChangePassword { current_password: current.into(), new_password: "Sumac-9-Street".into() };
        assert!(users.change_password(&cx, leyla, change("Wrong-1-password")).await.is_err());
        logs(&cx, Some(leyla), "a change of password failed");
        let cx = anonymous().on_behalf_of(leyla, Role::Customer);
        users.change_password(&cx, leyla, change(password)).await.unwrap();
        logs(&cx, Some(leyla), "a password was changed");

        let tx = users.db.begin().await.unwrap();
        let token = users.new_confirmation(&tx, leyla.0).await.unwrap();
        tx.commit().await.unwrap();
        let cx = anonymous();
        users.confirm_email(&cx, EmailToken { token: token.as_str().into() }).await.unwrap();
        logs(&cx, Some(leyla), "an e-mail address was confirmed");

        let cx = anonymous().on_behalf_of(boss, Role::Admin);
        users.set_access(&cx, leyla, SetAccess { is_active: false, role: Role::Customer }).await.unwrap();
        logs(&cx, Some(leyla), "an access was changed");
        assert!(lines(&cx)[0].contains(&format!("by={boss} ")));
        let cx = anonymous().on_behalf_of(leyla, Role::Admin);
        assert!(users.set_access(&cx, boss, SetAccess { is_active: false, role: Role::Customer }).await.is_err());
        logs(&cx, Some(leyla), "wanted to change an access");
        let cx = anonymous();
        assert!(users.login(&cx, login(email, "Sumac-9-Street")).await.is_err());
        logs(&cx, Some(leyla), "the account is deactivated");

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
