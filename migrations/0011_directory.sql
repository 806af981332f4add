-- The embedded directory: whose address is proven, whose password must be changed, links in emails.
-- Tenants themselves are its organizations.
ALTER TABLE identity.users
  ADD COLUMN email_verified boolean NOT NULL DEFAULT false,
  -- Given by someone else: the person chooses another before the first token.
  ADD COLUMN password_temporary boolean NOT NULL DEFAULT false,
  -- What a search looks through. A line break between the parts: no search spans two of them.
  ADD COLUMN search_text text GENERATED ALWAYS AS (
    lower(username || E'\n' || coalesce(email, '') || E'\n' || coalesce(first_name, '') || ' ' ||
          coalesce(last_name, ''))) STORED;
-- Until now every address counted as proven.
UPDATE identity.users SET email_verified = email IS NOT NULL;
CREATE INDEX ON identity.users USING gin (search_text gin_trgm_ops);

-- A link in an email: works once, and not for ever. Here is its SHA-256.
CREATE TABLE identity.action_tokens (
  token_hash text PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
  action text NOT NULL CHECK (action IN ('welcome', 'invitation', 'password_reset')),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX ON identity.action_tokens (user_id, created_at);
CREATE INDEX ON identity.action_tokens (expires_at);
