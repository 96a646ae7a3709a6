//! The texts of products and categories with their lengths, and the highest number of pieces.

use kernel::text::{Line, Text};

/// The name of a product.
pub type ProductName = Line<255>;
/// The description of a product.
pub type Description = Text<10_000>;
/// The brand of a product.
pub type Brand = Line<80>;
/// A tag of a product.
pub type Tag = Line<40>;
/// The title of a product for search engines.
pub type SeoTitle = Line<70>;
/// The description of a product for search engines.
pub type SeoDescription = Line<200>;
/// The name of a category.
pub type CategoryName = Line<100>;

/// The highest stock, and the highest quantity of a line.
pub const MAX_QUANTITY: u32 = 1_000_000;
