-- wsclose store, version 1. Times are RFC 3339 text in UTC with nine digits of a second, so that they sort and read as they are;
-- durations are milliseconds. NULL is "not known", never a made-up value. See schema/README.md.

PRAGMA application_id = 0x57534331; -- 'WSC1'

-- One run of the analyzer over one or more captures that were read as one stream.
CREATE TABLE imports (
    id       INTEGER PRIMARY KEY,
    options  TEXT NOT NULL,            -- everything that changes the records: filter, keys, ...
    stored   TEXT NOT NULL             -- when
) STRICT;

-- A capture, known by its content. The same content read again, under whatever name, is the same capture.
CREATE TABLE captures (
    id          INTEGER PRIMARY KEY,
    import_id   INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,         -- as given on the command line
    fingerprint TEXT,                  -- 32 hex digits; NULL while it is being read
    packets     INTEGER NOT NULL DEFAULT 0,
    bytes       INTEGER NOT NULL DEFAULT 0, -- on the wire
    first       TEXT,                  -- earliest and latest packet
    last        TEXT,
    damaged     INTEGER NOT NULL DEFAULT 0  -- 1: it breaks off
) STRICT;
CREATE INDEX captures_by_fingerprint ON captures (fingerprint);
CREATE INDEX captures_by_import ON captures (import_id);

-- One WebSocket attempt and how it ended; columns named as the JSON keys.
CREATE TABLE connections (
    id               INTEGER PRIMARY KEY,
    import_id        INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    capture_id       INTEGER NOT NULL REFERENCES captures (id), -- where its last packet is
    first_capture_id INTEGER NOT NULL REFERENCES captures (id), -- where its first packet is
    first_packet     INTEGER NOT NULL,
    last_packet      INTEGER,
    stream_id        INTEGER NOT NULL,
    sort_time        TEXT NOT NULL,    -- ended, or the last packet where it did not: the order of every listing
    outcome          TEXT NOT NULL,
    client           TEXT,             -- 10.0.0.7:51022, [2001:db8::5]:443
    server           TEXT,
    client_address   TEXT,             -- the same without the port, for filters
    server_address   TEXT,
    client_port      INTEGER,
    server_port      INTEGER,
    scheme           TEXT,
    http             TEXT,
    tls_version      TEXT,
    sni              TEXT,
    host             TEXT,
    path             TEXT,
    subprotocol      TEXT,
    extensions       TEXT,
    user_agent       TEXT,
    origin           TEXT,
    server_software  TEXT,
    app              TEXT,
    handshake_status INTEGER,
    midstream        INTEGER NOT NULL,
    started          TEXT,
    established      TEXT,
    ended            TEXT,
    last_seen        TEXT,             -- time of the last packet
    duration_ms      REAL,
    close_code       INTEGER,
    code_source      TEXT,
    reason           TEXT,
    ending           TEXT NOT NULL,
    closed_by        TEXT,
    client_saw_code  INTEGER,
    client_saw_reason TEXT,
    client_saw_clean INTEGER,
    server_saw_code  INTEGER,
    server_saw_reason TEXT,
    server_saw_clean INTEGER,
    tcp_end          TEXT NOT NULL,
    tcp_end_by       TEXT,
    tcp_end_packet   INTEGER,
    cause            TEXT,
    confidence       TEXT,
    software         TEXT,
    app_code_scope   TEXT,
    app_code_name    TEXT,
    app_code_meaning TEXT,
    frames_client    INTEGER NOT NULL,
    frames_server    INTEGER NOT NULL,
    messages_client  INTEGER NOT NULL,
    messages_server  INTEGER NOT NULL,
    bytes_client     INTEGER NOT NULL,
    bytes_server     INTEGER NOT NULL,
    pings_client     INTEGER NOT NULL,
    pings_server     INTEGER NOT NULL,
    pongs_client     INTEGER NOT NULL,
    pongs_server     INTEGER NOT NULL,
    missing_bytes_client INTEGER NOT NULL,
    missing_bytes_server INTEGER NOT NULL,
    retransmitted_client INTEGER NOT NULL,
    retransmitted_server INTEGER NOT NULL,
    last_rtt_ms      REAL,
    idle_ms_any      REAL,
    idle_ms_client   REAL,
    idle_ms_server   REAL,
    idle_ms_data     REAL,
    violations_more  INTEGER NOT NULL DEFAULT 0 -- beyond those kept
) STRICT;
CREATE INDEX connections_by_time ON connections (sort_time);
CREATE INDEX connections_by_import ON connections (import_id);

-- The first Close frame each side sent.
CREATE TABLE close_frames (
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    sender        TEXT NOT NULL CHECK (sender IN ('client', 'server')),
    code          INTEGER,             -- as on the wire; NULL: empty, 1 byte, or not captured
    reason        BLOB,                -- raw bytes: they need not be UTF-8
    valid         INTEGER NOT NULL,
    at            TEXT,
    capture_id    INTEGER REFERENCES captures (id),
    packet        INTEGER,
    PRIMARY KEY (connection_id, sender)
) STRICT, WITHOUT ROWID;

-- What a peer did against the RFC.
CREATE TABLE violations (
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    n             INTEGER NOT NULL,    -- in packet order, from 0
    by            TEXT NOT NULL,
    rule          TEXT NOT NULL,
    capture_id    INTEGER REFERENCES captures (id),
    packet        INTEGER,
    PRIMARY KEY (connection_id, n)
) STRICT, WITHOUT ROWID;

-- The sentences a cause rests on.
CREATE TABLE evidence (
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    n             INTEGER NOT NULL,
    sentence      TEXT NOT NULL,
    PRIMARY KEY (connection_id, n)
) STRICT, WITHOUT ROWID;

-- The registry (RFC 6455 7.4, IANA), for joins. The most specific row is the one with the smallest last - first.
CREATE TABLE close_codes (
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    name      TEXT NOT NULL,
    on_wire   INTEGER NOT NULL,
    reported  TEXT NOT NULL,
    reference TEXT NOT NULL,
    PRIMARY KEY (first, last)
) STRICT, WITHOUT ROWID;

-- For people with only the sqlite3 shell.
CREATE VIEW closures AS
    SELECT c.id, c.ended, c.client, c.server, c.host, c.path, c.close_code,
           (SELECT k.name FROM close_codes k WHERE c.close_code BETWEEN k.first AND k.last ORDER BY k.last - k.first LIMIT 1) AS code_name,
           c.code_source, c.ending, c.closed_by, c.reason, c.duration_ms / 1000.0 AS duration_s, c.idle_ms_any / 1000.0 AS idle_s,
           c.cause, p.name AS capture, c.tcp_end_packet
    FROM connections c JOIN captures p ON p.id = c.capture_id
    WHERE c.outcome = 'closed'
    ORDER BY c.sort_time, c.id;

CREATE VIEW closures_by_code AS
    SELECT close_code, code_name, count(*) AS closures, min(ended) AS first, max(ended) AS last
    FROM closures GROUP BY close_code ORDER BY closures DESC, close_code;

CREATE VIEW closures_by_hour AS
    SELECT substr(ended, 1, 13) || ':00Z' AS hour, count(*) AS closures, count(*) FILTER (WHERE close_code = 1006) AS abnormal
    FROM closures GROUP BY 1 ORDER BY 1;
