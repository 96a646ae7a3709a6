//! Texts in the languages that callers want.

use crate::entity::translation::{Column, Entity, Kind};
use kernel::{Fault, Language, Languages, serde_json};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// What a caller wants to read in other languages than the shop's own.
pub(crate) struct Wanted<'a> {
    own: &'a Language,
    /// The best first.
    languages: Vec<Language>,
    /// What is translated into some of them.
    ids: Vec<i64>,
}

impl<'a> Wanted<'a> {
    /// What is wanted of these rows: their ids, and the languages that they are translated into, separated by spaces. Mostly it is
    /// nothing, which costs nothing.
    pub(crate) fn new<'r>(own: &'a Language, languages: &Languages, rows: impl IntoIterator<Item = (i64, &'r str)>) -> Self {
        let languages = languages.lookup(own);
        if languages.is_empty() {
            return Self { own, languages, ids: Vec::new() };
        }
        let is_wanted = |has: &str| has.split(' ').any(|tag| languages.iter().any(|language| language.as_str() == tag));
        let mut ids: Vec<i64> = rows.into_iter().filter(|(_, has)| is_wanted(has)).map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids.dedup();
        Self { own, languages, ids }
    }

    /// Reads it, in one statement; in none, when nothing is wanted.
    pub(crate) async fn read(self, db: &impl ConnectionTrait, kind: Kind) -> Result<Texts<'a>, Fault> {
        let mut texts = Texts::own(self.own);
        if self.ids.is_empty() {
            return Ok(texts);
        }
        let find = Entity::find().filter(Column::Kind.eq(kind)).filter(Column::Id.is_in(self.ids));
        let mut rows = find.filter(Column::Language.is_in(self.languages.iter().map(Language::as_str))).all(db).await?;
        rows.sort_by_cached_key(|row| self.languages.iter().position(|language| language.as_str() == row.language));
        for row in rows {
            let stored = serde_json::from_str(&row.texts).map_err(Fault::internal)?;
            texts.translated.entry(row.id).or_default().complete(row.language, stored);
        }
        Ok(texts)
    }
}

/// The texts of products or categories, each in the best language that has it.
pub(crate) struct Texts<'a> {
    /// The shop's own language, which has them all.
    own: &'a Language,
    translated: HashMap<i64, Translated>,
}

impl<'a> Texts<'a> {
    /// All texts in the shop's own language.
    pub(crate) fn own(own: &'a Language) -> Self {
        Self { own, translated: HashMap::new() }
    }

    /// The translated texts of something, if it has some.
    pub(crate) fn of(&self, id: i64) -> Option<&Translated> {
        self.translated.get(&id)
    }

    /// The language of the name of something.
    pub(crate) fn language_of(&self, id: i64) -> String {
        let translated = self.of(id).and_then(|translated| translated.language.clone());
        translated.unwrap_or_else(|| self.own.to_string())
    }
}

/// The translated texts of a product or a category.
#[derive(Default)]
pub(crate) struct Translated {
    /// The language of the name, if it is translated.
    language: Option<String>,
    texts: Stored,
}

/// The texts in a row, of a product or a category.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Stored {
    name: Option<String>,
    description: Option<String>,
    seo_title: Option<String>,
    seo_description: Option<String>,
    /// Names and values of options, and tags.
    terms: BTreeMap<String, String>,
}

impl Translated {
    pub(crate) fn name(&self) -> Option<String> {
        self.texts.name.clone()
    }

    pub(crate) fn description(&self) -> Option<String> {
        self.texts.description.clone()
    }

    pub(crate) fn seo_title(&self) -> Option<String> {
        self.texts.seo_title.clone()
    }

    pub(crate) fn seo_description(&self) -> Option<String> {
        self.texts.seo_description.clone()
    }

    /// The translation of the name or a value of an option, or of a tag.
    pub(crate) fn term(&self, own: &str) -> Option<&str> {
        self.texts.terms.get(own).map(String::as_str)
    }

    /// Adds what is still missing, from a language that is wanted less.
    fn complete(&mut self, language: String, more: Stored) {
        let texts = &mut self.texts;
        if texts.name.is_none() && more.name.is_some() {
            self.language = Some(language);
            texts.name = more.name;
        }
        texts.description = texts.description.take().or(more.description);
        texts.seo_title = texts.seo_title.take().or(more.seo_title);
        texts.seo_description = texts.seo_description.take().or(more.seo_description);
        for (term, translation) in more.terms {
            texts.terms.entry(term).or_insert(translation);
        }
    }
}
