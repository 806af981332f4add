#!/usr/bin/python3
"""Measures Pulse beside the engines it stands on, in one run on one machine.

Starts a scratch PostgreSQL, NATS and Pulse, seeds a demo tenant, runs the load tools of
pulse_bench, and writes bench/results/latest.md and latest.json. Everything it started is gone afterwards.
With --quick, --only or --engines-only it writes partial.md and partial.json instead: the figures of a
whole run stay.

  bench/run.py [--pulse build/release/pulse] [--tools build/release/bench/pulse_bench]
               [--quick] [--only NAME,...] [--fleet N]

With --fleet N it measures what people look at with N devices instead (fleet.py), and writes fleet.md.
"""
import argparse
import datetime
import json
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import alerts
import fleet
import servers

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TENANT = "demo"
DEVICES = 1000

# 100 devices as the list endpoint answers them, and the total, without row-level security.
DEVICES_SQL = """
SELECT r.tenant_id, r.device_id, r.site_id, coalesce(s.status, 'OFFLINE'), r.status, r.name,
  s.last_seen_at, s.last_heartbeat_at, s.last_telemetry_at, s.last_state_change_at,
  coalesce(s.state, '{{}}'), r.latitude, r.longitude, r.address, r.location_source, r.mac_address,
  r.imei, r.iccid, r.serial_number, r.model, r.manufacturer, r.hw_revision, r.fw_version, r.notes,
  r.chipset, r.modem_model, r.board_revision, r.meid, r.bootloader_version, r.modem_fw_version,
  r.deployment_date, r.batch_id, r.installation_notes, r.device_type, r.sensor_limit, r.template_id,
  t.name, t.slug, r.parent_device_id, r.plan_id, u.subscription_id, u.status, r.decommissioned_at,
  r.created_at,
  (SELECT count(*) FROM device_sensors k
   WHERE k.tenant_id = r.tenant_id AND k.device_id = r.device_id),
  ARRAY(SELECT g.tag FROM device_tags g WHERE g.tenant_id = r.tenant_id
        AND g.device_id = r.device_id ORDER BY g.position, g.tag),
  (SELECT count(*) FROM device_registry c WHERE c.tenant_id = '{tenant}' AND c.status <> 'DELETED'
   AND c.decommissioned_at IS NULL)
FROM (SELECT * FROM device_registry d WHERE d.tenant_id = '{tenant}' AND d.status <> 'DELETED'
      AND d.decommissioned_at IS NULL ORDER BY d.site_id, d.device_id LIMIT 100) r
LEFT JOIN device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id
LEFT JOIN device_templates t ON t.id = r.template_id
LEFT JOIN device_subscriptions u ON u.tenant_id = r.tenant_id AND u.device_id = r.device_id
  AND u.status NOT IN ('EXPIRED', 'CANCELLED')
ORDER BY r.site_id, r.device_id;
"""

ROWS_SQL = """
SELECT time, metrics, seq, msg_type FROM telemetry
WHERE tenant_id = '{tenant}' AND device_id = '{device}' AND time >= '{start}' AND time <= '{end}'
ORDER BY time DESC LIMIT 1000;
"""

# A million rows of 100 devices over the last ten hours; 400 of them each make what is queried.
FILL_SQL = """
INSERT INTO telemetry (time, tenant_id, device_id, site_id, seq, metrics, received_at, stream_seq)
SELECT now() - (10000 - i) * interval '3.6 s', '{tenant}', d.device_id, d.site_id, i,
  jsonb_build_object('temperature', 20 + i % 100 / 10.0, 'humidity', 45 + i % 70 / 10.0,
                     'battery', 100 - i % 90, 'door_open', i % 7 = 0),
  now() - (10000 - i) * interval '3.6 s', 0
FROM (SELECT device_id, site_id FROM device_registry WHERE tenant_id = '{tenant}'
      ORDER BY device_id LIMIT 100) d, generate_series(1, 10000) AS i
"""


class Bench:
    def __init__(self, options):
        self.options = options
        self.figures = {}   # flat keys of latest.json
        self.rows = []      # (group, what, value, unit, note)
        self.failures = []
        self.too_slow = []  # a line for each bound that a figure broke
        self.scratch = servers.Scratch()
        self.postgres = self.nats = self.pulse = None
        self.sink_port = servers.free_port()  # where a measured route leads to
        self.devices_file = os.path.join(self.scratch.path, "devices.jsonl")

    # ---- helpers ----

    def tool(self, name, **arguments):
        """Runs a load tool and answers its JSON object."""
        command = [self.options.tools, name]
        for key, value in arguments.items():
            command += ["--" + key.replace("_", "-"), str(value)]
        environment = {**os.environ, "NATS_URL": self.nats.url, "DATABASE_URL": self.postgres.url(),
                       "BENCH_DATABASE_URL": self.postgres.super_url("bench")}
        if self.pulse:
            environment.update(PULSE_URL=self.pulse.url, MQTT_HOST="127.0.0.1",
                               MQTT_PORT=str(self.pulse.mqtt_port))
        done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False,
                              timeout=600)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip()[-1000:])
        return json.loads(done.stdout)

    def load(self, name, **arguments):
        """A load tool that speaks as the seeded devices."""
        return self.tool(name, devices_file=self.devices_file, **arguments)

    def note(self, group, what, value, unit, note=""):
        self.rows.append((group, what, value, unit, note))
        print(f"  {what:<46} {show(value):>12} {unit:<8} {note}", flush=True)

    def measure(self, name, function):
        if self.options.only and name not in self.options.only:
            return
        print(f"{name}", flush=True)
        begun = time.monotonic()
        try:
            if self.pulse and self.pulse.process and self.pulse.process.poll() is not None:
                self.pulse.start()  # the last measure killed it; it does not spoil the others
            function()
        except (RuntimeError, OSError, KeyError, ValueError, subprocess.SubprocessError) as e:
            self.failures.append(name)
            print(f"  FAILED: {e}", flush=True)
            for line in self.pulse.last_words() if self.pulse else ():
                print(f"  | {line}", flush=True)
        print(f"  ({time.monotonic() - begun:.1f} s)", flush=True)

    def size(self, full, quick):
        return quick if self.options.quick else full

    def token(self):
        body = urllib.parse.urlencode({"grant_type": "password", "client_id": "pulse-ui",
                                       "scope": "openid", "username": "tenantadmin1",
                                       "password": "pulse-demo-1"}).encode()
        url = self.pulse.url + "/realms/pulse/protocol/openid-connect/token"
        with urllib.request.urlopen(url, body, 10) as answer:
            return json.load(answer)["access_token"]

    # ---- what is measured ----

    def engines(self):
        r = self.tool("copy", rows=self.size(300_000, 50_000))
        self.figures["copy_rows_per_s"] = r["copy_rows_per_s_by_1000"]
        for size in ("1000", "5000"):
            self.note("engines", f"PostgreSQL COPY, durable, batches of {int(size):,}",
                      r["copy_rows_per_s_by_" + size], "rows/s")
        r = self.tool("puback", messages=self.size(300_000, 50_000))
        self.figures["puback_per_s"] = r["pubacks_per_s"]
        self.note("engines", "JetStream PubAck, 4,096 in flight", r["pubacks_per_s"], "msgs/s",
                  f"{r['bytes']} bytes, {r['failed']} failed")

    def bare_worker(self):
        r = self.tool("bare-worker", messages=self.size(300_000, 50_000))
        self.figures["bare_worker_msgs_per_s"] = r["bare_worker_msgs_per_s"]
        self.figures["bare_worker_alone_msgs_per_s"] = r["bare_worker_alone_msgs_per_s"]
        for key, what in (("bare_worker_msgs_per_s", "bare worker beside its publisher"),
                          ("bare_worker_alone_msgs_per_s", "bare worker alone")):
            self.note("engines", what, r[key], "msgs/s")

    def cold_start(self):
        times = []
        for _ in range(self.size(5, 3)):
            self.pulse.stop()
            times.append(self.pulse.start())
        self.figures["cold_start_ms"] = statistics.median(times)
        self.note("process", "cold start to ready (median)", statistics.median(times), "ms",
                  "aim < 300")

    def idle(self):
        self.pulse.stop()
        self.pulse.start()
        time.sleep(self.size(8, 4))
        self.figures["idle_rss_mib"] = servers.resident_mib(self.pulse.pid)
        self.note("process", "resident memory, idle, all roles", self.figures["idle_rss_mib"],
                  "MiB", "aim < 80")

    def post_to_row(self):
        r = self.load("post-to-row", messages=self.size(300, 100))
        self.figures["post_to_row_p50_ms"] = r["row"]["p50_ms"]
        self.figures["post_to_row_p99_ms"] = r["row"]["p99_ms"]
        self.note("latency", "POST to row, p50", r["row"]["p50_ms"], "ms",
                  f"{r['missing']} missing; aim < 20")
        self.note("latency", "POST to row, p99", r["row"]["p99_ms"], "ms")
        self.note("latency", "POST to 202, p50", r["answer"]["p50_ms"], "ms")

    def drained(self):
        """Waits until the worker has stored what the last measure left behind."""
        last, same = -1, 0
        while same < 3:
            count = self.postgres.sql("iotcloud", "SELECT count(*) FROM telemetry")
            same = same + 1 if count == last else 0
            last = count
            time.sleep(0.4)

    def http_ingest(self):
        seconds = self.size(6, 3)
        r = self.load("http", seconds=seconds, connections=64)
        self.check_statuses(r)
        self.figures["http_single_rps"] = r["requests_per_s"]
        self.figures["http_single_p99_ms"] = r["latency"]["p99_ms"]
        self.note("ingest", "HTTP single, 64 connections", r["requests_per_s"], "req/s",
                  f"p50 {r['latency']['p50_ms']:.1f} ms, p99 {r['latency']['p99_ms']:.1f} ms")
        self.drained()
        r = self.load("http", seconds=seconds, connections=16, batch=100)
        self.check_statuses(r)
        self.figures["http_batch_msgs_per_s"] = r["msgs_per_s"]
        self.note("ingest", "HTTP batches of 100, 16 connections", r["msgs_per_s"], "msgs/s",
                  f"p50 {r['latency']['p50_ms']:.1f} ms, p99 {r['latency']['p99_ms']:.1f} ms")
        self.drained()

    @staticmethod
    def check_statuses(r):
        bad = {s: n for s, n in r["statuses"].items() if s not in ("200", "202")}
        if bad:
            raise RuntimeError(f"answers other than 200 and 202: {bad}")

    def mqtt_ingest(self):
        r = self.load("mqtt", seconds=self.size(6, 3), connections=200)
        if r["refused"] or r["lost"]:
            raise RuntimeError(f"{r['refused']} refused, {r['lost']} lost")
        self.figures["mqtt_msgs_per_s"] = r["msgs_per_s"]
        self.note("ingest", "MQTT QoS 1, 200 connections", r["msgs_per_s"], "msgs/s",
                  f"p50 {r['latency']['p50_ms']:.1f} ms, p99 {r['latency']['p99_ms']:.1f} ms")
        self.drained()

    def end_to_end(self):
        n = self.size(200_000, 50_000)
        ways = (("envelopes", "worker_msgs_per_s", "JetStream to PostgreSQL, beside the publisher"),
                ("http", "e2e_msgs_per_s", "HTTP batches to PostgreSQL, tokens checked"))
        for via, key, what in ways:
            r = self.load("e2e", messages=n, via=via)
            if r["rows"] != r["acknowledged"] or r["acknowledged"] != n:
                raise RuntimeError(f"sent {n}, acknowledged {r['acknowledged']}, rows {r['rows']}")
            self.figures[key] = r["msgs_per_s"]
            bare = self.figures.get("bare_worker_msgs_per_s")
            self.note("ingest", what, r["msgs_per_s"], "msgs/s",
                      f"{r['msgs_per_s'] / bare:.2f} of the bare worker" if bare else "")

    def reads(self):
        self.postgres.sql("iotcloud", FILL_SQL.format(tenant=TENANT))
        self.postgres.sql("iotcloud", "VACUUM ANALYZE telemetry, device_registry, device_state")
        self.postgres.sql("iotcloud", "VACUUM ANALYZE device_sensors, device_tags")
        device = self.postgres.sql("iotcloud", "SELECT min(device_id) FROM telemetry "
                                               f"WHERE tenant_id = '{TENANT}' AND stream_seq = 0")
        end = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        start = end - datetime.timedelta(minutes=30)
        span = {"tenant": TENANT, "device": device, "start": start.isoformat(),
                "end": end.isoformat()}
        query = urllib.parse.urlencode({"start": span["start"], "end": span["end"], "limit": 1000})
        rows_path = f"/api/v1/customer/devices/{device}/telemetry?{query}"
        self.compare("devices_api_over_sql", "100 devices", "/api/v1/customer/devices?limit=100",
                     DEVICES_SQL.format(tenant=TENANT))
        self.compare("telemetry_api_over_sql", "500 of 1 M telemetry rows", rows_path,
                     ROWS_SQL.format(**span))

    def compare(self, key, what, path, sql):
        """The API's time for one request at a time, over pgbench's for the bare statement."""
        script = os.path.join(self.scratch.path, key + ".sql")
        with open(script, "w", encoding="utf-8") as f:
            f.write(" ".join(sql.split()) + "\n")
        seconds = self.size(5, 2)
        bare = self.postgres.pgbench("iotcloud", script, 1, seconds)
        r = self.tool("http-get", path=path, token=self.token(), connections=1, seconds=seconds)
        self.check_statuses(r)
        ms = 1000 / r["requests_per_s"]
        self.figures[key] = ms / bare["ms"]
        self.note("reads", f"GET {what}", ms, "ms", f"{r['answer_bytes']} bytes")
        self.note("reads", f"bare SQL of {what} (pgbench)", bare["ms"], "ms")
        self.note("reads", f"API over SQL, {what}", ms / bare["ms"], "x", "aim <= 2")
        busy_bare = self.postgres.pgbench("iotcloud", script, 8, seconds)
        busy = self.tool("http-get", path=path, token=self.token(), connections=8, seconds=seconds)
        self.check_statuses(busy)
        ratio = busy_bare["tps"] / busy["requests_per_s"]
        self.note("reads", f"GET {what}, 8 at once", busy["requests_per_s"], "req/s",
                  f"bare SQL {busy_bare['tps']:.0f}/s, {ratio:.2f} x")

    def memory(self):
        clients = self.size(10_000, 2_000)
        self.pulse.stop()
        self.pulse.start()
        r = self.load("mqtt-memory", clients=clients, pid=self.pulse.pid)
        self.figures["mqtt_client_kib"] = r["kib_per_client"]
        self.note("process", f"each of {clients} idle MQTT clients", r["kib_per_client"], "KiB",
                  "aim < 20")
        self.pulse.stop()
        self.pulse.start()
        r = self.tool("ws-memory", clients=400, pid=self.pulse.pid, token=self.token())
        self.figures["ws_client_kib"] = r["kib_per_client"]
        self.note("process", "each of 400 idle WebSockets", r["kib_per_client"], "KiB", "aim < 20")

    # ---- the run ----

    def run(self):
        print("Starting PostgreSQL, NATS and Pulse", flush=True)
        self.postgres = servers.Postgres(self.scratch, os.path.join(ROOT, "migrations"))
        self.nats = servers.Nats(self.scratch)
        if not self.options.fleet and not self.options.alerts:
            self.measure("engines", self.engines)
            self.measure("bare-worker", self.bare_worker)
        if self.options.engines_only:
            return
        self.pulse = servers.Pulse(self.options.pulse, self.scratch, self.postgres, self.nats, ROOT)
        self.pulse.environment["OUTBOUND_PRIVATE_HOSTS"] = f"127.0.0.1:{self.sink_port}"
        if self.options.fleet:
            self.pulse.environment["CAMPAIGN_SECONDS"] = "1"
        self.pulse.run("migrate")
        self.pulse.run("admin", "seed-demo", "--devices", str(10 if self.options.fleet else DEVICES),
                       "--tokens-file", self.devices_file)
        # What is measured is the path, not the limits on it.
        self.postgres.sql("iotcloud", "UPDATE app_settings SET value = '1000000' "
                                      "WHERE key IN ('RATE_LIMIT_RPS', 'RATE_LIMIT_BURST')")
        self.postgres.sql("iotcloud", "UPDATE device_plans SET limits = limits || "
                                      "'{\"telemetry_rate_per_minute\": 60000000}'")
        self.postgres.sql("iotcloud", "UPDATE account_tiers SET limits = limits || "
                                      "'{\"api_requests_per_minute\": 1000000000}'")
        self.pulse.start()
        if self.options.fleet:
            fleet.run(self, TENANT, self.options.fleet)
            return
        if self.options.alerts:
            alerts.run(self, TENANT, self.options.alerts)
            return
        self.measure("cold-start", self.cold_start)
        self.measure("idle", self.idle)
        self.measure("post-to-row", self.post_to_row)
        self.measure("http", self.http_ingest)
        self.measure("mqtt", self.mqtt_ingest)
        self.measure("e2e", self.end_to_end)
        self.measure("matcher", lambda: alerts.matcher(self))
        self.measure("rules", lambda: alerts.engine(self, self.size(10_000, 1_000)))
        self.measure("delivery", lambda: alerts.delivery(self))
        self.measure("reads", self.reads)
        self.measure("memory", self.memory)

    def stop(self):
        for server in (self.pulse, self.nats, self.postgres):
            if server:
                server.stop()
        if self.failures and self.options.keep:
            print(f"Logs are in {self.scratch.path}")
        else:
            self.scratch.remove()

    def write(self):
        ratios = {}
        bare = self.figures.get("bare_worker_msgs_per_s")
        for key in ("e2e_msgs_per_s", "worker_msgs_per_s"):
            if bare and key in self.figures:
                ratios[key.replace("_msgs_per_s", "_over_bare_worker")] = self.figures[key] / bare
        self.figures.update(ratios)
        folder = self.options.results
        os.makedirs(folder, exist_ok=True)
        when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        lines = ["# Bench", "", f"{when}, {machine()}. One run; every figure from this machine.",
                 "", "| what | figure | unit | |", "| --- | ---: | --- | --- |"]
        lines += [f"| {what} | {show(value)} | {unit} | {note} |"
                  for _, what, value, unit, note in self.rows]
        for key, value in ratios.items():
            lines.append(f"| {key.replace('_', ' ')} | {value:.2f} | x | aim >= 0.5 |")
        if self.failures:
            lines += ["", f"Not measured: {', '.join(self.failures)}."]
        if self.too_slow:
            lines += ["", *self.too_slow]
        partial = self.options.quick or self.options.only or self.options.engines_only
        name = os.path.join(folder, "fleet" if self.options.fleet else "alerts" if self.options.alerts else "partial" if partial else "latest")
        with open(name + ".md", "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        with open(name + ".json", "w", encoding="utf-8") as f:
            json.dump({k: round(v, 3) for k, v in self.figures.items()}, f, indent=2)
            f.write("\n")
        print("\n" + "\n".join(lines))


def show(value):
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def machine():
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            model = next(line.split(":", 1)[1].strip() for line in f
                         if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{os.cpu_count()} cores, {model}"


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--pulse", default=os.path.join(ROOT, "build/release/pulse"))
    parser.add_argument("--tools", default=os.path.join(ROOT, "build/release/bench/pulse_bench"))
    parser.add_argument("--quick", action="store_true", help="shorter measures, rougher figures")
    parser.add_argument("--only", type=lambda s: s.split(","), help="measures, comma-separated")
    parser.add_argument("--engines-only", action="store_true", help="without Pulse")
    parser.add_argument("--fleet", type=int, metavar="N", help="what people look at, at N devices")
    parser.add_argument("--alerts", type=int, metavar="N", help="from a breach to its alert, at N devices")
    parser.add_argument("--results", default=os.path.join(ROOT, "bench/results"), help="folder")
    parser.add_argument("--keep", action="store_true", help="keep the logs when a measure failed")
    return parser.parse_args(arguments)


def main():
    # Ten thousand clients need as many files, here and in the servers, which inherit the limit.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `finally`
    bench = Bench(parse(sys.argv[1:]))
    try:
        bench.run()
        bench.write()
    finally:
        bench.stop()
    sys.exit(1 if bench.failures or bench.too_slow else 0)


if __name__ == "__main__":
    main()
