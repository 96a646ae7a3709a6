//! Typed ids, so that an order id cannot be passed where a product id is wanted.

/// Defines an integer id: on JSON a number, in a path its digits. Ids start at 1.
#[macro_export]
macro_rules! int_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema, garde::Validate)]
        #[serde(transparent)]
        #[garde(transparent)]
        #[schema(value_type = i64, minimum = 1, example = 1)]
        pub struct $name(#[garde(custom($crate::rules::at_least(1)))] pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                use std::num::IntErrorKind::{NegOverflow, PosOverflow};
                match text.parse::<i64>() {
                    Ok(id) if id >= 1 => Ok(Self(id)),
                    Ok(_) => Err("must be at least 1"),
                    Err(e) => Err(match e.kind() {
                        PosOverflow => "is too large",
                        NegOverflow => "must be at least 1",
                        _ => "must be a whole number",
                    }),
                }
            }
        }
    };
}

/// Defines a UUID id (version 7, RFC 9562): sorts by time of creation.
#[macro_export]
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                uuid::Uuid::try_parse(text).map(Self).map_err(|_| "must be a UUID")
            }
        }
    };
}

int_id!(
    /// A user. Part of the kernel because it is the identity that every call carries.
    UserId
);

int_id!(
    /// An order. Part of the kernel because products are held and payments made for orders by modules that do not know orders.
    OrderId
);
