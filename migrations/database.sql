-- Run once in Pulse's database by a superuser, after roles.sql; may be run again.
-- The login does not inherit, so it does not own "public" through the database's ownership.
ALTER SCHEMA public OWNER TO iot;
