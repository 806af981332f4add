-- Alerts as people look at them: by site, the critical ones, and when maintenance comes next.

CREATE INDEX ON fleet_alert (tenant_id, site_id) WHERE status IN ('OPEN', 'ACKNOWLEDGED');
CREATE INDEX ON fleet_alert (tenant_id, device_id) WHERE status = 'OPEN' AND severity = 5;

-- The occurrence of a window that is under way, or else its next one; no row when there is none
-- within eight days of its start or of `at`. The same hours as those of pulse_in_maintenance.
CREATE FUNCTION pulse_next_maintenance(starts_at timestamptz, ends_at timestamptz,
                                       recurring jsonb, zone text, at timestamptz)
RETURNS TABLE (next_start timestamptz, next_end timestamptz) LANGUAGE sql STABLE AS $$
  WITH spans AS (
    SELECT starts_at AS opens, ends_at AS closes WHERE recurring IS NULL
    UNION ALL
    SELECT (d + from_hour * interval '1 hour') AT TIME ZONE zone,
           (d + (CASE WHEN to_hour > from_hour THEN to_hour ELSE to_hour + 24 END)
              * interval '1 hour') AT TIME ZONE zone
    FROM (SELECT (recurring ->> 'start_hour')::integer AS from_hour,
                 (recurring ->> 'end_hour')::integer AS to_hour) h
    CROSS JOIN LATERAL generate_series(
      date_trunc('day', greatest(at, starts_at) AT TIME ZONE zone) - interval '1 day',
      date_trunc('day', greatest(at, starts_at) AT TIME ZONE zone) + interval '8 days',
      interval '1 day') AS d
    WHERE recurring IS NOT NULL
      AND recurring -> 'dow' @> to_jsonb(extract(dow FROM d)::integer)
  )
  SELECT greatest(s.opens, pulse_next_maintenance.starts_at),
         least(s.closes, pulse_next_maintenance.ends_at)
  FROM spans s
  WHERE (s.closes IS NULL OR (s.closes > at AND s.closes > pulse_next_maintenance.starts_at))
    AND (pulse_next_maintenance.ends_at IS NULL
         OR (pulse_next_maintenance.ends_at > at AND s.opens < pulse_next_maintenance.ends_at))
  ORDER BY 1 LIMIT 1
$$;
