//! The shop to load, on the servers of this machine, with databases and names of its own, which are removed at the end.

use crate::client::{Client, Request};
use anyhow::{Context, ensure};
use deadpool_redis::redis;
use kernel::testing::{drop_queues, server};
use serde::Deserialize;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// Modules with a database, and their schemas in it. pgbench uses only one database, so here the shop has one, too. The order
/// module comes first, because several schemas have tables of the same name.
pub(crate) const SCHEMAS: [(&str, &str); 5] =
    [("order", "orders"), ("product", "product"), ("user", "users"), ("cart", "cart"), ("payment", "payment")];
pub(crate) const PRODUCTS: u64 = 10_000;

/// The servers of the shop, beside PostgreSQL.
#[derive(Clone, Copy)]
pub(crate) struct On {
    pub(crate) title: &'static str,
    pub(crate) redis: bool,
    pub(crate) rabbitmq: bool,
    pub(crate) mongodb: bool,
}

/// The stores of a shop.
pub(crate) struct Stores {
    pub(crate) on: On,
    pub(crate) name: String,
    pub(crate) server: String,
    folder: TempDir,
}

impl Stores {
    pub(crate) async fn create(on: On) -> anyhow::Result<Self> {
        let server = server("SOUK_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432");
        let folder = tempfile::Builder::new().prefix("souk_bench_").tempdir()?;
        let name = folder.path().file_name().context("no name")?.to_string_lossy().to_lowercase();
        let stores = Self { on, name, server, folder };
        stores.sql("postgres", &[format!("CREATE DATABASE {}", stores.name)]).await?;
        stores.sql(&stores.name, &SCHEMAS.map(|(_, schema)| format!("CREATE SCHEMA {schema}"))).await?;
        Ok(stores)
    }

    /// The database's copy for pgbench.
    pub(crate) fn copy(&self) -> String {
        format!("{}_pgbench", self.name)
    }

    pub(crate) async fn sql(&self, database: &str, statements: &[String]) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url(database)).await?;
        for statement in statements {
            sqlx::query(AssertSqlSafe(statement.as_str())).execute(&mut connection).await.with_context(|| statement.clone())?;
        }
        Ok(connection.close().await?)
    }

    /// A file in the folder of the shop, with this text.
    pub(crate) fn file(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// A connection without encryption, as for both sides.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("{}/{database}?sslmode=disable", self.server)
    }

    /// The address of the server.
    pub(crate) fn postgres(&self) -> anyhow::Result<SocketAddr> {
        let url: sqlx::postgres::PgConnectOptions = self.server.parse()?;
        let mut found = (url.get_host(), url.get_port()).to_socket_addrs()?;
        found.next().context("the address of PostgreSQL")
    }

    /// Removes everything.
    pub(crate) async fn remove(self) -> anyhow::Result<()> {
        let drop = |name: &str| format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        self.sql("postgres", &[drop(&self.copy()), drop(&self.name)]).await?;
        if self.on.redis {
            let mut carts = redis::Client::open(redis_url())?.get_multiplexed_async_connection().await?;
            let keys: Vec<String> = redis::cmd("KEYS").arg(format!("*{}*", self.name)).query_async(&mut carts).await?;
            for key in keys {
                redis::cmd("DEL").arg(key).query_async::<()>(&mut carts).await?;
            }
        }
        if self.on.mongodb {
            let client = mongodb::Client::with_uri_str(mongodb_url()).await?;
            client.database(&self.name).drop().await?;
            client.shutdown().await;
        }
        if self.on.rabbitmq {
            drop_queues(&self.name, &["notification".into()], &kernel::delivery::Config::default().retry_ms).await;
        }
        Ok(())
    }

    /// The settings of a shop on these stores. `postgres` is another address of PostgreSQL, if any.
    fn settings(&self, postgres: Option<SocketAddr>) -> Vec<(String, String)> {
        let mut settings = Vec::new();
        let mut set = |name: &str, value: String| settings.push((format!("SOUK_{name}"), value));
        let server = match (postgres, self.server.split_once('@')) {
            (Some(address), Some((user, _))) => format!("{user}@{address}"),
            _ => self.server.clone(),
        };
        for (module, schema) in SCHEMAS {
            let url = format!("{server}/{}?sslmode=disable&options=-csearch_path%3D{schema}", self.name);
            set(&format!("{}__DATABASE_URL", module.to_uppercase()), url);
        }
        if self.on.redis {
            set("CART__DATABASE_URL", redis_url());
            set("CART__KEY_PREFIX", self.name.clone());
        }
        if self.on.mongodb {
            set("NOTIFICATION__DATABASE_URL", format!("{}/{}", mongodb_url(), self.name));
        }
        if self.on.rabbitmq {
            set("EVENTS__BROKER_URL", kernel::testing::rabbitmq());
            set("EVENTS__PREFIX", self.name.clone());
        }
        for (name, value) in [
            ("GATEWAY__LIMITS", "off"),
            ("LOG__FILTER", "warn"),
            ("DEMO", "false"),
            ("USER__ACCESS_TOKEN_SECONDS", "86400"),
            ("NOTIFICATION__MAIL", "off"),
            ("NOTIFICATION__SMS", "off"),
        ] {
            set(name, value.into());
        }
        settings
    }

    /// A command of souk with no settings but these.
    fn command(&self, postgres: Option<SocketAddr>, settings: &[(&str, &str)]) -> anyhow::Result<Command> {
        let mut command = Command::new(souk()?);
        // the folder has no config/
        command.current_dir(self.folder.path()).env_clear().env("PORT", "0");
        command.envs(self.settings(postgres)).envs(settings.iter().copied());
        Ok(command)
    }

    /// Fills the catalogue, with enough of everything.
    pub(crate) async fn seed(&self) -> anyhow::Result<()> {
        let seeded = self.command(None, &[])?.args(["seed", "--products", &PRODUCTS.to_string(), "--variants", "1"]).output()?;
        ensure!(seeded.status.success(), "souk seed: {}", String::from_utf8_lossy(&seeded.stderr));
        self.sql(&self.name, &["UPDATE product.products SET stock_quantity = 1000000".into()]).await
    }

    /// Everything in one process.
    pub(crate) fn one_process(&self, postgres: Option<SocketAddr>, settings: &[(&str, &str)]) -> anyhow::Result<Shop> {
        let mut command = self.command(postgres, settings)?;
        command.arg("serve");
        Ok(Shop { processes: vec![listen("all", command)?] })
    }

    /// Each module in a process of its own.
    pub(crate) fn split(&self, settings: &[(&str, &str)]) -> anyhow::Result<Shop> {
        let mut processes: Vec<Process> = Vec::new();
        // in an order in which the addresses that each needs are known
        for name in ["notification", "product", "user", "payment", "cart", "order", "gateway"] {
            let mut command = self.command(None, settings)?;
            command.args(["serve", "--only", name]);
            for peer in &processes {
                command.env(format!("{}_SERVICE_URL", peer.name.to_uppercase()), format!("http://{}", peer.address));
            }
            processes.push(listen(name, command)?);
        }
        Ok(Shop { processes })
    }
}

pub(crate) fn redis_url() -> String {
    server("SOUK_TEST_REDIS", "redis://127.0.0.1:6379")
}

pub(crate) fn mongodb_url() -> String {
    server("SOUK_TEST_MONGO", "mongodb://127.0.0.1:27017")
}

/// A running shop.
pub(crate) struct Shop {
    processes: Vec<Process>,
}

impl Shop {
    /// The address for clients.
    pub(crate) fn address(&self) -> SocketAddr {
        self.processes[self.processes.len() - 1].address
    }

    /// The ids of its processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.processes.iter().map(|process| process.child.id()).collect()
    }

    /// Opens accounts; returns their tokens.
    pub(crate) async fn register(&self, accounts: usize) -> anyhow::Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Registered {
            access_token: String,
        }
        let (mut client, mut tokens) = (Client::new(self.address()), Vec::new());
        for n in 0..accounts {
            let json = format!(
                r#"{{"email":"buyer-{n}@example.com","password":"Saffron-7-Road","first_name":"Leyla","last_name":"Aziz"}}"#
            );
            let request = Request { method: "POST", path: "/api/auth/register", json: &json, ..Request::default() };
            tokens.push(client.send(request).await?.json::<Registered>(201)?.access_token);
        }
        Ok(tokens)
    }
}

struct Process {
    name: &'static str,
    address: SocketAddr,
    child: Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        // fails only when it has ended already
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts a server and waits until it prints its address. Warnings and errors go to the standard error of this program.
fn listen(name: &'static str, mut command: Command) -> anyhow::Result<Process> {
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = piped.with_context(|| format!("{command:?}"))?;
    let (stdout, log) = (child.stdout.take().context("no output")?, child.stderr.take().context("no log")?);
    std::thread::spawn(move || {
        // warnings, errors, and why it did not start; not the log of requests
        for line in BufReader::new(log).lines().map_while(Result::ok).filter(|line| !line.contains("INFO")) {
            drop(writeln!(std::io::stderr(), "{name}: {line}"));
        }
    });
    let mut lines = BufReader::new(stdout).lines();
    let found = lines.find_map(|line| line.ok()?.rsplit_once("listening on http://")?.1.parse().ok());
    let Some(address) = found else {
        child.wait()?;
        anyhow::bail!("souk ({name}) did not start");
    };
    // reads further output, so that the pipe does not fill up
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    Ok(Process { name, address, child })
}

/// The program beside this one, or the path in `SOUK`.
fn souk() -> anyhow::Result<PathBuf> {
    let path = match env::var_os("SOUK") {
        Some(path) => PathBuf::from(path),
        None => env::current_exe()?.with_file_name("souk"),
    };
    fs::canonicalize(&path).with_context(|| format!("{}: run `cargo build --release --workspace` first", path.display()))
}
