//! What must not be in the tables.

use kernel::verify::Check;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "user.sessions",
        rule: "a session has one refresh token at most that was not used",
        query: "SELECT 'session of user ' || user_id || ': ' || count(*) || ' tokens' AS found FROM sessions \
                JOIN refresh_tokens ON refresh_tokens.session_id = sessions.id WHERE used_at IS NULL \
                GROUP BY sessions.id, user_id HAVING count(*) > 1",
    },
    Check {
        name: "user.addresses",
        rule: "a user has one default address at most",
        query: "SELECT 'user ' || user_id || ': ' || count(*) || ' default addresses' AS found FROM addresses \
                WHERE is_default GROUP BY user_id HAVING count(*) > 1",
    },
];
