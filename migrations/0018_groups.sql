-- Groups of devices: static ones list their members, dynamic ones say what members fit. And what changes of
-- many devices at once did, so that they can be taken back for an hour.

CREATE TABLE device_groups (
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  group_id text NOT NULL CHECK (group_id ~ '^[A-Za-z0-9_-]{1,128}$'),
  name text NOT NULL,
  description text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, group_id)
);

CREATE TABLE device_group_members (
  tenant_id text NOT NULL,
  group_id text NOT NULL,
  device_id text NOT NULL,
  added_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, group_id, device_id),
  FOREIGN KEY (tenant_id, group_id) REFERENCES device_groups (tenant_id, group_id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id) ON DELETE CASCADE
);
CREATE INDEX ON device_group_members (tenant_id, device_id);

-- Ids are unique over both kinds; whoever makes a group holds the tenant's lock while it looks.
CREATE TABLE dynamic_device_groups (
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  group_id text NOT NULL CHECK (group_id ~ '^[A-Za-z0-9_-]{1,128}$'),
  name text NOT NULL,
  description text,
  query_filter jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, group_id)
);

-- `done` lists what the change did to each device; with it the change is taken back.
CREATE TABLE bulk_changes (
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  undo_id text NOT NULL,
  action text NOT NULL CHECK (action IN ('add_tags', 'remove_tags', 'move_site', 'set_template',
                                         'decommission', 'restore')),
  done jsonb NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, undo_id)
);
CREATE INDEX ON bulk_changes (tenant_id, expires_at);

SELECT pulse_protect('device_groups');
SELECT pulse_protect('device_group_members');
SELECT pulse_protect('dynamic_device_groups');
SELECT pulse_protect('bulk_changes');

-- The search for a tag finds its devices in the index alone.
CREATE INDEX ON device_tags (tenant_id, tag, device_id);
DROP INDEX device_tags_tenant_id_tag_idx;
