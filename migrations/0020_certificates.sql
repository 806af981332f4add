-- X.509 certificates of devices, the authorities that tenants bring along, and the revocation lists of ours.

-- A tenant's own authority: only its certificate, never its key. It was proven to be the tenant's.
CREATE TABLE device_cas (
  ca_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  name text NOT NULL,
  cert_pem text NOT NULL,
  subject text NOT NULL,
  fingerprint_sha256 varchar(64) NOT NULL,
  not_before timestamptz NOT NULL,
  not_after timestamptz NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, fingerprint_sha256)
);
SELECT pulse_protect('device_cas');

-- What a tenant's authority must sign to prove that the tenant holds its key. Good once.
CREATE TABLE device_ca_challenges (
  nonce text PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX ON device_ca_challenges (tenant_id, created_at);
SELECT pulse_protect('device_ca_challenges');

CREATE TABLE device_certificates (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  cert_pem text NOT NULL,
  fingerprint_sha256 varchar(64) NOT NULL UNIQUE,
  common_name text NOT NULL,
  issuer text NOT NULL,
  serial_number varchar(100) NOT NULL,
  status varchar(20) NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'REVOKED', 'EXPIRED')),
  not_before timestamptz NOT NULL,
  not_after timestamptz NOT NULL,
  revoked_at timestamptz,
  revoked_reason varchar(100),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  authority_fingerprint varchar(64) NOT NULL,  -- of the certificate that it was verified against
  scheduled_revoke_at timestamptz,             -- the end of a rotation's overlap
  last_used_at timestamptz,
  expiry_warned_at timestamptz,
  listed_at timestamptz,                       -- since when the revocation list names it
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
CREATE INDEX ON device_certificates (tenant_id, device_id);
CREATE INDEX ON device_certificates (tenant_id, created_at DESC, id DESC);
CREATE INDEX ON device_certificates (status, not_after);
CREATE INDEX ON device_certificates (tenant_id, authority_fingerprint) WHERE status = 'ACTIVE';
CREATE INDEX ON device_certificates (scheduled_revoke_at)
  WHERE status = 'ACTIVE' AND scheduled_revoke_at IS NOT NULL;
CREATE INDEX ON device_certificates (not_after)
  WHERE status = 'ACTIVE' AND expiry_warned_at IS NULL AND scheduled_revoke_at IS NULL;
CREATE INDEX ON device_certificates (authority_fingerprint)
  WHERE status = 'REVOKED' AND listed_at IS NULL;
SELECT pulse_protect('device_certificates');

-- The newest revocation list of each of our authorities. Public by nature: serial numbers and times.
CREATE TABLE device_crls (
  authority_fingerprint varchar(64) PRIMARY KEY,
  crl_number bigint NOT NULL,
  crl_pem text NOT NULL,
  this_update timestamptz NOT NULL,
  next_update timestamptz NOT NULL
);
GRANT SELECT ON device_crls TO pulse_app, pulse_operator, pulse_operator_read, pulse_operator_write;
GRANT SELECT, INSERT, UPDATE ON device_crls TO pulse_ingest;

-- The door and the worker look certificates up, the jobs end them.
GRANT SELECT, UPDATE (status, revoked_at, revoked_reason, updated_at, last_used_at, expiry_warned_at,
  listed_at) ON device_certificates TO pulse_ingest;
