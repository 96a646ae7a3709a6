use crate::{
    Address, AddressId, AuthReply, ChangePassword, EmailToken, Jwks, ListUsers, Login, NewAddress, Profile, ProfileChange,
    Refresh, Register, RevokedSessions, RevokedSince, SetAccess, User, UserChanged, UserConfirmationRequested, UserError,
    UserPage, UserRegistered, Verified,
};
use kernel::{Contract, Ctx, EventType, UserId};

/// Accounts, sessions, profiles and addresses.
#[kernel::api(module = "user")]
pub trait UserApi {
    /// Open an account.
    ///
    /// Logs the new user in, and mails a token to the address, for `confirm-email`. The address is stored trimmed, in lower case,
    /// and with its domain in ASCII (IDNA); the phone number as E.164. An address that is not confirmed within 48 hours can be
    /// registered by somebody else, unless its account was used after that.
    #[post(
        "/register",
        public = "/api/auth/register",
        access = anyone,
        retry = never,
        status = 201,
        rate = "5/min",
        errors(EmailTaken)
    )]
    async fn register(&self, cx: &Ctx, request: Register) -> Result<AuthReply, UserError>;

    /// Log in.
    ///
    /// After 10 wrong passwords in 15 minutes the account accepts no password for the rest of the 15 minutes.
    #[post(
        "/login",
        public = "/api/auth/login",
        access = anyone,
        retry = never,
        rate = "10/min",
        errors(WrongCredentials, Deactivated)
    )]
    async fn login(&self, cx: &Ctx, request: Login) -> Result<AuthReply, UserError>;

    /// Get new tokens for a refresh token.
    ///
    /// Each refresh token can be used once. Using it again ends the session: somebody else may have it.
    #[post("/refresh", public = "/api/auth/refresh", access = anyone, retry = never, rate = "30/min", errors(InvalidRefreshToken))]
    async fn refresh(&self, cx: &Ctx, request: Refresh) -> Result<AuthReply, UserError>;

    /// Log out.
    ///
    /// Ends the session of a refresh token; its access tokens are refused within seconds. Unknown tokens are ignored.
    #[post("/logout", public = "/api/auth/logout", access = anyone, retry = never, status = 204, rate = "30/min")]
    async fn logout(&self, cx: &Ctx, request: Refresh) -> Result<(), UserError>;

    /// Confirm an e-mail address.
    ///
    /// Needs the token that was mailed to the address less than 48 hours ago. Confirming it again changes nothing.
    #[post(
        "/confirm-email",
        public = "/api/auth/confirm-email",
        access = anyone,
        retry = never,
        status = 204,
        rate = "10/min",
        errors(InvalidEmailToken)
    )]
    async fn confirm_email(&self, cx: &Ctx, request: EmailToken) -> Result<(), UserError>;

    /// Free your e-mail address, which somebody else has registered.
    ///
    /// Needs the token that was mailed to the address. Deactivates the account, ends its sessions, and frees the address, so that
    /// you can register it. Not possible once the address is confirmed.
    #[post(
        "/disown-email",
        public = "/api/auth/disown-email",
        access = anyone,
        retry = never,
        status = 204,
        rate = "10/min",
        errors(InvalidEmailToken)
    )]
    async fn disown_email(&self, cx: &Ctx, request: EmailToken) -> Result<(), UserError>;

    /// Get the keys that verify access tokens.
    ///
    /// A JWK Set (RFC 7517) of Ed25519 keys (RFC 8037).
    #[get("/.well-known/jwks.json", public = "/.well-known/jwks.json", access = anyone, rate = "60/min")]
    async fn jwks(&self, cx: &Ctx) -> Result<Jwks, UserError>;

    /// List the ended sessions whose access tokens have not expired yet.
    #[get("/sessions/revoked", access = module(gateway))]
    async fn revoked(&self, cx: &Ctx, query: RevokedSince) -> Result<RevokedSessions, UserError>;

    /// Get your profile and addresses.
    #[get("/users/{user}/profile", public = "/api/users/profile", access = user, rate = "30/min", errors(NotFound))]
    async fn profile(&self, cx: &Ctx, user: UserId) -> Result<Profile, UserError>;

    /// Change your profile.
    ///
    /// Members that are not sent stay unchanged. `null` or an empty text removes the phone number.
    #[put("/users/{user}/profile", public = "/api/users/profile", access = user, rate = "10/min", errors(NotFound))]
    async fn change_profile(&self, cx: &Ctx, user: UserId, change: ProfileChange) -> Result<User, UserError>;

    /// Get another mail to confirm your e-mail address.
    ///
    /// Its token replaces the previous one.
    #[post(
        "/users/{user}/email-confirmation",
        public = "/api/users/email-confirmation",
        access = user,
        retry = never,
        status = 204,
        rate = "3/hour",
        errors(NotFound, EmailConfirmed)
    )]
    async fn request_confirmation(&self, cx: &Ctx, user: UserId) -> Result<(), UserError>;

    /// Change your password.
    ///
    /// Ends all your sessions; log in again with the new password.
    #[put(
        "/users/{user}/password",
        public = "/api/users/password",
        access = user,
        status = 204,
        rate = "5/min",
        errors(NotFound, WrongCredentials)
    )]
    async fn change_password(&self, cx: &Ctx, user: UserId, change: ChangePassword) -> Result<(), UserError>;

    /// List your addresses.
    #[get("/users/{user}/addresses", public = "/api/users/addresses", access = user, rate = "30/min")]
    async fn addresses(&self, cx: &Ctx, user: UserId) -> Result<Vec<Address>, UserError>;

    /// Add an address.
    ///
    /// The first one, or one with `is_default`, becomes the only default. At most 50.
    #[post(
        "/users/{user}/addresses",
        public = "/api/users/addresses",
        access = user,
        retry = key,
        status = 201,
        rate = "20/min",
        errors(NotFound, TooManyAddresses)
    )]
    async fn add_address(&self, cx: &Ctx, user: UserId, new: NewAddress) -> Result<Address, UserError>;

    /// Change an address.
    ///
    /// Replaces all of it. A default address stays the default until another address becomes the default.
    #[put(
        "/users/{user}/addresses/{address}",
        public = "/api/users/addresses/{address}",
        access = user,
        rate = "20/min",
        errors(AddressNotFound)
    )]
    async fn change_address(&self, cx: &Ctx, user: UserId, address: AddressId, change: NewAddress) -> Result<Address, UserError>;

    /// Delete an address.
    ///
    /// If it was the default, the oldest remaining address becomes the default.
    #[delete(
        "/users/{user}/addresses/{address}",
        public = "/api/users/addresses/{address}",
        access = user,
        status = 204,
        rate = "20/min",
        errors(AddressNotFound)
    )]
    async fn delete_address(&self, cx: &Ctx, user: UserId, address: AddressId) -> Result<(), UserError>;

    /// List accounts.
    #[get("/users", public = "/api/users", access = role(admin), rate = "60/min")]
    async fn list(&self, cx: &Ctx, query: ListUsers) -> Result<UserPage, UserError>;

    /// Activate or deactivate an account, or change its role.
    ///
    /// A deactivated user is logged out everywhere within seconds. Admins cannot change their own access.
    #[put(
        "/users/{id}/access",
        public = "/api/users/{id}/access",
        access = role(admin),
        rate = "60/min",
        errors(NotFound, OwnAccess)
    )]
    async fn set_access(&self, cx: &Ctx, id: UserId, access: SetAccess) -> Result<User, UserError>;

    /// Check whether an account exists, is active, and is an admin's.
    #[get("/users/{id}/verify", access = module(gateway, order), errors(NotFound))]
    async fn verify(&self, cx: &Ctx, id: UserId) -> Result<Verified, UserError>;
}

impl Contract for UserClient {
    const NAME: &'static str = "user";
    const PORT: u16 = 5002;

    fn events() -> Vec<EventType> {
        vec![EventType::of::<UserRegistered>(), EventType::of::<UserChanged>(), EventType::of::<UserConfirmationRequested>()]
    }
}
