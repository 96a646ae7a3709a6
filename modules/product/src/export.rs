//! Exports products as a CSV file that can be imported again.

use crate::{
    AttributeCode, Product, ProductStatus,
    context::Products,
    csv::{cells, columns::Column, products, rows::Shop},
    entity::product::Status,
    store::{self, Sight, attributes, bulk, slugs, variants},
    view::to_product,
};
use futures_util::stream;
use kernel::{BoxError, Download, Fault};
use std::{borrow::Cow, collections::HashMap};

/// A file that is made while it is read, in pieces.
pub struct Export {
    products: Products,
    sight: Sight,
    shop: Shop,
    columns: Vec<Column>,
    /// The last product so far, once the first row was made.
    after: Option<i64>,
}

/// A piece of a file.
pub struct Piece {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// How many products are in it.
    pub products: u64,
}

impl Products {
    /// Begins to export all products that were not deleted, or those of a status.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn export(&self, status: Option<ProductStatus>) -> Result<Export, BoxError> {
        Ok(self.begin_export(status).await?)
    }

    pub(crate) async fn begin_export(&self, status: Option<ProductStatus>) -> Result<Export, Fault> {
        // products of an earlier release get theirs in the minute after an upgrade: no file has one without
        for kind in [slugs::PRODUCTS, slugs::CATEGORIES] {
            while self.add_slugs(kind).await? > 0 {}
        }
        let db = self.db.read();
        let shop = self.shop(store::categories(db).await?, attributes::all(db).await?);
        let mut codes: Vec<AttributeCode> =
            shop.attributes.keys().map(|code| code.parse().map_err(Fault::internal)).collect::<Result<_, _>>()?;
        codes.sort_unstable();
        let sight = status.map_or(Sight::All, |status| Sight::Of(Status::from(status)));
        Ok(Export { products: self.clone(), sight, shop, columns: Column::all(codes), after: None })
    }

    /// How many products there are, for a progress bar.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn count_exported(&self, status: Option<ProductStatus>) -> Result<u64, BoxError> {
        let sight = status.map_or(Sight::All, |status| Sight::Of(Status::from(status)));
        Ok(bulk::count(self.db.read(), sight).await?)
    }
}

impl Export {
    /// The next piece; `None` after the last one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next(&mut self) -> Result<Option<Piece>, Fault> {
        /// Products of a piece.
        const MOST: u64 = 250;
        let Some(after) = self.after else {
            let mut bytes = Vec::new();
            cells::write(&mut bytes, self.columns.iter().map(|column| column.to_string().into()));
            self.after = Some(0);
            return Ok(Some(Piece { bytes, products: 0 }));
        };
        let db = self.products.db.read();
        let rows = bulk::after(db, self.sight, after, MOST).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        self.after = Some(last.id);
        let mut sold: HashMap<i64, Vec<_>> = HashMap::new();
        for one in variants::of_products(db, rows.iter().map(|row| crate::ProductId(row.id))).await? {
            sold.entry(one.variant.product_id).or_default().push(one);
        }
        let mut piece = Piece { bytes: Vec::new(), products: rows.len() as u64 };
        for row in rows {
            let sold = sold.remove(&row.id).unwrap_or_default();
            let product = to_product(row, Some(sold), &self.products.own_texts()).map_err(Fault::internal)?;
            self.append(&mut piece.bytes, &product)?;
        }
        Ok(Some(piece))
    }

    /// The file as an answer.
    pub(crate) fn into_download(self) -> Download {
        let pieces = stream::try_unfold(self, |mut export| async move {
            let piece = export.next().await?;
            Ok(piece.map(|piece| (piece.bytes.into(), export)))
        });
        Download::new("text/csv", None, pieces).named("catalogue.csv")
    }

    fn append(&self, bytes: &mut Vec<u8>, product: &Product) -> Result<(), Fault> {
        for (i, variant) in product.variants.iter().flatten().enumerate() {
            let cells = products::cells(&self.columns, &self.shop, product, variant, i == 0);
            let cells: Vec<Cow<str>> = cells.collect::<Result<_, _>>()?;
            cells::write(bytes, cells);
        }
        Ok(())
    }
}
