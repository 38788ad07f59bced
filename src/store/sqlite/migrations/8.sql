-- Who makes ids under which node id; see src/store/nodes.rs.
CREATE TABLE nodes (
    node_id  INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,
    holder   INTEGER, -- NULL since it was given back
    from_ms  INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
) STRICT;
