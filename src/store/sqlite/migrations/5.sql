-- How far somebody has read.

-- An id made when the mark was set: own messages with later ids follow the mark, earlier ones do not.
ALTER TABLE read_states ADD COLUMN set_at INTEGER NOT NULL DEFAULT 0;
