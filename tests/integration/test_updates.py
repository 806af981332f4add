"""Firmware and campaigns: uploads in parts, links that expire, Range, signatures; roll-out, stages, halt, rollback."""

import base64
import hashlib
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import websocket
from conftest import Api
from ingest import quarantined
from mqtt_clients import Client
from servers import Stack, wait_for
from updates import (Updater, begin, campaign, group_of, in_status, new_version, put_part, status_of, uploaded)

DEVICES = 50


@pytest.fixture(scope="module")
def fleet():
    """Its rounds come every second, and the ops role has a process of its own."""
    with Stack(processes=("gateway,mqtt,ingest", "ops"), settings={"CAMPAIGN_SECONDS": "1", "FIRMWARE_MAX_MIB": "20",
                                                                       "STORAGE_TENANT_MIB": "60"},
               devices=DEVICES) as running:
        running.command("admin", "create-tenant", "--id", "other", "--name", "Other company")
        running.command("admin", "create-user", "--username", "other1", "--password", "pulse-demo-1", "--email",
                        "other1@other.example", "--tenant", "other", "--role", "customer,tenant-admin")
        yield running


@pytest.fixture(scope="module")
def api(fleet):
    return Api(fleet, "customer1")


@pytest.fixture(scope="module")
def stranger(fleet):
    return Api(fleet, "other1")


_next = 0


@pytest.fixture()
def some(fleet):
    """`some(n)`: n devices that no other test of this module takes."""
    def take(count):
        global _next
        _next += count
        assert _next <= DEVICES
        return fleet.devices()[_next - count:_next]
    return take


# ---- firmware ----

def test_firmware_whose_file_lies_elsewhere(api):
    body = {"version": new_version(), "device_type": "cold", "file_url": "https://example.com/a.bin",
            "checksum_sha256": "ab" * 32, "file_size_bytes": 12}
    made = api.post("/firmware", json=body)
    assert made.status_code == 201 and {k: made.json()[k] for k in body} == body and not made.json()["uploaded"]
    again = api.post("/firmware", json=body)
    assert again.status_code == 409
    assert again.json()["detail"] == "Firmware version already exists for this device type"
    for_any = {**body, "device_type": None}
    assert api.post("/firmware", json=for_any).status_code == 201
    assert api.post("/firmware", json=for_any).status_code == 409
    assert api.post("/firmware", json={**body, "version": new_version(), "file_url": "nowhere"}).status_code == 422
    listed = api.get("/firmware?device_type=cold").json()
    assert [f["id"] for f in listed["firmware_versions"]] == [made.json()["id"]] and listed["total"] == 1
    assert api.get(f"/firmware/{made.json()['id']}").json() == made.json()
    away = api.get(f"/firmware/{made.json()['id']}/download", allow_redirects=False)
    assert away.status_code == 302 and away.headers["Location"] == "https://example.com/a.bin"
    assert api.delete(f"/firmware/{made.json()['id']}").status_code == 204
    assert api.get(f"/firmware/{made.json()['id']}").status_code == 404


def test_an_upload_in_parts_that_is_taken_up_again(api, fleet):
    content = os.urandom(11_000_000)
    upload = begin(api, content, checksum_sha256=hashlib.sha256(content).hexdigest(), description="Three parts")
    assert upload["parts"] == 3 and upload["part_bytes"] == 5 * 1024 * 1024 and upload["received"] == []
    assert put_part(api, upload, 3, content).json()["size_bytes"] == len(content) - 2 * upload["part_bytes"]
    early = api.post(f"/firmware/uploads/{upload['upload_id']}/complete")
    assert early.status_code == 409 and "1 of 3 parts" in early.json()["detail"]
    # Whoever lost the thread asks what is there.
    assert api.get(f"/firmware/uploads/{upload['upload_id']}").json()["received"] == [3]
    short = api.put(f"/firmware/uploads/{upload['upload_id']}/parts/1", data=b"short")
    assert short.status_code == 400 and short.json()["detail"] == "Part 1 must have 5242880 bytes"
    assert api.put(f"/firmware/uploads/{upload['upload_id']}/parts/4", data=b"x").status_code == 400
    assert put_part(api, upload, 1, os.urandom(len(content))).status_code == 200  # spoilt, and put again
    assert put_part(api, upload, 1, content).status_code == 200
    assert put_part(api, upload, 2, content).json()["received_bytes"] == len(content)
    # An earlier version kept the parts elsewhere.
    objects = fleet.home / "data/objects"
    [parts] = (objects / "uploads/demo").glob(f"{upload['upload_id']}.*")
    earlier = objects / "parts" / parts.name.removeprefix(f"{upload['upload_id']}.")
    earlier.mkdir(parents=True)
    (parts / "2").rename(earlier / "2")
    made = api.post(f"/firmware/uploads/{upload['upload_id']}/complete")
    assert not earlier.exists()
    assert made.status_code == 201 and made.json()["uploaded"] and made.json()["file_size_bytes"] == len(content)
    assert made.json()["checksum_sha256"] == hashlib.sha256(content).hexdigest()
    assert api.get(f"/firmware/uploads/{upload['upload_id']}").status_code == 404
    link = api.get(made.json()["file_url"], allow_redirects=False).headers["Location"]
    assert requests.get(link, timeout=30).content == content
    data = fleet.home / "data/objects"
    assert [p.name for p in (data / "firmware/demo").iterdir() if p.stat().st_size == len(content)] == [
        made.json()["checksum_sha256"]]
    assert not list((data / "uploads/demo").iterdir())


def test_what_no_upload_is_made_of(api):
    content = os.urandom(1000)
    upload = begin(api, content, checksum_sha256="0" * 64)
    assert put_part(api, upload, 1, content).status_code == 200
    spoilt = api.post(f"/firmware/uploads/{upload['upload_id']}/complete")
    assert spoilt.status_code == 400 and spoilt.json()["detail"].startswith("Checksum mismatch: announced 000")
    assert api.get(f"/firmware/uploads/{upload['upload_id']}").status_code == 404
    large = api.post("/firmware/uploads", json={"version": new_version(), "size_bytes": 21 * 1024 * 1024})
    assert large.status_code == 413 and large.json()["detail"] == "Firmware too large (max 20 MiB)"
    known = uploaded(api)
    twice = api.post("/firmware/uploads", json={"version": known["version"], "size_bytes": 5})
    assert twice.status_code == 409
    for body in ({"size_bytes": 0}, {"size_bytes": 5, "checksum_sha256": "AB"}):
        assert api.post("/firmware/uploads", json={"version": new_version(), **body}).status_code == 422
    given_up = begin(api, content)
    assert api.delete(f"/firmware/uploads/{given_up['upload_id']}").status_code == 204
    assert put_part(api, given_up, 1, content).status_code == 404


def test_links_ranges_and_their_end(api, fleet):
    content = bytes(range(256)) * 2000
    made = uploaded(api, content)
    link = api.get(f"/firmware/{made['id']}/download", allow_redirects=False).headers["Location"]
    whole = requests.get(link, timeout=10)
    assert whole.content == content and whole.headers["Content-Length"] == str(len(content))
    assert whole.headers["ETag"] == f'"{made["checksum_sha256"]}"' and whole.headers["Accept-Ranges"] == "bytes"
    assert requests.head(link, timeout=10).headers["Content-Length"] == str(len(content))

    def part(header, **more):
        return requests.get(link, headers={"Range": header, **more}, timeout=10)

    for header, first, last in (("bytes=0-0", 0, 0), ("bytes=100-299", 100, 299), ("bytes=500000-", 500000, None),
                                ("bytes=-7", -7, None), ("bytes=511999-999999999", 511999, None)):
        answer = part(header)
        first = len(content) + first if first < 0 else first
        last = len(content) - 1 if last is None else last
        assert answer.status_code == 206 and answer.content == content[first:last + 1]
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(content)}"
    beyond = part("bytes=512000-")
    assert beyond.status_code == 416 and beyond.headers["Content-Range"] == f"bytes */{len(content)}"
    for header in ("bytes=5-4", "bytes=x-", "lines=1-2", "bytes=0-1,3-4"):
        assert part(header).status_code == 200
    assert part("bytes=0-9", **{"If-Range": whole.headers["ETag"]}).status_code == 206
    assert part("bytes=0-9", **{"If-Range": '"another"'}).status_code == 200

    # A link that somebody changed, one of another key, one whose time is over.
    token = link.rsplit("/", 1)[1]
    grant, signature = token.split(".")
    text = base64.urlsafe_b64decode(grant + "==").decode()
    later = base64.urlsafe_b64encode(("9" + text).encode()).decode().rstrip("=")
    for wrong in (f"{later}.{signature}", f"{grant}.{'A' * 43}", grant, "x.y", "."):
        assert requests.get(f"{fleet.url}/files/{wrong}", timeout=10).status_code == 404
    assert expired(fleet, text).status_code == 403
    assert requests.get(link, timeout=10).status_code == 200


def expired(fleet, text):
    """The same link as it would be an hour from now."""
    import hmac
    over = "1000000000" + text[text.index("\n"):]
    key = hmac.digest(fleet.settings["PULSE_SECRET_KEY"].encode(), b"links to files", "sha256")
    words = [base64.urlsafe_b64encode(b).decode().rstrip("=")
             for b in (over.encode(), hmac.digest(key, over.encode(), "sha256"))]
    return requests.get(f"{fleet.url}/files/{'.'.join(words)}", timeout=10)


def test_signed_firmware(api, fleet, tmp_path, some):
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], check=True, capture_output=True).stdout.decode()

    def signature_of(content):
        digest = tmp_path / "digest"
        digest.write_bytes(hashlib.sha256(content).digest())
        made = subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", digest], check=True,
                              capture_output=True)
        return base64.b64encode(made.stdout).decode()

    assert api.get("/firmware/signing-key").status_code == 404
    [device] = some(1)
    group = group_of(fleet, device["device_id"])
    of_before = uploaded(api, signature="AAAA")  # nobody looks at it, without a key
    waiting = campaign(api, group, of_before, start=False)
    assert api.put("/firmware/signing-key", json={"public_key": "nonsense"}).status_code == 422
    assert api.put("/firmware/signing-key", json={"public_key": public}).status_code == 200
    try:
        assert len(base64.urlsafe_b64decode(api.get("/firmware/signing-key").json()["public_key"] + "=")) == 32
        content = os.urandom(5000)
        unsigned = api.post("/firmware/uploads", json={"version": new_version(), "size_bytes": 5000})
        assert unsigned.status_code == 400 and unsigned.json()["detail"].startswith("Signature required")
        upload = begin(api, content, signature=signature_of(b"something else"))
        put_part(api, upload, 1, content)
        refused = api.post(f"/firmware/uploads/{upload['upload_id']}/complete")
        assert refused.status_code == 400 and refused.json()["detail"].startswith("Signature does not fit")
        made = uploaded(api, content, signature=signature_of(content))
        # Also of content that is stored already.
        again = begin(api, content, checksum_sha256=hashlib.sha256(content).hexdigest(), signature=signature_of(b"else"))
        put_part(api, again, 1, content)
        refused = api.post(f"/firmware/uploads/{again['upload_id']}/complete")
        assert refused.status_code == 400 and refused.json()["detail"].startswith("Signature does not fit")
        late = api.post(f"/ota/campaigns/{waiting['id']}/start")
        assert late.status_code == 409 and "add it as a new, signed version, or remove the signing key" in late.json()["detail"]
        body = {"name": "x", "firmware_version_id": of_before["id"], "target_group_id": group}
        assert api.post("/ota/campaigns", json=body).status_code == 409
        with Updater(fleet, device) as updater:
            running = campaign(api, group, made)
            assert updater.told(running)["signature"] == made["signature"] == signature_of(content)
            updater.obey(running)
            in_status(api, running, "COMPLETED")
        back = api.post(f"/ota/campaigns/{running['id']}/rollback", json={"firmware_version_id": of_before["id"]})
        assert back.status_code == 409
    finally:
        assert api.delete("/firmware/signing-key").status_code == 204
    assert api.delete("/firmware/signing-key").status_code == 404


def test_what_a_tenant_stores_is_bounded_and_goes_with_it(api, fleet):
    for name in ("full", "full-2"):
        fleet.command("admin", "create-tenant", "--id", name, "--name", name)
        fleet.command("admin", "create-user", "--username", f"{name}1", "--password", "pulse-demo-1", "--email",
                      f"{name}1@full.example", "--tenant", name, "--role", "customer,tenant-admin")
    full, beside = Api(fleet, "full1"), Api(fleet, "full-21")
    mebibyte = 1024 * 1024
    kept = uploaded(full, os.urandom(6 * mebibyte))
    listed = full.get("/firmware").json()
    assert (listed["stored_bytes"], listed["stored_bytes_max"]) == (6 * mebibyte, 60 * mebibyte)

    # Nine at once of six: what is announced counts, and no two take the same room.
    body = lambda: {"version": new_version(), "size_bytes": 6 * mebibyte}
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda b: full.post("/firmware/uploads", json=b), [body() for _ in range(12)]))
    made = [a.json() for a in answers if a.status_code == 201]
    refused = [a for a in answers if a.status_code == 413]
    assert (len(made), len(refused)) == (9, 3)
    assert refused[0].json()["detail"] == ("Storage is full: 60 of 60 MiB are taken, this file needs 6. "
                                           "Delete firmware or uploads")
    assert begin(beside, b"of another tenant")["parts"] == 1
    assert full.delete(f"/firmware/uploads/{made[0]['upload_id']}").status_code == 204
    again = full.post("/firmware/uploads", json=body())
    assert again.status_code == 201
    assert put_part(full, made[1], 1, os.urandom(6 * mebibyte)).status_code == 200  # one that stays open

    objects = fleet.home / "data/objects"
    assert (objects / f"firmware/full/{kept['checksum_sha256']}").exists() and list((objects / "uploads/full").iterdir())
    fleet.sql("UPDATE tenants SET status = 'DELETED', deleted_at = now(), purge_after = now() WHERE tenant_id = 'full'")
    uploaded(beside)
    assert "full" in fleet.command("admin", "purge-tenants").stdout
    assert not (objects / "firmware/full").exists() and not (objects / "uploads/full").exists()
    assert (objects / "firmware/full-2").exists()


# ---- campaigns ----

def test_a_campaign_from_first_to_last(api, fleet, some):
    devices = some(3)
    content = os.urandom(70_000)
    made = uploaded(api, content)
    group = group_of(fleet, *(d["device_id"] for d in devices))
    waiting = campaign(api, group, made, start=False)
    assert waiting["status"] == "CREATED" and waiting["total_devices"] == 3
    assert waiting["target_group_id"] == group and waiting["status_breakdown"] == {"PENDING": 3}
    pause = api.post(f"/ota/campaigns/{waiting['id']}/pause")
    assert pause.status_code == 400 and pause.json()["detail"] == "Cannot pause campaign in status CREATED"
    assert api.post(f"/ota/campaigns/{waiting['id']}/start").json() == {"id": waiting["id"], "status": "RUNNING"}
    start = api.post(f"/ota/campaigns/{waiting['id']}/start")
    assert start.status_code == 400 and start.json()["detail"] == "Cannot start campaign in status RUNNING"
    for device in devices:
        with Updater(fleet, device) as updater:
            told = updater.told(waiting)
            assert told["version"] == made["version"] and told["action"] == "update"
            assert told["size_bytes"] == len(content)
            assert updater.obey(waiting) == content
    done = in_status(api, waiting, "COMPLETED")
    assert (done["succeeded"], done["failed"]) == (3, 0) and done["status_breakdown"] == {"SUCCESS": 3}
    assert done["firmware_version"] == made["version"] and done["firmware_checksum"] == made["checksum_sha256"]
    page = api.get(f"/ota/campaigns/{waiting['id']}/devices?status=SUCCESS&limit=2").json()
    assert page["total"] == 3 and len(page["devices"]) == 2 and page["devices"][0]["progress_pct"] == 100
    shown = api.get(f"/devices/{devices[0]['device_id']}").json()["device"]
    assert shown["fw_version"] == made["version"]
    for what in ("abort", "start"):
        assert api.post(f"/ota/campaigns/{waiting['id']}/{what}").status_code == 400
    assert waiting["id"] in [c["id"] for c in api.get("/ota/campaigns?status=COMPLETED").json()["campaigns"]]
    used = api.delete(f"/firmware/{made['id']}")
    assert used.status_code == 409 and used.json()["detail"] == "Firmware version is used by a campaign"


def test_a_result_stands_and_bad_reports_are_quarantined(api, fleet, some):
    [device] = some(1)
    running = campaign(api, group_of(fleet, device["device_id"]), uploaded(api), abort_threshold=1)
    with Updater(fleet, device) as updater:
        updater.told(running)
        updater.publish(json.dumps({"campaign_id": "x", "status": "SUCCESS"}), "ota/status")
        updater.publish(json.dumps({"campaign_id": running["id"], "status": "SKIPPED"}), "ota/status")
        updater.publish(json.dumps({"campaign_id": running["id"], "status": "SUCCESS", "progress": 101}), "ota/status")
        updater.report(running, "FAILED", 30, "flash is full")
        in_status(api, running, "COMPLETED")
        updater.report(running, "SUCCESS", 100)
        wait_for("the refusals", lambda: len([r for r in quarantined(fleet, device) if "INVALID" in str(r)]) >= 3)
    [row] = api.get(f"/ota/campaigns/{running['id']}/devices").json()["devices"]
    assert (row["status"], row["error_message"], row["progress_pct"]) == ("FAILED", "flash is full", 30)


def test_too_many_failures_halt_it(api, fleet, some):
    devices = some(4)
    running = campaign(api, group_of(fleet, *(d["device_id"] for d in devices)), uploaded(api), rollout_rate=2,
                       abort_threshold=0.5, min_results=2)
    told = {}
    for device in devices:
        updater = Updater(fleet, device).__enter__()
        told[device["device_id"]] = updater
    try:
        wait_for("the first two", lambda: sum(any(json.loads(m.payload).get("campaign_id") == running["id"]
                                                  for m in u.messages) for u in told.values()) >= 2)
        for updater in told.values():
            if updater.messages:
                updater.report(running, "FAILED", error="no")
        halted = in_status(api, running, "ABORTED")
    finally:
        for updater in told.values():
            updater.close()
    assert halted["failed"] >= 2 and "devices failed" in halted["status_reason"]
    assert set(halted["status_breakdown"]) <= {"FAILED", "SKIPPED"}
    events = Api(fleet, "tenantadmin1").get(f"/audit-log?entity_id={running['id']}&event_type=campaign.aborted").json()
    assert events["total"] == 1


def test_stages_begin_with_canaries(api, fleet, some):
    devices = some(4)
    running = campaign(api, group_of(fleet, *(d["device_id"] for d in devices)), uploaded(api),
                       rollout_strategy="canary", stages=[25, 100], start=False)
    assert running["stages"] == [25, 100] and running["stage"] == 0
    stages = {d["device_id"]: d["stage"]
              for d in api.get(f"/ota/campaigns/{running['id']}/devices").json()["devices"]}
    assert sorted(stages.values()) == [0, 1, 1, 1]
    assert api.post(f"/ota/campaigns/{running['id']}/start").status_code == 200
    order = sorted(devices, key=lambda d: stages[d["device_id"]])
    with Updater(fleet, order[0]) as canary, Updater(fleet, order[1]) as next_one:
        canary.told(running)
        handed = [d for d in api.get(f"/ota/campaigns/{running['id']}/devices").json()["devices"] if d["started_at"]]
        assert [d["device_id"] for d in handed] == [order[0]["device_id"]]
        canary.obey(running)
        next_one.told(running)
        assert status_of(api, running)["stage"] == 1
    assert api.post(f"/ota/campaigns/{running['id']}/abort").json()["status"] == "ABORTED"
    for stages in ([], [50], [100, 50, 100], [0, 100], [50, 50, 100]):
        refused = api.post("/ota/campaigns", json={"name": "x", "firmware_version_id": 1, "target_group_id": "x",
                                                   "stages": stages})
        assert refused.status_code == 422


def test_pause_resume_abort(api, fleet, some):
    devices = some(3)
    running = campaign(api, group_of(fleet, *(d["device_id"] for d in devices)), uploaded(api), rollout_rate=1)
    one = f"/ota/campaigns/{running['id']}"
    handed = lambda: [d for d in api.get(f"{one}/devices").json()["devices"] if d["started_at"]]
    wait_for("the first device", handed)
    assert api.post(f"{one}/pause").json() == {"id": running["id"], "status": "PAUSED"}
    before = len(handed())
    refused = api.post(f"{one}/rollback")
    assert refused.status_code == 400 and refused.json()["detail"] == "No earlier firmware version to roll back to" \
        or refused.json()["detail"] == "No device was updated by this campaign"
    assert api.post(f"{one}/start").json()["status"] == "RUNNING"
    if before < 3:
        wait_for("one more", lambda: len(handed()) > before)
    assert api.post(f"{one}/abort").json() == {"id": running["id"], "status": "ABORTED"}
    twice = api.post(f"{one}/abort")
    assert twice.status_code == 400 and twice.json()["detail"] == "Campaign already in terminal status ABORTED"
    assert status_of(api, running)["status_breakdown"] == {"SKIPPED": 3}


def test_rollback_to_what_ran_before(api, fleet, some):
    devices = some(2)
    group = group_of(fleet, *(d["device_id"] for d in devices))
    kind = f"kind-{new_version()}"
    old, new = uploaded(api, device_type=kind), uploaded(api, device_type=kind)
    fleet.sql("UPDATE device_registry SET fw_version = %s, device_type = %s WHERE device_id = ANY(%s)",
              (old["version"], kind, [d["device_id"] for d in devices]))
    running = campaign(api, group, new, abort_threshold=1)
    with Updater(fleet, devices[0]) as good, Updater(fleet, devices[1]) as bad:
        good.obey(running)
        bad.told(running)
        bad.report(running, "FAILED")
        early = api.post(f"/ota/campaigns/{running['id']}/rollback")
        if early.status_code == 400:
            assert early.json()["detail"] == "Cannot roll back campaign in status RUNNING"
        in_status(api, running, "COMPLETED")
        back = api.post(f"/ota/campaigns/{running['id']}/rollback")
        assert back.status_code == 201
        back = back.json()
        assert (back["status"], back["rollback_of"], back["firmware_version"], back["total_devices"]) == (
            "RUNNING", running["id"], old["version"], 1)
        assert good.told(back)["version"] == old["version"]
        good.obey(back)
    in_status(api, back, "COMPLETED")
    foreign = api.post(f"/ota/campaigns/{running['id']}/rollback",
                       json={"firmware_version_id": uploaded(api, device_type="another")["id"]})
    assert foreign.status_code == 400 and "of the firmware's device type" in foreign.json()["detail"]
    named = api.post(f"/ota/campaigns/{running['id']}/rollback", json={"firmware_version_id": 999999})
    assert named.status_code == 404


def test_firmware_goes_to_devices_of_its_type(api, fleet, some):
    pump, fan, untyped = (d["device_id"] for d in some(3))
    turned = f"turned-{os.getpid()}"
    assert api.post("/devices", json={"device_id": turned, "device_type": "pump"}).status_code == 201
    assert api.get(f"/devices/{turned}").json()["device"]["device_type"] == "pump"
    for device, kind in ((pump, "pump"), (fan, "fan"), (untyped, None)):
        assert api.patch(f"/devices/{device}", json={"device_type": kind}).status_code == 200
    made = uploaded(api, device_type="pump")
    body = {"name": "x", "firmware_version_id": made["id"], "target_group_id": group_of(fleet, fan)}
    nobody = api.post("/ota/campaigns", json=body)
    assert nobody.status_code == 400
    assert nobody.json()["detail"] == "None of the group's 1 devices is of the firmware's device type pump"

    mixed = campaign(api, group_of(fleet, pump, fan, untyped, turned), made, start=False, stages=[50, 100])
    assert mixed["status_breakdown"] == {"PENDING": 3, "SKIPPED": 1} and mixed["total_devices"] == 4
    devices = lambda: {d["device_id"]: d for d in api.get(f"/ota/campaigns/{mixed['id']}/devices").json()["devices"]}
    assert devices()[fan]["error_message"] == "The firmware is for devices of type pump, this one is of type fan"
    # Half of those that it is for, not of the group; one that nobody gave a type takes any.
    assert sorted(devices()[d]["stage"] for d in (pump, untyped, turned)) == [0, 0, 1]
    # One that becomes another before its turn is left out, too.
    api.patch(f"/devices/{turned}", json={"device_type": "fan"})
    assert api.post(f"/ota/campaigns/{mixed['id']}/start").status_code == 200
    fleet.sql("UPDATE ota_device_status SET status = 'SUCCESS' WHERE campaign_id = %s AND device_id = ANY(%s)",
              (mixed["id"], [pump, untyped]))
    done = in_status(api, mixed, "COMPLETED")
    assert done["status_breakdown"] == {"SUCCESS": 2, "SKIPPED": 2} and not devices()[turned]["started_at"]
    # Nor did who made it from a template set its type.
    gateway = api.post("/templates", json={"name": "Made of", "slug": f"made-of-{os.getpid()}", "category": "gateway"}).json()
    assert api.post("/devices", json={"device_id": f"{turned}-2", "template_id": gateway["id"]}).status_code == 201
    assert api.get(f"/devices/{turned}-2").json()["device"]["device_type"] == "gateway"
    made_of = campaign(api, group_of(fleet, f"{turned}-2"), made, start=False)
    assert made_of["status_breakdown"] == {"PENDING": 1}
    for_all = campaign(api, mixed["target_group_id"], uploaded(api), start=False)
    assert for_all["status_breakdown"] == {"PENDING": 4}


def test_what_a_device_runs_is_known_also_when_it_comes_too_late(api, fleet, some):
    [device] = some(1)
    shown = lambda: api.get(f"/devices/{device['device_id']}").json()["device"]["fw_version"]
    group = group_of(fleet, device["device_id"])
    with Updater(fleet, device) as updater:
        failed = campaign(api, group, uploaded(api), abort_threshold=1)
        updater.told(failed)
        updater.report(failed, "FAILED")
        in_status(api, failed, "COMPLETED")
        updater.report(failed, "SUCCESS")
        wait_for("the version of what had failed", lambda: shown() == failed["firmware_version"])
        aborted = campaign(api, group, uploaded(api))
        updater.told(aborted)
        assert api.post(f"/ota/campaigns/{aborted['id']}/abort").status_code == 200
        assert status_of(api, aborted)["status_breakdown"] == {"SKIPPED": 1}
        told = websocket.create_connection(
            fleet.url.replace("http", "ws") + "/api/v1/customer/telemetry/stream?metric=_nobody_&token=" +
            fleet.token("customer1"), timeout=20)
        assert json.loads(told.recv())["type"] == "connected"
        updater.report(aborted, "SUCCESS")
        wait_for("the version of what was aborted", lambda: shown() == aborted["firmware_version"])
        while json.loads(told.recv()) != {"type": "changed", "what": "devices"}:
            pass
        told.close()
        assert status_of(api, aborted)["status_breakdown"] == {"SKIPPED": 1}  # a result stands
        current = campaign(api, group, uploaded(api))
        updater.obey(current)
        in_status(api, current, "COMPLETED")
        # A report of then that is delivered again is not news.
        fleet.sql("UPDATE ota_device_status SET reported_at = now() + interval '1 hour' WHERE campaign_id = %s",
                  (current["id"],))
        updater.report(aborted, "SUCCESS")
        updater.publish(json.dumps({"campaign_id": "x"}), "ota/status")  # what comes after it
        wait_for("all reports taken", lambda: any("campaign_id" in str(r) for r in quarantined(fleet, device)))
    assert shown() == current["firmware_version"]


def test_reports_and_who_ends_a_device_make_no_circle(api, fleet, some):
    """Who decommissions a device holds its row and asks for its updates; a report must not hold these by then."""
    [device] = some(1)
    one = (device["tenant_id"], device["device_id"])
    running = campaign(api, group_of(fleet, device["device_id"]), uploaded(api))
    with Updater(fleet, device) as updater:
        updater.told(running)
        with fleet.transaction() as ending:
            ending.execute("SELECT FROM device_registry WHERE tenant_id = %s AND device_id = %s FOR NO KEY UPDATE", one)
            updater.report(running, "SUCCESS")
            fleet.wait_for_lock("FOR NO KEY UPDATE OF r")
            ending.execute("UPDATE ota_device_status SET error_message = 'seen' WHERE tenant_id = %s AND device_id = %s", one)
        in_status(api, running, "COMPLETED")
    assert api.get(f"/devices/{device['device_id']}").json()["device"]["fw_version"] == running["firmware_version"]


def test_one_update_at_a_time(api, fleet, some):
    """Two campaigns for one device, both ready for the same round."""
    [device] = some(1)
    group = group_of(fleet, device["device_id"])
    both = [campaign(api, group, uploaded(api), start=False) for _ in range(2)]
    fleet.sql("UPDATE ota_campaigns SET status = 'RUNNING', started_at = now() WHERE id = ANY(%s)",
              ([c["id"] for c in both],))
    started = lambda: fleet.sql("SELECT campaign_id FROM ota_device_status WHERE device_id = %s AND campaign_id = ANY(%s) "
                                "AND started_at IS NOT NULL ORDER BY started_at", (device["device_id"], [c["id"] for c in both]))
    with Updater(fleet, device) as updater:
        wait_for("the first", started)
        assert [row[0] for row in started()] == [both[0]["id"]]
        updater.obey(both[0])
        updater.obey(both[1])
    for one in both:
        in_status(api, one, "COMPLETED")
    told = [json.loads(m.payload)["campaign_id"] for m in updater.messages]
    assert list(dict.fromkeys(told)) == [c["id"] for c in both]


def test_who_comes_late_or_never(api, fleet, some):
    late, never = some(2)
    running = campaign(api, group_of(fleet, late["device_id"], never["device_id"]), uploaded(api), abort_threshold=1)
    wait_for("both handed out", lambda: all(
        d["started_at"] for d in api.get(f"/ota/campaigns/{running['id']}/devices").json()["devices"]))
    with Updater(fleet, late) as updater:  # what waits is told to who subscribes
        updater.obey(running)
    # Silence is counted in minutes: the hour is over.
    fleet.sql("UPDATE ota_device_status SET started_at = now() - interval '61 minutes' WHERE campaign_id = %s "
              "AND device_id = %s", (running["id"], never["device_id"]))
    done = in_status(api, running, "COMPLETED")
    assert done["status_breakdown"] == {"SUCCESS": 1, "FAILED": 1}
    [row] = api.get(f"/ota/campaigns/{running['id']}/devices?status=FAILED").json()["devices"]
    assert row["error_message"] == "No report for 60 minutes"


def test_what_no_campaign_is_made_of(api, fleet):
    made = uploaded(api)
    body = {"name": "x", "firmware_version_id": made["id"], "target_group_id": group_of(fleet)}
    empty = api.post("/ota/campaigns", json=body)
    assert empty.status_code == 400 and empty.json()["detail"] == "Device group has no members"
    unknown = api.post("/ota/campaigns", json={**body, "target_group_id": "grp-none"})
    assert unknown.status_code == 404 and unknown.json()["detail"] == "Device group not found"
    nothing = api.post("/ota/campaigns", json={**body, "firmware_version_id": 999999})
    assert nothing.status_code == 404 and nothing.json()["detail"] == "Firmware version not found"
    for wrong in ({"name": ""}, {"rollout_rate": 0}, {"rollout_rate": 1001}, {"abort_threshold": 1.1},
                  {"rollout_strategy": "all"}, {"timeout_minutes": 0}):
        assert api.post("/ota/campaigns", json={**body, **wrong}).status_code == 422
    for what in ("", "/devices"):
        assert api.get(f"/ota/campaigns/999999{what}").status_code == 404
    for what in ("start", "pause", "abort", "rollback"):
        assert api.post(f"/ota/campaigns/999999/{what}").status_code == 404


def test_nothing_crosses_tenants(api, stranger, fleet, some):
    [device] = some(1)
    content = os.urandom(10)
    made, upload = uploaded(api), begin(api, content)
    mine = campaign(api, group_of(fleet, device["device_id"]), made, start=False)
    for method, path in [("GET", f"/firmware/{made['id']}"), ("GET", f"/firmware/{made['id']}/download"),
                         ("DELETE", f"/firmware/{made['id']}"), ("GET", f"/firmware/uploads/{upload['upload_id']}"),
                         ("DELETE", f"/firmware/uploads/{upload['upload_id']}"),
                         ("POST", f"/firmware/uploads/{upload['upload_id']}/complete"),
                         ("PUT", f"/firmware/uploads/{upload['upload_id']}/parts/1"),
                         ("GET", f"/ota/campaigns/{mine['id']}"), ("GET", f"/ota/campaigns/{mine['id']}/devices"),
                         *(("POST", f"/ota/campaigns/{mine['id']}/{w}") for w in ("start", "pause", "abort", "rollback"))]:
        assert stranger.request(method, path).status_code == 404, path
    assert stranger.get("/firmware").json()["total"] == stranger.get("/ota/campaigns").json()["total"] == 0
    theirs = stranger.post("/ota/campaigns", json={"name": "x", "firmware_version_id": made["id"],
                                                   "target_group_id": mine["target_group_id"]})
    assert theirs.status_code == 404
    # Somebody else's device may say what it likes of a campaign that is not its own.
    [other] = some(1)
    assert api.post(f"/ota/campaigns/{mine['id']}/start").status_code == 200
    with Client(fleet, other) as liar:
        liar.publish(json.dumps({"campaign_id": mine["id"], "status": "SUCCESS"}), "ota/status").wait_for_publish(10)
    with Updater(fleet, device) as updater:
        updater.told(mine)
        assert status_of(api, mine)["status_breakdown"] == {"PENDING": 1}
        updater.obey(mine)
    in_status(api, mine, "COMPLETED")


def test_kill_9_in_the_middle(api, fleet, some):
    """The ops role dies while a campaign runs; what it had handed out is told again, the rest follows."""
    devices = some(3)
    running = campaign(api, group_of(fleet, *(d["device_id"] for d in devices)), uploaded(api), rollout_rate=1)
    wait_for("the first device", lambda: any(
        d["started_at"] for d in api.get(f"/ota/campaigns/{running['id']}/devices").json()["devices"]))
    ops = fleet.pulses[1]
    ops.kill()
    assert status_of(api, running)["status"] == "RUNNING"
    # As if it had died between the commit and the message: nobody was told, and the minute is over.
    fleet.sql("UPDATE ota_device_status SET publish_at = now() WHERE campaign_id = %s AND started_at IS NOT NULL",
              (running["id"],))
    updaters = [Updater(fleet, d).connect() for d in devices]
    ops.start()
    fleet.wait_ready()
    try:
        for updater in updaters:
            updater.subscribe(updater.topic("ota"))
        for updater in updaters:
            updater.obey(running)
    finally:
        for updater in updaters:
            updater.close()
    done = in_status(api, running, "COMPLETED")
    assert done["succeeded"] == 3


def test_kill_9_of_who_takes_reports(api, fleet, some):
    """What a device was told is taken is taken, though the process dies before it is stored."""
    [device] = some(1)
    running = campaign(api, group_of(fleet, device["device_id"]), uploaded(api))
    taker = fleet.pulses[0]
    with Updater(fleet, device) as updater:
        updater.told(running)
        with fleet.transaction() as holder:  # so that the report can't be stored before the process dies
            holder.execute("SELECT FROM device_registry WHERE tenant_id = %s AND device_id = %s FOR NO KEY UPDATE",
                           (device["tenant_id"], device["device_id"]))
            updater.report(running, "SUCCESS")
            fleet.wait_for_lock("FOR NO KEY UPDATE OF r")
            taker.kill()
    taker.start()
    fleet.wait_ready()
    in_status(api, running, "COMPLETED", 60)
    assert api.get(f"/devices/{device['device_id']}").json()["device"]["fw_version"] == running["firmware_version"]


def test_simulated_devices_take_part(api, fleet, some, tmp_path):
    devices = some(2)
    lines = tmp_path / "devices.jsonl"
    lines.write_text("".join(json.dumps(d) + "\n" for d in devices))
    running = campaign(api, group_of(fleet, *(d["device_id"] for d in devices)), uploaded(api), abort_threshold=1)

    def simulate(*flags):
        run = fleet.command("simulate", "--devices-file", lines, "--protocol", "mqtt", "--mqtt",
                            f"127.0.0.1:{fleet.mqtt_port}", "--rate", "5", "--duration", "6", "--updates", "on", *flags,
                            "--report", "json")
        return json.loads(run.stdout)

    report = simulate()
    assert (report["updates_done"], report["updates_failed"]) == (2, 0)
    assert in_status(api, running, "COMPLETED")["status_breakdown"] == {"SUCCESS": 2}
    again = campaign(api, running["target_group_id"], uploaded(api), abort_threshold=1)
    assert simulate("--ota-fail", "100")["updates_failed"] == 2
    failed = in_status(api, again, "COMPLETED")
    assert failed["status_breakdown"] == {"FAILED": 2}
