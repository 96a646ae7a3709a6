//! The settings: built-in defaults ← `config/*.toml` ← environment. Unknown keys and impossible values are refused by name.

mod check;
mod mask;
mod origin;
mod settings;

pub(crate) use check::Finding;
pub(crate) use settings::{Environment, OpsBind, Place, Settings};

use crate::modules::Module;
use anyhow::{Context, bail};
use config::{Config, Environment as EnvironmentSource, File, FileFormat, Source};
use std::{collections::BTreeMap, env, fs, path::Path};

/// Refuses settings that must not be used.
///
/// # Errors
/// All refusals, one in a line.
pub(crate) fn accept(findings: &[Finding]) -> anyhow::Result<()> {
    let refused: Vec<String> = findings.iter().filter(|finding| finding.is_refused).map(ToString::to_string).collect();
    if !refused.is_empty() {
        bail!("settings cannot be used:\n  {}", refused.join("\n  "));
    }
    Ok(())
}

/// Prints refusals and warnings about the settings.
///
/// # Errors
/// When a setting is refused.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) fn report(findings: &[Finding]) -> anyhow::Result<()> {
    for finding in findings {
        println!("{} {finding}", if finding.is_refused { "refused" } else { "warning" });
    }
    let refused = findings.iter().filter(|finding| finding.is_refused).count();
    match refused {
        0 => println!("these settings can be used"),
        count => bail!("{count} of these settings cannot be used"),
    }
    Ok(())
}

impl Settings {
    /// Reads the settings of a process that serves `only` this module, or everything, and checks them.
    pub(crate) fn load(file: Option<&Path>, only: Option<Module>) -> anyhow::Result<(Self, Vec<Finding>)> {
        let well_known = well_known(only)?;
        let environment = env::var("SOUK_ENVIRONMENT").unwrap_or_else(|_| "development".into());
        let sources = || -> anyhow::Result<_> {
            let optional = |name: &str| File::new(&format!("config/{name}.toml"), FileFormat::Toml).required(false);
            let mut builder = Config::builder().add_source(optional("default")).add_source(optional(&environment));
            if let Some(file) = file {
                builder = builder.add_source(File::from(file).format(FileFormat::Toml));
            }
            let mut known = Config::builder();
            for (key, _, value) in &well_known {
                known = known.set_override(key, value.as_str())?;
            }
            let ours = EnvironmentSource::with_prefix("SOUK").prefix_separator("_").separator("__");
            Ok(builder.add_source(known.build()?).add_source(ours))
        };
        // two kinds of defaults depend on other settings: the stores on `data`, and `gateway.swagger` on `environment`
        let given = sources()?.build()?;
        let data = given.get_string("data").unwrap_or_else(|_| "data".into());
        let mut builder = sources()?;
        #[cfg(feature = "gateway")]
        if given.get_string("environment").is_ok_and(|environment| environment == "production") {
            builder = builder.set_default("gateway.swagger", false)?;
        }
        for module in Module::without_gateway().map(Module::name) {
            builder = builder.set_default(format!("{module}.database_url"), format!("sqlite://{data}/{module}.db"))?;
        }
        builder = builder.set_default("product.media_url", format!("file://{data}/media"))?;
        builder = builder.set_default("user.signing_key_file", format!("{data}/user-signing-key.pem"))?;
        let values = builder.build()?.collect()?;
        let variables: BTreeMap<_, _> = well_known.into_iter().map(|(key, variable, _)| (key, variable)).collect();
        let origins = origin::Origins::new(&values, &variables);
        let settings: Settings = origin::read(values, &origins).map_err(|e| anyhow::anyhow!("settings: {e}"))?;
        let findings = check::check(&settings, &origins);
        Ok((settings, findings))
    }

    /// Prints the effective settings as TOML.
    #[expect(clippy::print_stdout, reason = "the output of the command")]
    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let mut value = toml::Value::try_from(self)?;
        mask::mask(&mut value);
        println!("{}", toml::to_string_pretty(&value)?);
        Ok(())
    }
}

/// Variables with names that operators know from elsewhere, and their settings.
const WELL_KNOWN: [(&str, &str); 19] = [
    ("PORT", "port"),
    ("JWT_SECRET_KEY", "internal_key"),
    ("JWT_SIGNING_KEY", "user.signing_key"),
    ("JWT_SIGNING_KEY_FILE", "user.signing_key_file"),
    ("CART_EXPIRY_HOURS", "cart.expiry_hours"),
    ("POSTGRES_PRODUCTS_URL", "product.database_url"),
    ("POSTGRES_USERS_URL", "user.database_url"),
    ("POSTGRES_ORDERS_URL", "order.database_url"),
    ("POSTGRES_PAYMENTS_URL", "payment.database_url"),
    ("MEDIA_URL", "product.media_url"),
    ("REDIS_URL", "cart.database_url"),
    ("MONGODB_URL", "notification.database_url"),
    ("RABBITMQ_URL", "events.broker_url"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "traces.endpoint"),
    ("OTEL_TRACES_SAMPLER_ARG", "traces.ratio"),
    ("SMTP_HOST", "notification.smtp.host"),
    ("SMTP_PORT", "notification.smtp.port"),
    ("SMTP_USERNAME", "notification.smtp.username"),
    ("SMTP_PASSWORD", "notification.smtp.password"),
];

/// The variable that sets the URL of a module's store.
pub(crate) fn url_variable(module: Module) -> String {
    let key = format!("{}.database_url", module.name());
    let well_known = WELL_KNOWN.iter().find(|(_, setting)| *setting == key).map(|(variable, _)| (*variable).to_owned());
    well_known.unwrap_or_else(|| format!("SOUK_{}__DATABASE_URL", module.name().to_uppercase()))
}

/// Variables whose names are not made of that of their setting: the setting, the origin and the value.
///
/// # Errors
/// A value is given twice, or its file cannot be read.
fn well_known(only: Option<Module>) -> anyhow::Result<Vec<(String, String, String)>> {
    let mut known: Vec<(String, String)> = WELL_KNOWN.map(|(name, key)| (name.into(), key.into())).into();
    for module in Module::without_gateway().map(Module::name) {
        known.push((format!("{}_SERVICE_URL", module.to_uppercase()), format!("modules.{module}")));
    }
    // the variable names no module, so it is only for a process with one module
    if let Some(module) = only.filter(|module| *module != Module::Gateway) {
        known.push(("DATABASE_URL".into(), format!("{}.database_url", module.name())));
    }
    let mut found = Vec::new();
    for (variable, key) in known {
        // a file that is a setting itself
        let given = if WELL_KNOWN.iter().any(|(other, _)| *other == format!("{variable}_FILE")) {
            env::var(&variable).ok().map(|value| (variable, value))
        } else {
            given(&variable)?
        };
        found.extend(given.map(|(origin, value)| (key, origin, value)));
    }
    Ok(found)
}

/// The origin and the value of a variable. Instead of `X` there may be `X_FILE`, the name of a file with the value of `X`: containers
/// get their secrets as files, and the environment of a process is easier to read than a file of mode 0400.
fn given(variable: &str) -> anyhow::Result<Option<(String, String)>> {
    let of_file = format!("{variable}_FILE");
    match (env::var(variable), env::var(&of_file)) {
        (Ok(_), Ok(_)) => bail!("settings: {of_file} must not be set together with {variable}"),
        (Ok(value), Err(_)) => Ok(Some((variable.into(), value))),
        (Err(_), Ok(path)) => {
            let text = fs::read_to_string(&path).with_context(|| format!("settings: {of_file}: cannot read {path}"))?;
            // as a file, so that its mode is checked
            Ok(Some((path, text.trim_end().into())))
        }
        (Err(_), Err(_)) => Ok(None),
    }
}
