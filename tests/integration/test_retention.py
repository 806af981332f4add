"""The retention job: what a device's plan keeps, and what no plan asks for."""

import pytest
from servers import Stack, wait_for

AGES = [2, 29, 31, 32, 33, 50, 89, 91, 200, 364, 366, 700]  # days


@pytest.fixture(scope="module")
def trimmed():
    """A Pulse that starts on a database with old rows: its job runs at once."""
    with Stack(devices=30) as running:
        running.pulses[0].stop()
        names = [d["device_id"] for d in running.devices()]
        plans = {name: ("basic", "standard", "premium")[i] if i < 3 else "basic" for i, name in enumerate(names)}
        for name, plan in plans.items():
            running.sql("UPDATE device_registry SET plan_id = %s WHERE device_id = %s", (plan, name))
            running.sql("DELETE FROM telemetry WHERE device_id = %s", (name,))
            running.sql("INSERT INTO telemetry (time, tenant_id, device_id, metrics, received_at, stream_seq) "
                        "SELECT now() - make_interval(days => d), 'demo', %s, '{\"t\": 1}', now(), 0 "
                        "FROM unnest(%s) d, generate_series(1, 3)", (name, AGES))
            for table in ("telemetry_rollup_1m", "telemetry_rollup_1h"):
                running.sql(f"INSERT INTO {table} SELECT 'demo', %s, 't', date_trunc('hour', now()) - "
                            "make_interval(days => d), 3, 3, 1, 1, 1, now() FROM unnest(%s) d", (name, AGES))
        for days in (1, 89, 91, 364, 366):
            running.sql("INSERT INTO audit_log (\"timestamp\", tenant_id, event_type, category, action, message, "
                        "source_service) VALUES (now() - make_interval(days => %s), 'demo', 'old', 'x', 'x', %s, 'x')",
                        (days, str(days)))
            running.sql("INSERT INTO dead_letter_messages (tenant_id, original_topic, payload, destination_type, "
                        "created_at) VALUES ('demo', %s, '{}', 'ingest', now() - make_interval(days => %s))",
                        (str(days), days))
        # More than one step of them.
        running.sql("INSERT INTO dead_letter_messages (tenant_id, original_topic, payload, destination_type, "
                    "created_at) SELECT 'demo', 'many', '{}', 'ingest', "
                    "now() - interval '99 days' FROM generate_series(1, 25000)")
        running.pulses[0].start()
        running.wait_ready()
        wait_for("the job", lambda: not running.sql(
            "SELECT 1 FROM dead_letter_messages WHERE original_topic = 'many'"), 60)
        running.plans = plans
        yield running


def ages(stack, table, column, device):
    return [int(r[0]) for r in stack.sql(
        f"SELECT DISTINCT round(extract(epoch FROM now() - {column}) / 86400) FROM {table} "
        "WHERE tenant_id = 'demo' AND device_id = %s ORDER BY 1", (device,))]


@pytest.mark.parametrize("table, column", [("telemetry", "time"), ("telemetry_rollup_1m", "bucket"),
                                           ("telemetry_rollup_1h", "bucket")])
def test_each_device_keeps_what_its_plan_keeps(trimmed, table, column):
    kept = {"basic": 30, "standard": 90, "premium": 365}
    for device, plan in trimmed.plans.items():
        assert ages(trimmed, table, column, device) == [a for a in AGES if a <= kept[plan]], (device, plan)


def test_days_that_are_kept_are_whole(trimmed):
    for device in trimmed.plans:
        assert {r[0] for r in trimmed.sql("SELECT count(*) FROM telemetry WHERE device_id = %s GROUP BY time::date",
                                          (device,))} == {3}


def test_the_history_partition_is_trimmed_too(trimmed):
    oldest = trimmed.sql("SELECT extract(epoch FROM now() - min(time)) / 86400 FROM telemetry_history")[0][0]
    assert 300 < oldest < 366


def test_audit_events_and_dead_letters_end(trimmed):
    assert [r[0] for r in trimmed.sql("SELECT message FROM audit_log WHERE event_type = 'old' ORDER BY id")] \
        == ["1", "89", "91", "364"]
    assert [r[0] for r in trimmed.sql("SELECT original_topic FROM dead_letter_messages ORDER BY id")] == ["1", "89"]


def test_the_log_says_nothing_of_a_failed_job(trimmed):
    assert "job failed" not in trimmed.pulses[0].log.read_text()
