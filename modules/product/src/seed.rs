//! Fills a catalogue: with the demo shop, or with generated products.

use crate::{
    CategoryId, CategoryTexts, ListProducts, NewCategory, NewProduct, ProductId, ProductTexts, SetVariants,
    context::Products,
    demo, slugs,
    store::{
        self, Sight,
        slugs::{CATEGORIES, PRODUCTS},
        stock, variants,
    },
};
use kernel::{BoxError, Ctx, Fault, IfMatch, Language, Money, db::Tx};
use std::{collections::HashMap, time::Duration};

impl Products {
    /// Fills an empty catalogue with the demo shop; returns the number of products added.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seed_demo(&self) -> Result<usize, BoxError> {
        let tx = self.db.begin().await?;
        let any = store::filter(&ListProducts::default(), Sight::All, None, None, None);
        if store::count(&*tx, &any).await? > 0 || !store::categories(&*tx).await?.is_empty() {
            return Ok(0);
        }
        let (mut ids, mut categories) = (HashMap::new(), Vec::new());
        for (name, below) in demo::TREE {
            let parent = store::insert_category(&*tx, &category(name, None), String::new()).await?;
            categories.push((parent.id, parent.name));
            for (name, products) in *below {
                let child = store::insert_category(&*tx, &category(name, Some(parent.id)), String::new()).await?;
                categories.push((child.id, child.name));
                let rows = products.iter().map(|product| (product.to_new(child.id), product.money(self.currency)));
                ids.extend(add(&tx, rows.collect()).await?.into_iter().map(|(id, name)| (name, ProductId(id))));
            }
        }
        slugs::make(&tx, CATEGORIES, &categories).await?;
        tx.commit().await?;
        let cx = Ctx::anonymous(Duration::ZERO);
        for (name, variants) in demo::variants() {
            if let Some(id) = ids.get(name) {
                self.replace_variants(&cx, *id, &IfMatch::Absent, SetVariants { variants }).await?;
            }
        }
        self.translate_demo(&ids, &categories).await?;
        Ok(ids.len())
    }

    /// German names of the categories, and German texts of some products.
    async fn translate_demo(&self, products: &HashMap<String, ProductId>, categories: &[(i64, String)]) -> Result<(), BoxError> {
        let german: Language = "de".parse()?;
        if self.language == german {
            return Ok(());
        }
        for (id, name) in categories {
            if let Some(translated) = demo::german_category(name) {
                let texts = CategoryTexts { name: Some(translated.into()), ..CategoryTexts::default() };
                self.set_category_texts(CategoryId(*id), &german, &IfMatch::Absent, Some(texts)).await?;
            }
        }
        for (name, translated, description, terms) in demo::GERMAN {
            let Some(id) = products.get(*name) else { continue };
            let texts = ProductTexts {
                name: Some((*translated).into()),
                description: Some((*description).into()),
                terms: terms.iter().map(|(term, translation)| ((*term).into(), (*translation).into())).collect(),
                ..ProductTexts::default()
            };
            self.set_product_texts(*id, &german, &IfMatch::Absent, Some(texts)).await?;
        }
        Ok(())
    }

    /// Adds `count` generated products; `progress` receives the size of each batch.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seed_many(&self, count: usize, mut progress: impl FnMut(usize)) -> Result<(), BoxError> {
        /// Rows in one statement; SQLite accepts 32,766 values.
        const BATCH: usize = 500;
        let categories: Vec<i64> = store::categories(self.db.read()).await?.into_iter().map(|category| category.id).collect();
        for start in (0..count).step_by(BATCH) {
            let end = count.min(start + BATCH);
            let rows = (start..end).map(|i| demo::generate(i, &categories, self.currency));
            let tx = self.db.begin().await?;
            add(&tx, rows.collect()).await?;
            tx.commit().await?;
            progress(end - start);
        }
        Ok(())
    }
}

fn category(name: &str, parent: Option<i64>) -> NewCategory {
    NewCategory { name: name.into(), parent_id: parent.map(CategoryId), ..NewCategory::default() }
}

/// Adds products with slugs from their names, their first variants, and the stock of these. Returns their ids and names.
async fn add(tx: &Tx, products: Vec<(NewProduct, Money)>) -> Result<Vec<(i64, String)>, Fault> {
    let added = store::insert_many(&**tx, products).await?;
    slugs::make(tx, PRODUCTS, &added).await?;
    let ids: Vec<i64> = added.iter().map(|(id, _)| *id).collect();
    variants::insert_first(&**tx, &ids).await?;
    stock::insert_first_items(&**tx, &ids, None).await?;
    Ok(added)
}
