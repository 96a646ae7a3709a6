//! Sessions: opened by `register` and `login`, continued by `refresh`, and listed for the gateway when they were ended.

use crate::{
    AuthReply, LEEWAY_SECONDS, Refresh, RevokedSessions, RevokedSince, UserError,
    context::{Result, Users},
    entity::{session, user},
    secrets::{random_id, random_token},
    store::{self, fingerprint},
    view::to_user,
};
use kernel::{Ctx, Role, UserId, chrono::TimeDelta, db::Tx};

/// The longest time from the timestamp of a revocation to its commit.
const COMMIT: TimeDelta = TimeDelta::seconds(5);
/// How long an access token may be accepted after its expiry by the clock of the database: the clocks of the issuer and the
/// verifier differ from it, and the verifier allows for a difference itself.
const LEEWAY: TimeDelta = TimeDelta::seconds(3 * LEEWAY_SECONDS as i64);

impl Users {
    pub(crate) async fn open_session(&self, tx: &Tx, user: user::Model, message: &str) -> Result<AuthReply> {
        let (id, refresh_token, now) = (random_id(), random_token(), self.db.now());
        let session = session::Model {
            id: id.clone(),
            user_id: user.id,
            created_at: now,
            expires_at: now + TimeDelta::days(self.session_days.into()),
            revoked_at: None,
        };
        store::insert_session(&**tx, session, fingerprint(&refresh_token)).await?;
        self.reply(user, &id, refresh_token, message)
    }

    /// Replaces a refresh token. A token that was used before ends its session.
    pub(crate) async fn continue_session(&self, cx: &Ctx, request: Refresh) -> Result<AuthReply> {
        let hash = fingerprint(&request.refresh_token);
        let now = self.db.now();
        let tx = self.db.begin().await?;
        let Some(token) = store::use_refresh_token(&*tx, &hash, now).await? else {
            if let Some(user) = store::end_session(&*tx, &hash, now).await? {
                tx.commit().await?;
                tracing::warn!(user, trace = cx.trace().id(), "a refresh token was used twice; its session was ended");
            }
            return Err(UserError::InvalidRefreshToken);
        };
        let session = store::live_session(&*tx, &token.session_id, now).await?.ok_or(UserError::InvalidRefreshToken)?;
        let user = store::lock_user(&*tx, session.user_id).await?.filter(|user| user.is_active);
        let user = user.ok_or(UserError::InvalidRefreshToken)?;
        let refresh_token = random_token();
        store::insert_refresh_token(&*tx, session.id.clone(), fingerprint(&refresh_token)).await?;
        let reply = self.reply(user, &session.id, refresh_token, "Token refreshed")?;
        tx.commit().await?;
        Ok(reply)
    }

    pub(crate) async fn revoked_sessions(&self, query: RevokedSince) -> Result<RevokedSessions> {
        let now = self.db.now();
        let oldest = now - TimeDelta::seconds(self.signer.seconds().into()) - LEEWAY;
        let since = query.since.map_or(oldest, |since| since.max(oldest));
        // gateways poll every few seconds, and no request waits for it
        let sessions = store::ended_since(self.db.in_background().read(), since).await?;
        Ok(RevokedSessions { sessions, as_of: now - COMMIT })
    }

    fn reply(&self, user: user::Model, session: &str, refresh_token: String, message: &str) -> Result<AuthReply> {
        let role = if user.is_admin { Role::Admin } else { Role::Customer };
        Ok(AuthReply {
            message: message.into(),
            access_token: self.signer.sign(UserId(user.id), role, session)?,
            token_type: "Bearer".into(),
            expires_in: self.signer.seconds().into(),
            refresh_token,
            user: to_user(user),
        })
    }
}
