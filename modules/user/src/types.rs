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

/// Who issues access tokens: their `iss`.
pub const ISSUER: &str = "souk";
/// Whom access tokens are for: their `aud`.
pub const AUDIENCE: &str = "souk-api";

/// Seconds by which the clocks of those who issue access tokens and those who verify them may differ.
pub const LEEWAY_SECONDS: u32 = 10;

/// A first or last name.
pub type PersonName = Line<50>;

/// A password, the same however it is typed (OpaqueString of RFC 8265); nothing is trimmed. It is in no log: it has no `Debug`.
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
    /// Its id.
    pub id: UserId,
    /// E-mail address, in lower case, its domain in ASCII.
    #[schema(example = "leyla@example.com")]
    pub email: String,
    /// Whether the user has proved to read what is sent to the address.
    #[serde(default)]
    #[schema(required)]
    pub email_confirmed: bool,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Phone number, if given: E.164.
    pub phone: Option<String>,
    /// Whether the user can log in.
    pub is_active: bool,
    /// Whether the user runs the shop.
    pub is_admin: bool,
    /// When the account was opened.
    pub created_at: DateTime<Utc>,
}

/// An account with its addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Profile {
    /// The account.
    pub user: User,
    /// Its addresses, the oldest first.
    pub addresses: Vec<Address>,
}

/// A request for an account. Missing fields count as empty, and empty ones are refused by name.
#[derive(Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// E-mail address, at most 254 characters. The domain may be an internationalised one.
    #[garde(custom(crate::fields::email))]
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 254, example = "leyla@example.com")]
    pub email: String,
    /// Password: 8 to 128 characters with an upper-case letter, a lower-case letter and a digit. Not one that is common or easy to
    /// guess, and not one made of the name of the shop, your name or your e-mail address.
    #[garde(custom(crate::fields::password))]
    #[serde(default)]
    #[schema(required, value_type = String, format = "password", min_length = 8, max_length = 128, example = "Saffron-7-Road")]
    pub password: Password,
    /// First name, 1 to 50 characters.
    #[garde(custom(crate::fields::name("first_name")))]
    #[serde(default)]
    #[schema(required, value_type = String, min_length = 1, max_length = 50, example = "Leyla")]
    pub first_name: PersonName,
    /// Last name, 1 to 50 characters.
    #[garde(custom(crate::fields::name("last_name")))]
    #[serde(default)]
    #[schema(required, value_type = String, min_length = 1, max_length = 50, example = "Aziz")]
    pub last_name: PersonName,
    /// Phone number with the code of its country, written in any usual way: `+49 (0)30 901820`, `00961 70 123456`. Kept as E.164.
    #[garde(inner(custom(crate::fields::phone)))]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    #[schema(max_length = 40, example = "+96170123456")]
    pub phone: Option<String>,
}

/// E-mail address and password.
#[derive(Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// E-mail address.
    #[garde(custom(crate::fields::credential))]
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 320, example = "customer@souk.test")]
    pub email: String,
    /// Password.
    #[garde(custom(crate::fields::credential))]
    #[serde(default)]
    #[schema(required, value_type = String, format = "password", min_length = 1, max_length = 320, example = "Customer-Souk-1")]
    pub password: Password,
}

/// A refresh token.
#[derive(Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// As `login` or the last `refresh` answered it.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub refresh_token: Line<200>,
}

/// A token that proves an e-mail address.
#[derive(Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct EmailToken {
    /// As it was mailed to the address.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub token: Line<200>,
}

/// Tokens of a logged-in user.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuthReply {
    /// What happened, in words.
    #[schema(example = "Login successful")]
    pub message: String,
    /// Who is logged in.
    pub user: User,
    /// For the `Authorization: Bearer` header: a JWT signed with EdDSA.
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: String,
    /// Seconds until the access token expires.
    #[schema(example = 900)]
    pub expires_in: u64,
    /// For one `refresh`.
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

/// Since when sessions are asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct RevokedSince {
    /// Only sessions that were ended at or after this time.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
}

/// Sessions that were ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RevokedSessions {
    /// Their ids: the `sid` of their access tokens.
    pub sessions: Vec<String>,
    /// For the next question: everything up to here has been told.
    pub as_of: DateTime<Utc>,
}

/// What a profile is changed to; members that are not sent leave it as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// First name, 1 to 50 characters. It cannot be removed.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, min_length = 1, max_length = 50, example = "Leyla")]
    pub first_name: Option<PersonName>,
    /// Last name, 1 to 50 characters. It cannot be removed.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, min_length = 1, max_length = 50, example = "Aziz")]
    pub last_name: Option<PersonName>,
    /// Phone number: as for `register`. `null` or an empty text removes it.
    #[garde(inner(inner(custom(crate::fields::phone))))]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 40, example = "+96170123456")]
    pub phone: Option<Option<String>>,
}

/// The old and the new password.
#[derive(Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password until now.
    #[garde(custom(crate::fields::current_password))]
    #[schema(value_type = String, format = "password", min_length = 1, max_length = 320)]
    pub current_password: Password,
    /// The password from now on: as for `register`.
    #[garde(custom(crate::fields::password))]
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128)]
    pub new_password: Password,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Address {
    /// Its id.
    pub id: AddressId,
    /// Street and number.
    pub street_address: String,
    /// City.
    pub city: String,
    /// State, province or region.
    pub state: String,
    /// Postal code.
    pub postal_code: String,
    /// Country.
    pub country: String,
    /// Whether it is the one that is used when none is chosen.
    pub is_default: bool,
}

/// Where something is sent: an address that belongs to nobody's address book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct PostalAddress {
    /// Street and number, 1 to 255 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 255, example = "12 Spice Lane")]
    pub street_address: Line<255>,
    /// City, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Tripoli")]
    pub city: Line<100>,
    /// State, province or region, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "North")]
    pub state: Line<100>,
    /// Postal code, 1 to 20 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 20, example = "1300")]
    pub postal_code: Line<20>,
    /// Country, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Lebanon")]
    pub country: Line<100>,
}

/// An address to be added, or what one is changed to: a [`PostalAddress`], which serde cannot be told in another way while unknown
/// members are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct NewAddress {
    /// Street and number, 1 to 255 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 255, example = "12 Spice Lane")]
    pub street_address: Line<255>,
    /// City, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Tripoli")]
    pub city: Line<100>,
    /// State, province or region, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "North")]
    pub state: Line<100>,
    /// Postal code, 1 to 20 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 20, example = "1300")]
    pub postal_code: Line<20>,
    /// Country, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Lebanon")]
    pub country: Line<100>,
    /// Make it the default. When an address is changed, what is not `true` leaves the default where it is.
    #[garde(skip)]
    #[serde(default, deserialize_with = "kernel::optional::or_default")]
    #[schema(value_type = Option<bool>, default = false)]
    pub is_default: bool,
}

/// Which accounts to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListUsers {
    /// Page, from 1.
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
    #[param(value_type = Option<String>, max_length = 254)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Line<254>>,
}

/// A page of accounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserPage {
    /// The accounts, the oldest first.
    pub users: Vec<User>,
    /// Where in the list the page is.
    pub pagination: Pagination,
}

/// What a user may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct SetAccess {
    /// Whether the user can log in.
    #[garde(skip)]
    pub is_active: bool,
    /// The user's role.
    #[garde(skip)]
    pub role: Role,
}

/// What other modules may know of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Verified {
    /// Who.
    pub user_id: UserId,
    /// E-mail address.
    pub email: String,
    /// Whether the user can log in.
    pub is_active: bool,
    /// Whether the user runs the shop.
    pub is_admin: bool,
}
