-- What clients keep for a person: one JSON object of their own keys.
CREATE TABLE user_settings (
    user_id  INTEGER PRIMARY KEY,
    settings TEXT NOT NULL
) STRICT;
