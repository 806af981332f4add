-- Digests of alerts follow on each other: each tells what happened since the one before it ended,
-- whenever it was sent; by the clock of whoever set them up where no zone was chosen.

-- The last moment at or before `at` when a digest is due: 8:00 of the zone, of a Monday where it is
-- weekly.
CREATE FUNCTION pulse_digest_due(frequency text, zone text, at timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT max(moment) FROM (
    SELECT (d + interval '8 hours') AT TIME ZONE zone AS moment
    FROM generate_series(date_trunc('day', at AT TIME ZONE zone) - interval '7 days',
                         date_trunc('day', at AT TIME ZONE zone), interval '1 day') AS d
    WHERE frequency = 'daily' OR extract(isodow FROM d) = 1) moments
  WHERE moment <= at
$$;

-- When the digest before the one of `due` was due: a day or a week by the clock of the zone, which
-- is an hour more or less where summer time begins or ends.
CREATE FUNCTION pulse_digest_before(frequency text, zone text, due timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT (due AT TIME ZONE zone - CASE frequency WHEN 'weekly' THEN interval '7 days'
                                  ELSE interval '1 day' END) AT TIME ZONE zone
$$;

ALTER TABLE alert_digest_settings
  -- Everything before it was told; none: digests begin anew.
  ADD COLUMN covered_until timestamptz,
  -- Whose zone counts where none was chosen; the organization's where that person has none.
  ADD COLUMN user_id text,
  ALTER COLUMN timezone DROP NOT NULL,
  ALTER COLUMN timezone DROP DEFAULT;
GRANT SELECT (tenant_id, user_id, timezone) ON user_preferences TO pulse_ingest;

-- Row-level security is forced on the owner too, hence the role.
SET LOCAL ROLE pulse_ingest;
UPDATE alert_digest_settings
SET covered_until = pulse_digest_due(frequency, timezone, last_sent_at)
WHERE frequency <> 'disabled' AND last_sent_at IS NOT NULL;
RESET ROLE;
