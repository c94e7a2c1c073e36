-- wsclose store, version 2: what one connection says of another.

-- Sec-WebSocket-Key (RFC 6455 4.1): a proxy passes it on, so that both legs of a connection have it.
ALTER TABLE connections ADD COLUMN key TEXT;

-- Payload bytes of the last message each side began: what a 1009 was about.
ALTER TABLE connections ADD COLUMN last_message_client INTEGER;
ALTER TABLE connections ADD COLUMN last_message_server INTEGER;

-- Cause and confidence as they were judged from this connection alone; NULL unless others changed them.
ALTER TABLE connections ADD COLUMN alone_cause TEXT;
ALTER TABLE connections ADD COLUMN alone_confidence TEXT;

-- A sentence that rests on another connection goes when that one goes. What changed the cause comes first:
-- its n is below 0.
ALTER TABLE evidence ADD COLUMN other_id INTEGER REFERENCES connections (id) ON DELETE CASCADE;

CREATE INDEX connections_by_key ON connections (key) WHERE key IS NOT NULL;
CREATE INDEX evidence_by_other ON evidence (other_id) WHERE other_id IS NOT NULL;

-- When a leg goes, what it said of the other is taken back.
CREATE TRIGGER leg_gone BEFORE DELETE ON connections WHEN OLD.key IS NOT NULL
BEGIN
    UPDATE connections
       SET cause = alone_cause, confidence = nullif(alone_confidence, 'none'), alone_cause = NULL, alone_confidence = NULL
     WHERE alone_confidence IS NOT NULL
       AND id IN (SELECT connection_id FROM evidence WHERE other_id = OLD.id);
END;
