-- wsclose store, version 4: where the packets of a live capture are kept.

-- One row for each interface of each file that wsclose live --write has now.
CREATE TABLE packet_files (
    capture_id   INTEGER NOT NULL REFERENCES captures (id) ON DELETE CASCADE,
    file         ANY     NOT NULL,  -- from the root
    interface    INTEGER NOT NULL,  -- its number in the file
    first_packet INTEGER NOT NULL,  -- numbers in the capture; they follow each other
    last_packet  INTEGER,           -- NULL: it is being written, or wsclose was killed; below first_packet: none
    first        TEXT,              -- time of the first and of the last; NULL: not known yet
    last         TEXT,
    PRIMARY KEY (capture_id, file)
) STRICT, WITHOUT ROWID;
CREATE INDEX packet_files_by_file ON packet_files (file);
