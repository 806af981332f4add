-- Message routes: how far a message may still spread, and what a replay needs to send the same again.
-- Messages that waited before this was counted may spread as far as a new one.
ALTER TABLE message_route_queue ADD COLUMN fanout_left integer NOT NULL DEFAULT 100;

ALTER TABLE dead_letter_messages
  ADD COLUMN fanout_left integer NOT NULL DEFAULT 100,
  -- Of the message, as against created_at, when it was given up.
  ADD COLUMN received_at timestamptz,
  -- The device that sent it; device_id is what its topic names, which a republished one need not.
  ADD COLUMN source_device_id text,
  -- The JSON as it came: jsonb orders members and has no \u0000.
  ADD COLUMN payload_text text,
  -- Whoever replays it has it until then.
  ADD COLUMN claimed_until timestamptz;

-- Whether a message of a route was given up already is asked whenever one is queued.
CREATE INDEX ON dead_letter_messages (route_id, message_id) WHERE route_id IS NOT NULL;
DROP INDEX dead_letter_messages_route_id_idx;
