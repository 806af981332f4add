"""Jobs and updates: groups, firmware and devices that take part, for the suites about them."""

import hashlib
import json
import os

import requests
from mqtt_clients import Client
from servers import wait_for


def group_of(stack, *devices, tenant="demo"):
    """A new group of these devices; its id."""
    group = f"grp-{os.urandom(4).hex()}"
    stack.sql("INSERT INTO device_groups (tenant_id, group_id, name) VALUES (%s, %s, 'Some')", (tenant, group))
    stack.sql("INSERT INTO device_group_members (tenant_id, group_id, device_id) SELECT %s, %s, unnest(%s::text[])",
              (tenant, group, list(devices)))
    return group


_versions = 0


def new_version():
    global _versions
    _versions += 1
    return f"9.{os.getpid()}.{_versions}"


def begin(api, content, **more):
    body = {"version": new_version(), "size_bytes": len(content), **more}
    answer = api.post("/firmware/uploads", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def put_part(api, upload, number, content):
    size = upload["part_bytes"]
    return api.put(f"/firmware/uploads/{upload['upload_id']}/parts/{number}",
                   data=content[(number - 1) * size:number * size],
                   headers={"Content-Type": "application/octet-stream"})


def uploaded(api, content=None, **more):
    """A firmware version whose file lies in Pulse."""
    content = os.urandom(100_000) if content is None else content
    upload = begin(api, content, **more)
    for number in range(1, upload["parts"] + 1):
        assert put_part(api, upload, number, content).status_code == 200
    made = api.post(f"/firmware/uploads/{upload['upload_id']}/complete")
    assert made.status_code == 201, made.text
    assert made.json()["checksum_sha256"] == hashlib.sha256(content).hexdigest()
    return made.json()


def campaign(api, group, firmware, start=True, **more):
    made = api.post("/ota/campaigns", json={"name": "Campaign", "firmware_version_id": firmware["id"],
                                            "target_group_id": group, "rollout_rate": 1000, **more})
    assert made.status_code == 201, made.text
    if start:
        assert api.post(f"/ota/campaigns/{made.json()['id']}/start").json()["status"] == "RUNNING"
    return made.json()


def status_of(api, made):
    return api.get(f"/ota/campaigns/{made['id']}").json()


def in_status(api, made, status, seconds=30):
    return wait_for(f"campaign {made['id']} {status}",
                    lambda: (found := status_of(api, made))["status"] == status and found, seconds)


class Updater(Client):
    """A device that is subscribed to its updates; it does what a test tells it to."""

    def __enter__(self):
        self.connect()
        self.subscribe(self.topic("ota"))
        return self

    def topic(self, kind):
        return f"tenant/{self.device['tenant_id']}/device/{self.device['device_id']}/{kind}"

    def told(self, made, seconds=20):
        """The message about this campaign."""
        found = lambda: next((m for m in map(lambda m: json.loads(m.payload), list(self.messages))
                              if m.get("campaign_id") == made["id"]), None)
        return wait_for(f"the update of campaign {made['id']}", found, seconds)

    def report(self, made, status, progress=None, error=None):
        body = {"campaign_id": made["id"], "status": status}
        if progress is not None:
            body["progress"] = progress
        if error is not None:
            body["error"] = error
        self.publish(json.dumps(body), "ota/status").wait_for_publish(10)

    def obey(self, made):
        """Downloads, checks and reports like a good device; the file."""
        message = self.told(made)
        self.report(made, "DOWNLOADING", 50)
        content = requests.get(message["firmware_url"], timeout=10).content
        assert hashlib.sha256(content).hexdigest() == message["checksum"]
        self.report(made, "INSTALLING", 90)
        self.report(made, "SUCCESS", 100)
        return content


def device_headers(device):
    return {"X-Provision-Token": device["token"]}
