-- How far each ingest worker has stored the stream. NATS writes a consumer's state with delay: killed,
-- it comes back with an older one, and delivers again, as if for the first time, what was stored and
-- acknowledged. A message at or below the highest number here is looked up before it is stored.
CREATE TABLE ingest_progress (
  worker text PRIMARY KEY,
  stream_seq bigint NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE, DELETE ON ingest_progress TO pulse_ingest;
