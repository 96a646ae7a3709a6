//! Fills a catalogue: with the demo shop, or with made-up products.

use crate::{
    CategoryId, CategoryPatch, CategoryTexts, ListProducts, MAX_VARIANTS, NewCategory, NewProduct, ProductError, ProductId,
    ProductTexts, SetPicture, SetPictures, SetVariants,
    context::Products,
    csv::cells,
    demo,
    import::{ImportCounts, ImportOptions},
    made_up, slugs,
    store::{
        self, Sight, attributes,
        slugs::{CATEGORIES, PRODUCTS},
        stock, variants,
    },
};
use kernel::{BoxError, Ctx, Currency, Fault, IfMatch, Language, Money, db::Tx};
use std::{
    borrow::Cow,
    collections::HashMap,
    fs::File,
    io::{self, BufWriter, Write},
    ops::Range,
    time::Duration,
};

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
        let (mut ids, mut categories, mut first) = (HashMap::new(), Vec::new(), Vec::new());
        for (name, below) in demo::TREE {
            let parent = store::insert_category(&*tx, &category(name, None), String::new(), String::new()).await?;
            categories.push((parent.id, parent.name));
            for (name, products) in *below {
                let child = category(name, Some(parent.id));
                let child = store::insert_category(&*tx, &child, String::new(), String::new()).await?;
                categories.push((child.id, child.name));
                let rows = products.iter().map(|product| (product.to_new(child.id), product.money(self.currency)));
                let added = add(&tx, rows.collect()).await?;
                first.extend(added.iter().map(|(id, _)| (CategoryId(child.id), ProductId(*id))).min_by_key(|(_, id)| id.0));
                ids.extend(added.into_iter().map(|(id, name)| (name, ProductId(id))));
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
        for (seed, (category, product)) in (0..).zip(first) {
            self.draw(seed, category, product).await?;
        }
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

    /// Adds `count` made-up products with this many variants each, 1 to [`MAX_VARIANTS`], and the attributes that they have: as an import
    /// of a file. `progress` receives how far it is.
    ///
    /// # Errors
    /// When the shop has such attributes of another kind, the file cannot be written, or the store fails.
    pub async fn seed_many(
        &self,
        count: usize,
        variants: usize,
        progress: impl FnMut(ImportCounts, bool) + Send,
    ) -> Result<ImportCounts, BoxError> {
        for (code, attribute) in made_up::attributes()? {
            if attributes::one(self.db.read(), &code).await?.is_none() {
                self.put_attribute(code, &IfMatch::Absent, attribute).await?;
            }
        }
        let categories = store::categories(self.db.read()).await?.into_iter().filter_map(|category| category.slug).collect();
        // ids are never given again
        let first = usize::try_from(store::last_id(self.db.read()).await?)?;
        let (currency, variants) = (self.currency, variants.clamp(1, MAX_VARIANTS));
        let file =
            tokio::task::spawn_blocking(move || write_file(first..first + count, variants, categories, currency)).await??;
        let mut wrong = None;
        let counts =
            self.import_file(&file, ImportOptions::default(), |row| wrong = wrong.take().or(Some(row)), progress).await?;
        match wrong {
            Some(row) => Err(row.to_string().into()),
            None => Ok(counts),
        }
    }
}

fn write_file(numbers: Range<usize>, variants: usize, categories: Vec<String>, currency: Currency) -> io::Result<File> {
    let mut file = BufWriter::new(tempfile::tempfile()?);
    let mut line = Vec::new();
    cells::write(&mut line, made_up::COLUMNS.map(Cow::Borrowed));
    for number in numbers {
        for row in made_up::generate(number, variants, &categories, currency) {
            cells::write(&mut line, row.map(Cow::Owned));
        }
        file.write_all(&line)?;
        line.clear();
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)
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
