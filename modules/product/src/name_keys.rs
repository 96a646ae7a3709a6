//! The job that adds missing sort keys of names, to rows of a release that had none.

use crate::{context::Products, store};
use kernel::Fault;

impl Products {
    /// Adds a batch of keys and returns its size.
    pub(crate) async fn add_name_keys(&self) -> Result<usize, Fault> {
        let unsorted = store::without_name_key(self.db.read(), 500).await?;
        if !unsorted.is_empty() {
            store::set_name_keys(self.db.write(), &unsorted).await?;
        }
        Ok(unsorted.len())
    }
}
