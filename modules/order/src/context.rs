//! The module's state, which every operation and every job works on.

use crate::OrderError;
use cart::CartClient;
use kernel::{db::Db, jobs::Jobs};
use payment::PaymentClient;
use product::ProductClient;
use std::time::Duration;
use user::UserClient;

/// Orders in a database, with the clients of the modules that checkout calls.
#[derive(Clone)]
pub struct Orders {
    pub(crate) db: Db,
    pub(crate) product: ProductClient,
    pub(crate) cart: CartClient,
    pub(crate) payment: PaymentClient,
    pub(crate) user: UserClient,
    /// Runs effects that are not finished when their request is answered.
    pub(crate) jobs: Jobs,
    /// How long an order may stay unpaid.
    pub(crate) unpaid: Duration,
}

pub(crate) type Result<T> = std::result::Result<T, OrderError>;
