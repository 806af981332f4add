"""A load that remembers what was acknowledged, and the check that all of it is stored exactly once."""

import io
import json
import socket
import subprocess
import time

from servers import PULSE, Stack, environment, wait_for


class Load:
    """`pulse simulate` over HTTP and MQTT, with its log of what was acknowledged."""

    def __init__(self, stack: Stack, rate: int = 2000):
        self.stack, self.rate, self.log = stack, rate, stack.home / "acked.log"

    def __enter__(self):
        self.out = open(self.stack.home / "simulate.log", "w")
        self.child = subprocess.Popen(
            [str(PULSE), "simulate", "--url", self.stack.url, "--mqtt", f"127.0.0.1:{self.stack.mqtt_port}",
             "--devices-file", str(self.stack.devices_file), "--rate", str(self.rate), "--protocol", "mixed",
             "--acked-log", str(self.log)], stdout=self.out, stderr=self.out,
            env=environment({}))
        return self

    def __exit__(self, *_):
        """Ends the load; again without harm."""
        if self.child.poll() is None:
            self.child.terminate()
            self.child.wait(60)
        self.out.close()

    def acknowledged(self) -> int:
        if not self.log.exists():
            return 0
        return int(subprocess.run(["wc", "-l", str(self.log)], capture_output=True, text=True).stdout.split()[0])


def drained(stack: Stack) -> bool:
    """True when the worker has acknowledged everything that the stream holds."""
    with socket.create_connection(("127.0.0.1", stack.nats_port), 5) as s:
        s.settimeout(5)
        s.recv(65536)
        s.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB r 1\r\n'
                  b"PUB $JS.API.CONSUMER.INFO.TELEMETRY.ingest-workers r 0\r\n\r\nPING\r\n")
        data = b""
        while b"num_pending" not in data:
            data += s.recv(65536)
        time.sleep(0.1)
        info = json.loads(data[data.index(b"{"):data.rindex(b"}") + 1])
    return info["num_pending"] == 0 and info["num_ack_pending"] == 0


def check_nothing_lost_nothing_doubled(stack: Stack, log):
    import psycopg2
    wait_for("the stream drained", lambda: drained(stack), 180, 0.5)
    connection = psycopg2.connect(host=str(stack.postgres.home), port=stack.postgres.port, user="postgres",
                                  dbname="iotcloud")
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE acked (tenant_id text, device_id text, seq bigint)")
        rows = []
        for line in log.read_text().splitlines():
            parts = line.split()
            rows.append("\t".join(parts[:3]))
        cursor.copy_from(io.StringIO("\n".join(rows) + "\n"), "acked")
        # A killed PostgreSQL has lost what it knew of its tables: without it, the join takes minutes.
        cursor.execute("ANALYZE acked")
        cursor.execute("ANALYZE telemetry")
        cursor.execute("SELECT count(*) FROM acked")
        acked = cursor.fetchone()[0]
        cursor.execute("SELECT a.* FROM acked a LEFT JOIN telemetry t USING (tenant_id, device_id, seq) "
                       "WHERE t.seq IS NULL LIMIT 20")
        lost = cursor.fetchall()
        cursor.execute("SELECT tenant_id, device_id, seq, count(*), array_agg(stream_seq) FROM telemetry WHERE seq > 0 "
                       "GROUP BY 1, 2, 3 HAVING count(*) > 1 LIMIT 20")
        doubled = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM telemetry")
        stored = cursor.fetchone()[0]
        wrong_rollups = {table: rows_and_rollups_that_differ(cursor, table)
                         for table in ("telemetry_rollup_1m", "telemetry_rollup_1h")}
    connection.close()
    print(f"acknowledged {acked}, stored {stored}")
    assert acked > 0
    assert not lost, f"acknowledged and not stored: {lost}"
    assert not doubled, f"stored twice: {doubled}"
    for table, wrong in wrong_rollups.items():
        assert not wrong, f"{table} and the rows it sums up differ (device, metric, rows, rolled up): {wrong}"
    return acked


def rows_and_rollups_that_differ(cursor, table: str) -> list:
    """Metrics whose numbers in telemetry are not as many, or sum up to other than the rollups say."""
    cursor.execute(f"""
        WITH points AS (
          SELECT tenant_id, device_id, m.key AS metric, count(*) AS n,
            sum(CASE m.value WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE m.value::float8 END) AS total
          FROM telemetry, jsonb_each(metrics) AS m
          WHERE jsonb_typeof(m.value) IN ('number', 'boolean') GROUP BY 1, 2, 3),
        rolled AS (
          SELECT tenant_id, device_id, metric, sum(count) AS n, sum(sum) AS total FROM {table} GROUP BY 1, 2, 3)
        SELECT device_id, metric, p.n, r.n, p.total, r.total
        FROM points p FULL JOIN rolled r USING (tenant_id, device_id, metric)
        WHERE p.n IS DISTINCT FROM r.n OR abs(p.total - r.total) > 1e-6 * greatest(1, abs(p.total))
        LIMIT 20""")
    return cursor.fetchall()
