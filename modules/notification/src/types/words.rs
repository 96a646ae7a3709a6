//! Ids, and closed sets of words.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{borrow::Cow, fmt, str::FromStr};
use utoipa::ToSchema;

kernel::uuid_id!(
    /// A notification.
    NotificationId
);
kernel::uuid_id!(
    /// An event for which notifications were recorded.
    EventId
);

/// Defines a closed set of words, which are the same on the wire, in stores and in metrics. (`tt`: utoipa cannot read a name from
/// a captured literal.)
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $word:ident = $text:tt,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
        pub enum $name {
            $($(#[$about])* #[serde(rename = $text)] $word,)*
        }

        impl $name {
            /// All words.
            pub const ALL: &'static [Self] = &[$(Self::$word,)*];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        // by hand: a derived implementation would not let faults name the key of a map
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(|_| D::Error::unknown_variant(&text, &[$($text,)*]))
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().copied().find(|word| word.as_str() == text);
                found.ok_or_else(|| format!("{text:?} is no {}", stringify!($name)))
            }
        }
    };
}

words! {
    /// Kind of a notification: the type of its event.
    NotificationKind {
        /// Welcome: an account was opened.
        UserRegistered = "user.registered",
        /// An e-mail address is to be confirmed. Always sent by e-mail, whatever the preferences.
        ConfirmationRequested = "user.confirmation_requested",
        /// An order was placed and awaits payment.
        OrderPlaced = "order.placed",
        /// An order was paid.
        OrderPaid = "order.paid",
        /// An order is on its way.
        OrderShipped = "order.shipped",
        /// An order has arrived.
        OrderDelivered = "order.delivered",
        /// An order was cancelled.
        OrderCancelled = "order.cancelled",
        /// The money of an order was refunded.
        OrderRefunded = "order.refunded",
        /// A payment was refused.
        PaymentFailed = "payment.failed",
        /// The stock of a variant is low. Only mailed to the shop itself, never to users.
        StockLow = "stock.low",
    }
}

impl NotificationKind {
    /// Whether it goes to users, and not to the shop itself.
    pub fn is_for_users(self) -> bool {
        self != Self::StockLow
    }
}

words! {
    /// Channel by which a notification is sent.
    NotificationChannel {
        /// By e-mail.
        Email = "email",
        /// By SMS.
        Sms = "sms",
    }
}

words! {
    /// Status of a notification.
    NotificationStatus {
        /// Waiting for its first or next attempt.
        Queued = "queued",
        /// Accepted by the mail server or the SMS provider.
        Sent = "sent",
        /// Not sent, after all attempts or for good.
        Failed = "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use utoipa::PartialSchema;

    #[test]
    fn words_are_documented_as_they_are_serialized() {
        fn documented<T: PartialSchema>() -> serde_json::Value {
            serde_json::to_value(T::schema()).expect("a schema")["enum"].clone()
        }
        assert_eq!(documented::<NotificationKind>(), serde_json::to_value(NotificationKind::ALL).expect("words"));
        assert_eq!(documented::<NotificationChannel>(), serde_json::json!(["email", "sms"]));
        assert_eq!(documented::<NotificationStatus>(), serde_json::json!(["queued", "sent", "failed"]));
        for kind in NotificationKind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("a word"), kind.as_str());
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
    }
}
