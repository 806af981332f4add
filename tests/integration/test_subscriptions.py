"""What devices are subscribed to: the list, one, the history; of the caller's organization only."""

import psycopg2
import pytest
from conftest import Api
from people import make_user
from servers import ROOT


@pytest.fixture(scope="module")
def payer(stack):
    stack.command("admin", "create-tenant", "--id", "payer", "--name", "Payer")
    make_user(stack, "payer1", tenant="payer", roles="customer,tenant-admin")
    api = Api(stack, "payer1")
    for device, plan in (("cheap", "basic"), ("dear", "premium"), ("gone", "basic")):
        assert api.post("/devices", json={"device_id": device, "plan_id": plan}).status_code == 201
    assert api.delete("/devices/gone").status_code == 200
    return api


def ids(answer):
    return [s["device_id"] for s in answer.json()["subscriptions"]]


def test_the_list_tells_what_lives(payer):
    answer = payer.get("/subscriptions")
    assert ids(answer) == ["dear", "cheap"]
    dear = answer.json()["subscriptions"][0]
    assert (dear["status"], dear["plan_id"], dear["plan_name"], dear["monthly_price_cents"]) == (
        "TRIAL", "premium", "Premium", 2499)
    assert dear["stripe_subscription_id"] is None and dear["grace_end"] is None
    summary = answer.json()["summary"]
    assert summary == {"total_subscriptions": 2, "active_subscriptions": 2, "worst_status": "TRIAL",
                       "earliest_expiry_days": 13, "monthly_price_cents": 2798, "by_status": {"TRIAL": 2, "CANCELLED": 1}}


def test_the_list_is_narrowed_and_paged(payer):
    assert ids(payer.get("/subscriptions?include_expired=true")) == ["gone", "dear", "cheap"]
    assert ids(payer.get("/subscriptions?status=CANCELLED")) == ["gone"]
    assert ids(payer.get("/subscriptions?q=EA")) == ["dear", "cheap"]
    assert ids(payer.get("/subscriptions?q=%25")) == []
    page = payer.get("/subscriptions?limit=1&offset=1")
    assert ids(page) == ["cheap"] and page.json()["total"] == 2
    assert payer.get("/subscriptions?status=PAID").status_code == 422
    assert payer.get("/subscriptions?limit=0").status_code == 422


def test_the_worst_state_is_told(stack, payer):
    stack.sql("UPDATE device_subscriptions SET status = 'GRACE', term_end = now() - interval '36 hours' "
              "WHERE tenant_id = 'payer' AND device_id = 'cheap'")
    try:
        summary = payer.get("/subscriptions").json()["summary"]
        assert (summary["worst_status"], summary["active_subscriptions"], summary["earliest_expiry_days"]) == ("GRACE", 1, -2)
    finally:
        stack.sql("UPDATE device_subscriptions SET status = 'TRIAL', term_end = term_start + interval '14 days' "
                  "WHERE tenant_id = 'payer' AND device_id = 'cheap'")


def test_one_with_its_plan(payer, other):
    known = payer.get("/subscriptions").json()["subscriptions"][0]["subscription_id"]
    one = payer.get(f"/subscriptions/{known}").json()
    assert one["device_id"] == "dear" and one["days_until_expiry"] == 13
    assert one["plan_limits"]["sensors"] == 30 and one["plan_features"]["ota_updates"] is True
    for answer in (other.get(f"/subscriptions/{known}"), payer.get("/subscriptions/sub-nobodys")):
        assert answer.status_code == 404 and answer.json()["detail"] == "Subscription not found"
    assert "dear" not in other.get("/subscriptions?include_expired=true").text


def test_the_history_tells_who_began_and_who_ended(stack, payer, other):
    history = payer.get("/subscription/audit").json()
    assert history["total"] == 4 and history["limit"] == 50
    newest = history["events"][0]
    assert newest["event_type"] == "SUBSCRIPTION_CANCELLED" and newest["details"]["device_id"] == "gone"
    assert newest["previous_state"] == {"status": "TRIAL", "plan_id": "basic"}
    assert newest["new_state"] == {"status": "CANCELLED", "plan_id": "basic"}
    me = next(u for u in payer.get("/users").json()["users"] if u["username"] == "payer1")["id"]
    assert all((e["actor_type"], e["actor_id"]) == ("user", me) for e in history["events"])
    assert payer.get("/subscription/audit?limit=1&offset=3").json()["events"][0]["details"]["device_id"] == "cheap"
    assert payer.get("/subscription/audit?limit=201").status_code == 422
    assert "cheap" not in other.get("/subscription/audit").text
    demo = stack.sql("SELECT DISTINCT actor_type, actor_id FROM subscription_audit WHERE tenant_id = 'demo' "
                     "AND details->>'device_id' = %s", (stack.devices()[0]["device_id"],))
    assert demo == [("system", None)]


def test_a_history_is_not_rewritten(stack):
    with pytest.raises(Exception, match="permission denied"):
        stack.sql("SET ROLE pulse_app; UPDATE subscription_audit SET event_type = 'X'")


def test_what_was_there_before_the_history_begins_it(stack, payer):
    """The migration's own words, as the owner that runs it, over rows that were there before."""
    text = (ROOT / "migrations/0014_subscriptions.sql").read_text()
    backfill = text[text.index("ALTER TABLE device_subscriptions NO FORCE"):]
    # As the superuser, whom row-level security does not hold.
    connection = psycopg2.connect(host=str(stack.postgres.home), port=stack.postgres.port, user="postgres", dbname="iotcloud")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'subscription_audit'")
            owner = cursor.fetchone()[0]
            cursor.execute(f"DELETE FROM subscription_audit; SET LOCAL ROLE {owner}; " + backfill + "; RESET ROLE")
            cursor.execute("SELECT event_type, count(*) FROM subscription_audit WHERE tenant_id = 'payer' GROUP BY 1 ORDER BY 1")
            assert cursor.fetchall() == [("SUBSCRIPTION_CANCELLED", 1), ("SUBSCRIPTION_CREATED", 3)]
            cursor.execute("SELECT relforcerowsecurity FROM pg_class WHERE relname IN ('subscription_audit', 'device_subscriptions')")
            assert cursor.fetchall() == [(True,), (True,)]
    finally:
        connection.rollback()
        connection.close()
