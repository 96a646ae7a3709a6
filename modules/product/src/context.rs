//! The state that all operations share.

use crate::{
    ProductError,
    media::making::Pictures,
    store::{
        Sight,
        texts::{Texts, Wanted},
    },
};
use kernel::{Ctx, Currency, Language, Languages, Role, db::Db};
use std::sync::Arc;
use tokio::sync::Notify;

pub(crate) type Result<T, E = ProductError> = std::result::Result<T, E>;

/// The service: a catalogue in a database.
#[derive(Clone)]
pub struct Products {
    pub(crate) db: Db,
    /// The shop's currency.
    pub(crate) currency: Currency,
    /// The language of the texts in products and categories.
    pub(crate) language: Language,
    pub(crate) pictures: Pictures,
    /// Wakes the job that imports files.
    pub(crate) imports: Arc<Notify>,
}

impl Products {
    /// What everybody sees now.
    pub(crate) fn public(&self) -> Sight {
        Sight::Public(self.db.now())
    }

    /// The languages in which the caller reads. Admins read what they change: browsers send the language of their user by themselves, and
    /// a form that was filled with translations would replace the shop's own texts.
    pub(crate) fn languages(&self, cx: &Ctx) -> Languages {
        if cx.has_role(Role::Admin) { Languages::default() } else { cx.languages().clone() }
    }

    /// What the caller wants of these rows in other languages: their ids, and the languages that they are translated into.
    pub(crate) fn wanted<'r>(&self, cx: &Ctx, rows: impl IntoIterator<Item = (i64, &'r str)>) -> Wanted<'_> {
        Wanted::new(&self.language, &self.languages(cx), rows)
    }

    /// Texts as they are in products and categories.
    pub(crate) fn own_texts(&self) -> Texts<'_> {
        Texts::own(&self.language)
    }

    /// What the caller sees of what is asked for by its id.
    pub(crate) fn sight(&self, cx: &Ctx) -> Sight {
        if cx.has_role(Role::Admin) { Sight::All } else { self.public() }
    }
}
