"""A Pulse for the API fuzzer, with callers of its own; each operation is a test, and a report is left behind."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from callers import Callers  # noqa: E402
from recorder import Recorder  # noqa: E402
from servers import ROOT, Stack  # noqa: E402
from things import Things  # noqa: E402

RECORDER = Recorder()


@pytest.fixture(scope="session")
def stack():
    with Stack(devices=3) as running:
        # What limits do has tests of its own; here they would only hide the endpoints behind a 429 or 403.
        running.sql("""UPDATE account_tiers SET limits = limits
                       || '{"api_requests_per_minute": 1000000, "device_groups": 1000000, "alert_rules": 1000000,
                            "notification_channels": 1000000}'""")
        running.sql("""UPDATE device_plans SET limits = limits || '{"sensors": 1000000}'""")
        yield running


@pytest.fixture(scope="session")
def callers(stack):
    return Callers(stack)


@pytest.fixture(scope="session")
def things(stack, callers):
    return Things(stack, callers)


@pytest.fixture(scope="session")
def recorder():
    yield RECORDER
    folder = ROOT / "build/reports"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "api-fuzz.json").write_text(json.dumps(RECORDER.report(), indent=2) + "\n")


@pytest.fixture(autouse=True)
def _still_running(stack):
    """Whatever is sent: the server stands afterwards. A dead one is started again for the next test."""
    yield
    for process in stack.pulses:
        if process.child and not process.running():
            code, last = process.child.returncode, process.tail(3)
            process.start()
            stack.wait_ready()
            pytest.fail(f"{process.name} ended with {code}: {last}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A case that fails does not end its test, so that each run sends the same; the test fails at its end."""
    RECORDER.take_failures()
    result = yield
    failures = RECORDER.take_failures()
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)
    return result
