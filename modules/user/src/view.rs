//! Types of the contract from rows.

use crate::{
    Address, AddressId, User, UserChanged, UserFacts, UserRegistered,
    entity::{address, user},
};
use kernel::UserId;

pub(crate) fn to_user(row: user::Model) -> User {
    User {
        id: UserId(row.id),
        email_confirmed: row.email_confirmed_at.is_some(),
        email: row.long_email.unwrap_or(row.email),
        first_name: row.first_name,
        last_name: row.last_name,
        phone: row.phone,
        is_active: row.is_active,
        is_admin: row.is_admin,
        created_at: row.created_at,
    }
}

pub(crate) fn to_address(row: address::Model) -> Address {
    Address {
        id: AddressId(row.id),
        street_address: row.street_address,
        city: row.city,
        state: row.state,
        postal_code: row.postal_code,
        country: row.country,
        is_default: row.is_default,
    }
}

/// The event about a new account.
pub(crate) fn registered(row: &user::Model, confirm_token: Option<String>) -> UserRegistered {
    UserRegistered { user: facts(row), confirm_token }
}

/// The event about an account that has changed.
pub(crate) fn changed(row: &user::Model) -> UserChanged {
    UserChanged(facts(row))
}

fn facts(row: &user::Model) -> UserFacts {
    UserFacts {
        user_id: UserId(row.id),
        email: row.address().to_owned(),
        first_name: row.first_name.clone(),
        last_name: row.last_name.clone(),
        phone: row.phone.clone(),
        email_confirmed: row.email_confirmed_at.is_some(),
        version: row.version,
    }
}
