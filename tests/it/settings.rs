//! Settings: what is wrong is refused by name, what is secret is not shown, what is documented is true.

use crate::harness::{modules, souk};
use std::{collections::BTreeSet, fs, path::Path, process::Output};

fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    souk(tempfile::tempdir().unwrap().path(), arguments, settings).output().unwrap()
}

fn refused(settings: &[(&str, &str)]) -> String {
    let output = run(&["config"], settings);
    assert!(!output.status.success(), "{settings:?} was accepted");
    String::from_utf8(output.stderr).unwrap()
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
    let secret = refused(&[("SOUK_INTERNAL_KEY", "short-and-secret")]);
    assert!(secret.contains("internal_key") && !secret.contains("short-and-secret"), "{secret}");
    let both = [("SOUK_INTERNAL_KEY", "0123456789abcdef0123456789abcdef"), ("SOUK_INTERNAL_KEY_FILE", "/run/keys")];
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
fn production_wants_everything_said() {
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
        ("SOUK_INTERNAL_KEY", "0123456789abcdef0123456789abcdef"),
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
    assert!(shown.contains("/var/lib/souk/order.db") && !shown.contains("0123456789abcdef"), "{shown}");
}

#[test]
fn production_takes_the_sandbox_only_when_that_is_said() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = |settings: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("config")).unwrap();
        fs::copy(root.join("config/production.toml"), folder.path().join("config/production.toml")).unwrap();
        let production = [("SOUK_ENVIRONMENT", "production"), ("SOUK_INTERNAL_KEY", "0123456789abcdef0123456789abcdef")];
        souk(folder.path(), &["config"], &[&production, settings].concat()).output().unwrap()
    };
    // the committed settings are right in everything else
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

/// `config/default.toml` shows every setting with its default.
#[test]
fn the_documented_defaults_are_the_defaults() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documented = fs::read_to_string(root.join("config/default.toml")).unwrap();
    let documented: toml::Table = documented.parse().unwrap();
    let shown = String::from_utf8(run(&["config"], &[]).stdout).unwrap();
    let mut defaults: toml::Table = shown.parse().unwrap();
    // these follow `data`: in the file they would not
    defaults["user"].as_table_mut().unwrap().remove("signing_key_file");
    for module in modules() {
        let module = defaults[module].as_table_mut().unwrap();
        module.remove("database_url");
        // what is the same for every module is documented once
        if module.get("pool") == Some(&toml::Table::try_from(kernel::db::Pool::default()).unwrap().into()) {
            module.remove("pool");
        }
    }
    // every module runs here if nothing is said
    assert!(defaults.remove("modules").unwrap().as_table().unwrap().values().all(|place| place.as_str() == Some("here")));
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

#[test]
fn the_committed_api_documents_are_up_to_date() {
    let mut command = souk(tempfile::tempdir().unwrap().path(), &["openapi", "--check"], &[]);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
