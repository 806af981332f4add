"""Reading telemetry back: rows, latest, history from rollups with a point budget, export, the tracer."""

import csv
import io
import time

import pytest
from ingest import batch, item, post, settled
from servers import wait_for


@pytest.fixture(scope="module")
def filled(stack):
    """A device with three hours of readings every 20 s, two metrics and a text."""
    import json
    made = json.loads(stack.command("admin", "create-device", "--tenant", "demo", "--id", "queries", "--site",
                                    "warehouse-north").stdout)
    end = int(time.time()) - 5
    rows = [{"ts": end - i * 20, "metrics": {"temp": 20 + i % 10, "load": float(i), "mode": "a"}} for i in range(540)]
    for at in range(0, 540, 90):
        answer = batch(stack, *(item(made, 540 - at - i, **row) for i, row in enumerate(rows[at:at + 90])))
        assert answer.status_code == 202 and answer.json()["rejected"] == 0, answer.text
    wait_for("540 rows", lambda: stack.stored("queries") == 540, 20)
    return {**made, "end": end}


def test_rows_come_newest_first_and_bounded(customer, filled):
    told = customer.get("/devices/queries/telemetry?limit=100").json()
    times = [r["timestamp"] for r in told["telemetry"]]
    assert told["count"] == 100 == len(times) and times == sorted(times, reverse=True)
    assert told["telemetry"][0]["seq"] == 540 and told["telemetry"][0]["metrics"]["load"] == 0
    assert customer.get("/devices/queries/telemetry").json()["count"] == 120
    assert customer.get("/devices/queries/telemetry?hours=1&limit=2000").json()["count"] in range(178, 181)


def test_rows_between_two_times(customer, filled):
    def iso(s):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(s))
    path = f"/devices/queries/telemetry?start={iso(filled['end'] - 600)}&end={iso(filled['end'] - 300)}&limit=2000"
    assert customer.get(path).json()["count"] in (15, 16)


@pytest.mark.parametrize("query, status, detail", [
    ("start=x", 400, "Invalid start/end timestamp"), ("end=x", 400, "Invalid start/end timestamp"),
    ("start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z", 400, "Start must be before end"),
    ("limit=0", 422, None), ("limit=2001", 422, None), ("hours=0", 422, None), ("hours=169", 422, None)])
def test_bad_bounds_are_told(customer, filled, query, status, detail):
    answer = customer.get(f"/devices/queries/telemetry?{query}")
    assert answer.status_code == status
    if detail:
        assert answer.json()["detail"] == detail
    else:
        assert answer.json()["detail"][0]["loc"] == ["query", query.split("=")[0]]


def test_latest(customer, filled):
    told = customer.get("/devices/queries/telemetry/latest?count=10").json()
    assert [r["seq"] for r in told["telemetry"]] == list(range(540, 530, -1))
    assert customer.get("/devices/queries/telemetry/latest").json()["count"] == 1
    assert customer.get("/devices/queries/telemetry/latest?count=11").status_code == 422


def test_metrics_are_learnt_from_messages(customer, filled):
    told = customer.get("/devices/queries/telemetry/metrics").json()
    assert {m["metric_key"] for m in told["metrics"]} >= {"temp", "load"} and told["total"] == len(told["metrics"])
    sensors = customer.get("/devices/queries/sensors").json()
    assert sensors["total"] >= 2


@pytest.mark.parametrize("name, seconds", [("1h", 60), ("6h", 300), ("24h", 900), ("7d", 3600), ("30d", 21600)])
def test_history_by_range(customer, filled, name, seconds):
    told = customer.get(f"/devices/queries/telemetry/history?metric=temp&metric=load&range={name}").json()
    assert told["metric"] == "temp" and told["range"] == name and told["bucket_seconds"] == seconds
    assert [s["metric"] for s in told["series"]] == ["temp", "load"] and told["series"][0]["points"] == told["points"]
    points = told["points"]
    assert [p["time"] for p in points] == sorted(p["time"] for p in points)
    for p in points:
        assert p["min"] <= p["avg"] <= p["max"] and p["count"] >= 1
    total = sum(p["count"] for p in points)
    assert total in range(178, 184) if name == "1h" else total == 540
    assert max(p["max"] for p in points) == 29 and min(p["min"] for p in points) == 20


@pytest.mark.parametrize("points", [2, 10, 60, 500, 5000])
def test_the_budget_of_points_is_kept_and_no_peak_is_lost(customer, filled, points):
    for span in ("1h", "6h", "30d"):
        told = customer.get(f"/devices/queries/telemetry/history?metric=load&range={span}&points={points}").json()
        assert 1 <= len(told["points"]) <= points * 1.5 + 2, told["source"]
        assert told["source"] in ("raw", "1m", "1h")
        if span != "1h":
            assert max(p["max"] for p in told["points"]) == 539 and min(p["min"] for p in told["points"]) == 0


def test_history_of_what_is_not_there(customer, filled):
    told = customer.get("/devices/queries/telemetry/history?metric=nothing").json()
    assert told["points"] == [] and told["range"] == "24h"
    assert customer.get("/devices/queries/telemetry/history?metric=mode&range=6h").json()["points"] == []
    assert customer.get("/devices/queries/telemetry/history").status_code == 422
    wrong = customer.get("/devices/queries/telemetry/history?metric=temp&range=2y")
    assert wrong.status_code == 400 and wrong.json()["detail"].startswith("Invalid range. Must be one of: [")
    assert customer.get("/devices/nobody/telemetry/history?metric=temp").status_code == 404


def test_export_is_csv_with_sorted_metrics(customer, filled):
    answer = customer.get("/devices/queries/telemetry/export?range=6h&limit=10000")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["time", "device_id", "site_id", "seq", "load", "mode", "temp"]
    assert len(rows) == 541 and all(len(r) == 7 for r in rows)
    assert len(list(csv.reader(io.StringIO(
        customer.get("/devices/queries/telemetry/export?range=24h&limit=7").text)))) == 8
    assert customer.get("/devices/queries/telemetry/export?range=2y").status_code == 400
    assert customer.get("/devices/queries/telemetry/export?limit=10001").status_code == 422


def test_cells_of_an_export_are_no_formulas(stack, customer, fresh_device):
    values = ["=1+1", "+SUM(A1)", "-2+3", "@cmd", "\tx", 'a"b,c', "line\nbreak", "fine"]
    body = {"metrics": {f"m{i}": v for i, v in enumerate(values)} | {"=evil": 1}}
    assert post(stack, fresh_device, body).status_code == 202
    wait_for("the row", lambda: stack.stored(fresh_device["device_id"]) == 1, 5)
    answer = customer.get(f"/devices/{fresh_device['device_id']}/telemetry/export?range=1h")
    head, row = list(csv.reader(io.StringIO(answer.text)))
    for cell in head + row[4:]:
        assert not cell.startswith(("=", "+", "-", "@", "\t")), cell
    assert 'a"b,c' in row and "fine" in row


def test_negative_numbers_stay_numbers_in_an_export(stack, customer, fresh_device):
    assert post(stack, fresh_device, {"metrics": {"t": -4.5}}).status_code == 202
    wait_for("the row", lambda: stack.stored(fresh_device["device_id"]) == 1, 5)
    answer = customer.get(f"/devices/{fresh_device['device_id']}/telemetry/export?range=1h")
    assert list(csv.reader(io.StringIO(answer.text)))[1][4] == "-4.5"


def test_the_tracer_tells_stages_and_pages(stack, customer, fresh_device):
    device_id, now = fresh_device["device_id"], time.time()
    for i in range(6):
        assert post(stack, fresh_device, {"seq": i + 1, "metrics": {"t": i}}).status_code == 202
    assert post(stack, fresh_device, {"ts": now + 9e6, "metrics": {"t": 1}}).status_code == 202
    wait_for("all stages", lambda: len(customer.get(f"/devices/{device_id}/messages").json()["messages"]) == 7, 10)
    messages = customer.get(f"/devices/{device_id}/messages").json()["messages"]
    bad = [m for m in messages if m["status"] == "quarantined"]
    assert len(bad) == 1 and bad[0]["reason"] == "TIMESTAMP_IN_FUTURE" and bad[0]["stored_at"] is None
    for m in messages:
        if m["status"] == "stored":
            assert m["reason"] is None and m["stored_at"] >= m["received_at"] and m["latency_ms"] >= 0
            assert m["msg_type"] == "telemetry" and m["metrics"] == {"t": m["seq"] - 1}
    assert len({m["id"] for m in messages}) == 7
    seen, before = [], None
    for _ in range(10):
        page = customer.get(f"/devices/{device_id}/messages", params={"limit": 3, **({"before": before} if before else {})})
        seen += [m["id"] for m in page.json()["messages"]]
        before = page.json()["next_before"]
        if not before:
            break
    assert sorted(seen) == sorted(m["id"] for m in messages)


def test_the_fleets_numbers_follow(customer, filled):
    told = customer.get("/devices/summary").json()
    assert told["total"] == told["ONLINE"] + told["STALE"] + told["OFFLINE"] and told["ONLINE"] >= 1
    assert told["total_sensors"] >= told["active_sensors"] >= 1
    start = customer.get("/getting-started").json()
    assert start["devices"] >= 25 and start["sites"] >= 3 and start["online"] >= 1
