"""A fleet of a given size: what people look at, each by the API and as bare SQL, in one run."""
import hashlib
import json
import os
import signal
import statistics
import subprocess
import time
import urllib.request

import servers

P99_MS = 100
CHANGED = 10_000  # devices of a bulk change and of the campaign, at most

# N devices at 100 sites with state, three sensors, tags and a trial, as they would be after a day;
# and ten jobs with an execution of each device among them.
# Seen a day ahead, so that they don't fall silent one after the other while they are measured.
SEED_SQL = """
INSERT INTO sites (tenant_id, site_id, name, latitude, longitude)
SELECT '{tenant}', 'site-' || i, 'Site ' || i, -60 + i * 1.2, -170 + i * 3.4 FROM generate_series(1, 100) i
ON CONFLICT DO NOTHING;
INSERT INTO device_registry (tenant_id, device_id, site_id, name, plan_id, template_id, device_type, model,
  serial_number, latitude, longitude, fw_version, created_at)
SELECT '{tenant}', 'unit-' || lpad(i::text, 6, '0'), 'site-' || (i % 100 + 1), 'Pump ' || i, 'standard',
  (SELECT min(id) FROM device_templates WHERE slug = 'temperature-probe'), 'standalone_sensor', 'TP-1', 'SN' || i,
  -60 + (i % 100) * 1.2 + random(), -170 + (i % 100) * 3.4 + random(), '1.' || (i % 7),
  now() - interval '3 days'
FROM generate_series(1, {devices}) i;
INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at, last_telemetry_at, state, state_times)
SELECT tenant_id, device_id, site_id,
  CASE WHEN n % 50 = 0 THEN 'OFFLINE' WHEN n % 20 = 0 THEN 'STALE' ELSE 'ONLINE' END, now() + interval '1 day', now(),
  jsonb_build_object('temperature', n % 60, 'battery', 100 - n % 90, 'humidity', n % 100),
  jsonb_build_object('temperature', 1764000000000, 'battery', 1764000000000, 'humidity', 1764000000000)
FROM (SELECT *, right(device_id, 6)::integer AS n FROM device_registry
      WHERE tenant_id = '{tenant}' AND device_id LIKE 'unit-%') r;
INSERT INTO device_sensors (tenant_id, device_id, metric_key, display_name, unit, source)
SELECT tenant_id, device_id, m, m, u, 'unmodeled' FROM device_registry,
  (VALUES ('temperature', '°C'), ('battery', '%'), ('humidity', '%')) AS s (m, u)
WHERE tenant_id = '{tenant}' AND device_id LIKE 'unit-%';
INSERT INTO device_tags (tenant_id, device_id, tag)
SELECT tenant_id, device_id, CASE WHEN right(device_id, 6)::integer % 100 = 0 THEN 'pilot' ELSE 'fleet' END
FROM device_registry WHERE tenant_id = '{tenant}' AND device_id LIKE 'unit-%';
INSERT INTO device_subscriptions (subscription_id, tenant_id, device_id, plan_id, status, term_end)
SELECT 'bench-' || device_id, tenant_id, device_id, 'standard', 'TRIAL', now() + interval '14 days'
FROM device_registry WHERE tenant_id = '{tenant}' AND device_id LIKE 'unit-%';
INSERT INTO device_connection_events (tenant_id, device_id, event_type, "timestamp", details)
SELECT tenant_id, device_id, CASE WHEN n % 100 = 1 THEN 'CONNECTED' ELSE 'DISCONNECTED' END,
  now() - n % 600 * interval '1 minute',
  jsonb_build_object('reason', CASE WHEN n % 100 = 1 THEN 'heartbeat_resumed' ELSE 'heartbeat_timeout' END)
FROM (SELECT *, right(device_id, 6)::integer AS n FROM device_registry
      WHERE tenant_id = '{tenant}' AND device_id LIKE 'unit-%') r
WHERE n % 100 = 1 OR n % 50 = 0;
INSERT INTO jobs (tenant_id, job_id, document_type, target_all)
SELECT '{tenant}', 'bench-' || i, 'reboot', true FROM generate_series(0, 9) i;
INSERT INTO job_executions (tenant_id, job_id, device_id, status, notify_at)
SELECT tenant_id, 'bench-' || n % 10, device_id,
  (ARRAY['QUEUED', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED'])[n / 10 % 4 + 1], now() + interval '1 day'
FROM (SELECT *, right(device_id, 6)::integer AS n FROM device_registry
      WHERE tenant_id = '{tenant}' AND device_id LIKE 'unit-%') r;
INSERT INTO dynamic_device_groups (tenant_id, group_id, name, query_filter)
VALUES ('{tenant}', 'cold', 'Cold', '{{"query": "temperature<5"}}');
"""

LIVE = "FROM device_registry r WHERE r.tenant_id = '{tenant}' AND r.status <> 'DELETED' AND r.decommissioned_at IS NULL"
PLACED = LIVE.replace(" WHERE ", " LEFT JOIN device_state s USING (tenant_id, device_id) WHERE ")
PAGE = "SELECT r.device_id, r.name, r.site_id {live} {where} ORDER BY r.site_id, r.device_id LIMIT 100"
COUNT = "SELECT count(*) {live} {where}"
STATE = ("EXISTS (SELECT FROM device_state s WHERE s.tenant_id = r.tenant_id AND s.device_id = r.device_id "
         "AND {condition})")


def listing(query, where):
    """The API's page of 100 with its total, and the two statements that this is at the least."""
    return f"/api/v1/customer/devices?limit=100{query}", [PAGE.replace("{where}", where), COUNT.replace("{where}", where)]


MEASURES = {
    "list, first page": listing("", ""),
    "list, page 500": listing("&offset=50000", ""),
    "filter by site": listing("&site_id=site-42", "AND r.site_id = 'site-42'"),
    "filter by status": listing("&status=OFFLINE", "AND " + STATE.replace("{condition}", "s.status = 'OFFLINE'")),
    "filter by tag": listing("&tags=pilot", "AND EXISTS (SELECT FROM device_tags g WHERE g.tenant_id = r.tenant_id "
                             "AND g.device_id = r.device_id AND g.tag = 'pilot')"),
    "search by words": listing("&q=unit-0777", "AND r.search_text LIKE '%unit-0777%'"),
    "search by a reading": listing("&q=temperature%3E55", "AND " + STATE.replace(
        "{condition}", "CASE WHEN jsonb_typeof(s.state -> 'temperature') = 'number' "
        "THEN (s.state ->> 'temperature')::numeric > 55 END")),
    "search by status, tag and reading": listing("&q=status%3Aoffline%20tag%3Apilot%20temperature%3E10", "AND " + STATE.replace(
        "{condition}", "s.status = 'OFFLINE' AND CASE WHEN jsonb_typeof(s.state -> 'temperature') = 'number' "
        "THEN (s.state ->> 'temperature')::numeric > 10 END") + " AND EXISTS (SELECT FROM device_tags g WHERE "
        "g.tenant_id = r.tenant_id AND g.device_id = r.device_id AND g.tag = 'pilot')"),
    "members of a dynamic group": ("/api/v1/customer/device-groups/cold/members?limit=100", [
        "SELECT count(*) FROM device_registry r JOIN device_state s USING (tenant_id, device_id) WHERE r.tenant_id = "
        "'{tenant}' AND r.decommissioned_at IS NULL AND CASE WHEN jsonb_typeof(s.state -> 'temperature') = 'number' "
        "THEN (s.state ->> 'temperature')::numeric < 5 END"]),
    "summary": ("/api/v1/customer/devices/summary", [
        "SELECT s.status, count(*) FROM device_registry r LEFT JOIN device_state s USING (tenant_id, device_id) "
        "WHERE r.tenant_id = '{tenant}' AND r.status = 'ACTIVE' GROUP BY 1",
        "SELECT count(*) FROM device_sensors WHERE tenant_id = '{tenant}'"]),
    "fleet health": ("/api/v1/customer/fleet/health", [
        "SELECT count(*), count(*) FILTER (WHERE s.status = 'ONLINE') FROM device_registry r LEFT JOIN device_state s "
        "USING (tenant_id, device_id) WHERE r.tenant_id = '{tenant}' AND r.status = 'ACTIVE'"]),
    "uptime of the fleet": ("/api/v1/customer/fleet/uptime-summary", [
        "SELECT count(*), count(*) FILTER (WHERE s.status = 'ONLINE') FROM device_registry r LEFT JOIN device_state s "
        "USING (tenant_id, device_id) WHERE r.tenant_id = '{tenant}' AND r.status = 'ACTIVE'"]),
    "a page of the map": ("/api/v1/customer/fleet/positions?limit=5000", [
        "SELECT r.device_id, r.name, r.latitude, r.longitude, coalesce(s.status, 'OFFLINE') {live0} "
        "ORDER BY r.device_id LIMIT 5000", "SELECT count(*) {live}"]),
    "jobs with their counts": ("/api/v1/customer/jobs", [
        "SELECT job_id, status, count(*) FROM job_executions WHERE tenant_id = '{tenant}' GROUP BY 1, 2"]),
    "sites with counts": ("/api/v1/customer/sites", [
        "SELECT r.site_id, count(*) FROM device_registry r LEFT JOIN device_state s USING (tenant_id, device_id) "
        "WHERE r.tenant_id = '{tenant}' GROUP BY 1"]),
    "one device": ("/api/v1/customer/devices/unit-001000", [
        "SELECT r.*, s.* FROM device_registry r LEFT JOIN device_state s USING (tenant_id, device_id) "
        "WHERE r.tenant_id = '{tenant}' AND r.device_id = 'unit-001000'"]),
}


def seed(bench, tenant, devices):
    begun = time.monotonic()
    bench.postgres.sql("iotcloud", SEED_SQL.format(tenant=tenant, devices=devices))
    bench.postgres.sql("iotcloud", "VACUUM ANALYZE")
    bench.note("fleet", f"{devices:,} devices made", time.monotonic() - begun, "s")


def measure(bench, tenant, what):
    """One request after the other, over the same number of runs of the bare statements."""
    path, statements = MEASURES[what]
    script = os.path.join(bench.scratch.path, "fleet.sql")
    live = LIVE.format(tenant=tenant)
    with open(script, "w", encoding="utf-8") as f:
        for statement in statements:
            f.write(statement.replace("{live}", live).replace("{live0}", PLACED).format(tenant=tenant) + ";\n")
    seconds = bench.size(5, 2)
    bare = bench.postgres.pgbench("iotcloud", script, 1, seconds)
    answers = bench.tool("http-get", path=path, token=bench.token(), connections=1, seconds=seconds)
    bench.check_statuses(answers)
    p99 = answers["latency"]["p99_ms"]
    key = "fleet_" + what.replace(",", "").replace(" ", "_")
    bench.figures[key + "_p50_ms"] = answers["latency"]["p50_ms"]
    bench.figures[key + "_p99_ms"] = p99
    bench.figures[key + "_api_over_sql"] = answers["latency"]["p50_ms"] / bare["ms"]
    bench.note("fleet", what, answers["latency"]["p50_ms"], "ms",
               f"p99 {p99:.1f} ms{'' if p99 <= P99_MS else f', ABOVE {P99_MS}'}; bare SQL {bare['ms']:.1f} ms, "
               f"{answers['latency']['p50_ms'] / bare['ms']:.2f} x")
    return p99


class Customer:
    """The API as the tenant's administrator uses it."""

    def __init__(self, bench):
        self.url = bench.pulse.url + "/api/v1/customer"
        self.token = bench.token()

    def ask(self, method, path, body=None, content_type="application/json"):
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method, headers={
            "Authorization": "Bearer " + self.token, "Content-Type": content_type})
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)


def whole_map(bench):
    """All pages of the map, one after the other."""
    customer, begun, read, after = Customer(bench), time.monotonic(), 0, ""
    while after is not None:
        page = customer.ask("GET", "/fleet/positions?limit=5000" + (f"&after={after}" if after else ""))
        read, after = read + len(page["device_ids"]), page["next"]
    seconds = time.monotonic() - begun
    bench.figures["fleet_whole_map_ms"] = seconds * 1000
    bench.note("fleet", f"the whole map, {read:,} devices", seconds * 1000, "ms", "all its pages")


def bulk(bench, tenant, devices):
    """One change of many devices, over the bare statement for as many others."""
    customer = Customer(bench)
    many = min(CHANGED, devices // 2)
    ids = [f"unit-{i:06}" for i in range(1, many + 1)]
    others = f"tenant_id = '{tenant}' AND right(device_id, 6)::integer BETWEEN {many + 1} AND {2 * many} AND device_id LIKE 'unit-%'"
    template = bench.postgres.sql("iotcloud", "SELECT min(id) FROM device_templates WHERE slug <> 'temperature-probe'")
    for name, action, params, statement in (
            ("template", "set_template", {"template_id": int(template)},
             f"UPDATE device_registry SET template_id = {template}, updated_at = now() WHERE {others}"),
            ("tag", "add_tags", {"tags": ["bench"]},
             f"INSERT INTO device_tags (tenant_id, device_id, tag) SELECT tenant_id, device_id, 'bench' "
             f"FROM device_registry WHERE {others}")):
        begun = time.monotonic()
        answer = customer.ask("POST", "/devices/bulk", {"action": action, "device_ids": ids, "params": params})
        seconds = time.monotonic() - begun
        if answer["changed"] != many:
            raise RuntimeError(f"{answer['changed']} of {many} devices changed")
        begun = time.monotonic()
        bench.postgres.sql("iotcloud", statement)
        bare = time.monotonic() - begun
        bench.figures[f"fleet_bulk_{name}_s"] = seconds
        bench.figures[f"fleet_bulk_{name}_over_sql"] = seconds / bare
        bench.note("fleet", f"bulk {name} of {many:,} devices", seconds, "s",
                   f"with undo and audit; bare SQL {bare:.2f} s, {seconds / bare:.2f} x")


def firmware(customer):
    content = os.urandom(16_384)
    upload = customer.ask("POST", "/firmware/uploads", {"version": "bench-1", "size_bytes": len(content)})
    customer.ask("PUT", f"/firmware/uploads/{upload['upload_id']}/parts/1", content, "application/octet-stream")
    made = customer.ask("POST", f"/firmware/uploads/{upload['upload_id']}/complete")
    if made["checksum_sha256"] != hashlib.sha256(content).hexdigest():
        raise RuntimeError("the firmware's checksum is another")
    return made


def campaign(bench, tenant, devices):
    """A campaign over simulated devices that are connected, from its start until it is COMPLETED."""
    customer = Customer(bench)

    def sql(text):
        return bench.postgres.sql("iotcloud", text)

    many = min(CHANGED, devices)
    sql(f"INSERT INTO device_groups (tenant_id, group_id, name) VALUES ('{tenant}', 'simulated', 'Simulated')")
    some = f"FROM device_registry WHERE tenant_id = '{tenant}' AND device_id LIKE 'unit-%' AND right(device_id, 6)::integer <= {many}"
    sql(f"INSERT INTO device_group_members (tenant_id, group_id, device_id) SELECT tenant_id, 'simulated', device_id {some}")
    sql("INSERT INTO device_api_tokens (tenant_id, device_id, client_id, token_hash) SELECT tenant_id, device_id, "
        f"device_id, encode(sha256(('secret-' || device_id)::bytea), 'hex') {some}")
    simulated = os.path.join(bench.scratch.path, "simulated.jsonl")
    with open(simulated, "w", encoding="utf-8") as f:
        f.write(sql("SELECT json_build_object('tenant_id', tenant_id, 'device_id', device_id, 'site_id', site_id, "
                    f"'token', 'secret-' || device_id) {some}") + "\n")
    log = os.path.join(bench.scratch.path, "simulate.json")
    with open(log, "wb") as out:
        fleet = subprocess.Popen([bench.options.pulse, "simulate", "--devices-file", simulated, "--protocol", "mqtt", "--mqtt", f"127.0.0.1:{bench.pulse.mqtt_port}",
                                  "--url", bench.pulse.url, "--updates", "on", "--rate", "500", "--report", "json"],
                                 stdout=out, stderr=out)
    try:
        # A device connects with its first message; one that is late is told when it subscribes.
        time.sleep(many / 500 + 2)
        made = customer.ask("POST", "/ota/campaigns", {
            "name": "Bench", "firmware_version_id": firmware(customer)["id"], "target_group_id": "simulated",
            "rollout_rate": 1000})
        begun = time.monotonic()
        customer.ask("POST", f"/ota/campaigns/{made['id']}/start")
        servers.wait_for("the campaign's end", lambda: sql(
            f"SELECT status <> 'RUNNING' FROM ota_campaigns WHERE id = {made['id']}") == "t", 600, 0.5)
        seconds = time.monotonic() - begun
    finally:
        fleet.send_signal(signal.SIGTERM)
        fleet.wait(60)
    with open(log, encoding="utf-8") as f:
        report = json.loads(f.read().strip().splitlines()[-1])
    stands = sql(f"SELECT c.status, count(*) FILTER (WHERE s.status = 'SUCCESS'), count(*), count(DISTINCT s.device_id) "
                 f"FROM ota_campaigns c JOIN ota_device_status s ON s.campaign_id = c.id WHERE c.id = {made['id']} GROUP BY 1")
    if stands != f"COMPLETED|{many}|{many}|{many}" or report["updates_done"] != many or report["updates_failed"]:
        raise RuntimeError(f"{stands}; devices did {report['updates_done']}, failed {report['updates_failed']}")
    bench.figures["fleet_campaign_s"] = seconds
    bench.figures["fleet_campaign_updates_per_s"] = many / seconds
    bench.note("fleet", f"campaign over {many:,} simulated devices", seconds, "s",
               f"{many / seconds:.0f} updates/s beside {report['rate']:.0f} messages/s; each device once, none left")


def run(bench, tenant, devices):
    """Leaves the figures in `bench`; a p99 above 100 ms fails the run."""
    seed(bench, tenant, devices)
    worst = {}
    for what in MEASURES:
        bench.measure(what, lambda what=what: worst.update({what: measure(bench, tenant, what)}))
    bench.measure("whole map", lambda: whole_map(bench))
    bench.measure("bulk", lambda: bulk(bench, tenant, devices))
    bench.measure("campaign", lambda: campaign(bench, tenant, devices))
    if worst:
        bench.figures["fleet_worst_p99_ms"] = max(worst.values())
        bench.figures["fleet_median_p99_ms"] = statistics.median(worst.values())
        bench.note("fleet", "worst p99 of them", max(worst.values()), "ms", "aim <= 100")
    for what, p99 in worst.items():
        if p99 > P99_MS:
            bench.too_slow.append(f"FAILED: {what} has p99 {p99:.1f} ms, above {P99_MS} ms")
