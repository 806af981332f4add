"""Jobs: made for a device, a group or all, carried out by devices over HTTP, told over MQTT, cancelled, expired."""

import json

import pytest
import requests
import websocket
from conftest import Api
from people import make_user
from servers import wait_for
from updates import Updater, device_headers, group_of


def pending(stack, device):
    answer = requests.get(f"{stack.url}/device/v1/jobs/pending", headers=device_headers(device), timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()["jobs"]


def execution(stack, device, job, method="GET", **body):
    return requests.request(method, f"{stack.url}/device/v1/jobs/{job}/execution", headers=device_headers(device),
                            json=body or None, timeout=10)


def make(api, **body):
    answer = api.post("/jobs", json={"document_type": "reboot", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_job_for_one_device_from_first_to_last(stack, customer, fresh_device):
    id = fresh_device["device_id"]
    made = make(customer, document_params={"delay_s": 5}, target_device_id=id)
    assert made["status"] == "IN_PROGRESS" and made["execution_count"] == 1 and made["expires_at"]
    [waiting] = pending(stack, fresh_device)
    assert waiting["job_id"] == made["job_id"] and waiting["execution_number"] == 1
    assert waiting["document"] == {"type": "reboot", "params": {"delay_s": 5}}
    seen = execution(stack, fresh_device, made["job_id"]).json()
    assert (seen["status"], seen["device_id"], seen["started_at"]) == ("QUEUED", id, None)

    early = execution(stack, fresh_device, made["job_id"], "PUT", status="SUCCEEDED")
    assert early.status_code == 400 and early.json()["detail"] == "Cannot transition from QUEUED to SUCCEEDED"
    begun = execution(stack, fresh_device, made["job_id"], "PUT", status="IN_PROGRESS", execution_number=1)
    assert begun.status_code == 200 and begun.json()["execution_number"] == 2 and begun.json()["started_at"]
    assert pending(stack, fresh_device) == []
    stale = execution(stack, fresh_device, made["job_id"], "PUT", status="SUCCEEDED", execution_number=1)
    assert stale.status_code == 409
    done = execution(stack, fresh_device, made["job_id"], "PUT", status="SUCCEEDED", execution_number=2,
                     status_details={"took_s": 7})
    assert done.status_code == 200 and done.json()["status_details"] == {"took_s": 7}
    again = execution(stack, fresh_device, made["job_id"], "PUT", status="IN_PROGRESS")
    assert again.status_code == 400 and again.json()["detail"] == "Cannot transition from SUCCEEDED to IN_PROGRESS"

    job = customer.get(f"/jobs/{made['job_id']}").json()
    assert job["status"] == "COMPLETED" and job["document_params"] == {"delay_s": 5}
    assert (job["total_executions"], job["succeeded_count"], job["failed_count"]) == (1, 1, 0)
    assert [(e["device_id"], e["status"], e["execution_number"]) for e in job["executions"]] == [(id, "SUCCEEDED", 3)]
    refused = customer.delete(f"/jobs/{made['job_id']}")
    assert refused.status_code == 400 and refused.json()["detail"] == "Cannot cancel job in status COMPLETED"


def test_a_job_is_done_when_its_last_device_is(stack, customer, fresh_devices):
    devices = fresh_devices
    group = group_of(stack, *(d["device_id"] for d in devices))
    made = make(customer, target_group_id=group, job_id="of-a-group")
    assert made["job_id"] == "of-a-group" and made["execution_count"] == 3
    for device, last in zip(devices, ("SUCCEEDED", "FAILED", "REJECTED")):
        assert customer.get("/jobs/of-a-group").json()["status"] == "IN_PROGRESS"
        assert execution(stack, device, "of-a-group", "PUT", status="IN_PROGRESS").status_code == 200
        assert execution(stack, device, "of-a-group", "PUT", status=last).status_code == 200
    job = customer.get("/jobs/of-a-group").json()
    assert job["status"] == "COMPLETED" and job["target_group_id"] == group
    assert (job["total_executions"], job["succeeded_count"], job["failed_count"]) == (3, 1, 2)
    failed = customer.get("/jobs/of-a-group?execution_status=FAILED").json()["executions"]
    assert [e["status"] for e in failed] == ["FAILED"]
    taken = customer.post("/jobs", json={"document_type": "x", "target_group_id": group, "job_id": "of-a-group"})
    assert taken.status_code == 409


def test_a_job_for_all_reaches_active_devices_only(stack, customer, fresh_device):
    gone = fresh_device["device_id"]
    stack.sql("UPDATE device_registry SET status = 'REVOKED' WHERE tenant_id = 'demo' AND device_id = %s", (gone,))
    made = make(customer, target_all=True, expires_in_hours=None)
    assert made["expires_at"] is None
    active = stack.sql("SELECT count(*) FROM device_registry WHERE tenant_id = 'demo' AND status = 'ACTIVE'")[0][0]
    assert made["execution_count"] == active > 1
    job = customer.get(f"/jobs/{made['job_id']}?limit=10000").json()
    assert len(job["executions"]) == active and gone not in {e["device_id"] for e in job["executions"]}
    assert customer.delete(f"/jobs/{made['job_id']}").json() == {"job_id": made["job_id"], "status": "CANCELED"}


def test_what_no_job_can_be_made_of(customer, stack):
    none = "Exactly one of target_device_id, target_group_id, target_all must be set"
    for body in ({}, {"target_all": True, "target_device_id": "x"}, {"target_group_id": "g", "target_device_id": "x"}):
        answer = customer.post("/jobs", json={"document_type": "x", **body})
        assert answer.status_code == 400 and answer.json()["detail"] == none
    answer = customer.post("/jobs", json={"document_type": "x", "target_device_id": "nobody"})
    assert answer.status_code == 404 and answer.json()["detail"] == "Device not found"
    for group in ("no-such-group", group_of(stack)):
        answer = customer.post("/jobs", json={"document_type": "x", "target_group_id": group})
        assert answer.status_code == 400 and answer.json()["detail"] == "Group has no members"
    for body in ({"document_type": ""}, {"document_type": "x", "expires_in_hours": 0},
                 {"document_type": "x", "job_id": "a b"}, {"document_type": "x", "document_params": {"a": "x" * 20_000}}):
        assert customer.post("/jobs", json={"target_all": True, **body}).status_code == 422


def test_a_tenant_without_devices(stack):
    stack.command("admin", "create-tenant", "--id", "deviceless", "--name", "Deviceless")
    make_user(stack, "deviceless-admin", tenant="deviceless", roles="customer,tenant-admin")
    answer = Api(stack, "deviceless-admin").post("/jobs", json={"document_type": "x", "target_all": True})
    assert answer.status_code == 400 and answer.json()["detail"] == "No devices in tenant"


def test_a_canceled_job_is_taken_from_who_has_not_begun(stack, customer, fresh_devices):
    first, second = fresh_devices[:2]
    group = group_of(stack, first["device_id"], second["device_id"])
    made = make(customer, target_group_id=group)
    assert execution(stack, first, made["job_id"], "PUT", status="IN_PROGRESS").status_code == 200
    canceled = customer.request("DELETE", f"/jobs/{made['job_id']}", json={"reason": "wrong group"})
    assert canceled.json() == {"job_id": made["job_id"], "status": "CANCELED"}
    assert made["job_id"] not in [j["job_id"] for j in pending(stack, second)]
    mine = execution(stack, second, made["job_id"]).json()
    assert (mine["status"], mine["status_details"]) == ("REJECTED", {"reason": "wrong group"})
    assert execution(stack, first, made["job_id"], "PUT", status="SUCCEEDED").status_code == 200
    assert customer.get(f"/jobs/{made['job_id']}").json()["status"] == "CANCELED"


def test_counts_are_those_of_the_executions(stack, customer, admin, fresh_devices):
    """They are kept as executions change: by devices, by a cancellation, and by ids that begin anew."""
    first, second, third = fresh_devices
    job = make(customer, target_group_id=group_of(stack, *(d["device_id"] for d in fresh_devices)))["job_id"]

    def counts():
        found = [j for j in customer.get("/jobs?limit=200").json()["jobs"] if j["job_id"] == job][0]
        real = stack.sql("SELECT count(*), count(*) FILTER (WHERE status = 'SUCCEEDED'), count(*) FILTER (WHERE status IN "
                         "('FAILED', 'TIMED_OUT', 'REJECTED')), count(*) FILTER (WHERE status IN ('QUEUED', 'IN_PROGRESS')) "
                         "FROM job_executions WHERE job_id = %s", (job,))[0]
        told = tuple(found[k] for k in ("total_executions", "succeeded_count", "failed_count", "open_count"))
        assert told == tuple(real)
        return told

    assert counts() == (3, 0, 0, 3)
    assert execution(stack, first, job, "PUT", status="IN_PROGRESS").status_code == 200
    assert counts() == (3, 0, 0, 3)
    assert execution(stack, first, job, "PUT", status="SUCCEEDED").status_code == 200
    assert counts() == (3, 1, 0, 2)
    assert execution(stack, second, job, "PUT", status="IN_PROGRESS").status_code == 200
    assert customer.delete(f"/jobs/{job}").status_code == 200
    assert counts() == (3, 1, 1, 1)
    assert admin.delete(f"/devices/{third['device_id']}").status_code == 200
    assert admin.post("/devices", json={"device_id": third["device_id"]}).status_code == 201
    assert counts() == (2, 1, 0, 1)


def test_pages_hear_that_a_job_moves(stack, customer, fresh_devices):
    made = make(customer, target_group_id=group_of(stack, *(d["device_id"] for d in fresh_devices)))
    socket = websocket.create_connection(
        stack.url.replace("http", "ws") + f"/api/v1/customer/telemetry/stream?metric=_nobody_&token={stack.token('tenantadmin1')}",
        timeout=10)
    while json.loads(socket.recv())["type"] != "connected":
        pass

    def heard():
        while True:
            message = json.loads(socket.recv())
            if message == {"type": "changed", "what": "jobs"}:
                return

    # One at once; what follows within its second is told together, after it.
    for device in fresh_devices:
        assert execution(stack, device, made["job_id"], "PUT", status="IN_PROGRESS").status_code == 200
    heard()
    heard()
    assert execution(stack, fresh_devices[0], made["job_id"], "PUT", status="SUCCEEDED").status_code == 200
    heard()
    socket.close()


def test_metrics_tell_how_executions_stand(stack, customer, fresh_device):
    make(customer, target_device_id=fresh_device["device_id"])

    def told():
        text = requests.get(f"{stack.url}/metrics", timeout=10).text
        return 'pulse_job_executions{result="QUEUED",tenant_id="demo"}' in text

    wait_for("the gauge", told, 60)


def test_the_list_in_pages(stack, customer, fresh_device):
    ids = [make(customer, target_device_id=fresh_device["device_id"])["job_id"] for _ in range(3)]
    page = customer.get("/jobs?limit=2").json()
    assert [j["job_id"] for j in page["jobs"]] == [ids[2], ids[1]] and page["total"] >= 3
    assert customer.get("/jobs?limit=1&offset=2").json()["jobs"][0]["job_id"] == ids[0]
    assert {j["status"] for j in customer.get("/jobs?status=COMPLETED").json()["jobs"]} == {"COMPLETED"}
    assert customer.get("/jobs?limit=201").status_code == 422


def test_devices_are_told_over_mqtt_at_once_and_when_they_come(stack, customer, fresh_device):
    with Updater(stack, fresh_device) as device:
        device.subscribe(device.topic("jobs/notify"))
        made = make(customer, document_params={"n": 1}, target_device_id=fresh_device["device_id"])
        message = wait_for("the notice", lambda: device.messages and device.messages[0])
        told = json.loads(message.payload)
        assert message.topic == device.topic("jobs/notify")
        assert told["job_id"] == made["job_id"] and told["document"] == {"type": "reboot", "params": {"n": 1}}
    with Updater(stack, fresh_device) as device:
        device.subscribe(device.topic("jobs/notify"))
        wait_for("the notice for who comes later", lambda: device.messages)
        assert json.loads(device.messages[0].payload)["job_id"] == made["job_id"]


def test_a_device_sees_its_own_jobs_alone(stack, customer, fresh_device, fresh_devices):
    made = make(customer, target_device_id=fresh_device["device_id"])
    stranger = fresh_devices[0]
    assert made["job_id"] not in [j["job_id"] for j in pending(stack, stranger)]
    for method, body in (("GET", {}), ("PUT", {"status": "IN_PROGRESS"})):
        answer = execution(stack, stranger, made["job_id"], method, **body)
        assert answer.status_code == 404 and answer.json()["detail"] == "Job execution not found"
    nobody = requests.get(f"{stack.url}/device/v1/jobs/pending", timeout=10)
    assert nobody.status_code == 401 and nobody.json()["detail"] == "Missing provision token"
    wrong = requests.get(f"{stack.url}/device/v1/jobs/pending", headers={"X-Provision-Token": "x"}, timeout=10)
    assert wrong.status_code == 401 and wrong.json()["detail"] == "Invalid provision token"


def test_another_tenant_sees_and_stops_nothing(customer, other, fresh_device):
    made = make(customer, target_device_id=fresh_device["device_id"])
    for method in ("GET", "DELETE"):
        answer = other.request(method, f"/jobs/{made['job_id']}")
        assert answer.status_code == 404 and answer.json()["detail"] == "Job not found"
    assert made["job_id"] not in [j["job_id"] for j in other.get("/jobs?limit=200").json()["jobs"]]
    theirs = other.post("/jobs", json={"document_type": "x", "target_device_id": fresh_device["device_id"]})
    assert theirs.status_code == 404


def test_jobs_end_with_their_time(stack, customer, fresh_device):
    """The upkeep comes every minute: with the limit in the past the device is not asked any more, and the job ends."""
    made = make(customer, target_device_id=fresh_device["device_id"], expires_in_hours=1)
    stack.sql("UPDATE jobs SET expires_at = now() - interval '1 second' WHERE job_id = %s", (made["job_id"],))
    assert pending(stack, fresh_device) == []
    job = wait_for("the end of the job", lambda: (j := customer.get(f"/jobs/{made['job_id']}").json())
                   ["status"] == "COMPLETED" and j, 90, 0.5)
    assert job["executions"][0]["status"] == "TIMED_OUT" and job["failed_count"] == 1
    assert job["executions"][0]["status_details"] == {"reason": "job_expired"}


def test_what_people_did_is_in_the_audit_log(admin, customer, fresh_device):
    made = make(customer, target_device_id=fresh_device["device_id"])
    customer.delete(f"/jobs/{made['job_id']}")
    wait_for("both events", lambda: {e["event_type"] for e in admin.get("/audit-log?limit=50").json()["events"]
                                     if e["entity_id"] == made["job_id"]} == {"job.created", "job.canceled"})


@pytest.mark.parametrize("body", [{}, {"status": 1}, {"status": "IN_PROGRESS", "status_details": []},
                                  {"status": "IN_PROGRESS", "execution_number": "x"}])
def test_reports_that_say_nothing(stack, customer, fresh_device, body):
    made = make(customer, target_device_id=fresh_device["device_id"])
    answer = requests.put(f"{stack.url}/device/v1/jobs/{made['job_id']}/execution",
                          headers=device_headers(fresh_device), json=body, timeout=10)
    assert answer.status_code == 422
