-- Sessions that have ended stay until every node knows of it.
ALTER TABLE sessions ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
CREATE INDEX ended_sessions ON sessions (user_id, session_id) WHERE ended = 1;

-- Passwords that were shown and are not known to be right. What was in the former table counted for a
-- minute.
DROP TABLE login_failures;
CREATE TABLE password_attempts (
    attempt_id      INTEGER PRIMARY KEY,
    username_folded TEXT NOT NULL,
    network         TEXT NOT NULL,
    signed_in       INTEGER NOT NULL, -- 1 by somebody who shows their own password once more
    expires_at_ms   INTEGER NOT NULL
) STRICT;
CREATE INDEX password_attempts_by_username ON password_attempts (username_folded, expires_at_ms);
CREATE INDEX password_attempts_by_expiry ON password_attempts (expires_at_ms);
