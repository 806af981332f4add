-- Every reading moves last_seen_at: with an index on it no update of device_state could stay on its page, and
-- each wrote to all indexes. The status job finds the silent ones by the minute instead, which a device that
-- sends every second enters once a minute.
DROP INDEX device_state_last_seen_at_idx;
ALTER TABLE device_state ADD COLUMN seen_minute integer
  GENERATED ALWAYS AS (floor(extract(epoch FROM last_seen_at AT TIME ZONE 'UTC') / 60)::integer) STORED;
CREATE INDEX ON device_state (seen_minute) WHERE status IN ('ONLINE', 'STALE');

-- After a restart every batch asks for the rows of its own place in the stream. BRIN knows nothing of pages
-- that VACUUM has not summarized, so each such look-up read what was stored since; a B-tree that grows at
-- its right end only costs little and always knows.
DROP INDEX telemetry_stream_seq_idx;
CREATE INDEX ON telemetry (stream_seq);
DROP INDEX quarantine_events_stream_seq_idx;
CREATE INDEX ON quarantine_events (stream_seq);
