//! PostgreSQL with a role and a database for each module, created by `deploy/postgres/init.sh`.

use crate::harness::{modules, souk};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Roles and databases of one test, removed with it.
struct Databases {
    /// `host:port` of the server, and its superuser.
    server: String,
    admin: String,
    prefix: String,
    folder: TempDir,
}

impl Databases {
    fn new() -> Self {
        let url = std::env::var("SOUK_TEST_POSTGRES").unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432".into());
        let (admin, server) = url.trim_end_matches('/').trim_start_matches("postgres://").split_once('@').unwrap();
        let folder = tempfile::tempdir().unwrap();
        let unique: String = folder.path().to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
        let prefix = format!("souk_test_{}_", unique.to_lowercase());
        let databases = Self { server: server.into(), admin: admin.into(), prefix, folder };
        databases.init();
        databases
    }

    /// Runs the script.
    #[track_caller]
    fn init(&self) {
        let (host, port) = self.server.split_once(':').unwrap_or((&self.server, "5432"));
        let (user, password) = self.admin.split_once(':').unwrap_or((&self.admin, ""));
        let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/postgres/init.sh"));
        script.env("PGHOST", host).env("PGPORT", port).env("PGUSER", user).env("PGPASSWORD", password);
        script.env("PGDATABASE", "postgres").env("SOUK_DB_PREFIX", &self.prefix);
        for module in modules() {
            script.env(format!("{}_DB_PASSWORD", module.to_uppercase()), password_of(module));
        }
        succeeds(&script.output().unwrap());
    }

    /// The URL of one module's database with the role of one module.
    fn url(&self, database: &str, role: &str) -> String {
        let (server, prefix, password) = (&self.server, &self.prefix, password_of(role));
        format!("postgres://{prefix}{role}:{password}@{server}/{prefix}{database}")
    }

    /// The answer to a statement of the superuser.
    #[track_caller]
    fn ask(&self, database: &str, statement: &str) -> String {
        answer(&psql(&format!("postgres://{}@{}/{database}", self.admin, self.server), statement))
    }

    /// `souk migrate`, with a database for each module.
    fn migrate(&self) -> Command {
        let mut command = souk(self.folder.path(), &["migrate"], &[]);
        for module in modules() {
            command.env(format!("SOUK_{}__DATABASE_URL", module.to_uppercase()), self.url(module, module));
            // eight processes and other tests share the few connections of a server
            command.env(format!("SOUK_{}__POOL__CONNECTIONS", module.to_uppercase()), "1");
            command.env(format!("SOUK_{}__POOL__ACQUIRE_TIMEOUT_MS", module.to_uppercase()), "60000");
        }
        command
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        let admin = format!("postgres://{}@{}/postgres", self.admin, self.server);
        for module in modules() {
            let name = format!("{}{module}", self.prefix);
            for statement in [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("DROP ROLE IF EXISTS {name}")] {
                // not a panic, so that the failure of the test stays visible
                drop(psql(&admin, &statement));
            }
        }
    }
}

fn password_of(module: &str) -> String {
    format!("only-{module}")
}

fn psql(url: &str, statement: &str) -> Output {
    Command::new("psql").args(["--no-psqlrc", "-At", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement]).output().unwrap()
}

#[track_caller]
fn answer(output: &Output) -> String {
    succeeds(output);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[track_caller]
fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "needs servers: see docs/testing.md"]
fn a_module_owns_its_database_and_reads_no_other() {
    let databases = Databases::new();
    // the script can be run again, before and after the migrations
    databases.init();
    succeeds(&databases.migrate().output().unwrap());
    databases.init();

    for owner in modules() {
        let url = databases.url(owner, owner);
        assert_eq!(answer(&psql(&url, &format!("SELECT count(*) > 0 FROM {owner}_migrations"))), "t");
        for stranger in modules().iter().filter(|role| *role != owner) {
            let refused = psql(&databases.url(owner, stranger), "SELECT 1");
            let words = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(
                !refused.status.success() && words.contains("permission denied for database"),
                "{stranger} in {owner}: {words}"
            );
        }
    }
    // the shop itself cannot do it either
    let stray = databases.migrate().env("SOUK_PRODUCT__DATABASE_URL", databases.url("user", "product")).output().unwrap();
    let words = String::from_utf8_lossy(&stray.stderr).into_owned();
    assert!(!stray.status.success() && words.contains("permission denied for database"), "{words}");
}

#[test]
#[ignore = "needs servers: see docs/testing.md"]
fn a_migration_that_cannot_create_its_extension_says_so_and_changes_nothing() {
    let databases = Databases::new();
    let name = format!("{}product", databases.prefix);
    databases.ask("postgres", &format!("ALTER DATABASE {name} OWNER TO CURRENT_USER"));
    databases.ask("postgres", &format!("GRANT CONNECT ON DATABASE {name} TO {name}"));
    databases.ask(&name, &format!("GRANT ALL ON SCHEMA public TO {name}"));
    let refused = databases.migrate().output().unwrap();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("the search needs PostgreSQL's extension pg_trgm"), "{words}");
    assert_eq!(databases.ask(&name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
}

#[test]
#[ignore = "needs servers: see docs/testing.md"]
fn instances_that_start_together_migrate_once() {
    let databases = Databases::new();
    let start = |_| databases.migrate().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let instances: Vec<_> = (0..8).map(start).collect();
    for instance in instances {
        succeeds(&instance.wait_with_output().unwrap());
    }
    for module in modules() {
        let steps = std::fs::read_dir(format!("{}/migrations/src/{module}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let steps = steps.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("m0")).count();
        let ran = databases.ask(
            &format!("{}{module}", databases.prefix),
            &format!("SELECT count(*), count(DISTINCT version) FROM {module}_migrations"),
        );
        assert_eq!(ran, format!("{steps}|{steps}"), "{module}");
    }
}
