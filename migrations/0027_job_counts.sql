-- How the executions of a job stand, counted as they change: a list of jobs looks at no execution. Each job
-- has several rows, by its devices, so that many devices that report at once don't wait for one row.

CREATE TABLE job_execution_counts (
  tenant_id text NOT NULL,
  job_id text NOT NULL,
  part smallint NOT NULL,
  status text NOT NULL,
  executions bigint NOT NULL,
  PRIMARY KEY (tenant_id, job_id, part, status),
  FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, job_id) ON DELETE CASCADE
);
CREATE FUNCTION pulse_job_part(device_id text) RETURNS smallint LANGUAGE sql IMMUTABLE
RETURN (hashtext(device_id) & 7)::smallint;

ALTER TABLE job_executions NO FORCE ROW LEVEL SECURITY;
INSERT INTO job_execution_counts
SELECT tenant_id, job_id, pulse_job_part(device_id), status, count(*) FROM job_executions
GROUP BY 1, 2, 3, 4;
ALTER TABLE job_executions FORCE ROW LEVEL SECURITY;

-- Once a statement, and always in the same order, so that two statements wait for each other instead of in
-- a circle. What goes with its whole job needs no count any more.
CREATE FUNCTION pulse_executions_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO job_execution_counts AS c (tenant_id, job_id, part, status, executions)
  SELECT tenant_id, job_id, pulse_job_part(device_id), status, count(*) FROM come
  GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (tenant_id, job_id, part, status) DO UPDATE
    SET executions = c.executions + excluded.executions;
  RETURN NULL;
END $$;
CREATE FUNCTION pulse_executions_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO job_execution_counts AS c (tenant_id, job_id, part, status, executions)
  SELECT g.* FROM (SELECT tenant_id, job_id, pulse_job_part(device_id), status, -count(*) FROM gone
                   GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4) g
  WHERE EXISTS (SELECT FROM jobs j WHERE j.tenant_id = g.tenant_id AND j.job_id = g.job_id)
  ON CONFLICT (tenant_id, job_id, part, status) DO UPDATE
    SET executions = c.executions + excluded.executions;
  RETURN NULL;
END $$;
CREATE FUNCTION pulse_executions_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO job_execution_counts AS c (tenant_id, job_id, part, status, executions)
  SELECT tenant_id, job_id, pulse_job_part(device_id) AS part, status, sum(by)
  FROM (SELECT tenant_id, job_id, device_id, status, 1 AS by FROM come
        UNION ALL SELECT tenant_id, job_id, device_id, status, -1 FROM gone) x
  GROUP BY 1, 2, 3, 4 HAVING sum(by) <> 0 ORDER BY 1, 2, 3, 4
  ON CONFLICT (tenant_id, job_id, part, status) DO UPDATE
    SET executions = c.executions + excluded.executions;
  RETURN NULL;
END $$;
CREATE TRIGGER executions_come AFTER INSERT ON job_executions
  REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION pulse_executions_come();
CREATE TRIGGER executions_go AFTER DELETE ON job_executions
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION pulse_executions_go();
CREATE TRIGGER executions_change AFTER UPDATE ON job_executions
  REFERENCING OLD TABLE AS gone NEW TABLE AS come
  FOR EACH STATEMENT EXECUTE FUNCTION pulse_executions_change();

SELECT pulse_protect('job_execution_counts');
GRANT SELECT, INSERT, UPDATE ON job_execution_counts TO pulse_ingest;
