//! Settings: messages name wrong settings, secrets are not shown, and documented defaults are true.

use crate::harness::{Shop, modules, souk};
use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
};

fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    souk(tempfile::tempdir().unwrap().path(), arguments, settings).output().unwrap()
}

fn refused(settings: &[(&str, &str)]) -> String {
    let output = run(&["config"], settings);
    assert!(!output.status.success(), "{settings:?} was accepted");
    String::from_utf8(output.stderr).unwrap()
}

/// `cargo run` and `cargo test` give a program the variables that `build.rs` sets for the compiler. None may look like a setting.
#[test]
fn the_variables_of_cargo_are_no_settings() {
    let set_by_build = include_str!("../../build.rs").split("cargo::rustc-env=").skip(1);
    let names: Vec<_> = set_by_build.filter_map(|rest| rest.split_once('=')).map(|(name, _)| (name, "x")).collect();
    assert!(!names.is_empty());
    let output = run(&["config"], &names);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn wrong_settings_are_refused_by_name() {
    assert!(refused(&[("SOUK_GATEWEY__LIMITS", "off")]).contains("gatewey"));
    assert!(refused(&[("SOUK_GATEWAY__LIMIT", "off")]).contains("limit"));
    assert!(refused(&[("SOUK_GATEWAY__LIMITS", "sometimes")]).contains("limits"));
    assert!(refused(&[("PORT", "99999")]).contains("port"));
    assert!(refused(&[("PRODUCT_SERVICE_URL", "ftp://x")]).contains("http://"));
    assert!(refused(&[("PRODUCT_SERVICE_URL", "https://user:password@x")]).contains("http://"));
    assert!(refused(&[("SOUK_GATEWAY__REQUEST_TIMEOUT_MS", "60001")]).contains("gateway.request_timeout_ms"));
    assert!(refused(&[("SOUK_GATEWAY__REQUEST_TIMEOUT_MS", "0")]).contains("gateway.request_timeout_ms"));
    assert!(refused(&[("SOUK_GATEWAY__MAX_BODY_BYTES", "16777217")]).contains("gateway.max_body_bytes"));
    assert!(refused(&[("SOUK_PRODUCT__CURRENCY", "DOGE")]).contains("currency"));
    assert!(refused(&[("SOUK_PRODUCT__LANGUAGE", "English")]).contains("language"));
    let secret = refused(&[("SOUK_INTERNAL_KEY", "short-and-secret")]);
    assert!(secret.contains("internal_key") && !secret.contains("short-and-secret"), "{secret}");
    let both = [("SOUK_INTERNAL_KEY", "d2f1a9c07b3e48655c1f9be2740ad863"), ("SOUK_INTERNAL_KEY_FILE", "/run/keys")];
    assert!(refused(&both).contains("internal_key_file"));
}

#[test]
fn files_of_keys_and_authorities_are_read_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (short, none) = (path("keys", "too-short-a-secret\n"), path("ca.pem", "not a certificate"));
    for (name, value) in
        [("SOUK_INTERNAL_KEY_FILE", short.as_str()), ("SOUK_PEERS_CA_FILE", &none), ("SOUK_PEERS_CA_FILE", "gone")]
    {
        let output = run(&["serve", "--only", "product"], &[("PORT", "0"), (name, value)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let setting = name.strip_prefix("SOUK_").unwrap().to_lowercase();
        assert!(!output.status.success() && said.contains(value) && !said.contains("too-short-a-secret"), "{setting}: {said}");
    }
}

#[test]
fn production_refuses_the_defaults_of_development() {
    let refused = refused(&[("SOUK_ENVIRONMENT", "production")]);
    for name in [
        "internal_key",
        "demo",
        "data",
        "user.generate_signing_key",
        "payment.provider",
        "notification.mail",
        "notification.sms",
        "gateway.mailbox",
    ] {
        assert!(refused.contains(name), "{name}: {refused}");
    }
    let good = [
        ("SOUK_ENVIRONMENT", "production"),
        ("SOUK_INTERNAL_KEY", "d2f1a9c07b3e48655c1f9be2740ad863"),
        ("SOUK_DEMO", "false"),
        ("SOUK_DATA", "/var/lib/souk"),
        ("SOUK_USER__GENERATE_SIGNING_KEY", "false"),
        ("SOUK_PAYMENT__ACCEPT_SANDBOX_IN_PRODUCTION", "true"),
        ("SOUK_NOTIFICATION__MAIL", "off"),
        ("SOUK_NOTIFICATION__SMS", "off"),
        ("SOUK_GATEWAY__MAILBOX", "false"),
    ];
    let output = run(&["config"], &good);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("/var/lib/souk/order.db") && !shown.contains("d2f1a9c07b3e4865"), "{shown}");
}

#[test]
fn production_takes_the_sandbox_only_with_a_setting() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = |settings: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("config")).unwrap();
        fs::copy(root.join("config/production.toml"), folder.path().join("config/production.toml")).unwrap();
        let production = [("SOUK_ENVIRONMENT", "production"), ("SOUK_INTERNAL_KEY", "d2f1a9c07b3e48655c1f9be2740ad863")];
        souk(folder.path(), &["config"], &[&production, settings].concat()).output().unwrap()
    };
    // all other committed settings are accepted
    let refused = run(&[]);
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && words.contains("payment.provider") && words.matches("must").count() == 1, "{words}");
    assert!(!run(&[("SOUK_PAYMENT__PROVIDER", "sandbox")]).status.success());
    let staging = run(&[("SOUK_PAYMENT__ACCEPT_SANDBOX_IN_PRODUCTION", "true")]);
    assert!(staging.status.success(), "{}", String::from_utf8_lossy(&staging.stderr));
}

#[test]
fn passwords_in_addresses_are_not_shown_even_if_they_are_mistyped() {
    for url in [
        "postgres://shop:s3cret@db:5432/user",
        "postgres://shop:s3cret@db:54x2/user",
        "postgres://shop:s3cret@@db/user",
        "postgres://shop:s3#cret@db/user",
        "postgres//shop:s3cret@db/user",
        "postgres:shop:s3cret@db/user",
        "postgre://shop:s3cret@db/user",
        "shop:s3cret@db/user",
        "://shop:s3cret@db/user",
        "postgres://db/user?user=shop&password=s3cret",
        " postgres://shop:s3cret@db/user",
    ] {
        for variable in ["POSTGRES_USERS_URL", "REDIS_URL", "MONGODB_URL", "RABBITMQ_URL", "USER_SERVICE_URL"] {
            let settings = [(variable, url)];
            let shown = run(&["config"], &settings);
            let shown = [shown.stdout, shown.stderr].concat();
            assert!(!String::from_utf8_lossy(&shown).contains("cret"), "{variable}={url}: {}", String::from_utf8_lossy(&shown));
        }
    }
    let plain = String::from_utf8(run(&["config"], &[("REDIS_URL", "redis://cache:6379/?protocol=resp3")]).stdout).unwrap();
    assert!(plain.contains("redis://cache:6379/?protocol=resp3") && plain.contains("Souk <shop@souk.test>"), "{plain}");
}

#[test]
fn well_known_variables_are_read() {
    let shown = run(&["config"], &[("PORT", "9000"), ("CART_EXPIRY_HOURS", "5"), ("USER_SERVICE_URL", "http://a:1,https://b:2")]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    for line in ["port = 9000", "expiry_hours = 5", "\"http://a:1\"", "\"https://b:2\""] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let ours = [("PORT", "9000"), ("SOUK_PORT", "9001"), ("SOUK_GATEWAY__CORS_ORIGINS", "https://a.example,https://b.example")];
    let shown = String::from_utf8(run(&["config"], &ours).stdout).unwrap();
    for line in ["port = 9001", "\"https://a.example\"", "\"https://b.example\""] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn the_value_of_a_well_known_variable_may_be_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    fs::write(&file, "redis://:s3cret@cache:6379\n").unwrap();
    let path = file.to_str().unwrap();
    let shown = String::from_utf8(run(&["config"], &[("REDIS_URL_FILE", path)]).stdout).unwrap();
    assert!(shown.contains("@cache:6379\"") && !shown.contains("s3cret"), "{shown}");
    // a service alone gets its own database
    let alone = run(&["serve", "--only", "cart"], &[("PORT", "0"), ("DATABASE_URL_FILE", "/gone")]);
    let said = String::from_utf8(alone.stderr).unwrap();
    assert!(!alone.status.success() && said.contains("DATABASE_URL_FILE: cannot read /gone"), "{said}");
    let said = refused(&[("REDIS_URL", "redis://cache"), ("REDIS_URL_FILE", path)]);
    assert!(said.contains("REDIS_URL_FILE must not be set together with REDIS_URL"), "{said}");
    let without_key: Vec<_> = GOOD.into_iter().filter(|(name, _)| *name != "SOUK_INTERNAL_KEY").collect();
    let key = folder.path().join("key");
    fs::write(&key, "9f86d081884c7d659a2feaa0c55ad015\n").unwrap();
    let of_mode = |mode: u32| {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        check(&[&without_key[..], &[("JWT_SECRET_KEY_FILE", key.to_str().unwrap())]].concat()).1
    };
    assert!(of_mode(0o644).contains("warning internal_key"), "others can read it");
    assert_eq!(of_mode(0o400), "these settings can be used\n");
}

/// `config/default.toml` shows every setting with its default.
#[test]
fn the_documented_defaults_are_the_defaults() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documented = fs::read_to_string(root.join("config/default.toml")).unwrap();
    let documented: toml::Table = documented.parse().unwrap();
    let shown = String::from_utf8(run(&["config"], &[]).stdout).unwrap();
    let mut defaults: toml::Table = shown.parse().unwrap();
    // depends on the environment
    defaults["gateway"].as_table_mut().unwrap().remove("swagger");
    // these depend on `data`, so the file does not set them
    defaults["user"].as_table_mut().unwrap().remove("signing_key_file");
    for module in modules() {
        let module = defaults[module].as_table_mut().unwrap();
        module.remove("database_url");
        module.remove("media_url");
        // a default that all modules share is documented once
        if module.get("pool") == Some(&toml::Table::try_from(kernel::db::Pool::default()).unwrap().into()) {
            module.remove("pool");
        }
    }
    // modules are local by default
    assert!(defaults.remove("modules").unwrap().as_table().unwrap().values().all(|place| place.as_str() == Some("local")));
    defaults.retain(|_, value| value.as_table().is_none_or(|table| !table.is_empty()));
    let (documented, defaults) = (lines("", &documented), lines("", &defaults));
    let (undocumented, wrong): (Vec<_>, Vec<_>) =
        (defaults.difference(&documented).collect(), documented.difference(&defaults).collect());
    assert!(undocumented.is_empty() && wrong.is_empty(), "config/default.toml lacks {undocumented:#?}, and has {wrong:#?}");
}

/// One `a.b = value` for each setting.
fn lines(prefix: &str, table: &toml::Table) -> BTreeSet<String> {
    let line = |(key, value): (&String, &toml::Value)| match value {
        toml::Value::Table(inner) if !inner.is_empty() => lines(&format!("{prefix}{key}."), inner),
        value => BTreeSet::from([format!("{prefix}{key} = {value}")]),
    };
    table.iter().flat_map(line).collect()
}

/// Scripts list the modules even if the settings of the shop are wrong.
#[test]
fn commands_about_the_program_need_no_settings() {
    for command in ["version", "modules", "operations"] {
        let output = run(&[command], &[("SOUK_NONSENSE", "1"), ("SOUK_ENVIRONMENT", "production")]);
        assert!(output.status.success() && !output.stdout.is_empty(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_version_names_the_commit_and_the_modules() {
    let said = String::from_utf8(run(&["version"], &[]).stdout).unwrap();
    let [version, commit, compiled_in] = said.lines().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(version, concat!("souk ", env!("CARGO_PKG_VERSION")));
    let commit = commit.strip_prefix("commit ").unwrap();
    assert!(commit == "unknown" || (commit.len() >= 7 && commit.bytes().all(|b| b.is_ascii_hexdigit())), "{commit}");
    let names = compiled_in.strip_prefix("modules ").unwrap().split(' ');
    assert_eq!(names.collect::<BTreeSet<_>>(), modules().iter().map(String::as_str).chain(["gateway"]).collect());
}

/// Only the process that the settings describe is asked.
#[tokio::test]
async fn health_is_the_answer_of_the_operations_listener() {
    let shop = Shop::one_process(&[]).await;
    let ask = |settings: &[(&str, &str)]| {
        let output = run(&["health"], settings);
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.success(), said)
    };
    let ops = shop.processes[0].ops.strip_prefix("http://").unwrap().to_owned();
    assert_eq!(ask(&[("SOUK_OPS_BIND", &ops)]), (true, "ready\n".into()));
    // as in a container
    assert_eq!(ask(&[("SOUK_OPS_BIND", &ops.replace("127.0.0.1", "0.0.0.0"))]), (true, "ready\n".into()));
    drop(shop);
    let (succeeds, said) = ask(&[("SOUK_OPS_BIND", &ops)]);
    assert!(!succeeds && said.contains("does not answer") && said.lines().count() == 1, "{said}");
    let (succeeds, said) = ask(&[("SOUK_OPS_BIND", "off")]);
    assert!(!succeeds && said.contains("ops_bind"), "{said}");

    // nobody listens at port 1, so that this shop is never ready
    let gone = [("REDIS_URL", "redis://127.0.0.1:1")];
    let unready = Shop::begin(kernel::testing::Stores::embedded(), false, &gone).await;
    let ops = unready.processes[0].ops.strip_prefix("http://").unwrap().to_owned();
    let (succeeds, said) = ask(&[("SOUK_OPS_BIND", &ops)]);
    assert!(
        !succeeds && said.starts_with("souk: not ready: ") && said.contains("cart.redis") && said.lines().count() == 1,
        "{said}"
    );
}

/// Settings that production accepts without a warning.
const GOOD: [(&str, &str); 11] = [
    ("SOUK_ENVIRONMENT", "production"),
    ("SOUK_INTERNAL_KEY", "d2f1a9c07b3e48655c1f9be2740ad863"),
    ("SOUK_DEMO", "false"),
    ("SOUK_DATA", "/var/lib/souk-that-is-not-there"),
    ("SOUK_USER__GENERATE_SIGNING_KEY", "false"),
    ("SOUK_PAYMENT__ACCEPT_SANDBOX_IN_PRODUCTION", "true"),
    ("SOUK_NOTIFICATION__MAIL", "smtp"),
    ("SOUK_NOTIFICATION__SMS", "off"),
    ("SOUK_GATEWAY__MAILBOX", "false"),
    ("SOUK_GATEWAY__HSTS_SECONDS", "600"),
    ("SOUK_NOTIFICATION__SMTP__HOST", "mail.example"),
];

/// Whether `souk config --check` succeeds, and its output.
fn check(settings: &[(&str, &str)]) -> (bool, String) {
    let output = run(&["config", "--check"], settings);
    (output.status.success(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

#[test]
fn unsafe_settings_of_production_are_refused_or_warned_about_by_name() {
    assert_eq!(check(&GOOD), (true, "these settings can be used\n".into()));
    let names = |variable: &str| variable.strip_prefix("SOUK_").unwrap().to_lowercase().replace("__", ".");
    for (variable, value) in [
        ("SOUK_INTERNAL_KEY", "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"),
        ("SOUK_INTERNAL_KEY", "0123456789012345678901234567890123456789"),
        ("SOUK_INTERNAL_KEY", "your-secret-key-change-in-production"),
        ("SOUK_GATEWAY__LIMITS", "off"),
        ("SOUK_GATEWAY__LIMITS", "1000000"),
        ("SOUK_GATEWAY__TRUSTED_PROXIES", "0.0.0.0/0"),
        ("SOUK_GATEWAY__TRUSTED_PROXIES", "10.0.0.0/8,::/0"),
        ("SOUK_GATEWAY__TRUSTED_PROXIES", "0.0.0.0/1,128.0.0.0/1"),
        ("SOUK_GATEWAY__CORS_ORIGINS", "*"),
        ("SOUK_NOTIFICATION__SMTP__TLS", "none"),
        ("SOUK_NOTIFICATION__SHOP_URL", "http://shop.example"),
        ("SOUK_USER__GENERATE_SIGNING_KEY", "true"),
        ("SOUK_DEMO", "true"),
        ("SOUK_DATA", "data"),
        ("SOUK_TIMEOUTS__HEAD_MS", "0"),
    ] {
        let (succeeds, said) = check(&[&GOOD[..], &[(variable, value)]].concat());
        let expected = format!("refused {}: ", names(variable));
        assert!(
            !succeeds && said.contains(&expected) && said.contains(&format!("(from {variable})")),
            "{variable}={value}: {said}"
        );
        assert!(!said.contains("kkkk"), "{said}");
    }
    for (variable, value) in [
        ("SOUK_GATEWAY__LIMITS", "20"),
        ("SOUK_GATEWAY__SWAGGER", "true"),
        ("SOUK_GATEWAY__HSTS_SECONDS", "0"),
        ("SOUK_GATEWAY__CORS_ORIGINS", "http://shop.example"),
        ("SOUK_LOG__FILTER", "debug"),
        ("SOUK_USER__ACCESS_TOKEN_SECONDS", "86400"),
        ("SOUK_TIMEOUTS__WRITE_MS", "3600000"),
        ("SOUK_EVENTS__BROKER_URL", "amqp://shop:s3cret@queue"),
        ("SOUK_EVENTS__BROKER_URL", "amqps://guest:guest@queue"),
        ("SOUK_PRODUCT__DATABASE_URL", "postgres://shop:s3cret@db/product"),
        ("SOUK_ORDER__DATABASE_URL", "postgres://shop:s3cret@db/order?sslmode=prefer"),
        ("SOUK_CART__DATABASE_URL", "redis://:s3cret@cache"),
        ("SOUK_CART__DATABASE_URL", "rediss://cache"),
        ("SOUK_CART__DATABASE_URL", "redis://127.0.0.1"),
        ("SOUK_NOTIFICATION__DATABASE_URL", "mongodb://shop:s3cret@a,b/x"),
        ("SOUK_NOTIFICATION__DATABASE_URL", "mongodb://127.0.0.1/x"),
        ("SOUK_MODULES__USER", "http://10.0.0.7:5002"),
    ] {
        let (succeeds, said) = check(&[&GOOD[..], &[(variable, value)]].concat());
        let expected = format!("warning {}: ", names(variable));
        assert!(
            succeeds && said.contains(&expected) && said.contains(&format!("(from {variable})")),
            "{variable}={value}: {said}"
        );
        assert!(!said.contains("s3cret"), "{said}");
    }
    for (variable, value) in [
        ("SOUK_GATEWAY__TRUSTED_PROXIES", "10.0.0.0/8,fd00::/16"),
        ("SOUK_NOTIFICATION__SHOP_URL", "https://shop.example"),
        ("SOUK_EVENTS__BROKER_URL", "amqps://shop:s3cret@queue"),
        ("SOUK_EVENTS__BROKER_URL", "amqp://shop:s3cret@localhost"),
        ("SOUK_PRODUCT__DATABASE_URL", "postgres://shop:s3cret@db/product?sslmode=verify-full"),
        ("SOUK_CART__DATABASE_URL", "rediss://:s3cret@cache"),
        ("SOUK_NOTIFICATION__DATABASE_URL", "mongodb://shop:s3cret@a,b/x?tls=true"),
        ("SOUK_MODULES__USER", "https://user.internal"),
        ("SOUK_BIND", "0.0.0.0"),
    ] {
        let (succeeds, said) = check(&[&GOOD[..], &[(variable, value)]].concat());
        assert!(succeeds && !said.contains("warning"), "{variable}={value}: {said}");
    }
    let sms = [("SOUK_NOTIFICATION__SMS", "http"), ("SOUK_NOTIFICATION__SMS_HTTP__URL", "http://sms.example/send?token=s3cret")];
    let (succeeds, said) = check(&[&GOOD[..], &sms].concat());
    assert!(!succeeds && said.contains("refused notification.sms_http.url: ") && !said.contains("s3cret"), "{said}");
    // well-known variables are named, too, and all findings are listed at once
    let (_, said) = check(&[
        ("SOUK_ENVIRONMENT", "production"),
        ("JWT_SECRET_KEY", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("REDIS_URL", "redis://c"),
    ]);
    assert!(
        said.contains("(from JWT_SECRET_KEY)") && said.contains("(from REDIS_URL)") && said.contains("refused demo: "),
        "{said}"
    );
    // demo accounts with published passwords, on an address that others can reach
    let (succeeds, said) = check(&[("SOUK_BIND", "0.0.0.0")]);
    assert!(succeeds && said.contains("warning bind: ") && said.contains("admin@souk.test"), "{said}");
    assert_eq!(check(&[]), (true, "these settings can be used\n".into()));
}

#[test]
fn files_that_others_can_read_or_write_are_refused_or_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str, mode: u32| {
        let path = folder.path().join(name);
        if name.contains('.') {
            fs::write(&path, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n").unwrap();
        } else {
            fs::create_dir_all(&path).unwrap();
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let without_key: Vec<_> = GOOD.into_iter().filter(|(name, _)| *name != "SOUK_INTERNAL_KEY").collect();
    for (variable, name, mode, expected) in [
        ("SOUK_USER__SIGNING_KEY_FILE", "key.pem", 0o644, "refused user.signing_key_file"),
        ("SOUK_USER__SIGNING_KEY_FILE", "key.pem", 0o640, "warning user.signing_key_file"),
        ("SOUK_USER__SIGNING_KEY_FILE", "key.pem", 0o600, "can be used"),
        ("SOUK_INTERNAL_KEY_FILE", "keys.txt", 0o604, "refused internal_key_file"),
        ("SOUK_INTERNAL_KEY_FILE", "keys.txt", 0o400, "can be used"),
        ("SOUK_NOTIFICATION__TEMPLATES_FOLDER", "templates", 0o777, "refused notification.templates_folder"),
        ("SOUK_NOTIFICATION__TEMPLATES_FOLDER", "templates", 0o755, "can be used"),
        ("SOUK_DATA", "data", 0o755, "warning data"),
        ("SOUK_DATA", "data", 0o777, "refused data"),
        ("SOUK_DATA", "data", 0o700, "can be used"),
        ("SOUK_PEERS_CA_FILE", "ca.pem", 0o666, "refused peers_ca_file"),
    ] {
        let path = place(name, mode);
        let base = if variable == "SOUK_INTERNAL_KEY_FILE" { &without_key[..] } else { &GOOD[..] };
        let (_, said) = check(&[base, &[(variable, path.as_str())]].concat());
        assert!(said.contains(expected), "{variable} {mode:o}: {said}");
        let is_good = expected == "can be used";
        assert_eq!(said.lines().count() == 1, is_good, "{variable} {mode:o}: {said}");
    }
    // with the key as text the file is not used, and the text is not shown
    let readable = place("key.pem", 0o644);
    let text = [("JWT_SIGNING_KEY", "-----BEGIN s3cret"), ("JWT_SIGNING_KEY_FILE", readable.as_str())];
    assert_eq!(check(&[&GOOD[..], &text].concat()), (true, "these settings can be used\n".into()));
    let shown = String::from_utf8(run(&["config"], &text).stdout).unwrap();
    assert!(shown.contains("signing_key = \"***\"") && !shown.contains("s3cret"), "{shown}");
    // the modes of settings files are checked, too
    let settings = folder.path().join("settings.toml");
    fs::write(&settings, "internal_key = \"9f86d081884c7d659a2feaa0c55ad015\"\n").unwrap();
    for (mode, expected) in [(0o600, "can be used"), (0o644, "warning internal_key"), (0o666, "refused settings")] {
        fs::set_permissions(&settings, fs::Permissions::from_mode(mode)).unwrap();
        let output = run(&["--config", settings.to_str().unwrap(), "config", "--check"], &without_key);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(expected) && !said.contains("9f86"), "{mode:o}: {said}");
    }
}

#[test]
fn messages_about_wrong_settings_name_the_file_or_the_variable() {
    assert!(refused(&[("SOUK_GATEWAY__LIMITS", "sometimes")]).contains("from SOUK_GATEWAY__LIMITS"));
    assert!(refused(&[("PORT", "99999")]).contains("from PORT"));
    assert!(refused(&[("SOUK_GATEWEY__LIMITS", "off")]).contains("from SOUK_GATEWEY__LIMITS"));
    assert!(refused(&[("USER_SERVICE_URL", "ftp://x")]).contains("from USER_SERVICE_URL"));
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("config")).unwrap();
    fs::write(folder.path().join("config/development.toml"), "[gateway]\nlimits = \"of\"\n").unwrap();
    let output = souk(folder.path(), &["config"], &[]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("gateway.limits: ") && said.contains("from config/development.toml"), "{said}");
}

#[test]
fn errors_are_printed_without_a_stack() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, settings) in [
        (&["config"][..], ("PORT", "x")),
        (&["serve"][..], ("PORT", port.as_str())),
        (&["admin", "create", "nobody"][..], ("PORT", "0")),
    ] {
        let output = run(arguments, &[settings, ("RUST_BACKTRACE", "1")]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("souk: ") && said.lines().count() <= 2 && !said.contains("backtrace"), "{arguments:?}: {said}");
    }
}

/// Starts a process with umask 0. Returns its output up to the line with the data folder, and the process.
fn start(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> (Vec<String>, std::process::Child) {
    let command = souk(folder, arguments, settings);
    let mut open = Command::new("sh");
    open.args(["-c", "umask 0; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    open.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(folder);
    let mut child = open.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let mut said = Vec::new();
    while !said.iter().any(|line: &String| line.contains("  data ")) {
        said.push(lines.next().unwrap());
    }
    (said, child)
}

#[test]
fn the_data_folder_is_announced_and_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    for is_new in [true, false] {
        let (said, mut child) = start(folder.path(), &["serve"], &[("PORT", "0"), ("SOUK_LOG__FILTER", "off")]);
        child.kill().unwrap();
        child.wait().unwrap();
        let path = folder.path().canonicalize().unwrap().join("data");
        let line = said.iter().find(|line| line.contains("  data ")).unwrap();
        assert!(line.contains(path.to_str().unwrap()) && line.ends_with("(new)") == is_new, "{line}");
    }
    let output = souk(folder.path(), &["migrate"], &[]).output().unwrap();
    assert_eq!((String::from_utf8_lossy(&output.stderr).as_ref(), output.status.success()), ("", true));
    let data = folder.path().join("data");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let files: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 7, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), if file.is_dir() { 0o700 } else { 0o600 }, "{}", file.display());
    }
}

#[test]
fn lines_of_the_log_name_their_process() {
    for (format, arguments, beginning) in [
        ("json", &["serve", "--only", "product"][..], "{\"process\":\"product\","),
        ("json", &["serve"], "{\"process\":\"souk\","),
        ("text", &["serve", "--only", "product"], "product "),
    ] {
        let folder = tempfile::tempdir().unwrap();
        // these settings cause a warning at the start
        let settings = [("PORT", "0"), ("SOUK_BIND", "0.0.0.0"), ("SOUK_LOG__FORMAT", format)];
        let (_, mut child) = start(folder.path(), arguments, &settings);
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(line.starts_with(beginning) && line.contains("admin@souk.test"), "{line}");
        if format == "json" {
            assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
        }
    }
}
