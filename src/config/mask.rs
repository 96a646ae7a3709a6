//! Hides the secrets in settings that are shown.

/// Masks the secrets in settings: passwords in addresses, and fields for providers whose names look like keys. `Secret` masks
/// itself.
pub(super) fn mask(value: &mut toml::Value) {
    match value {
        toml::Value::String(text) => *text = without_secrets(text),
        toml::Value::Array(values) => values.iter_mut().for_each(mask),
        toml::Value::Table(table) => {
            if let Some(toml::Value::Table(fields)) = table.get_mut("fields") {
                let secret = fields.iter_mut().filter(|(name, _)| is_secret(name));
                secret.for_each(|(_, value)| *value = "***".into());
            }
            table.iter_mut().for_each(|(_, value)| mask(value));
        }
        _ => {}
    }
}

/// Whether a setting with this value contains a secret.
pub(super) fn is_secret_setting(key: &str, value: &str) -> bool {
    let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
    ["internal_key", "password", "header_value"].contains(&name)
        || (table.ends_with(".fields") && is_secret(name))
        || without_secrets(value) != value
}

/// Whether the name of a field of a request, or of a parameter in an address, looks like that of a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["password", "passwd", "pwd", "secret", "token", "key", "auth", "credential", "sig"].iter().any(|word| name.contains(word))
        && !["source", "mechanism"].iter().any(|word| name.ends_with(word))
}

/// The text; if it is an address, without the secrets before the host and in the query.
pub(super) fn without_secrets(text: &str) -> String {
    // not parsed as a URL: a mistyped address, or one with several hosts, is no URL but still has a password
    let (address, query) = text.split_once('?').map_or((text, None), |(address, query)| (address, Some(query)));
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    let masked = match rest.rsplit_once('@') {
        Some((user, rest)) if scheme.is_empty() => user.contains(':').then(|| format!("***@{rest}")),
        // a user name without a password is a secret in http addresses, where it is a key, and otherwise an account
        Some((user, rest)) if user.contains(':') || scheme.starts_with("http") => {
            let name = user.split(':').next().filter(|_| user.matches(':').count() == 1 && !scheme.starts_with("http"));
            Some(format!("{scheme}://{}***@{rest}", name.map(|name| format!("{name}:")).unwrap_or_default()))
        }
        _ => None,
    };
    let address = masked.unwrap_or_else(|| address.to_owned());
    let Some(query) = query else { return address };
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret(&percent_decoded(name)) || pair.contains("TOKEN") => format!("{name}=***"),
        _ => pair.to_owned(),
    };
    let query: Vec<String> = query.split('&').map(pair).collect();
    format!("{address}?{}", query.join("&"))
}

fn percent_decoded(name: &str) -> String {
    url::form_urlencoded::parse(name.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_addresses_are_not_shown() {
        for (text, shown) in [
            ("postgres://shop:s3cret@db:5432/user", "postgres://shop:***@db:5432/user"),
            ("postgres://shop@db/user?sslmode=require", "postgres://shop@db/user?sslmode=require"),
            (
                "mongodb://shop:s3cret@a:1,b:2/x?authSource=admin&tlsCertificateKeyFilePassword=s3cret",
                "mongodb://shop:***@a:1,b:2/x?authSource=admin&tlsCertificateKeyFilePassword=***",
            ),
            (
                "mongodb://a:b@h/?authMechanismProperties=AWS_SESSION_TOKEN:s3cret",
                "mongodb://a:***@h/?authMechanismProperties=***",
            ),
            ("amqps://shop:s3%40cret@q/%2f?token=s3cret", "amqps://shop:***@q/%2f?token=***"),
            ("https://s3cret@sms.example/send?api_key=s3cret&to=x", "https://***@sms.example/send?api_key=***&to=x"),
            ("https://sms.example/?%61pi%6Bey=s3cret", "https://sms.example/?%61pi%6Bey=***"),
            ("redis://:s3cret@cache:6379/?protocol=resp3", "redis://:***@cache:6379/?protocol=resp3"),
            ("shop:s3cret@db/user", "***@db/user"),
            ("Souk <shop@souk.test>", "Souk <shop@souk.test>"),
            ("postgres://shop:s3:cr@et@db/user", "postgres://***@db/user"),
        ] {
            assert_eq!(without_secrets(text), shown, "{text}");
        }
    }
}
