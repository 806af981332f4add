-- Roles of Pulse. Run once by a superuser; may be run again. `psql -v password=...` sets the login's.
-- pulse_ingest must skip row-level security: COPY is not possible under it (PostgreSQL manual, COPY).
SELECT format('CREATE ROLE %I %s', r.name, r.attributes)
FROM (VALUES ('iot', 'LOGIN NOINHERIT CREATEROLE'),
             ('pulse_app', 'NOLOGIN'),
             ('pulse_operator', 'NOLOGIN'),
             ('pulse_operator_read', 'NOLOGIN'),
             ('pulse_operator_write', 'NOLOGIN'),
             ('pulse_ingest', 'NOLOGIN BYPASSRLS')) AS r (name, attributes)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r.name)
\gexec
-- NOINHERIT: the login has a role's rights only inside a transaction that asks for them.
ALTER ROLE iot NOINHERIT;
ALTER ROLE pulse_ingest BYPASSRLS;
ALTER ROLE iot PASSWORD :'password';
GRANT pulse_app, pulse_operator, pulse_operator_read, pulse_operator_write, pulse_ingest TO iot;
