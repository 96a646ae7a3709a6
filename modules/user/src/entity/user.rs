use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    /// E-mail address, or the fingerprint of one that is longer than the column.
    pub(crate) email: String,
    pub(crate) password_hash: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) phone: Option<String>,
    pub(crate) is_active: bool,
    pub(crate) is_admin: bool,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) updated_at: DateTimeUtc,
    /// From 1; grows with every change.
    pub(crate) version: i64,
    /// When the user confirmed the address with a token that was mailed there.
    pub(crate) email_confirmed_at: Option<DateTimeUtc>,
    /// An e-mail address that is too long for `email`.
    pub(crate) long_email: Option<String>,
}

impl Model {
    /// The whole e-mail address.
    pub(crate) fn address(&self) -> &str {
        self.long_email.as_deref().unwrap_or(&self.email)
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
