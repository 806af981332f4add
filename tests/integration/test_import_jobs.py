"""Imports in the background: progress, result, credentials, cancel; and kill -9 in the middle."""

import csv
import io
import threading
import time

import pytest
from conftest import Api
from ingest import post
from people import make_user
from servers import Stack, wait_for


@pytest.fixture(scope="module")
def fleet(stack):
    stack.command("admin", "create-tenant", "--id", "bulk", "--name", "Bulk company")
    make_user(stack, "bulk-admin", tenant="bulk", roles="customer,tenant-admin")
    make_user(stack, "bulk-reader", tenant="bulk")
    return Api(stack, "bulk-admin")


def start(api, text, query=""):
    return api.post(f"/devices/import-jobs{query}", files={"file": ("many.csv", text.encode(), "text/csv")})


def ended(api, job):
    return wait_for("the import's end", lambda: (now := api.get(f"/devices/import-jobs/{job['import_id']}").json())
                    and now["finished_at"] and now, 90)


def table(answer):
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/csv"), answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_many_rows_are_imported_and_each_is_told_of(stack, fleet):
    rows = [f"Unit {i},pump,bulk-{i:04d},door-contact" for i in range(1200)]
    rows[10] = "=HYPERLINK(1),pump,bulk-0010,no-such"
    rows[700] = "Twice,pump,bulk-0001,"
    started = start(fleet, "name,device_type,device_id,template\n" + "\n".join(rows))
    assert started.status_code == 202, started.text
    job = ended(fleet, started.json())
    assert [job[k] for k in ("status", "total", "done", "imported", "failed")] == ["completed", 1200, 1200, 1198, 2]
    result = table(fleet.get(f"/devices/import-jobs/{job['import_id']}/result.csv"))
    assert len(result) == 1200 and [r["row"] for r in result] == [str(i + 1) for i in range(1200)]
    assert [(r["name"], r["status"], r["message"]) for r in result if r["status"] != "ok"] == [
        ("'=HYPERLINK(1)", "error", "Template not found: no-such"),
        ("Twice", "error", "device_id is that of row 2, too")]
    assert stack.sql("SELECT (SELECT count(*) FROM device_registry WHERE tenant_id = 'bulk'), "
                     "(SELECT count(*) FROM device_subscriptions WHERE tenant_id = 'bulk' AND status = 'TRIAL'), "
                     "(SELECT count(*) FROM device_sensors WHERE tenant_id = 'bulk')") == [(1198, 1198, 1198)]
    assert fleet.get("/devices/import-jobs").json()["imports"][0]["import_id"] == job["import_id"]
    assert stack.sql("SELECT count(*) FROM import_job_rows WHERE tenant_id = 'bulk' AND data IS NOT NULL") == [(0,)]

    # Credentials come at the end, once each time; a second file ends the first one's.
    first = table(fleet.post(f"/devices/import-jobs/{job['import_id']}/credentials"))
    assert len(first) == 1198 and len({r["password"] for r in first}) == 1198
    device = {"tenant_id": "bulk", "device_id": first[0]["device_id"], "token": first[0]["password"]}
    assert post(stack, device, {"metrics": {"temperature": 4}}).status_code == 202
    second = table(fleet.post(f"/devices/import-jobs/{job['import_id']}/credentials"))
    assert post(stack, device, {"metrics": {"temperature": 4}}).status_code == 401
    assert post(stack, {**device, "token": second[0]["password"]}, {"metrics": {"temperature": 4}}).status_code == 202
    # A device that was made anew under the id is not the import's any more.
    assert fleet.delete(f"/devices/{device['device_id']}").status_code == 200
    assert fleet.post("/devices", json={"device_id": device["device_id"]}).status_code == 201
    third = table(fleet.post(f"/devices/import-jobs/{job['import_id']}/credentials"))
    assert len(third) == 1197 and device["device_id"] not in {r["device_id"] for r in third}


def test_a_dry_run_makes_nothing(stack, fleet):
    job = ended(fleet, start(fleet, "name,device_type,device_id\nA,x,dry-a\nB,x,no spaces\n", "?dry_run=true").json())
    assert [job[k] for k in ("status", "imported", "failed", "dry_run")] == ["completed", 1, 1, True]
    assert fleet.get("/devices/dry-a").status_code == 404
    refused = fleet.post(f"/devices/import-jobs/{job['import_id']}/credentials")
    assert (refused.status_code, refused.json()["detail"]) == (409, "A dry run makes no devices")


def test_what_is_left_can_be_cancelled(stack, fleet):
    started = start(fleet, "name,device_type\n" + "Many,x\n" * 40_000)
    assert started.status_code == 202
    where = f"/devices/import-jobs/{started.json()['import_id']}"
    early = fleet.post(f"{where}/credentials")
    assert early.status_code == 409
    wait_for("a first batch", lambda: fleet.get(where).json()["done"] > 0)
    cancelled = fleet.delete(where)
    assert cancelled.status_code == 200 and cancelled.json()["status"] == "cancelled"
    done = cancelled.json()["done"]
    assert 0 < done < 40_000
    time.sleep(0.5)
    assert fleet.get(where).json()["done"] == done, "nothing goes on"
    assert stack.sql("SELECT count(*) FROM device_registry WHERE tenant_id = 'bulk' AND name = 'Many'") == [(done,)]
    assert fleet.delete(where).status_code == 409
    assert sum(r["status"] == "cancelled" for r in table(fleet.get(f"{where}/result.csv"))) == 40_000 - done


def test_what_is_refused_as_a_whole(stack, fleet, other):
    assert start(fleet, "name\nx\n").json()["detail"] == "Missing required CSV columns: name, device_type"
    too_many = start(fleet, "name,device_type\n" + "x,y\n" * 100_001)
    assert (too_many.status_code, too_many.json()["detail"]) == (400, "CSV row limit exceeded (max 100000)")
    broken = start(fleet, "name,device_type\n" + "x,y\n" * 1500 + "\"open\n")
    assert (broken.status_code, broken.json()["detail"]) == (400, "CSV line 1502: a quote that is not closed")
    assert stack.sql("SELECT count(*) FROM import_job_rows WHERE tenant_id = 'bulk' AND name = 'x'") == [(0,)]
    assert start(Api(stack, "bulk-reader"), "name,device_type\nx,y\n").status_code == 403
    mine = fleet.get("/devices/import-jobs").json()["imports"][0]["import_id"]
    for method, path in (("GET", ""), ("GET", "/result.csv"), ("POST", "/credentials"), ("DELETE", "")):
        assert other.request(method, f"/devices/import-jobs/{mine}{path}").status_code == 404
    assert mine not in other.get("/devices/import-jobs").text


def test_the_smallest_tier_has_none(stack, fleet):
    stack.sql("UPDATE tenants SET account_tier_id = 'free' WHERE tenant_id = 'bulk'")
    try:
        refused = start(fleet, "name,device_type\nx,y\n")
        assert refused.status_code == 403 and "not included in tier Free" in refused.json()["detail"]
    finally:
        stack.sql("UPDATE tenants SET account_tier_id = NULL WHERE tenant_id = 'bulk'")


def test_kill_9_in_the_middle_goes_on_and_doubles_nothing():
    rows = 12_000
    with Stack(["gateway", "ops"], devices=1) as stack:
        api = Api(stack, "tenantadmin1")
        job = start(api, "name,device_type,device_id,template\n" + "".join(
            f"Unit {i},x,kill-{i:05d},tank-level\n" for i in range(rows))).json()
        where = f"/devices/import-jobs/{job['import_id']}"
        at = 0
        for _ in range(3):
            wait_for("rows since the last kill", lambda: api.get(where).json()["done"] > at, 60)
            stack.pulses[1].kill()
            at = api.get(where).json()["done"]
            assert at == stack.sql("SELECT count(*) FROM device_registry WHERE device_id LIKE 'kill-%%'")[0][0]
            assert at < rows, "the import was over before it was killed"
            stack.pulses[1].start()
        end = ended(api, job)
        assert [end[k] for k in ("status", "imported", "failed")] == ["completed", rows, 0]
        assert stack.sql("SELECT count(*), count(DISTINCT device_id) FROM device_subscriptions "
                         "WHERE device_id LIKE 'kill-%%'") == [(rows, rows)]
        assert stack.sql("SELECT count(*) FROM device_sensors WHERE device_id LIKE 'kill-%%'") == [(rows,)]


def test_two_imports_share_the_worker(fleet):
    jobs = []
    def run(letter):
        jobs.append(start(fleet, "name,device_type,device_id\n" + "".join(
            f"{letter},x,share-{letter}-{i}\n" for i in range(2000))).json())
    threads = [threading.Thread(target=run, args=(letter,)) for letter in "ab"]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert [ended(fleet, job)["imported"] for job in jobs] == [2000, 2000]
