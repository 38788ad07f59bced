-- Who got in by an invite: whoever comes back by it uses nothing up.
CREATE TABLE invite_uses (
    code       TEXT NOT NULL,
    user_id    INTEGER NOT NULL,
    used_at_ms INTEGER NOT NULL,
    PRIMARY KEY (code, user_id)
) STRICT, WITHOUT ROWID;

-- Invites that are gone, of whose uses something is left.
CREATE TABLE garbage_invites (
    code TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
-- Deleted by somebody, expired, or with their group.
CREATE TRIGGER used_invite_gone AFTER DELETE ON invites WHEN old.uses > 0 BEGIN
    INSERT INTO garbage_invites (code) VALUES (old.code) ON CONFLICT DO NOTHING;
END;
