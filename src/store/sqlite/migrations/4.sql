-- What people are found by: their display names and nicknames from each word on, folded. Filled by
-- the program, which folds.
CREATE TABLE user_words (
    user_id         INTEGER NOT NULL,
    word            TEXT NOT NULL,
    username_folded TEXT NOT NULL, -- never changes
    PRIMARY KEY (user_id, word)
) STRICT, WITHOUT ROWID;
-- Holds the user name too, so that a search sorts by it without looking at the users.
CREATE INDEX user_words_by_word ON user_words (word, username_folded);

CREATE TABLE member_words (
    group_id INTEGER NOT NULL,
    user_id  INTEGER NOT NULL,
    word     TEXT NOT NULL,
    PRIMARY KEY (group_id, user_id, word)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_words_by_word ON member_words (group_id, word);

DROP INDEX users_by_display_name;
DROP INDEX members_by_nickname;
ALTER TABLE users DROP COLUMN display_folded;
ALTER TABLE members DROP COLUMN nickname_folded;

-- Deleted groups of which something is left: members, bans, invites, roles.
CREATE TABLE garbage_groups (
    group_id INTEGER PRIMARY KEY
) STRICT;
