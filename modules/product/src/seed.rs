//! Fills a catalogue: with the demo shop, or with generated products.

use crate::{
    CategoryId, CategoryPatch, ListProducts, NewCategory, NewProduct, ProductError, ProductId, SetPicture, SetPictures,
    SetVariants,
    context::Products,
    demo, slugs,
    store::{self, Sight, stock, variants},
};
use kernel::{BoxError, Fault, IfMatch, Money, db::Tx};
use std::collections::HashMap;

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
        let mut ids = HashMap::new();
        let mut first = Vec::new();
        for (name, below) in demo::TREE {
            let parent = store::insert_category(&*tx, &category(name, None), String::new()).await?;
            for (name, products) in *below {
                let child = store::insert_category(&*tx, &category(name, Some(parent.id)), String::new()).await?;
                let rows = products.iter().map(|product| (product.to_new(child.id), product.money(self.currency)));
                let added = add(&tx, rows.collect()).await?;
                first.extend(added.iter().map(|(id, _)| (CategoryId(child.id), ProductId(*id))).min_by_key(|(_, id)| id.0));
                ids.extend(added.into_iter().map(|(id, name)| (name, ProductId(id))));
            }
        }
        tx.commit().await?;
        for (name, variants) in demo::variants() {
            if let Some(id) = ids.get(name) {
                self.replace_variants(None, *id, &IfMatch::Absent, SetVariants { variants }).await?;
            }
        }
        for (seed, (category, product)) in (0..).zip(first) {
            self.draw(seed, category, product).await?;
        }
        Ok(ids.len())
    }

    /// Gives a picture to a category and to a product in it.
    async fn draw(&self, seed: u32, category: CategoryId, product: ProductId) -> Result<(), ProductError> {
        let picture = self.keep(self.pictures.drawn(seed).await?).await?.id;
        let alt = Some("Ornament".into());
        let pictures = vec![SetPicture { media_id: picture.clone(), alt, variant_ids: Vec::new() }];
        self.replace_pictures(product, &IfMatch::Absent, SetPictures { pictures }).await?;
        let patch = CategoryPatch { picture_id: Some(Some(picture)), ..CategoryPatch::default() };
        self.edit_category(category, &IfMatch::Absent, patch).await?;
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
    slugs::make(tx, &added).await?;
    let ids: Vec<i64> = added.iter().map(|(id, _)| *id).collect();
    variants::insert_first(&**tx, &ids).await?;
    stock::insert_first_items(&**tx, &ids, None).await?;
    Ok(added)
}
