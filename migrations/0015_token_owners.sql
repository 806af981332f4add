-- The API tokens of a disabled person are refused until the person is let in again.

ALTER TABLE api_tokens ADD COLUMN owner_disabled_at timestamptz;

-- Row-level security is forced on the owner too: it is lifted for what is here already.
ALTER TABLE api_tokens NO FORCE ROW LEVEL SECURITY;
UPDATE api_tokens t SET owner_disabled_at = now()
FROM identity.users u WHERE u.id::text = t.user_id AND NOT u.enabled;
-- A person who is in another tenant by now keeps no key to the one before.
UPDATE api_tokens t SET revoked_at = now()
FROM identity.users u
WHERE u.id::text = t.user_id AND t.revoked_at IS NULL AND u.tenant_id IS DISTINCT FROM t.tenant_id;
ALTER TABLE api_tokens FORCE ROW LEVEL SECURITY;
