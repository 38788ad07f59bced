//! Access tokens (JWT) and refresh tokens, and the secrets behind them.

/// Makes and checks tokens.
pub struct Tokens;
