"""./dev, check_rooms.py and the bench's report, without starting any server of theirs."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path):
    """Runs bash with the functions of ./dev over an empty checkout."""
    (tmp_path / ".dev/nats").mkdir(parents=True)

    def begin(script: str, **environment):
        sourced = "; ".join(f"source {ROOT}/scripts/lib/{part}.sh" for part in ("common", "servers", "commands"))
        known = {k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "MQTT_", "DEV_"))}
        return subprocess.Popen(["bash", "-euo", "pipefail", "-c", f"ROOT={tmp_path}; {sourced}; {script}"], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                env={**known, **environment})

    def run(script: str, **environment):
        child = begin(script, **environment)
        stdout, stderr = child.communicate(timeout=60)
        return subprocess.CompletedProcess(child.args, child.returncode, stdout, stderr)

    run.begin = begin
    run.home = tmp_path
    return run


@pytest.fixture
def stranger():
    """A port on which another program listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        yield str(s.getsockname()[1])


SHOW = 'printf "%s %s" "$MQTT_PORT" "$PULSE_PORT"'


def test_ports_of_another_checkouts_environment_are_no_wishes(checkout):
    taken = checkout(f"choose_ports; {SHOW}", DEV_CHECKOUT="/elsewhere", MQTT_PORT="20001", PULSE_PORT="20002")
    assert taken.stdout.split()[0] != "20001", taken.stderr
    assert taken.stdout.split()[1] == "20002", "that name is not in .dev/env, so a person wrote it"
    (checkout.home / ".dev/ports").unlink()
    own = checkout(f"choose_ports; {SHOW}", DEV_CHECKOUT=str(checkout.home), MQTT_PORT="20001")
    assert own.stdout.split()[0] == "20001", own.stderr


def test_the_environment_file_names_its_checkout(checkout):
    (checkout.home / ".dev/devices.jsonl").write_text(
        json.dumps({"tenant_id": "demo", "site_id": "s", "device_id": "d", "token": "t"}) + "\n")
    names = {name: "x" for name in ("PULSE_URL", "MQTT_HOST", "MQTT_PORT", "MQTT_TLS_PORT", "NATS_URL", "DATABASE_URL")}
    done = checkout('write_env; source "$DEV/env"; printf "%s" "$DEV_CHECKOUT"', **names)
    assert done.stdout == str(checkout.home), done.stderr


def test_a_wished_port_that_a_stranger_has_ends_the_start_at_once(checkout, stranger):
    done = checkout("choose_start_ports; echo went on", MQTT_TLS_PORT=stranger)
    assert done.returncode != 0 and "went on" not in done.stdout
    assert f"MQTT_TLS_PORT={stranger}" in done.stderr


def test_a_remembered_port_that_a_stranger_has_gives_way(checkout, stranger):
    (checkout.home / ".dev/ports").write_text(f"DEV_MQTT_PORT={stranger}\n")
    done = checkout(f"choose_start_ports; {SHOW}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] != stranger


@pytest.mark.parametrize("knows_sync", [True, False])
def test_nats_syncs_each_second_where_the_server_can(checkout, knows_sync):
    server = checkout.home / "nats-server"
    server.write_text("#!/bin/sh\n" + ("exit 0\n" if knows_sync else '! grep -q sync_interval "$2"\n'))
    server.chmod(0o755)
    done = checkout(f"NATS_SERVER={server} PULSE_NATS_PORT=4222; write_nats_config")
    assert done.returncode == 0, done.stderr
    assert ("sync_interval" in (checkout.home / ".dev/nats/server.conf").read_text()) == knows_sync


def test_logs_can_be_read_by_role(checkout):
    lines = [json.dumps({"level": "info", "role": role, "msg": role}, separators=(",", ":"))
             for role in ("gateway", "ingest", "mqtt", "base", "pulse")]
    (checkout.home / ".dev/logs").mkdir()
    (checkout.home / ".dev/logs/pulse.log").write_text("\n".join(lines) + "\n")

    def shown(role):
        """The first line that follows; the following is ended then."""
        with checkout.begin(f"dev_logs {role}") as child:
            try:
                return json.loads(child.stdout.readline())["msg"]
            finally:
                os.killpg(child.pid, signal.SIGKILL)

    assert [shown(role) for role in ("gateway", "ingest", "mqtt", "ops")] == ["gateway", "ingest", "mqtt", "base"]
    assert "Unknown log" in checkout("dev_logs nothing").stderr


def check_rooms(src):
    return subprocess.run([sys.executable, ROOT / "scripts/check_rooms.py", src], text=True, capture_output=True)


def test_rooms_include_downwards_only_and_each_has_its_line(tmp_path):
    for room, include in (("fleet", "platform/log.hpp"), ("tenancy", "platform/log.hpp")):
        (tmp_path / room).mkdir()
        (tmp_path / room / "a.cpp").write_text(f'#include "{include}"\n')
    assert check_rooms(tmp_path).returncode == 0
    (tmp_path / "attic").mkdir()
    unknown = check_rooms(tmp_path)
    assert unknown.returncode == 1 and "src/attic" in unknown.stdout
    (tmp_path / "attic").rmdir()
    (tmp_path / "tenancy/b.cpp").write_text('#include "fleet/devices.hpp"\n')
    upwards = check_rooms(tmp_path)
    assert upwards.returncode == 1 and "tenancy must not include fleet" in upwards.stdout


@pytest.mark.parametrize("flags, written", [([], "latest"), (["--quick"], "partial"), (["--only", "http"], "partial"),
                                            (["--engines-only"], "partial")])
def test_a_part_of_the_bench_leaves_the_whole_runs_figures(tmp_path, flags, written):
    script = ("import run, sys\n"
              "bench = run.Bench.__new__(run.Bench)\n"
              "bench.options = run.parse(sys.argv[1:])\n"
              "bench.figures, bench.rows, bench.failures, bench.too_slow = {'x': 1.0}, [], [], []\n"
              "bench.write()\n")
    subprocess.run([sys.executable, "-c", script, "--results", tmp_path, *flags], check=True, cwd=ROOT / "bench",
                   capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT / "bench")})
    assert sorted(f.name for f in tmp_path.iterdir()) == [f"{written}.json", f"{written}.md"]


def test_a_device_ca_signs_the_servers_certificate(checkout):
    """Also in a checkout with a server certificate of before there was a CA; and what is there stays."""
    tls = checkout.home / ".dev/tls"
    tls.mkdir()
    for name in ("cert.pem", "key.pem"):
        (tls / name).write_text("of old")
    checked = checkout("ensure_secrets; openssl verify -purpose sslserver -verify_hostname localhost "
                       "-CAfile $DEV/tls/ca.pem $DEV/tls/cert.pem; ensure_secrets; openssl pkey -in $DEV/tls/ca.key -noout && echo key")
    assert "cert.pem: OK" in checked.stdout and "key" in checked.stdout.splitlines(), checked.stderr
    assert [f.name for f in tls.iterdir() if f.stat().st_mode & 0o077 and f.suffix in (".pem", ".key")] == []
    before = (tls / "ca.pem").read_text()
    checkout("ensure_secrets")
    assert (tls / "ca.pem").read_text() == before
