-- Times are milliseconds since the Unix epoch; *_folded columns are lower case, for searches without case.

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- People ---------------------------------------------------------------------------------------------

CREATE TABLE users (
    user_id         INTEGER PRIMARY KEY,
    username        TEXT NOT NULL,
    username_folded TEXT NOT NULL,
    display_name    TEXT NOT NULL,
    display_folded  TEXT NOT NULL,
    avatar          TEXT,
    password_hash   TEXT NOT NULL,
    operator        INTEGER NOT NULL,
    created_at_ms   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_by_username ON users (username_folded);
-- Holds the user name too, so that a search sorts by it without looking at the users.
CREATE INDEX users_by_display_name ON users (display_folded, username_folded);

CREATE TABLE sessions (
    session_id      INTEGER PRIMARY KEY,
    user_id         INTEGER NOT NULL,
    refresh_hash    BLOB NOT NULL,
    created_at_ms   INTEGER NOT NULL,
    last_used_at_ms INTEGER NOT NULL,
    expires_at_ms   INTEGER NOT NULL,
    user_agent      TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

CREATE TABLE login_failures (
    failure_id      INTEGER PRIMARY KEY,
    username_folded TEXT NOT NULL,
    at_ms           INTEGER NOT NULL,
    expires_at_ms   INTEGER NOT NULL
) STRICT;
CREATE INDEX login_failures_by_username ON login_failures (username_folded, expires_at_ms);
CREATE INDEX login_failures_by_expiry ON login_failures (expires_at_ms);

-- Groups ---------------------------------------------------------------------------------------------

CREATE TABLE groups (
    group_id      INTEGER PRIMARY KEY,
    name          TEXT NOT NULL,
    icon          TEXT,
    owner_id      INTEGER,
    official      INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    -- Kept by the statements that insert and delete members: counting 100,000 takes milliseconds.
    member_count  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX official_group ON groups (official) WHERE official = 1;

CREATE TABLE roles (
    group_id    INTEGER NOT NULL,
    name        TEXT NOT NULL,
    permissions INTEGER NOT NULL,
    rank        INTEGER NOT NULL,
    PRIMARY KEY (group_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    group_id        INTEGER NOT NULL,
    user_id         INTEGER NOT NULL,
    roles           TEXT NOT NULL, -- JSON array of names
    nickname        TEXT,
    nickname_folded TEXT,
    joined_at_ms    INTEGER NOT NULL,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user_id, group_id);
CREATE INDEX members_by_nickname ON members (group_id, nickname_folded)
    WHERE nickname_folded IS NOT NULL;

CREATE TABLE bans (
    group_id      INTEGER NOT NULL,
    user_id       INTEGER NOT NULL,
    reason        TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE invites (
    code          TEXT PRIMARY KEY,
    group_id      INTEGER NOT NULL,
    creator_id    INTEGER NOT NULL,
    uses          INTEGER NOT NULL,
    uses_max      INTEGER,
    expires_at_ms INTEGER,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX invites_by_group ON invites (group_id, created_at_ms);
CREATE INDEX invites_by_expiry ON invites (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

-- Channels -------------------------------------------------------------------------------------------

CREATE TABLE channels (
    channel_id        INTEGER PRIMARY KEY,
    group_id          INTEGER, -- null for direct channels
    kind              TEXT NOT NULL,
    name              TEXT NOT NULL,
    topic             TEXT NOT NULL,
    position          INTEGER NOT NULL,
    slow_mode_seconds INTEGER NOT NULL,
    recipients        TEXT -- JSON array of sorted user ids, null for channels of groups
) STRICT;
CREATE INDEX channels_by_group ON channels (group_id, position) WHERE group_id IS NOT NULL;
CREATE UNIQUE INDEX direct_channels ON channels (recipients) WHERE recipients IS NOT NULL;

CREATE TABLE direct_people (
    user_id    INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    opened     INTEGER NOT NULL, -- 1 for who opened the channel
    PRIMARY KEY (user_id, channel_id)
) STRICT, WITHOUT ROWID;

-- Deleted channels of which something is left. Their rows count for nothing from the moment that the
-- channel is gone, and are deleted a batch at a time.
CREATE TABLE garbage (
    channel_id INTEGER PRIMARY KEY
) STRICT;

-- Messages -------------------------------------------------------------------------------------------

-- The bucket, a part of the partition key elsewhere, costs nothing here: it is computed when read.
CREATE TABLE messages (
    channel_id        INTEGER NOT NULL,
    message_id        INTEGER NOT NULL,
    bucket            INTEGER NOT NULL GENERATED ALWAYS AS ((message_id >> 21) / 864000000) VIRTUAL,
    author_id         INTEGER NOT NULL,
    content           TEXT NOT NULL,
    edited_at_ms      INTEGER,
    reply_to          INTEGER,
    mentions          TEXT, -- JSON array of user ids, null for nobody
    mentions_everyone INTEGER NOT NULL,
    nonce             TEXT,
    pinned            INTEGER NOT NULL,
    PRIMARY KEY (channel_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pins ON messages (channel_id) WHERE pinned = 1;
CREATE VIEW channel_buckets AS SELECT DISTINCT channel_id, bucket FROM messages;

CREATE TABLE nonces (
    author_id     INTEGER NOT NULL,
    channel_id    INTEGER NOT NULL,
    nonce         TEXT NOT NULL,
    message_id    INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    PRIMARY KEY (author_id, channel_id, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_by_expiry ON nonces (expires_at_ms);

-- Who is mentioned by name, the author excepted. A message that mentions everyone is only in
-- everyone_mentions: else it would count twice.
CREATE TABLE mentions (
    user_id    INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    PRIMARY KEY (user_id, channel_id, message_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE everyone_mentions (
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    author_id  INTEGER NOT NULL,
    PRIMARY KEY (channel_id, message_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE reactions (
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    emoji      TEXT NOT NULL,
    user_id    INTEGER NOT NULL,
    at_ms      INTEGER NOT NULL,
    PRIMARY KEY (channel_id, message_id, emoji, user_id)
) STRICT, WITHOUT ROWID;

-- A page of messages reads these, and not every reaction of 10,000 people.
CREATE TABLE reaction_counts (
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    emoji      TEXT NOT NULL,
    position   INTEGER NOT NULL, -- order of first use
    count      INTEGER NOT NULL,
    PRIMARY KEY (channel_id, message_id, emoji)
) STRICT, WITHOUT ROWID;

CREATE TABLE channel_changes (
    channel_id INTEGER NOT NULL,
    change_id  INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    PRIMARY KEY (channel_id, change_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX channel_changes_by_age ON channel_changes (change_id);

-- When somebody last sent a message in a channel while it was slow.
CREATE TABLE slow_mode (
    channel_id INTEGER NOT NULL,
    user_id    INTEGER NOT NULL,
    sent_at_ms INTEGER NOT NULL,
    PRIMARY KEY (channel_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX slow_mode_by_age ON slow_mode (sent_at_ms);

-- Read states ----------------------------------------------------------------------------------------

CREATE TABLE read_states (
    user_id      INTEGER NOT NULL,
    channel_id   INTEGER NOT NULL,
    last_read_id INTEGER NOT NULL,
    PRIMARY KEY (user_id, channel_id)
) STRICT, WITHOUT ROWID;
-- For deleting a channel.
CREATE INDEX read_states_by_channel ON read_states (channel_id);
