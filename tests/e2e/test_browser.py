"""Browser walks in Debian's Chromium, from sign-in to a moving chart."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from carriers import Hologram  # noqa: E402
from receivers import Webhook  # noqa: E402
from servers import ROOT, Stack  # noqa: E402

SCREENS = ROOT / "build/screens"
WALK_RULE = "11111111-1111-4111-8111-1111111111aa"  # of alerts.mjs


@pytest.fixture(scope="module")
def carrier():
    with Hologram() as hologram:
        hologram.devices = {7: {"state": "live", "sim": "89014103211118510720", "session": {"active": True, "ip": "10.9.8.7"}},
                            8: {"state": "live", "sim": "89014103211118510721", "session": {"active": False, "ip": ""}}}
        hologram.sessions = [{"deviceid": 7, "bytes": 3 * 1024 * 1024}, {"deviceid": 7, "bytes": 512 * 1024}]
        hologram.claims = {"89014103211118510720": {"deviceid": 8}}
        yield hologram


@pytest.fixture(scope="module")
def hook():
    with Webhook() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def stack(carrier, hook):
    assert (ROOT / "web/dist/index.html").exists(), "the web application is not built: ./dev build"
    # Pages ask every second while nothing is pushed: a setting that a test can wait for.
    with Stack(settings={"UI_REFRESH_SECONDS": "1", "OUTBOUND_PRIVATE_HOSTS": f"{carrier.host},{hook.host}",
                         "CARRIER_SYNC_SECONDS": "1"}) as running:
        running.command("admin", "create-tenant", "--id", "fresh", "--name", "Fresh company")
        running.command("admin", "create-user", "--username", "newcomer", "--password", "pulse-demo-1", "--email",
                        "newcomer@fresh.example", "--tenant", "fresh", "--role", "customer,tenant-admin")
        running.command("admin", "create-user", "--username", "walkviewer", "--password", "pulse-demo-1", "--email",
                        "walkviewer@demo.example", "--tenant", "demo", "--role", "customer")
        # Somebody was told of an alert, at the second attempt.
        running.sql("WITH a AS (INSERT INTO fleet_alert (tenant_id, site_id, device_id, alert_type, fingerprint, severity, "
                    "summary, status, closed_at) VALUES ('demo', '', 'gone', 'THRESHOLD', 'told', 4, 'Too hot', 'CLOSED', now()) "
                    "RETURNING id), j AS (INSERT INTO notification_jobs (tenant_id, alert_id, target, deliver_on_event, event_key, "
                    "status, attempts) SELECT 'demo', id, '{\"kind\": \"email\", \"address\": \"oncall@demo.example\"}', "
                    "'ESCALATED', 'x', 'COMPLETED', 2 FROM a RETURNING job_id) INSERT INTO delivery_attempts SELECT 'demo', job_id, "
                    "n, n = 2, NULL, 120, CASE n WHEN 1 THEN 'the email could not be sent' END, now(), now() "
                    "FROM j, generate_series(1, 2) n RETURNING 1")
        running.sql("INSERT INTO alert_rules (tenant_id, rule_id, name, metric_name, operator, threshold, severity, description) "
                    "VALUES ('demo', %s, 'Walk heat', 'walk_heat', 'GT', 30, 5, "
                    "'Fan off, then call the night shift: https://wiki.demo.example/fan')", [WALK_RULE])
        yield running


SCENARIOS = [
    "sign-in-to-a-moving-chart", "devices-by-search-in-the-url", "a-first-device-by-the-five-steps",
    "every-page-in-both-themes-and-sizes", "selected-rows-are-readable", "a-wrong-password-is-told",
    "lists-follow-the-status", "a-normalized-metric-is-charted-live", "the-live-page-shows-the-newest", "operators-have-their-own-shell",
    "customers-have-setup-monitor-and-maintain", "first-paint-waits-for-little", "a-blip-of-the-network-passes",
    "without-a-live-connection-pages-ask", "the-form-comes-first",
    "enter-presses-what-has-the-focus", "many-devices-are-selected-and-tagged", "a-view-is-kept-by-its-name",
    "the-list-shows-units-and-the-last-hour", "a-phone-selects-sorts-and-zooms",
    "charts-tell-now-and-are-saved-as-drawn", "a-decommissioned-device-comes-back", "unsaved-details-are-kept",
    "a-twin-is-changed-reported-and-its-conflict-shown", "a-command-goes-from-its-form-to-its-acknowledgement",
    "groups-by-hand-and-by-a-query", "a-search-changes-many-devices-and-takes-it-back",
    "refused-messages-say-what-is-known", "documents-of-the-interface", "operator-pages-in-both-themes-and-sizes",
    "tenants-are-found-changed-disabled-and-deleted", "users-of-all-tenants", "the-audit-log-of-all-tenants",
    "operators-without-admin-look-only", "from-a-new-tenant-to-a-member-of-it",
    "people-pages-in-both-themes-and-sizes", "an-invited-member-sees-what-the-role-allows",
    "a-role-changes-by-a-diff", "a-token-of-the-browser-works-in-a-script", "the-team-is-changed-in-the-browser",
    "the-activity-log-is-searched-and-exported", "subscriptions-are-found-and-explained",
    "on-call-pages-in-both-themes-and-sizes", "a-schedule-is-made-and-an-override-drawn",
    "a-policy-is-made-changed-and-deleted",
    "update-pages-in-both-themes-and-sizes", "firmware-goes-out-in-a-campaign", "a-job-is-made-and-followed",
    "profile-and-organization-are-kept", "devices-stand-on-a-map", "maps-in-both-themes-and-sizes",
    "a-hundred-thousand-devices-are-drawn", "a-hundred-thousand-rows-scroll", "a-template-is-built-compared-and-brought-back",
    "templates-in-both-themes-and-sizes", "devices-are-imported-from-a-file",
    "a-large-file-is-imported-in-the-background", "the-wizard-leads-to-a-first-message",
    "devices-register-themselves-by-a-key", "the-browser-speaks-mqtt", "labels-are-saved-to-print",
    "import-pages-in-both-themes-and-sizes", "a-certificate-from-its-issue-to-its-end", "a-ca-of-ones-own-is-proven",
    "operators-see-certificates-of-all-tenants",
    "modules-are-plugged-in-and-pulled-out", "sensors-and-transports-are-kept",
    "hardware-and-health-in-both-themes-and-sizes", "a-sim-is-linked-suspended-and-deactivated", "an-alerts-way-is-set-up-and-tried",
    "alerts-come-live-and-are-triaged-by-keys", "all-alerts-that-match-are-acknowledged", "a-phone-acknowledges-in-two-taps",
    "maintenance-is-planned-and-a-digest-chosen",
    "a-rule-is-written-previewed-and-fires", "a-rule-is-edited-without-loss", "thresholds-are-drawn-on-health",
    "a-viewer-reads-rules-and-alerts", "a-failing-call-is-told-in-its-place", "metrics-get-names-units-and-ranges",
    "rule-pages-in-both-themes-and-sizes", "a-route-is-made-tried-and-its-dead-letter-discarded"]
# Two groups side by side (pytest-xdist), each in its order and with servers of its own.
SECOND = SCENARIOS.index("the-team-is-changed-in-the-browser")


@pytest.mark.parametrize("scenario", [pytest.param(name, marks=pytest.mark.xdist_group("first" if n < SECOND else "second"))
                                      for n, name in enumerate(SCENARIOS)])
def test_in_the_browser(stack, carrier, hook, scenario):
    SCREENS.mkdir(parents=True, exist_ok=True)
    if scenario == "all-alerts-that-match-are-acknowledged":
        stack.sql("INSERT INTO fleet_alert (tenant_id, site_id, device_id, alert_type, fingerprint, severity, summary) "
                  "SELECT 'demo', '', 'bulk-walk', 'THRESHOLD', 'bulk-walk-' || n, 3, 'Too warm' FROM generate_series(1, 60) n")
    node = shutil.which("node")
    env = {**os.environ, "PULSE_URL": stack.url, "WEB": str(ROOT / "web"), "SCREENS": str(SCREENS),
           "DEVICES": json.dumps(stack.devices()), "OUTBOX": str(stack.home / "data/outbox"),
           "HOOK": hook.url, "WALK_RULE": WALK_RULE, "CARRIER": json.dumps({"url": carrier.url, "key": carrier.key, "iccid": carrier.devices[7]["sim"]})}
    done = subprocess.run([node, str(pathlib.Path(__file__).with_name("scenarios.mjs")), scenario], env=env,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
