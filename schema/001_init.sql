-- wsclose store, version 1.
--
-- How values are written, in every table:
--   NULL       not known; never a made-up value
--   times      RFC 3339 text in UTC with nine digits of a second, so that they read and sort as they are
--   *_ms       milliseconds with a fraction (REAL): ns / 1e6, exact to the nanosecond up to 26 days
--   ANY        text that came from the network or the command line: TEXT, or a BLOB of the very bytes
--              where they are not UTF-8 or hold a NUL, which would break the tools that read this
--   *packet*   1-based number in its capture, as Wireshark's frame.number; *capture_id says which
--   words      those of the SPEC and of the JSON: 'closed', 'close_handshake', 'client', ...
-- Each column is described in schema/README.md.

PRAGMA application_id = 0x57534331; -- 'WSC1'

-- One run of the analyzer over one or more captures that were read as one stream.
CREATE TABLE imports (
    id      INTEGER PRIMARY KEY,
    options ANY  NOT NULL,  -- everything that changes the records: filter, keys, ...
    stored  TEXT NOT NULL   -- when, by the clock of the machine that stored it (whole seconds)
) STRICT;

-- A capture, known by its content: the same content read again under another name is the same capture,
-- and no fingerprint stands in two imports.
CREATE TABLE captures (
    id          INTEGER PRIMARY KEY,
    import_id   INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    name        ANY     NOT NULL,            -- as first given on the command line
    fingerprint TEXT,                        -- 32 hex digits; NULL while a live capture goes on
    packets     INTEGER NOT NULL DEFAULT 0,
    bytes       INTEGER NOT NULL DEFAULT 0,  -- of packets as they were on the wire
    first       TEXT,                        -- time of the earliest and of the latest packet
    last        TEXT,
    damaged     INTEGER NOT NULL DEFAULT 0   -- 1: it breaks off, what came before was kept
) STRICT;
CREATE INDEX captures_by_fingerprint ON captures (fingerprint);
CREATE INDEX captures_by_import ON captures (import_id);

-- One WebSocket attempt and how it ended. Columns are named as the JSON keys; what is nested there is
-- joined with an underscore here: idle_ms.any is idle_ms_any.
CREATE TABLE connections (
    id                   INTEGER PRIMARY KEY,

    -- Where in the captures: a connection may cross from one file of an import to the next. All it refers
    -- to is in the import of capture_id; when one of them is replaced, the store removes the connection,
    -- so that only capture_id needs a foreign key, and the index that makes it cheap.
    capture_id           INTEGER NOT NULL REFERENCES captures (id) ON DELETE CASCADE, -- of last_packet
    first_capture_id     INTEGER NOT NULL,   -- of first_packet
    first_packet         INTEGER NOT NULL,   -- of its TCP connection
    last_packet          INTEGER,            -- the last that the verdict rests on
    stream_id            INTEGER NOT NULL,   -- HTTP/2 stream; 0 over HTTP/1.1, later ones on one TCP count on
    sort_time            TEXT NOT NULL,      -- ended, else last_seen: the order of every listing

    -- Who.
    outcome              TEXT NOT NULL,
    client               TEXT,               -- 10.0.0.7:51022, [2001:db8::5]:443
    server               TEXT,
    client_address       TEXT,               -- the same without the port, and the port: for filters
    server_address       TEXT,
    client_port          INTEGER,
    server_port          INTEGER,
    scheme               TEXT,
    http                 TEXT,
    tls_version          TEXT,
    sni                  ANY,
    host                 ANY,
    path                 ANY,                -- without the query, unless it was asked for
    subprotocol          ANY,
    extensions           ANY,
    user_agent           ANY,
    origin               ANY,
    server_software      ANY,
    app                  TEXT,
    handshake_status     INTEGER,
    midstream            INTEGER NOT NULL,   -- 1: picked up without its handshake

    -- When, by the clock of the capture.
    started              TEXT,
    established          TEXT,
    ended                TEXT,
    last_seen            TEXT,               -- its last packet
    duration_ms          REAL,

    -- How: facts, and what follows from them by the RFC (code_source 'inferred').
    close_code           INTEGER,
    code_source          TEXT,
    reason               ANY,
    ending               TEXT NOT NULL,
    closed_by            TEXT,
    client_saw_code      INTEGER,
    client_saw_reason    ANY,
    client_saw_clean     INTEGER,
    server_saw_code      INTEGER,
    server_saw_reason    ANY,
    server_saw_clean     INTEGER,
    tcp_end              TEXT NOT NULL,
    tcp_end_by           TEXT,
    tcp_end_capture_id   INTEGER,            -- of tcp_end_packet
    tcp_end_packet       INTEGER,

    -- Why: always inferred. The sentences are in evidence.
    cause                TEXT,
    confidence           TEXT,
    software             TEXT,
    app_code_scope       TEXT,
    app_code_name        TEXT,
    app_code_meaning     TEXT,

    -- How much, by sender.
    frames_client        INTEGER NOT NULL,
    frames_server        INTEGER NOT NULL,
    messages_client      INTEGER NOT NULL,
    messages_server      INTEGER NOT NULL,
    bytes_client         INTEGER NOT NULL,
    bytes_server         INTEGER NOT NULL,
    pings_client         INTEGER NOT NULL,
    pings_server         INTEGER NOT NULL,
    pongs_client         INTEGER NOT NULL,
    pongs_server         INTEGER NOT NULL,
    missing_bytes_client INTEGER NOT NULL,
    missing_bytes_server INTEGER NOT NULL,
    retransmitted_client INTEGER NOT NULL,
    retransmitted_server INTEGER NOT NULL,
    last_rtt_ms          REAL,
    idle_ms_any          REAL,
    idle_ms_client       REAL,
    idle_ms_server       REAL,
    idle_ms_data         REAL,
    violations_more      INTEGER NOT NULL DEFAULT 0  -- beyond the 16 kept in violations
) STRICT;
-- Every listing is in this order, and --since and --until are ranges of it. More indexes would cost each
-- insert more than they save: the other filters read one table once.
CREATE INDEX connections_by_time ON connections (sort_time, last_packet);
CREATE INDEX connections_by_capture ON connections (capture_id);

-- The first Close frame each side sent.
CREATE TABLE close_frames (
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    sender        TEXT    NOT NULL CHECK (sender IN ('client', 'server')),
    code          INTEGER,           -- as on the wire, legal or not; NULL: empty, 1 byte, or not captured
    reason        ANY,               -- '' when empty, NULL when not captured
    valid         INTEGER NOT NULL,  -- 1: it breaks no rule of RFC 6455 5.5.1 and 7.4
    at            TEXT,              -- time of packet
    capture_id    INTEGER,           -- of packet
    packet        INTEGER,           -- that completes it
    PRIMARY KEY (connection_id, sender)
) STRICT, WITHOUT ROWID;

-- What a peer did against the RFC.
CREATE TABLE violations (
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    n             INTEGER NOT NULL,  -- in packet order, from 0
    by            TEXT    NOT NULL,  -- client, server
    rule          TEXT    NOT NULL,  -- unmasked-client-frame, ...
    capture_id    INTEGER,           -- of packet
    packet        INTEGER,
    PRIMARY KEY (connection_id, n)
) STRICT, WITHOUT ROWID;

-- The sentences a cause rests on.
CREATE TABLE evidence (
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    n             INTEGER NOT NULL,  -- in the order of the JSON list, from 0
    sentence      ANY     NOT NULL,  -- it may quote a reason
    PRIMARY KEY (connection_id, n)
) STRICT, WITHOUT ROWID;

-- The registry (RFC 6455 7.4, IANA), for joins; written anew by every migration. A range and a code in it
-- may both match: the most specific row is the one with the smallest last - first.
CREATE TABLE close_codes (
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    on_wire   INTEGER NOT NULL,  -- 1: may stand in a Close frame
    reported  TEXT    NOT NULL,  -- who reports it, or ''
    reference TEXT    NOT NULL,
    PRIMARY KEY (first, last)
) STRICT, WITHOUT ROWID;

-- For people with only the sqlite3 shell: SELECT * FROM closures WHERE close_code = 1006;
CREATE VIEW closures AS
    SELECT c.id, c.ended, c.client, c.server, c.host, c.path, c.close_code,
           (SELECT k.name FROM close_codes k
             WHERE c.close_code BETWEEN k.first AND k.last
             ORDER BY k.last - k.first LIMIT 1) AS code_name,
           c.code_source, c.ending, c.closed_by, c.reason,
           c.duration_ms / 1000.0 AS duration_s, c.idle_ms_any / 1000.0 AS idle_s,
           c.cause, c.confidence, p.name AS capture, c.last_packet
      FROM connections c JOIN captures p ON p.id = c.capture_id
     WHERE c.outcome = 'closed'
     ORDER BY c.sort_time, c.last_packet, c.id;

CREATE VIEW closures_by_code AS
    SELECT close_code, code_name, count(*) AS closures, min(ended) AS first, max(ended) AS last
      FROM closures
     GROUP BY close_code
     ORDER BY closures DESC, close_code;

CREATE VIEW closures_by_hour AS
    SELECT substr(ended, 1, 13) || ':00Z' AS hour, count(*) AS closures,
           count(*) FILTER (WHERE close_code = 1006 AND code_source = 'inferred') AS abnormal
      FROM closures
     GROUP BY 1
     ORDER BY 1;
