-- Run once in Pulse's database by a superuser, after roles.sql; may be run again.
-- The login does not inherit, so it does not own "public" through the database's ownership.
ALTER SCHEMA public OWNER TO iot;
-- Where TimescaleDB is installed on the server, telemetry becomes a hypertable; without it, native
-- partitions do the same.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
    CREATE EXTENSION IF NOT EXISTS timescaledb;
  END IF;
END $$;
