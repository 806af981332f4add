-- Every reading moves last_seen_at: with an index on it no update of device_state could stay on its page,
-- and each wrote to all indexes. The status job reads the rows of the devices that are not OFFLINE instead.
DROP INDEX device_state_last_seen_at_idx;

-- After a restart every batch asks for the rows of its own place in the stream. BRIN knows nothing of pages
-- that VACUUM has not summarized, so each such look-up read what was stored since; a B-tree that grows at
-- its right end only costs little and always knows.
DROP INDEX telemetry_stream_seq_idx;
CREATE INDEX ON telemetry (stream_seq);
