"""From a breach to its alert: how long it takes, and what rules cost, in one run."""
import http.client
import json
import random
import threading
import time
import urllib.parse
import urllib.request

import servers
import websocket

RULES = 100
GROWING_RULES = (10, 100, 1_000)
BREACHES = 2_000
PER_SECOND = 400
TICK_LIMIT_MS = 1_000
BREACH_LIMIT_MS = 1_000

SEED_SQL = """
INSERT INTO device_registry (tenant_id, device_id, site_id, name, plan_id)
SELECT '{tenant}', 'ruled-' || i, 'warehouse-north', 'Ruled ' || i, 'standard' FROM generate_series(1, {devices}) i
ON CONFLICT DO NOTHING;
INSERT INTO device_subscriptions (subscription_id, tenant_id, device_id, plan_id, status, term_end)
SELECT 'ruled-' || device_id, tenant_id, device_id, 'standard', 'TRIAL', now() + interval '14 days'
FROM device_registry WHERE tenant_id = '{tenant}' AND device_id LIKE 'ruled-%' ON CONFLICT DO NOTHING;
INSERT INTO device_api_tokens (tenant_id, device_id, client_id, token_hash)
SELECT tenant_id, device_id, device_id, encode(sha256(('secret-' || device_id)::bytea), 'hex')
FROM device_registry WHERE tenant_id = '{tenant}' AND device_id LIKE 'ruled-%' ON CONFLICT DO NOTHING;
DELETE FROM fleet_alert WHERE tenant_id = '{tenant}';
DELETE FROM alert_rules WHERE tenant_id = '{tenant}';
INSERT INTO alert_rules (tenant_id, name, metric_name, operator, threshold)
SELECT '{tenant}', 'Limit ' || i, 'bench{devices}_' || i % 10, 'GT', 1000 + i FROM generate_series(1, {rules}) i;
"""

LATENCY_SQL = """
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM a.created_at - t.received_at) * 1000),
  count(*)
FROM fleet_alert a JOIN telemetry t ON t.tenant_id = a.tenant_id AND t.device_id = a.device_id AND t.time = a.event_at
WHERE a.tenant_id = '{tenant}' AND a.alert_type = 'THRESHOLD'
"""


def breach(bench, tenant, devices):
    """Each breach is of another device, and of one rule."""
    address = urllib.parse.urlsplit(bench.pulse.url)
    numbers = random.Random(3).sample(range(1, devices + 1), min(BREACHES, devices))
    workers, faults = [], []

    def send(mine, pause):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
        due = time.monotonic()
        for number in mine:
            due += pause
            time.sleep(max(0.0, due - time.monotonic()))
            device = f"ruled-{number}"
            connection.request("POST", f"/ingest/v1/tenant/{tenant}/device/{device}/telemetry", json.dumps(
                {"site_id": "warehouse-north", "ts": time.time(), "metrics": {f"bench{devices}_1": 1001.5, "other": number}}),
                {"Content-Type": "application/json", "X-Provision-Token": "secret-" + device})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 202:
                faults.append(answer.status)

    for i in range(8):
        workers.append(threading.Thread(target=send, args=(numbers[i::8], 8 / PER_SECOND)))
        workers[-1].start()
    for worker in workers:
        worker.join()
    if faults:
        raise RuntimeError(f"{len(faults)} messages were not accepted: {faults[:5]}")
    return len(numbers)


def latency(bench, tenant, devices):
    sql = lambda text: bench.postgres.sql("iotcloud", text)  # noqa: E731
    sql(SEED_SQL.format(tenant=tenant, devices=devices, rules=RULES))
    time.sleep(6)  # until ingest and the evaluator know of the rules and have read the devices
    sent = breach(bench, tenant, devices)
    servers.wait_for("the alerts", lambda: int(sql(
        f"SELECT count(*) FROM fleet_alert WHERE tenant_id = '{tenant}' AND alert_type = 'THRESHOLD'")) >= sent, 60, 0.2)
    values, count = sql(LATENCY_SQL.format(tenant=tenant)).split("|")
    p50, p99 = (float(v) for v in values.strip("{}").split(","))
    if int(count) != sent:
        raise RuntimeError(f"{count} alerts of {sent} breaches")
    bench.figures[f"breach_to_alert_p99_ms_{devices}"] = p99
    bench.note("alerts", f"breach to alert, {devices:,} devices x {RULES} rules", p99, "ms",
               f"p99; p50 {p50:.0f} ms; aim < {BREACH_LIMIT_MS}")
    if p99 > BREACH_LIMIT_MS:
        bench.too_slow.append(f"FAILED: breach to alert has p99 {p99:.0f} ms, above {BREACH_LIMIT_MS} ms")


def to_page(bench, tenant, breaches=100):
    """From a POST to the word of its alert on the WebSocket that pages listen to, one breach after the other."""
    address = urllib.parse.urlsplit(bench.pulse.url)
    bench.postgres.sql("iotcloud", f"INSERT INTO alert_rules (tenant_id, name, metric_name, operator, threshold) "
                                   f"VALUES ('{tenant}', 'Page', 'bench_page', 'GT', 50)")
    time.sleep(3)  # until ingest and the evaluator know of the rule
    page = websocket.create_connection(
        f"ws://{address.netloc}/api/v1/customer/telemetry/stream?token={bench.token()}", timeout=30)
    device = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    took = []
    for number in range(1, breaches + 1):
        begun = time.monotonic()
        device.request("POST", f"/ingest/v1/tenant/{tenant}/device/ruled-{number}/telemetry", json.dumps(
            {"site_id": "warehouse-north", "ts": time.time(), "metrics": {"bench_page": 99}}),
            {"Content-Type": "application/json", "X-Provision-Token": f"secret-ruled-{number}"})
        answer = device.getresponse()
        answer.read()
        if answer.status != 202:
            raise RuntimeError(f"a message was not accepted: {answer.status}")
        while True:
            word = json.loads(page.recv())
            if (word["type"] == "alert" and word["event"]["event"] == "OPEN"
                    and word["event"]["alert"]["device_id"] == f"ruled-{number}"):
                break
        took.append((time.monotonic() - begun) * 1000)
    page.close()
    took.sort()
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    bench.figures["breach_to_page_p99_ms"] = p99
    bench.note("alerts", "breach to open pages", p99, "ms",
               f"p99 of {breaches}, one by one; p50 {p50:.0f} ms; aim < {BREACH_LIMIT_MS}")
    if p99 > BREACH_LIMIT_MS:
        bench.too_slow.append(f"FAILED: an open page hears of a breach after {p99:.0f} ms, above {BREACH_LIMIT_MS} ms")


def engine(bench, devices):
    """What time costs over many devices, and what a message costs as rules grow."""
    for rules in (10, RULES):
        r = bench.tool("rules", devices=devices, rules=rules)
        bench.figures[f"rules_tick_ms_{rules}"] = r["p50_ms"]
        bench.note("alerts", f"tick over {devices:,} devices x {rules} rules", r["p50_ms"], "ms",
                   f"{r['p50_ms'] / TICK_LIMIT_MS:.2f} of the limit; {r['judged_per_second']:,.0f} messages judged a second")
        if r["p50_ms"] > TICK_LIMIT_MS:
            bench.too_slow.append(f"FAILED: a tick takes {r['p50_ms']:.0f} ms, above {TICK_LIMIT_MS} ms")
    first = None
    for rules in GROWING_RULES:
        us = bench.tool("rules", devices=500, rules=rules)["us_a_message"]
        first = first or us
        bench.figures[f"rules_us_a_message_{rules}"] = us
        bench.note("alerts", f"judging a message by {rules:,} rules", us, "us",
                   f"{us / first:.1f} x the cost by {GROWING_RULES[0]} rules; {us * 1000 / rules:.0f} ns a rule")


def matcher(bench):
    r = bench.tool("routes", filters=10_000)
    bench.figures["route_matches_per_s"] = r["messages_a_second"]
    bench.note("routes", "messages matched against 10,000 filters", r["messages_a_second"], "msgs/s",
               f"{r['times_faster']:,.0f} x one filter after the other")


def delivery(bench):
    """A route to a webhook, beside the same POSTs by the same client without route and queue."""
    url = f"http://127.0.0.1:{bench.sink_port}/bench"
    made = call(bench, "POST", "/message-routes", {
        "name": "Bench", "topic_filter": "tenant/+/device/+/telemetry", "destination_type": "webhook",
        "destination_config": {"url": url}})
    time.sleep(3)  # until ingest knows of the route
    try:
        r = bench.load("delivery", port=bench.sink_port, messages=bench.size(5_000, 1_000))
    finally:
        call(bench, "DELETE", f"/message-routes/{made['id']}")
    if r["delivered"] < r["messages"]:
        raise RuntimeError(f"{r['delivered']} of {r['messages']} messages were delivered")
    bench.figures["delivery_per_s"] = r["deliveries_per_s"]
    bench.figures["delivery_over_bare_posts"] = r["of_bare"]
    bench.note("routes", "POSTs to a local sink, 16 at once, no route", r["bare_posts_per_s"], "req/s")
    bench.note("routes", "deliveries of a route to the same sink", r["deliveries_per_s"], "msgs/s",
               f"{r['of_bare']:.3f} of the POSTs alone")


def call(bench, method, path, body=None):
    """The API's answer as the tenant's administrator."""
    request = urllib.request.Request(bench.pulse.url + "/api/v1/customer" + path, method=method, headers={
        "Authorization": "Bearer " + bench.token(), "Content-Type": "application/json"},
        data=json.dumps(body).encode() if body else None)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def run(bench, tenant, devices):
    bench.measure("matcher", lambda: matcher(bench))
    bench.measure("rules", lambda: engine(bench, devices))
    for n in sorted({1_000, devices}):
        bench.measure(f"breach-{n}", lambda n=n: latency(bench, tenant, n))
    bench.measure("page", lambda: to_page(bench, tenant))
