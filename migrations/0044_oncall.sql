-- On-call: who answers at an hour, by rotation, and the calendars that show it.

CREATE TABLE oncall_schedules (
  schedule_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  name text NOT NULL,
  description text,
  timezone text NOT NULL DEFAULT 'UTC',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, schedule_id)
);

CREATE TABLE oncall_layers (
  layer_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  schedule_id integer NOT NULL,
  name text NOT NULL DEFAULT 'Layer 1',
  rotation_type text NOT NULL DEFAULT 'weekly'
    CHECK (rotation_type IN ('daily', 'weekly', 'custom')),
  shift_duration_hours integer NOT NULL DEFAULT 168
    CHECK (shift_duration_hours BETWEEN 1 AND 8760),
  handoff_day integer NOT NULL DEFAULT 1 CHECK (handoff_day BETWEEN 0 AND 6),
  handoff_hour integer NOT NULL DEFAULT 9 CHECK (handoff_hour BETWEEN 0 AND 23),
  responders jsonb NOT NULL DEFAULT '[]',
  layer_order integer NOT NULL DEFAULT 0,
  -- Shifts are counted from the handoff before it.
  rotation_start timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, schedule_id, layer_id),
  FOREIGN KEY (tenant_id, schedule_id)
    REFERENCES oncall_schedules (tenant_id, schedule_id) ON DELETE CASCADE
);

CREATE TABLE oncall_overrides (
  override_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  schedule_id integer NOT NULL,
  layer_id integer,
  responder text NOT NULL,
  start_at timestamptz NOT NULL,
  end_at timestamptz NOT NULL CHECK (end_at > start_at),
  reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (tenant_id, schedule_id)
    REFERENCES oncall_schedules (tenant_id, schedule_id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, schedule_id, layer_id)
    REFERENCES oncall_layers (tenant_id, schedule_id, layer_id) ON DELETE CASCADE
);
CREATE INDEX ON oncall_overrides (tenant_id, schedule_id, end_at);

-- Secret links under which a calendar program reads a schedule, or one person's part of it.
CREATE TABLE oncall_feeds (
  feed_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  schedule_id integer NOT NULL,
  responder text,
  token_hash text NOT NULL UNIQUE,
  created_by text,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  FOREIGN KEY (tenant_id, schedule_id)
    REFERENCES oncall_schedules (tenant_id, schedule_id) ON DELETE CASCADE
);
CREATE INDEX ON oncall_feeds (tenant_id, schedule_id);

ALTER TABLE escalation_levels ADD FOREIGN KEY (tenant_id, oncall_schedule_id)
  REFERENCES oncall_schedules (tenant_id, schedule_id) ON DELETE SET NULL (oncall_schedule_id);
CREATE INDEX ON escalation_levels (tenant_id, oncall_schedule_id)
  WHERE oncall_schedule_id IS NOT NULL;

SELECT pulse_protect(t) FROM unnest(ARRAY['oncall_schedules', 'oncall_layers', 'oncall_overrides',
  'oncall_feeds']::regclass[]) AS t;
-- A calendar program shows its link before any tenant is known.
GRANT SELECT, UPDATE (last_used_at) ON oncall_feeds TO pulse_ingest;
