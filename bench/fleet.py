"""A fleet of a given size: what people look at, each by the API and as bare SQL, in one run."""
import os
import statistics
import time

# N devices at 100 sites with state, three sensors, tags and a trial, as they would be after a day.
SEED_SQL = """
INSERT INTO sites (tenant_id, site_id, name, latitude, longitude)
SELECT '{tenant}', 'site-' || i, 'Site ' || i, -60 + i * 1.2, -170 + i * 3.4 FROM generate_series(1, 100) i
ON CONFLICT DO NOTHING;
INSERT INTO device_registry (tenant_id, device_id, site_id, name, plan_id, template_id, device_type, model,
  serial_number, latitude, longitude, fw_version)
SELECT '{tenant}', 'unit-' || lpad(i::text, 6, '0'), 'site-' || (i % 100 + 1), 'Pump ' || i, 'standard',
  (SELECT min(id) FROM device_templates WHERE slug = 'temperature-probe'), 'standalone_sensor', 'TP-1', 'SN' || i,
  -60 + (i % 100) * 1.2 + random(), -170 + (i % 100) * 3.4 + random(), '1.' || (i % 7)
FROM generate_series(1, {devices}) i;
INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at, last_telemetry_at, state, state_times)
SELECT tenant_id, device_id, site_id,
  CASE WHEN n % 50 = 0 THEN 'OFFLINE' WHEN n % 20 = 0 THEN 'STALE' ELSE 'ONLINE' END, now(), now(),
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
INSERT INTO dynamic_device_groups (tenant_id, group_id, name, query_filter)
VALUES ('{tenant}', 'cold', 'Cold', '{{"query": "temperature<5"}}');
"""

LIVE = "FROM device_registry r WHERE r.tenant_id = '{tenant}' AND r.status <> 'DELETED' AND r.decommissioned_at IS NULL"
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
    "sites with counts": ("/api/v1/customer/sites", [
        "SELECT r.site_id, count(*) FROM device_registry r LEFT JOIN device_state s USING (tenant_id, device_id) "
        "WHERE r.tenant_id = '{tenant}' GROUP BY 1"]),
    "one device": ("/api/v1/customer/devices/unit-050000", [
        "SELECT r.*, s.* FROM device_registry r LEFT JOIN device_state s USING (tenant_id, device_id) "
        "WHERE r.tenant_id = '{tenant}' AND r.device_id = 'unit-050000'"]),
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
            f.write(statement.replace("{live}", live).format(tenant=tenant) + ";\n")
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
               f"p99 {p99:.1f} ms{'' if p99 <= 100 else ', ABOVE 100'}; bare SQL {bare['ms']:.1f} ms, "
               f"{answers['latency']['p50_ms'] / bare['ms']:.2f} x")
    return p99


def run(bench, tenant, devices):
    """Leaves the figures in `bench`; the worst p99 is one of them."""
    seed(bench, tenant, devices)
    worst = []
    for what in MEASURES:
        bench.measure(what, lambda what=what: worst.append(measure(bench, tenant, what)))
    if worst:
        bench.figures["fleet_worst_p99_ms"] = max(worst)
        bench.figures["fleet_median_p99_ms"] = statistics.median(worst)
        bench.note("fleet", "worst p99 of them", max(worst), "ms", "aim <= 100")
