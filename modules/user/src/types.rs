use garde::Validate;
use kernel::{
    MAX_PAGE, MAX_PER_PAGE, Pagination, Request, Role, UserId,
    chrono::{DateTime, Utc},
    rules::between,
    text::{self, Line},
};
use serde::{Deserialize, Deserializer, Serialize};
use std::{borrow::Cow, ops::Deref};
use utoipa::{IntoParams, ToSchema};

kernel::int_id!(
    /// An address.
    AddressId
);

/// Issuer of access tokens: their `iss`.
pub const ISSUER: &str = "souk";
/// Audience of access tokens: their `aud`.
pub const AUDIENCE: &str = "souk-api";

/// The largest difference in seconds between the clocks of an issuer and a verifier of access tokens.
pub const LEEWAY_SECONDS: u32 = 10;

/// A first or last name.
pub type PersonName = Line<50>;

/// A password in its normal form (OpaqueString of RFC 8265); spaces are kept. It has no `Debug`, so that no log contains it.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Password(String);

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self(text::opaque(text))
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl Deref for Password {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(&*Cow::<str>::deserialize(deserializer)?))
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Id of the user.
    pub id: UserId,
    /// E-mail address, in lower case and with its domain in ASCII; at most 254 characters.
    #[schema(example = "leyla@example.com")]
    pub email: String,
    /// Whether the user has confirmed the e-mail address with a token that was mailed there.
    #[serde(default)]
    #[schema(required)]
    pub email_confirmed: bool,
    /// First name, 1 to 50 characters.
    pub first_name: String,
    /// Last name, 1 to 50 characters.
    pub last_name: String,
    /// Phone number (E.164, e.g. `+96170123456`); `null` when the user gave none.
    pub phone: Option<String>,
    /// Whether the user can log in: `false` for a deactivated account.
    pub is_active: bool,
    /// Whether the user is an admin of the shop.
    pub is_admin: bool,
    /// Time at which the account was opened.
    pub created_at: DateTime<Utc>,
}

/// An account with its addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Profile {
    /// The account.
    pub user: User,
    /// Addresses of the user, the oldest first; at most 50.
    pub addresses: Vec<Address>,
}

/// A request for an account. A missing field is refused like an empty one.
#[derive(Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// E-mail address, at most 254 characters. The domain may be internationalized.
    #[garde(custom(crate::fields::email))]
    #[serde(default)]
    #[schema(required, format = "idn-email", min_length = 1, max_length = 254, example = "leyla@example.com")]
    pub email: String,
    /// Password: 8 to 128 characters with an upper-case letter, a lower-case letter and a digit. A password that is common, easy
    /// to guess, or made of the name of the shop, your name or your e-mail address is refused.
    #[garde(custom(crate::fields::password))]
    #[serde(default)]
    #[schema(required, value_type = String, format = "password", min_length = 8, max_length = 128, example = "Saffron-7-Road")]
    pub password: Password,
    /// First name, 1 to 50 characters.
    #[garde(custom(crate::fields::name("first_name")))]
    #[serde(default)]
    #[schema(required, value_type = String, format = "line", min_length = 1, max_length = 50, example = "Leyla")]
    pub first_name: PersonName,
    /// Last name, 1 to 50 characters.
    #[garde(custom(crate::fields::name("last_name")))]
    #[serde(default)]
    #[schema(required, value_type = String, format = "line", min_length = 1, max_length = 50, example = "Aziz")]
    pub last_name: PersonName,
    /// Phone number with its country code, in any usual spelling: `+49 (0)30 901820`, `00961 70 123456`. Stored as E.164.
    #[garde(inner(custom(crate::fields::phone)))]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    #[schema(max_length = 40, example = "+96170123456")]
    pub phone: Option<String>,
}

/// Credentials of a login.
#[derive(Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// E-mail address of the account; upper and lower case are the same.
    #[garde(custom(crate::fields::credential))]
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 320, example = "customer@souk.test")]
    pub email: String,
    /// Password of the account.
    #[garde(custom(crate::fields::credential))]
    #[serde(default)]
    #[schema(required, value_type = String, format = "password", min_length = 1, max_length = 320, example = "Customer-Souk-1")]
    pub password: Password,
}

/// A refresh token.
#[derive(Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The `refresh_token` of the last answer of `register`, `login` or `refresh`.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 200)]
    pub refresh_token: Line<200>,
}

/// A token that confirms an e-mail address.
#[derive(Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct EmailToken {
    /// The token in the mail to the address.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 200)]
    pub token: Line<200>,
}

/// Tokens of a logged-in user.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuthReply {
    /// Confirmation as a sentence.
    #[schema(example = "Login successful")]
    pub message: String,
    /// The account of the logged-in user.
    pub user: User,
    /// Access token for the `Authorization: Bearer` header: a JWT signed with EdDSA.
    pub access_token: String,
    /// Type of the access token: always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: String,
    /// Seconds until the access token expires.
    #[schema(example = 900)]
    pub expires_in: u64,
    /// Token for one `refresh`.
    pub refresh_token: String,
}

/// A JWK Set (RFC 7517).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Jwks {
    /// The keys; the first one signs.
    pub keys: Vec<Jwk>,
}

/// An Ed25519 public key (RFC 8037).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Jwk {
    /// Key type: `OKP`.
    #[schema(example = "OKP")]
    pub kty: String,
    /// Curve: `Ed25519`.
    #[schema(example = "Ed25519")]
    pub crv: String,
    /// The public key, base64url.
    pub x: String,
    /// Key id: its thumbprint (RFC 7638).
    pub kid: String,
    /// Algorithm: `EdDSA`.
    #[schema(example = "EdDSA")]
    pub alg: String,
    /// Use: `sig`.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub usage: String,
}

/// Which ended sessions to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct RevokedSince {
    /// Only sessions that ended at or after this time; absent: all whose access tokens are still valid.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
}

/// Ended sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RevokedSessions {
    /// Ids of the sessions: the `sid` of their access tokens.
    pub sessions: Vec<String>,
    /// The `since` of the next call: the list has all sessions that ended before this time.
    pub as_of: DateTime<Utc>,
}

/// A change of a profile; members that are not sent stay unchanged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// First name, 1 to 50 characters. It cannot be removed.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 50, example = "Leyla")]
    pub first_name: Option<PersonName>,
    /// Last name, 1 to 50 characters. It cannot be removed.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 50, example = "Aziz")]
    pub last_name: Option<PersonName>,
    /// Phone number: as for `register`. `null` or an empty text removes it.
    #[garde(inner(inner(custom(crate::fields::phone))))]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 40, example = "+96170123456")]
    pub phone: Option<Option<String>>,
}

/// A change of password.
#[derive(Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The current password.
    #[garde(custom(crate::fields::current_password))]
    #[schema(value_type = String, format = "password", min_length = 1, max_length = 320)]
    pub current_password: Password,
    /// The new password: as for `register`.
    #[garde(custom(crate::fields::password))]
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128)]
    pub new_password: Password,
}

/// An address in the address book of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Address {
    /// Id of the address.
    pub id: AddressId,
    /// Street and number, 1 to 255 characters.
    pub street_address: String,
    /// City, 1 to 100 characters.
    pub city: String,
    /// State, province or region, 1 to 100 characters.
    pub state: String,
    /// Postal code, 1 to 20 characters.
    pub postal_code: String,
    /// Country, 1 to 100 characters.
    pub country: String,
    /// Whether the address is the default: the one for orders without a chosen address.
    pub is_default: bool,
}

/// A postal address, outside of any address book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct PostalAddress {
    /// Street and number, 1 to 255 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 255, example = "12 Spice Lane")]
    pub street_address: Line<255>,
    /// City, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 100, example = "Tripoli")]
    pub city: Line<100>,
    /// State, province or region, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 100, example = "North")]
    pub state: Line<100>,
    /// Postal code, 1 to 20 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 20, example = "1300")]
    pub postal_code: Line<20>,
    /// Country, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 100, example = "Lebanon")]
    pub country: Line<100>,
}

/// A new address, or the replacement of one: a [`PostalAddress`] and a flag. (`serde(flatten)` does not work with
/// `deny_unknown_fields`.)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct NewAddress {
    /// Street and number, 1 to 255 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 255, example = "12 Spice Lane")]
    pub street_address: Line<255>,
    /// City, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 100, example = "Tripoli")]
    pub city: Line<100>,
    /// State, province or region, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 100, example = "North")]
    pub state: Line<100>,
    /// Postal code, 1 to 20 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 20, example = "1300")]
    pub postal_code: Line<20>,
    /// Country, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 100, example = "Lebanon")]
    pub country: Line<100>,
    /// Whether to make the address the default. `false` in a change does not end an existing default.
    #[garde(skip)]
    #[serde(default, deserialize_with = "kernel::optional::or_default")]
    #[schema(value_type = Option<bool>, default = false)]
    pub is_default: bool,
}

/// Which accounts to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListUsers {
    /// Number of the page, from 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// Accounts on a page, 1 to 100.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 10)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
    /// Only accounts whose e-mail address contains this text.
    #[garde(dive)]
    #[param(value_type = Option<String>, format = "line", max_length = 254)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Line<254>>,
}

/// A page of accounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserPage {
    /// Accounts of this page, the oldest first.
    pub users: Vec<User>,
    /// Position of the page in the list.
    pub pagination: Pagination,
}

/// The access of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct SetAccess {
    /// Whether the user can log in.
    #[garde(skip)]
    pub is_active: bool,
    /// Role of the user.
    #[garde(skip)]
    pub role: Role,
}

/// State of an account, for other modules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Verified {
    /// Id of the user.
    pub user_id: UserId,
    /// E-mail address, in lower case and with its domain in ASCII.
    pub email: String,
    /// Whether the user can log in: `false` for a deactivated account.
    pub is_active: bool,
    /// Whether the user is an admin of the shop.
    pub is_admin: bool,
}
