//! Properties of operations.

use kernel::Op;

/// Whether the operation accepts passwords or answers tokens.
pub(crate) fn is_auth(op: &Op) -> bool {
    op.public.is_some_and(|path| path.starts_with("/api/auth/"))
}
