-- wsclose store, version 3: live captures.

-- What it did not get to see: packets dropped between two looks at the counters. What happened to connections in that time may not be known.
CREATE TABLE drops (
    capture_id INTEGER NOT NULL REFERENCES captures (id) ON DELETE CASCADE,
    first      TEXT    NOT NULL,  -- the look before
    last       TEXT    NOT NULL,  -- the look that found them
    kernel     INTEGER NOT NULL,  -- packets the kernel dropped because wsclose was too slow
    interface  INTEGER NOT NULL   -- packets the interface or its driver dropped
) STRICT;
CREATE INDEX drops_by_capture ON drops (capture_id);

-- How to go on with a connection that was open when a live capture stopped: bytes of the engine's own, checked
-- when they are read. The row goes when the connection is recorded anew.
CREATE TABLE open_states (
    connection_id INTEGER PRIMARY KEY REFERENCES connections (id) ON DELETE CASCADE,
    state         BLOB NOT NULL
) STRICT;
