"""The organization, preferences, and the audit log with its export."""

import csv
import io
import json

import pytest
from conftest import Api
from people import make_user
from servers import wait_for

pytestmark = pytest.mark.either_directory


def test_an_organization_is_read_and_changed(admin, customer, other):
    before = admin.get("/organization").json()
    assert before["tenant_id"] == "demo" and set(before) >= {"legal_name", "sla_level", "billing_email", "support_tier"}
    changed = admin.put("/organization", json={"legal_name": "Demo GmbH", "country": "DE", "timezone": "Europe/Berlin"})
    assert changed.status_code == 200
    now = customer.get("/organization").json()
    assert (now["legal_name"], now["country"], now["timezone"]) == ("Demo GmbH", "DE", "Europe/Berlin")
    assert admin.put("/organization", json={"legal_name": None}).json()["legal_name"] is None
    assert admin.put("/organization", json={}).json()["detail"] == "No fields to update"
    assert other.get("/organization").json()["tenant_id"] == "other"


@pytest.mark.parametrize("body, field", [({"billing_email": "nobody"}, "billing_email"), ({"country": "DEU"}, "country"),
                                         ({"timezone": "Mars/Base"}, "timezone"), ({"name": ""}, "name"),
                                         ({"logo": "data:image/svg+xml;base64,AAAA"}, "logo"),
                                         ({"legal_name": "x" * 201}, "legal_name")])
def test_bad_input_names_its_field(admin, body, field):
    answer = admin.put("/organization", json=body)
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"] == ["body", field]


def test_a_viewer_does_not_change_the_organization(stack):
    make_user(stack, "onlooker")
    answer = Api(stack, "onlooker").put("/organization", json={"name": "Stolen"})
    assert answer.status_code == 403


def test_preferences_are_ones_own(admin, customer, operator):
    fresh = operator.get("/preferences").json()
    assert fresh["timezone"] == "UTC" and fresh["notification_prefs"] == {} and fresh["created_at"] is None
    saved = customer.put("/preferences", json={"display_name": "Cora", "timezone": "Asia/Kolkata",
                                              "notification_prefs": {"email_digest_frequency": "daily"}})
    assert saved.status_code == 200 and saved.json()["message"] == "Preferences saved"
    customer.put("/preferences", json={"appearance": {"theme": "dark"}})
    mine = customer.get("/preferences").json()
    assert (mine["display_name"], mine["timezone"], mine["appearance"]) == ("Cora", "Asia/Kolkata", {"theme": "dark"})
    assert mine["notification_prefs"] == {"email_digest_frequency": "daily"}
    assert admin.get("/preferences").json()["display_name"] is None
    wrong = customer.put("/preferences", json={"timezone": "../etc/passwd"})
    assert wrong.status_code == 400 and wrong.json()["detail"].startswith("Invalid timezone: ../etc/passwd.")
    assert operator.put("/preferences", json={"timezone": "Europe/Paris"}).json()["tenant_id"] == ""
    query = "/audit-log?event_type=user.preferences_updated"
    # Newest first, behind those of other tests.
    wanted = [["appearance"], ["display_name", "timezone", "notification_prefs"]]

    def both():
        events = admin.get(query).json()["events"][:2]
        return events if [e["details"]["set"] for e in events] == wanted else None

    events = wait_for("both events", both)
    assert "Cora" not in str(events) and events[0]["entity_id"] == mine["user_id"]


def test_the_audit_log_is_filtered_searched_and_exported(admin, other):
    admin.post("/sites", json={"site_id": "audited-1", "name": "=cmd|' /C calc'!A0"})
    admin.delete("/sites/audited-1")
    query = "/audit-log?entity_type=site&entity_id=audited-1"
    wait_for("both events", lambda: admin.get(query).json()["total"] == 2)
    found = admin.get(query).json()
    assert [e["action"] for e in found["events"]] == ["delete", "create"]
    assert found["events"][0]["actor_name"] == "tenantadmin1" and found["events"][0]["ip_address"] == "127.0.0.1"
    assert admin.get("/audit-log?entity_id=audited-1&limit=1&offset=1").json()["events"][0]["action"] == "create"
    assert admin.get("/audit-log?search=audited%25").json()["total"] == 0, "a percent sign is text"
    assert admin.get("/audit-log?start=2099-01-01").json()["total"] == 0
    assert admin.get("/audit-log?entity_id=audited-1&offset=500").json() == {"events": [], "total": 2, "limit": 100,
                                                                             "offset": 500}
    assert admin.get("/audit-log?start=yesterday").json()["detail"] == "Invalid start value; use ISO 8601"
    assert not other.get("/audit-log?entity_id=audited-1").json()["events"]
    assert not other.get("/audit-log?tenant_id=demo&entity_id=audited-1").json()["events"]
    lines = admin.get("/audit-log/export?format=csv&entity_id=audited-1", stream=True).text
    rows = list(csv.DictReader(io.StringIO(lines)))
    assert [r["action"] for r in rows] == ["delete", "create"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for r in rows for cell in r.values())
    exported = admin.get("/audit-log/export?format=jsonl&entity_id=audited-1", stream=True).text
    assert [json.loads(line)["action"] for line in exported.splitlines()] == ["delete", "create"]
    assert admin.get("/audit-log/export?format=xlsx").status_code == 400
    # A filter's value is a value, also when it looks like a statement.
    assert admin.get("/audit-log?category=x'%20OR%20'1'='1").json()["total"] == 0
