-- The embedded issuer's own tables. Only the login role reaches them; no tenant scope does.
CREATE SCHEMA identity;

CREATE TABLE identity.users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  username text NOT NULL UNIQUE CHECK (username = lower(username)),
  email text UNIQUE,
  first_name text,
  last_name text,
  password_hash text,
  enabled boolean NOT NULL DEFAULT true,
  realm_roles text[] NOT NULL DEFAULT '{}',
  tenant_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON identity.users (tenant_id);

-- private_key is sealed (AES-256-GCM).
CREATE TABLE identity.signing_keys (
  kid text PRIMARY KEY,
  private_key text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE identity.auth_codes (
  code_hash text PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
  session_id uuid NOT NULL,
  client_id text NOT NULL,
  redirect_uri text NOT NULL,
  code_challenge text NOT NULL,
  nonce text,
  scope text NOT NULL,
  expires_at timestamptz NOT NULL
);

-- A browser's or client's session; refresh tokens rotate, and the one before is remembered so that
-- its reuse ends the session.
CREATE TABLE identity.sessions (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
  cookie_hash text UNIQUE,
  client_id text,
  refresh_hash text UNIQUE,
  previous_refresh_hash text,
  scope text NOT NULL DEFAULT 'openid',
  ip_address inet,
  user_agent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX ON identity.sessions (user_id);
CREATE INDEX ON identity.sessions (previous_refresh_hash);
