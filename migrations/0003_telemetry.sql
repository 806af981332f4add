-- Telemetry: rows, rollups, quarantine, dead letters.
--
-- Daily partitions. What is older than the first daily partition lands in one catch-all partition,
-- so that a backfill of old readings never needs DDL; newer days are made ahead by the ops role and,
-- where one is missing all the same, by the ingest worker before its transaction.
-- Where the TimescaleDB extension is in the database, `telemetry` is a hypertable with chunks of a day
-- instead (the extension makes and finds its chunks by itself, old and new); rollups stay as they are.
DO $$
BEGIN
  EXECUTE $sql$
CREATE TABLE telemetry (
  time timestamptz NOT NULL,
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  site_id text,
  msg_type text NOT NULL DEFAULT 'telemetry',
  seq bigint NOT NULL DEFAULT 0,
  metrics jsonb NOT NULL DEFAULT '{}',
  received_at timestamptz NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now(),
  stream_seq bigint NOT NULL
) $sql$ || CASE WHEN to_regproc('create_hypertable') IS NULL THEN 'PARTITION BY RANGE (time)' ELSE '' END;
  IF to_regproc('create_hypertable') IS NOT NULL THEN
    PERFORM create_hypertable('telemetry', 'time', chunk_time_interval => interval '1 day',
                              create_default_indexes => false);
  END IF;
END $$;
CREATE INDEX ON telemetry (tenant_id, device_id, time DESC);
-- Rows come in the order of the stream: a block-range index is small, and finds a sequence fast.
CREATE INDEX ON telemetry USING brin (stream_seq) WITH (pages_per_range = 32);

CREATE TABLE telemetry_rollup_1m (
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  metric text NOT NULL,
  bucket timestamptz NOT NULL,
  count bigint NOT NULL,
  sum float8 NOT NULL,
  min float8 NOT NULL,
  max float8 NOT NULL,
  last float8 NOT NULL,
  last_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, device_id, metric, bucket)
) PARTITION BY RANGE (bucket);

CREATE TABLE telemetry_rollup_1h (
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  metric text NOT NULL,
  bucket timestamptz NOT NULL,
  count bigint NOT NULL,
  sum float8 NOT NULL,
  min float8 NOT NULL,
  max float8 NOT NULL,
  last float8 NOT NULL,
  last_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, device_id, metric, bucket)
) WITH (fillfactor = 60);

CREATE TABLE quarantine_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ingested_at timestamptz NOT NULL DEFAULT now(),
  event_ts timestamptz,
  topic text NOT NULL,
  tenant_id text,
  site_id text,
  device_id text,
  msg_type text,
  reason text NOT NULL,
  payload jsonb NOT NULL,
  envelope_version text DEFAULT '1',
  received_at timestamptz NOT NULL DEFAULT now(),
  stream_seq bigint
);
CREATE INDEX ON quarantine_events (tenant_id, device_id, received_at DESC);
CREATE INDEX ON quarantine_events (ingested_at);
CREATE INDEX ON quarantine_events USING brin (stream_seq);

CREATE TABLE quarantine_counters_minute (
  bucket_minute timestamptz NOT NULL,
  tenant_id text NOT NULL,
  reason text NOT NULL,
  cnt bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (bucket_minute, tenant_id, reason)
);

CREATE TABLE dead_letter_messages (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  route_id integer,
  original_topic text NOT NULL,
  original_subject text,
  payload jsonb NOT NULL,
  destination_type varchar(20) NOT NULL,
  destination_config jsonb NOT NULL DEFAULT '{}',
  error_message text,
  attempts integer NOT NULL DEFAULT 1,
  status varchar(20) NOT NULL DEFAULT 'FAILED'
    CHECK (status IN ('FAILED', 'REPLAYED', 'DISCARDED')),
  stream_seq bigint,
  created_at timestamptz NOT NULL DEFAULT now(),
  replayed_at timestamptz
);
CREATE INDEX ON dead_letter_messages (tenant_id, status, created_at DESC);

SELECT pulse_protect(t) FROM unnest(ARRAY['telemetry', 'telemetry_rollup_1m',
  'telemetry_rollup_1h', 'quarantine_events', 'quarantine_counters_minute',
  'dead_letter_messages']::regclass[]) AS t;
-- A tenant reads its telemetry; only ingest writes it.
REVOKE INSERT, UPDATE, DELETE ON telemetry, telemetry_rollup_1m, telemetry_rollup_1h,
  quarantine_events, quarantine_counters_minute FROM pulse_app;
GRANT SELECT, INSERT ON telemetry TO pulse_ingest;
GRANT SELECT, INSERT, UPDATE ON telemetry_rollup_1m, telemetry_rollup_1h TO pulse_ingest;
GRANT SELECT, INSERT, DELETE ON quarantine_events TO pulse_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON quarantine_counters_minute TO pulse_ingest;
GRANT SELECT, INSERT, DELETE ON dead_letter_messages TO pulse_ingest;
GRANT DELETE ON telemetry, telemetry_rollup_1h TO pulse_ingest;

-- Makes the partition of one day in one partitioned table; nothing happens where the day is covered.
CREATE FUNCTION pulse_make_partition(parent text, day date, options text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  child text := parent || '_' || to_char(day, 'YYYYMMDD');
BEGIN
  IF (SELECT relkind FROM pg_class WHERE oid = parent::regclass) <> 'p' THEN
    RETURN;  -- a hypertable makes its chunks by itself
  END IF;
  IF to_regclass(parent || '_history') IS NOT NULL AND day < (
       SELECT value::date FROM app_settings WHERE key = 'TELEMETRY_HISTORY_BEFORE') THEN
    RETURN;
  END IF;
  IF to_regclass(child) IS NOT NULL THEN
    RETURN;
  END IF;
  -- Days are UTC days, whatever the session's zone.
  EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) %s', child, parent,
                 day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00', options);
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', child);
  EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', child);
EXCEPTION WHEN duplicate_table THEN
  NULL;  -- another worker was faster
END $$;

-- Makes the daily partitions of telemetry and its one-minute rollups. Runs with the owner's rights,
-- so that the ingest role needs none to create tables.
CREATE FUNCTION pulse_make_telemetry_partitions(from_day date, to_day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  day date := from_day;
BEGIN
  IF to_day - from_day > 400 OR to_day > current_date + 40 THEN
    RAISE EXCEPTION 'days out of range: % to %', from_day, to_day;
  END IF;
  WHILE day <= to_day LOOP
    PERFORM pulse_make_partition('telemetry', day, '');
    PERFORM pulse_make_partition('telemetry_rollup_1m', day, 'WITH (fillfactor = 60)');
    day := day + 1;
  END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION pulse_make_partition(text, date, text) FROM public;
REVOKE EXECUTE ON FUNCTION pulse_make_telemetry_partitions(date, date) FROM public;
GRANT EXECUTE ON FUNCTION pulse_make_telemetry_partitions(date, date) TO pulse_ingest;

-- Drops daily partitions whose day is older than `keep_days`; returns their names.
CREATE FUNCTION pulse_drop_old_partitions(keep_days integer) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  child text;
BEGIN
  IF keep_days < 1 THEN
    RAISE EXCEPTION 'keep_days must be at least 1';
  END IF;
  FOR child IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    JOIN pg_class p ON p.oid = i.inhparent
    WHERE p.relname IN ('telemetry', 'telemetry_rollup_1m')
      AND c.relname ~ '_[0-9]{8}$'
      AND to_date(right(c.relname, 8), 'YYYYMMDD') < current_date - keep_days
  LOOP
    EXECUTE format('DROP TABLE %I', child);
    RETURN NEXT child;
  END LOOP;
  IF to_regproc('drop_chunks') IS NOT NULL THEN
    RETURN QUERY SELECT drop_chunks('telemetry', older_than => make_interval(days => keep_days))::text;
  END IF;
END $$;
REVOKE EXECUTE ON FUNCTION pulse_drop_old_partitions(integer) FROM public;
GRANT EXECUTE ON FUNCTION pulse_drop_old_partitions(integer) TO pulse_ingest;

-- Latest values by event time: a message that arrives late does not put an older value over a newer.
CREATE FUNCTION pulse_merge_state(old_state jsonb, old_times jsonb, new_state jsonb,
                                  new_times jsonb, OUT state jsonb, OUT times jsonb)
LANGUAGE sql IMMUTABLE AS $$
  SELECT old_state || coalesce(jsonb_object_agg(key, new_state -> key), '{}'),
         old_times || coalesce(jsonb_object_agg(key, value), '{}')
  FROM jsonb_each(new_times)
  WHERE NOT old_times ? key OR (old_times ->> key)::bigint <= (value #>> '{}')::bigint
$$;

INSERT INTO app_settings (key, value)
VALUES ('TELEMETRY_HISTORY_BEFORE', (current_date - 35)::text);
DO $$
DECLARE
  bound text := (current_date - 35)::text || ' 00:00:00+00';
  parent text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['telemetry', 'telemetry_rollup_1m'] LOOP
    CONTINUE WHEN (SELECT relkind FROM pg_class WHERE oid = parent::regclass) <> 'p';
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (MINVALUE) TO (%L)',
                   parent || '_history', parent, bound);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', parent || '_history');
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', parent || '_history');
  END LOOP;
  PERFORM pulse_make_telemetry_partitions(current_date - 35, current_date + 7);
END $$;

-- The status job marks silent devices; retention removes old events.
GRANT DELETE ON quarantine_counters_minute TO pulse_ingest;
