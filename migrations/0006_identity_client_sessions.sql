-- Each client that signs in through a browser's session gets a session of its own under it, so that
-- two tabs rotate their refresh tokens apart; the browser's end is the end of all of them.
ALTER TABLE identity.sessions
  ADD COLUMN parent_id uuid REFERENCES identity.sessions (id) ON DELETE CASCADE;
CREATE INDEX ON identity.sessions (parent_id);
