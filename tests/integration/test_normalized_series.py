"""Normalized metrics in series, rows and exports: mapped values and units, one value a message, each tenant's own."""

import calendar
import csv
import io
import json
import time

import pytest
from conftest import Api
from ingest import batch, item, rows_stored
from people import make_user

COUNT = 90


def device_of(stack, tenant, name):
    return json.loads(stack.command("admin", "create-device", "--tenant", tenant, "--id", name, "--site",
                                    "warehouse-north" if tenant == "demo" else "ns-mill").stdout)


def fill(stack, device, metrics):
    """A message a minute for the last hour and a half; `metrics` of its number, 0 the newest. Their times, by number."""
    end = int(time.time()) - 30
    messages = [item(device, COUNT - i, ts=end - i * 60, metrics=metrics(i)) for i in range(COUNT)]
    answer = batch(stack, *messages)
    assert answer.status_code == 202 and answer.json()["rejected"] == 0, answer.text
    rows_stored(stack, device, COUNT)
    return [end - i * 60 for i in range(COUNT)]


def mapped(api, raw, multiplier=1, offset=0, name="ns_temp"):
    answer = api.post("/metric-mappings", json={"raw_metric": raw, "normalized_name": name, "multiplier": multiplier,
                                                "offset_value": offset})
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def other(stack):
    """The administrator of another tenant, which is of these tests alone."""
    stack.command("admin", "create-tenant", "--id", "ns-other", "--name", "Other")
    make_user(stack, "ns-other-admin", tenant="ns-other", roles="customer,tenant-admin")
    return Api(stack, "ns-other-admin")


@pytest.fixture(scope="module")
def names(admin, other):
    assert other.post("/sites", json={"site_id": "ns-mill", "name": "Mill"}).status_code == 201
    admin.post("/normalized-metrics", json={"normalized_name": "ns_temp", "display_unit": "°C", "expected_min": -40,
                                            "expected_max": 60})
    other.post("/normalized-metrics", json={"normalized_name": "ns_temp", "display_unit": "K"})
    mapped(admin, "ns_f", 0.5, -16)
    mapped(admin, "ns_c")
    mapped(admin, "ns_flag", 10)
    mapped(other, "ns_f", 2, 1)
    yield
    admin.delete("/normalized-metrics/ns_temp")


@pytest.fixture(scope="module")
def fahrenheit(stack, names):
    device = device_of(stack, "demo", "ns-fahrenheit")
    fill(stack, device, lambda i: {"ns_f": 60 + i % 7, "load": i})
    return device["device_id"]


def history(api, device, *metrics, **query):
    answer = api.get(f"/devices/{device}/telemetry/history", params={"metric": metrics, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


SPANS = [("raw", {"range": "1h", "points": 5000}), ("1m", {"range": "6h"}), ("1h", {"range": "7d"})]


@pytest.mark.parametrize("source, query", SPANS)
def test_a_series_is_mapped(customer, fahrenheit, source, query):
    told = history(customer, fahrenheit, "ns_temp", "ns_f", **query)
    assert told["source"] == source and told["metric"] == "ns_temp"
    assert (told["unit"], told["min_range"], told["max_range"]) == ("°C", -40, 60)
    normalized, raw = (s["points"] for s in told["series"])
    assert normalized == told["points"] and len(raw) == len(normalized) > 0
    for n, r in zip(normalized, raw):
        assert (n["time"], n["count"]) == (r["time"], r["count"])
        for figure in ("avg", "min", "max"):
            assert n[figure] == pytest.approx(r[figure] * 0.5 - 16), (n, r)
    alone = history(customer, fahrenheit, "ns_temp", "load", "ns_temp", **query)
    assert [len(s["points"]) for s in alone["series"]] == [len(normalized)] * 3
    assert alone["series"][0] == alone["series"][2]


@pytest.mark.parametrize("source, query", SPANS)
def test_a_negative_multiplier_turns_minimum_and_maximum_round(admin, fahrenheit, source, query):
    assert admin.patch("/metric-mappings/ns_f", json={"multiplier": -1, "offset_value": 0}).status_code == 200
    told = history(admin, fahrenheit, "ns_temp", "ns_f", **query)
    for n, r in zip(*(s["points"] for s in told["series"])):
        assert (n["min"], n["max"]) == (-r["max"], -r["min"]) and n["min"] <= n["avg"] <= n["max"]
    mapped(admin, "ns_f", 0.5, -16)


@pytest.mark.parametrize("source, query", SPANS)
def test_what_no_number_can_hold_is_left_out(admin, fahrenheit, source, query):
    admin.patch("/metric-mappings/ns_f", json={"multiplier": 1e308})
    told = history(admin, fahrenheit, "ns_temp", "ns_f", **query)
    rows = admin.get(f"/devices/{fahrenheit}/telemetry?metric=ns_temp").json()["telemetry"]
    mapped(admin, "ns_f", 0.5, -16)
    assert told["points"] == [] and told["series"][1]["points"] and rows[0]["metrics"] == {}


def test_of_two_metrics_of_one_name_the_first_counts_alone(stack, admin, names):
    device = device_of(stack, "demo", "ns-both")
    # Every message has ns_f; every other one ns_c too, which comes first by its name. Texts are no values.
    times = fill(stack, device, lambda i: {"ns_f": 100, "ns_c": 5 if i % 2 else "broken"})
    raw = history(admin, "ns-both", "ns_temp", range="1h", points=5000)["points"]
    assert len(raw) in range(58, 61) and {p["count"] for p in raw} == {1}
    assert sorted({p["avg"] for p in raw}) == [5, 34]
    counted = history(admin, "ns-both", "ns_temp", range="6h")["points"]
    assert sum(p["count"] for p in counted) == COUNT
    by_hour = history(admin, "ns-both", "ns_temp", range="7d")["points"]
    # Of an hour that has numbers of the first these alone are told.
    for point in by_hour:
        hour = calendar.timegm(time.strptime(point["time"][:13], "%Y-%m-%dT%H"))
        inside = [i for i, at in enumerate(times) if hour <= at < hour + 3600]
        first = sum(i % 2 for i in inside)
        if len(inside) > 1:
            assert (point["count"], point["min"], point["max"]) == (first, 5, 5), point
    assert max(p["count"] for p in by_hour) >= 15
    latest = admin.get("/devices/ns-both/telemetry/latest?count=2&metric=ns_temp&metric=ns_c").json()["telemetry"]
    assert [r["metrics"] for r in latest] == [{"ns_temp": 34, "ns_c": "broken"}, {"ns_temp": 5, "ns_c": 5}]


def test_what_is_sent_by_the_very_name_is_one_of_them(stack, admin, names):
    mapped(admin, "ns_z", 2)
    for name, metrics, told in (("ns-own-late", {"ns_f": 100, "ns_temp": 7}, 34), ("ns-own-early", {"ns_z": 4, "ns_temp": 7}, 7),
                                ("ns-own-text", {"ns_z": 4, "ns_temp": "off"}, 8)):
        fill(stack, device_of(stack, "demo", name), lambda i, metrics=metrics: metrics)
        for _, query in SPANS:
            assert {p["avg"] for p in history(admin, name, "ns_temp", **query)["points"]} == {told}
        latest = admin.get(f"/devices/{name}/telemetry/latest?metric=ns_temp").json()["telemetry"]
        assert [r["metrics"] for r in latest] == [{"ns_temp": told}]
    # Mapped to itself it stays what it is.
    mapped(admin, "ns_temp", 100)
    assert {p["avg"] for p in history(admin, "ns-own-early", "ns_temp", range="6h")["points"]} == {7}
    assert admin.delete("/metric-mappings/ns_temp").status_code == 200


def test_booleans_are_mapped_as_0_and_1(stack, admin, names):
    device = device_of(stack, "demo", "ns-flags")
    fill(stack, device, lambda i: {"ns_flag": i % 2 == 0})
    points = history(admin, "ns-flags", "ns_temp", range="1h", points=5000)["points"]
    assert {p["avg"] for p in points} == {0, 10}


def test_rows_and_exports_answer_by_the_name_that_is_asked_for(customer, fahrenheit):
    told = customer.get(f"/devices/{fahrenheit}/telemetry?metric=ns_temp&limit=3").json()
    assert told["count"] == 3 and [r["metrics"] for r in told["telemetry"]] == [{"ns_temp": v} for v in (14, 14.5, 15)]
    latest = customer.get(f"/devices/{fahrenheit}/telemetry/latest?metric=ns_temp&metric=load").json()["telemetry"]
    assert [r["metrics"] for r in latest] == [{"ns_temp": 14, "load": 0}]
    # Without names all is told as it came.
    assert customer.get(f"/devices/{fahrenheit}/telemetry/latest").json()["telemetry"][0]["metrics"] == {"ns_f": 60, "load": 0}
    assert customer.get(f"/devices/{fahrenheit}/telemetry?metric=nothing").json()["telemetry"] == []
    path = f"/devices/{fahrenheit}/telemetry/export?range=6h"
    rows = list(csv.reader(io.StringIO(customer.get(path + "&metric=ns_temp&metric=load").text)))
    assert rows[0] == ["time", "device_id", "site_id", "seq", "load", "ns_temp"] and len(rows) == COUNT + 1
    assert [float(v) for v in rows[2][4:]] == [1, 14.5]
    assert next(csv.reader(io.StringIO(customer.get(path).text)))[4:] == ["load", "ns_f"]
    assert len(list(csv.reader(io.StringIO(customer.get(path + "&metric=nothing").text)))) == 1


def test_each_tenant_has_its_own_mappings(stack, admin, other, fahrenheit):
    device = device_of(stack, "ns-other", "ns-theirs")
    fill(stack, device, lambda i: {"ns_f": 60, "ns_c": 3})
    for _, query in SPANS:
        told = history(other, "ns-theirs", "ns_temp", **query)
        assert {p["avg"] for p in told["points"]} == {121} and told["unit"] == "K" and told["max_range"] is None
    assert other.delete("/metric-mappings/ns_f").status_code == 200
    for _, query in SPANS:
        assert history(other, "ns-theirs", "ns_temp", **query)["points"] == []
        assert history(admin, fahrenheit, "ns_temp", **query)["points"]
    for path in ("/telemetry/history", "/telemetry", "/telemetry/latest", "/telemetry/export"):
        assert other.get(f"/devices/{fahrenheit}{path}?metric=ns_temp").status_code == 404
