-- wsclose store, version 3: what a live capture did not get to see.

-- Packets dropped between two looks at the counters. What happened to connections in that time may not be known.
CREATE TABLE drops (
    capture_id INTEGER NOT NULL REFERENCES captures (id) ON DELETE CASCADE,
    first      TEXT    NOT NULL,  -- the look before
    last       TEXT    NOT NULL,  -- the look that found them
    kernel     INTEGER NOT NULL,  -- packets the kernel dropped because wsclose was too slow
    interface  INTEGER NOT NULL   -- packets the interface or its driver dropped
) STRICT;
CREATE INDEX drops_by_capture ON drops (capture_id);
