//! `souk migrate`: migrates the stores of all compiled-in modules.

use crate::{config::Settings, modules::for_modules};

#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let _ = settings;
    macro_rules! migrate_modules {
        ($($module:ident $name:tt $Variant:ident $Client:ident $description:literal;)*) => {$(
            #[cfg(feature = $name)]
            kernel::module::migrate::<$module::Service>(&settings.$module).await.map_err(|e| anyhow::anyhow!("{}: {e}", $name))?;
        )*};
    }
    for_modules!(migrate_modules);
    println!("all stores are up to date");
    Ok(())
}
