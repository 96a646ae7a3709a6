//! Changes of a user's address book, which has one default address unless it is empty.

use crate::{
    Address, AddressId, NewAddress, UserError,
    context::{Result, Users},
    ops, store,
    view::to_address,
};
use kernel::{
    Ctx, UserId,
    idempotency::{self, Begun},
};

/// The most addresses of one user.
const MAX_ADDRESSES: u64 = 50;

impl Users {
    pub(crate) async fn insert_address(&self, cx: &Ctx, user: UserId, new: NewAddress) -> Result<Address> {
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::ADD_ADDRESS, &new).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        store::lock_user(&*tx, user.0).await?.ok_or(UserError::NotFound)?;
        let count = store::count_addresses(&*tx, user).await?;
        if count >= MAX_ADDRESSES {
            return Err(UserError::TooManyAddresses);
        }
        let is_default = new.is_default || count == 0;
        let address = store::insert_address(&*tx, user, new, is_default).await?;
        if is_default {
            store::set_default(&*tx, user, address.id).await?;
        }
        let address = to_address(address);
        held.finish(&tx, &address).await?;
        tx.commit().await?;
        Ok(address)
    }

    pub(crate) async fn replace_address(&self, user: UserId, address: AddressId, change: NewAddress) -> Result<Address> {
        let tx = self.db.begin().await?;
        store::lock_user(&*tx, user.0).await?.ok_or(UserError::AddressNotFound)?;
        let mut row = store::update_address(&*tx, user, address, &change).await?.ok_or(UserError::AddressNotFound)?;
        if change.is_default && !row.is_default {
            store::set_default(&*tx, user, row.id).await?;
            row.is_default = true;
        }
        tx.commit().await?;
        Ok(to_address(row))
    }

    pub(crate) async fn remove_address(&self, user: UserId, address: AddressId) -> Result<()> {
        let tx = self.db.begin().await?;
        store::lock_user(&*tx, user.0).await?.ok_or(UserError::AddressNotFound)?;
        let deleted = store::delete_address(&*tx, user, address).await?.ok_or(UserError::AddressNotFound)?;
        let oldest = store::addresses(&*tx, user).await?.into_iter().next();
        if let (true, Some(oldest)) = (deleted.is_default, oldest) {
            store::set_default(&*tx, user, oldest.id).await?;
        }
        Ok(tx.commit().await?)
    }
}
