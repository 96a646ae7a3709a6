//! Reads and changes the translations of products and categories. A change of them is one of the product or the category.

use crate::{
    CategoryId, CategoryTexts, CategoryTranslation, CategoryTranslations, MAX_TRANSLATIONS, ProductError, ProductId,
    ProductTexts, ProductTranslation, ProductTranslations,
    context::{Products, Result},
    entity::translation::{Kind, Model},
    store::{self, Sight, translations, variants},
};
use kernel::{Fault, IfMatch, Language, Tagged, db::Tx, serde_json};
use serde::de::DeserializeOwned;

/// The most characters of a product's translations that a search looks at.
const MOST_SEARCHED: usize = 100_000;

impl Products {
    pub(crate) async fn translations_of_product(&self, id: ProductId) -> Result<ProductTranslations> {
        let db = self.db.read();
        let product = store::product(db, Sight::All, id).await?.ok_or(ProductError::NotFound)?;
        all_of_product(id, translations::all(db, Kind::Product, id.0).await?, product.version)
    }

    /// Replaces a translation of a product; without texts it is deleted.
    pub(crate) async fn set_product_texts(
        &self,
        id: ProductId,
        language: &Language,
        if_match: &IfMatch,
        texts: Option<ProductTexts>,
    ) -> Result<ProductTranslations> {
        let texts = self.to_be_stored(language, texts.as_ref())?;
        let tx = self.db.begin().await?;
        let product = variants::lock_product(&*tx, id).await?.ok_or(ProductError::NotFound)?;
        let before = all_of_product(id, translations::all(&*tx, Kind::Product, id.0).await?, product.version)?;
        compare(if_match, &before)?;
        if !replace(&tx, Kind::Product, id.0, language, texts).await? {
            return Ok(before);
        }
        let after = all_of_product(id, translations::all(&*tx, Kind::Product, id.0).await?, product.version + 1)?;
        let languages = tags(after.translations.iter().map(|one| &one.language));
        translations::count_change_of_product(&*tx, id, languages, words(&after)).await?;
        tx.commit().await?;
        Ok(after)
    }

    pub(crate) async fn translations_of_category(&self, id: CategoryId) -> Result<CategoryTranslations> {
        let db = self.db.read();
        let category = store::category(db, id).await?.ok_or(ProductError::CategoryNotFound)?;
        all_of_category(id, translations::all(db, Kind::Category, id.0).await?, category.version)
    }

    /// Replaces a translation of a category; without texts it is deleted.
    pub(crate) async fn set_category_texts(
        &self,
        id: CategoryId,
        language: &Language,
        if_match: &IfMatch,
        texts: Option<CategoryTexts>,
    ) -> Result<CategoryTranslations> {
        let texts = self.to_be_stored(language, texts.as_ref())?;
        let tx = self.db.begin().await?;
        let category = store::lock_category(&*tx, id).await?.ok_or(ProductError::CategoryNotFound)?;
        let before = all_of_category(id, translations::all(&*tx, Kind::Category, id.0).await?, category.version)?;
        compare(if_match, &before)?;
        if !replace(&tx, Kind::Category, id.0, language, texts).await? {
            return Ok(before);
        }
        let after = all_of_category(id, translations::all(&*tx, Kind::Category, id.0).await?, category.version + 1)?;
        let languages = tags(after.translations.iter().map(|one| &one.language));
        translations::count_change_of_category(&*tx, id, languages).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// The JSON of texts.
    fn to_be_stored(&self, language: &Language, texts: Option<&impl serde::Serialize>) -> Result<Option<String>, Fault> {
        // whoever wants a wider one gets the shop's own
        if texts.is_some() && self.language.is_form_of(language) {
            let rule = format!("must be another language than {}, in which the texts are anyway", self.language);
            return Err(Fault::invalid("/language", rule));
        }
        texts.map(|texts| serde_json::to_string(texts).map_err(Fault::internal)).transpose()
    }
}

/// That what was seen is still so. The row is locked.
fn compare<T: Tagged>(if_match: &IfMatch, now: &T) -> Result<()> {
    match if_match.versions::<T>(now.id()) {
        Some(seen) if !seen.contains(&now.version()) => Err(IfMatch::failed(now.etag()).into()),
        _ => Ok(()),
    }
}

/// Writes texts, or deletes them. Returns whether this is a change.
async fn replace(tx: &Tx, kind: Kind, id: i64, language: &Language, texts: Option<String>) -> Result<bool> {
    let Some(texts) = texts else {
        let is_deleted = translations::delete(&**tx, kind, id, language).await?;
        return if is_deleted { Ok(true) } else { Err(ProductError::TranslationNotFound) };
    };
    let all = translations::all(&**tx, kind, id).await?;
    match all.iter().find(|row| row.language == language.as_str()) {
        Some(row) if row.texts == texts => return Ok(false),
        None if all.len() >= MAX_TRANSLATIONS => return Err(ProductError::TooManyTranslations),
        _ => {}
    }
    translations::write(&**tx, Model { kind, id, language: language.to_string(), texts }).await?;
    Ok(true)
}

fn all_of_product(product_id: ProductId, rows: Vec<Model>, version: i64) -> Result<ProductTranslations> {
    let rows = rows.into_iter().map(read);
    let translations = rows.map(|row| row.map(|(language, texts)| ProductTranslation { language, texts }));
    Ok(ProductTranslations { product_id, translations: translations.collect::<Result<_, _>>()?, version })
}

fn all_of_category(category_id: CategoryId, rows: Vec<Model>, version: i64) -> Result<CategoryTranslations> {
    let rows = rows.into_iter().map(read);
    let translations = rows.map(|row| row.map(|(language, texts)| CategoryTranslation { language, texts }));
    Ok(CategoryTranslations { category_id, translations: translations.collect::<Result<_, _>>()?, version })
}

fn read<T: DeserializeOwned>(row: Model) -> Result<(Language, T), Fault> {
    Ok((row.language.parse().map_err(Fault::internal)?, serde_json::from_str(&row.texts).map_err(Fault::internal)?))
}

fn tags<'a>(languages: impl Iterator<Item = &'a Language>) -> String {
    languages.map(Language::as_str).collect::<Vec<_>>().join(" ")
}

/// The words by which a product is found in other languages: of the names first, because there may be too many.
fn words(all: &ProductTranslations) -> String {
    let names = all.translations.iter().filter_map(|one| one.texts.name.as_deref());
    let descriptions = all.translations.iter().filter_map(|one| one.texts.description.as_deref());
    let words = names.chain(descriptions).collect::<Vec<_>>().join("\n");
    words.chars().take(MOST_SEARCHED).collect()
}
