-- What is under way at an outside directory in several steps, or was left half done there. `aim` is the
-- state to go back to. Whoever works on a row holds it until held_until; a job takes it after due_at.
CREATE TABLE identity.repairs (
  kind text NOT NULL CHECK (kind IN ('creation', 'roles', 'organizations')),
  subject text NOT NULL,
  aim jsonb NOT NULL,
  holder text NOT NULL,
  held_until timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kind, subject)
);
CREATE INDEX ON identity.repairs (due_at);
