"""Devices from CSV files: each row alone, a dry run that writes nothing, credentials once."""

import re
import time

import pytest
from conftest import Api
from ingest import post
from people import make_user


@pytest.fixture(scope="module")
def fleet(stack):
    """A tenant with a site and a template of its own."""
    stack.command("admin", "create-tenant", "--id", "importing", "--name", "Importing company")
    make_user(stack, "importer", tenant="importing", roles="customer,tenant-admin")
    make_user(stack, "import-reader", tenant="importing")
    api = Api(stack, "importer")
    assert api.post("/sites", json={"site_id": "plant", "name": "Plant"}).status_code == 201
    assert api.post("/templates", json={"name": "Meter", "slug": "meter", "category": "edge_device"}).status_code == 201
    return api


def send(api, text, query="", name="devices.csv"):
    content = text if isinstance(text, bytes) else text.encode()
    return api.post(f"/devices/import{query}", files={"file": (name, content, "text/csv")})


def by_row(answer):
    assert answer.status_code == 200, answer.text
    return {r["row"]: r for r in answer.json()["results"]}


def counts(answer):
    return tuple(answer.json()[k] for k in ("total", "imported", "failed"))


def test_rows_are_devices_as_if_each_had_been_created(stack, fleet):
    answer = send(fleet, "name,device_type,site_id,tags,device_id,template,plan,latitude,longitude,serial_number\r\n"
                         "Boiler 1,boiler,plant,\"hot, roof ,hot\",boiler-1,cold-chain-logger,,51.5,-0.12,SN-1\r\n"
                         "Pümpe #2,pump,,,,,,,,\r\n")
    rows = by_row(answer)
    assert counts(answer) == (2, 2, 0) and rows[1]["device_id"] == "boiler-1" and rows[1]["password"] is None
    made = rows[2]["device_id"]
    assert re.fullmatch(r"P-mpe-2-[0-9a-f]{6}", made), made
    device = fleet.get("/devices/boiler-1").json()["device"]
    assert (device["name"], device["device_type"], device["site_id"], device["tags"], device["serial_number"],
            device["template_slug"], device["plan_id"], device["latitude"], device["longitude"], device["location_source"],
            device["subscription_status"], device["registry_status"]) == (
        "Boiler 1", "boiler", "plant", ["hot", "roof"], "SN-1", "cold-chain-logger", "basic", 51.5, -0.12, "manual",
        "TRIAL", "ACTIVE")
    # The same sensors and history as a device that was created alone.
    fleet.post("/devices", json={"device_id": "alone-1", "template_id": device["template_id"]})
    sensors = [sorted((s["metric_name"], s["unit"], s["precision_digits"]) for s in
                      fleet.get(f"/devices/{d}").json()["device"]["sensors"]) for d in ("boiler-1", "alone-1")]
    assert sensors[0] == sensors[1] and sensors[0]
    ways = [[(t["ingestion_protocol"], t["is_primary"]) for t in fleet.get(f"/devices/{d}/transports").json()["transports"]]
            for d in ("boiler-1", "alone-1")]
    assert ways[0] == ways[1] and len(ways[0]) == 1
    told = stack.sql("SELECT a.event_type, a.new_state->>'status', a.actor_type FROM subscription_audit a WHERE "
                     "a.tenant_id = 'importing' AND a.details->>'device_id' IN ('boiler-1', 'alone-1')")
    assert len(told) == 2 and told[0] == told[1]
    assert fleet.get(f"/devices/{made}").json()["device"]["site_id"] == "default-site"


def test_one_bad_row_stops_no_other_and_names_all_that_is_wrong(fleet):
    text = ("name,device_type,device_id,site_id,template,plan,latitude,longitude,tags\n"
            "Good,pump,import-good,plant,meter,basic,,,\n"
            ",pump,import-noname,,,,,,\n"
            "Bad id,pump,no spaces,a/b,,,,,\n"
            "Taken,pump,boiler-taken,,,,,,\n"
            "Nowhere,pump,import-nowhere,nowhere,no-such,gold,,,\n"
            "Far,pump,import-far,,,,91,x,\n"
            "Half,pump,import-half,,,,5,,\n"
            "Twice,pump,import-good,,,,,,\n"
            "Wide,pump,import-wide,,,,,,,more\n"
            f"{'n' * 201},,import-long,,,,,,{'t' * 101}\n")
    assert fleet.post("/devices", json={"device_id": "boiler-taken"}).status_code == 201
    answer = send(fleet, text)
    rows = by_row(answer)
    assert counts(answer) == (10, 1, 9)
    assert rows[1]["status"] == "ok"
    told = {n: rows[n]["message"] for n in range(2, 11)}
    assert told == {
        2: "name is required",
        3: "site_id must be 1 to 128 of letters, digits, '_' and '-'; "
           "device_id must be 1 to 128 of letters, digits, '_' and '-'",
        4: "Device already exists",
        5: "Site not found: nowhere; Template not found: no-such; Invalid plan: gold",
        6: "latitude must be between -90 and 90; longitude must be a number",
        7: "latitude and longitude belong together",
        8: "device_id is that of row 1, too",
        9: "has 10 cells, the header 9",
        10: "name must have at most 200 characters; device_type is required; each tag must have at most 100 characters"}
    assert all(rows[n]["status"] == "error" and rows[n]["device_id"] is None for n in told)
    assert fleet.get("/devices/import-good").json()["device"]["template_slug"] == "meter"
    assert fleet.get("/devices/import-wide").status_code == 404


def test_a_dry_run_tells_the_same_and_writes_nothing(stack, fleet):
    def everything():
        return stack.sql("SELECT (SELECT count(*) FROM device_registry), (SELECT count(*) FROM device_subscriptions), "
                         "(SELECT count(*) FROM device_sensors), (SELECT count(*) FROM device_api_tokens)")
    text = "name,device_type,device_id,colour\nOne,pump,dry-1,red\nTwo,pump,boiler-taken,\n"
    before = everything()
    answer = send(fleet, text, "?dry_run=true&credentials=true")
    assert counts(answer) == (2, 1, 1) and answer.json()["dry_run"] and answer.json()["ignored_columns"] == ["colour"]
    assert by_row(answer)[1]["password"] is None
    assert everything() == before and fleet.get("/devices/dry-1").status_code == 404
    real = send(fleet, text)
    assert [(r["status"], r["message"]) for r in real.json()["results"]] == [
        (r["status"], r["message"]) for r in answer.json()["results"]]
    assert fleet.get("/devices/dry-1").status_code == 200


def test_credentials_come_once_and_let_the_device_in(stack, fleet):
    answer = send(fleet, "name,device_type,device_id\nA,pump,keyed-a\nB,pump,keyed-b\nC,pump,keyed-a\n", "?credentials=true")
    rows = by_row(answer)
    assert rows[1]["password"] != rows[2]["password"] and rows[3]["password"] is None
    assert rows[1]["client_id"].startswith("importin-keyed-a-")
    device = {"tenant_id": "importing", "device_id": "keyed-a", "token": rows[1]["password"]}
    assert post(stack, device, {"metrics": {"temperature": 4}}).status_code == 202
    assert post(stack, {**device, "token": rows[2]["password"]}, {"metrics": {"temperature": 4}}).status_code == 401
    tokens = fleet.get("/devices/keyed-a/tokens").json()["tokens"]
    assert [(t["client_id"], t["label"]) for t in tokens] == [(rows[1]["client_id"], "import")]
    assert stack.sql("SELECT count(*) FROM device_api_tokens WHERE token_hash = %s", (rows[1]["password"],)) == [(0,)]
    assert rows[1]["password"] not in fleet.get("/audit-log?limit=200").text


def test_the_id_of_a_deleted_device_begins_anew(fleet):
    send(fleet, "name,device_type,device_id,tags,serial_number\nOld,pump,again-1,old,S1\n")
    fleet.patch("/devices/again-1", json={"notes": "old notes"})
    assert fleet.post("/devices/again-1/sensors", json={"metric_key": "old", "display_name": "Old"}).status_code == 201
    assert fleet.delete("/devices/again-1").status_code == 200
    assert counts(send(fleet, "name,device_type,device_id,tags\nNew,fan,again-1,new\n")) == (1, 1, 0)
    device = fleet.get("/devices/again-1").json()["device"]
    assert (device["name"], device["tags"], device["serial_number"], device["notes"], device["device_type"],
            device["subscription_status"]) == ("New", ["new"], None, None, "fan", "TRIAL")
    assert fleet.get("/devices/again-1/sensors").json()["sensors"] == []


def test_files_that_are_none(fleet):
    head = "name,device_type\n"
    for content, status, detail in (
            (b"name,site_id\nx,y\n", 400, "Missing required CSV columns: name, device_type"),
            (b"", 400, "Missing required CSV columns: name, device_type"),
            ("name,device_type\nJos\u00e9,x\n".encode("latin-1"), 400, "CSV must be UTF-8 encoded"),
            ((head + "x,y\n" * 501).encode(), 400, "CSV row limit exceeded (max 500)"),
            ((head + "x" * 1024 * 1024).encode(), 413, "File too large (max 1 MB)"),
            (b"name,device_type,NAME\nx,y,z\n", 400, "CSV column given twice: name"),
            (b"name,device_type\n\"open,y\n", 400, "CSV line 2: a quote that is not closed")):
        answer = send(fleet, content)
        assert (answer.status_code, answer.json()["detail"]) == (status, detail)
    assert fleet.post("/devices/import", json={"file": "x"}).status_code == 415
    missing = fleet.post("/devices/import", files={"other": ("a.csv", b"x")})
    assert missing.status_code == 422 and missing.json()["detail"][0]["loc"] == ["body", "file"]
    assert counts(send(fleet, head + "x,y\n" * 500)) == (500, 500, 0)


def test_who_may_import_and_what_is_told(stack, fleet):
    assert send(Api(stack, "import-reader"), "name,device_type\nx,y\n").status_code == 403
    send(fleet, "name,device_type,device_id\nTold,pump,told-1\n", name="line=7.csv")
    for _ in range(50):
        events = fleet.get("/audit-log?limit=100").json()["events"]
        found = {e["event_type"]: e for e in events if e["entity_id"] in ("told-1", "line=7.csv")}
        if len(found) == 2:
            break
        time.sleep(0.1)
    assert found["devices.imported"]["message"] == "Devices imported: 1"
    assert found["device.created"]["entity_id"] == "told-1"


def test_another_tenants_sites_templates_and_devices_are_nobodys(stack, fleet):
    stack.command("admin", "create-tenant", "--id", "importing-too", "--name", "Another company")
    make_user(stack, "importer-too", tenant="importing-too", roles="customer,tenant-admin")
    answer = send(Api(stack, "importer-too"), "name,device_type,device_id,site_id,template\nA,x,boiler-1,,\nB,x,other-b,plant,\nC,x,other-c,,meter\n")
    rows = by_row(answer)
    assert rows[1]["status"] == "ok", "an id of another tenant is free"
    assert rows[2]["message"] == "Site not found: plant" and rows[3]["message"] == "Template not found: meter"
    assert fleet.get("/devices/boiler-1").json()["device"]["name"] == "Boiler 1"
