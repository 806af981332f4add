"""Real PostgreSQL, NATS and Pulse on free loopback ports in a scratch directory."""

import contextlib
import ctypes
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
PULSE = pathlib.Path(os.environ.get("PULSE_BINARY", ROOT / "build/release/pulse"))
PASSWORD = "pulse-demo-1"
ADMIN_KEY = "admin-key-of-tests-0123456789abcdef"
SERVED = {}  # port of a Pulse -> its Stack, of all that were made in this process


def _end_like_an_interrupt(*_):
    """SIGTERM as Ctrl-C: pytest then tears its fixtures down, and no server stays behind."""
    raise KeyboardInterrupt("SIGTERM")


if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGTERM, _end_like_an_interrupt)

_libc = ctypes.CDLL(None)


def _die_with_parent():
    """Even kill -9 of the tests leaves no child behind (Linux: PR_SET_PDEATHSIG)."""
    _libc.prctl(1, signal.SIGKILL)


def environment(settings: dict) -> dict:
    """Ours without Pulse's own names: the tests' switches are no settings, and Pulse refuses strangers."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "MQTT_", "DATABASE_", "NATS_"))}
    return {**ours, **settings}


# Below the ports that the kernel gives to outgoing connections: one of them could take the port of a server that is just
# being restarted. Workers of one run (gw0, gw1, ...) have ranges of their own; several runs begin at different ones.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4
_ports = itertools.count(os.getpid() * 997)


def free_port() -> int:
    for n in _ports:
        port = 20_000 + 3_000 * _WORKER + n % 3_000
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def wait_for(what: str, check, seconds: float = 30.0, every: float = 0.05):
    """Polls `check` until it gives something true; names `what` when it never does."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            value = check()
            if value:
                return value
        except Exception as e:  # the last one is told below
            last = e
        time.sleep(every)
    raise TimeoutError(f"{what} did not happen within {seconds} s" + (f" (last: {last!r})" if last else ""))


def port_open(port: int) -> bool:
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex(("127.0.0.1", port)) == 0


def make_authority(folder: pathlib.Path, name: str, common_name: str):
    """An issuing CA in {name}.pem and {name}.key."""
    conf = folder / f"{name}.cnf"
    conf.write_text("[req]\ndistinguished_name = name\n[name]\n[authority]\nbasicConstraints = critical, CA:TRUE\n"
                    "keyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash\n")
    subprocess.run(["openssl", "req", "-x509", "-config", conf, "-extensions", "authority", "-newkey", "rsa:2048",
                    "-nodes", "-days", "3650", "-subj", f"/CN={common_name}", "-keyout", folder / f"{name}.key",
                    "-out", folder / f"{name}.pem"], check=True, capture_output=True)


def make_server_certificate(folder: pathlib.Path):
    """cert.pem and key.pem of localhost, signed by the authority "ca", which stands behind it."""
    (folder / "server.cnf").write_text("subjectAltName = DNS:localhost, IP:127.0.0.1\nextendedKeyUsage = serverAuth\n")
    for command in (
            ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", folder / "key.pem", "-out",
             folder / "server.csr"],
            ["x509", "-req", "-in", folder / "server.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-set_serial",
             "1", "-days", "30", "-extfile", folder / "server.cnf", "-out", folder / "server.pem"]):
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    (folder / "cert.pem").write_text((folder / "server.pem").read_text() + (folder / "ca.pem").read_text())


class Process:
    """A child in its own session, so that it and its children can be ended together."""

    def __init__(self, name: str, command: list, log: pathlib.Path, env: dict | None = None):
        self.name, self.command, self.log, self.env = name, [str(c) for c in command], log, env
        self.child: subprocess.Popen | None = None

    def start(self):
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(self.command, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                          env=self.env, start_new_session=True, preexec_fn=_die_with_parent)

    @property
    def pid(self) -> int:
        return self.child.pid

    def running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def signal(self, number: int):
        if self.running():
            os.kill(self.child.pid, number)

    def freeze(self):
        """SIGSTOP, and waits until it has taken hold."""
        self.signal(signal.SIGSTOP)
        wait_for(f"{self.name} frozen", lambda: all(
            task.read_text().rsplit(")", 1)[1].split()[0] == "T"
            for task in pathlib.Path(f"/proc/{self.pid}/task").glob("*/stat")))

    def kill(self):
        """kill -9, as the tests of faults do it."""
        if self.running():
            os.kill(self.child.pid, signal.SIGKILL)
            self.child.wait()

    def stop(self, seconds: float = 20.0) -> int | None:
        """SIGTERM and wait; SIGKILL when that does not help."""
        if not self.running():
            return self.child.returncode if self.child else None
        self.child.send_signal(signal.SIGCONT)
        self.child.terminate()
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Postgres:
    """A cluster of its own. As root it runs as user postgres, since the server refuses root."""

    def __init__(self, home: pathlib.Path, fsync: bool):
        self.home, self.port = home / "postgres", free_port()
        self.bin = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.fsync = fsync
        self.home.mkdir()
        if os.getuid() == 0:
            shutil.chown(self.home, "postgres", "postgres")

    def _run(self, *command, **kwargs):
        full = [str(c) for c in command]
        if os.getuid() == 0:
            full = ["runuser", "-u", "postgres", "--", *full]
        return subprocess.run(full, check=True, cwd="/", stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **kwargs)

    def create(self):
        self._run(self.bin / "initdb", "-D", self.home / "data", "-U", "postgres", "-E", "UTF8",
                  "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256")
        conf = (f"listen_addresses = '127.0.0.1'\nport = {self.port}\n"
                f"unix_socket_directories = '{self.home}'\nmax_connections = 200\n"
                f"shared_buffers = 128MB\ntimezone = 'UTC'\nfsync = {'on' if self.fsync else 'off'}\n")
        self._run("tee", "-a", self.home / "data/postgresql.conf", input=conf.encode())
        self.start()
        self.psql("postgres", (ROOT / "migrations/roles.sql").read_text(), "-v", "password=iot_dev")
        self.psql("postgres", "CREATE DATABASE iotcloud OWNER iot")
        self.psql("iotcloud", (ROOT / "migrations/database.sql").read_text())

    def psql(self, database: str, sql: str, *flags):
        self._run("psql", "-v", "ON_ERROR_STOP=1", "-qX", "-h", self.home, "-p", str(self.port), "-U",
                  "postgres", "-d", database, *flags, input=sql.encode())

    def start(self):
        # Its output must not be our pipe: the server keeps it open, and we would wait for its end.
        command = [str(self.bin / "pg_ctl"), "-D", str(self.home / "data"), "-w", "-t", "60", "-l",
                   str(self.home / "log"), "start"]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self, mode: str = "fast"):
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run(self.bin / "pg_ctl", "-D", self.home / "data", "-w", "-m", mode, "stop")

    def pids(self) -> list:
        """The postmaster and its children."""
        postmaster = int((self.home / "data/postmaster.pid").read_text().splitlines()[0])
        children = subprocess.run(["pgrep", "-P", str(postmaster)], capture_output=True, text=True)
        return [postmaster, *map(int, children.stdout.split())]

    def kill(self):
        """kill -9 of the postmaster and every backend at once."""
        pids = self.pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for("the end of PostgreSQL", lambda: not port_open(self.port))
        wait_for("the end of its processes",
                 lambda: all(not pathlib.Path(f"/proc/{p}").exists() for p in pids))

    def url(self) -> str:
        return f"postgresql://iot:iot_dev@127.0.0.1:{self.port}/iotcloud"


class Stack:
    """PostgreSQL, NATS and one or several Pulse processes.

    `processes` lists the roles of each Pulse process, e.g. ["gateway,mqtt,ingest,evaluator,notifier,delivery,ops"] or
    ["gateway,mqtt", "ingest", "ops"]. `keycloak`: a Keycloak (keycloak.py) that becomes the directory; it is
    started with this stack, and ended by whoever made it.
    """

    def __init__(self, processes=("gateway,mqtt,ingest,evaluator,notifier,delivery,ops",), settings: dict | None = None,
                 devices: int = 25, fsync: bool = False, keycloak=None):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="pulse-test-", dir="/var/tmp"))
        self.home.chmod(0o755)
        self.postgres = Postgres(self.home, fsync)
        self.nats_port, self.port, self.mqtt_port, self.mqtt_tls_port = (free_port() for _ in range(4))
        self.url = f"http://127.0.0.1:{self.port}"
        self.keycloak = keycloak
        self.issuer = keycloak.url if keycloak else self.url
        self.devices_file = self.home / "devices.jsonl"
        self.device_count = devices
        self.roles = list(processes)
        self.settings = {
            "DATABASE_URL": self.postgres.url(), "NATS_URL": f"nats://127.0.0.1:{self.nats_port}",
            "PULSE_PORT": str(self.port), "UI_BASE_URL": self.url, "MQTT_PORT": str(self.mqtt_port),
            "MQTT_TLS_PORT": str(self.mqtt_tls_port), "MQTT_TLS_CERT": str(self.home / "cert.pem"),
            "MQTT_TLS_KEY": str(self.home / "key.pem"), "MQTT_HOST": "127.0.0.1",
            "DEVICE_CA_CERT": str(self.home / "ca.pem"), "DEVICE_CA_KEY": str(self.home / "ca.key"),
            "DEVICE_CRL_FILE": str(self.home / "ca.crl"),
            "PULSE_SECRET_KEY": "ab" * 32, "MQTT_INTERNAL_AUTH_SECRET": "internal-secret-of-tests",
            "PROVISION_ADMIN_KEY": ADMIN_KEY,
            "RATE_LIMIT_RPS": "100000", "RATE_LIMIT_BURST": "200000",
            "API_RATE_PER_MINUTE": "1000000", "API_ADDRESS_RATE_PER_MINUTE": "1000000", "MODE": "DEV",
            "PULSE_MIGRATIONS_DIR": str(ROOT / "migrations"), "PULSE_WEB_DIR": str(ROOT / "web/dist"),
            "PULSE_DATA_DIR": str(self.home / "data"), **(keycloak.settings() if keycloak else {}),
            **(settings or {})}
        conf = self.home / "nats.conf"
        conf.write_text(f'listen: "127.0.0.1:{self.nats_port}"\nmax_payload: 2MB\n'
                        f'jetstream {{ store_dir: "{self.home / "nats"}" }}\n')
        self.keeper = self._keeper()
        binary = shutil.which("nats-server") or "/usr/sbin/nats-server"
        self.nats = Process("nats", [binary, "-c", conf], self.home / "nats.log")
        self.pulses = [self._pulse(i, roles) for i, roles in enumerate(self.roles)]

    def _keeper(self) -> subprocess.Popen:
        """PostgreSQL is no child of ours: this ends it, and clears up, when the tests were killed."""
        script = (f'tail --pid={os.getpid()} -f /dev/null; [ -e "{self.home}" ] || exit 0; '
                  f'kill -QUIT "$(head -n 1 "{self.postgres.home}/data/postmaster.pid")"; sleep 1; '
                  f'rm -rf "{self.home}"')
        return subprocess.Popen(["sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, start_new_session=True)

    def _pulse(self, number: int, roles: str) -> Process:
        env = environment(self.settings)
        # Only one process may have the ports of the gateway; the others take free ones.
        if number > 0:
            env.update({"PULSE_PORT": str(free_port()), "MQTT_PORT": "0", "MQTT_TLS_PORT": "0",
                        "KEYCLOAK_INTERNAL_URL": self.url})
        process = Process(f"pulse-{number}", [PULSE, "serve", "--roles", roles],
                          self.home / f"pulse-{number}.log", env)
        process.port = int(env["PULSE_PORT"])
        SERVED[process.port] = self
        return process

    def command(self, *args, check: bool = True, settings: dict | None = None) -> subprocess.CompletedProcess:
        """Runs `pulse ...` against this stack."""
        return subprocess.run([str(PULSE), *map(str, args)], env=environment({**self.settings, **(settings or {})}),
                              capture_output=True, text=True, check=check, timeout=600)

    def start(self):
        make_authority(self.home, "ca", "Pulse device CA of the tests")
        make_server_certificate(self.home)
        if self.keycloak:
            self.keycloak.start(self.url)
        self.postgres.create()
        self.start_nats()
        self.command("migrate")
        # An issuer of the tests has no directory: the demo's people then go where they always went.
        people = {} if self.keycloak else {"PULSE_IDENTITY": "embedded"}
        self.command("admin", "seed-demo", "--tokens-file", self.devices_file, "--devices", self.device_count,
                     settings=people)
        # Tests ask more in a minute than people; what a tier's limit does has a tenant of the smallest one.
        self.sql("UPDATE account_tiers SET limits = limits || '{\"api_requests_per_minute\": 1000000}' "
                 "WHERE tier_id = 'growth'")
        for pulse in self.pulses:
            pulse.start()
        self.wait_ready()
        return self

    def start_nats(self):
        self.nats.start()
        wait_for("NATS", lambda: port_open(self.nats_port))

    def wait_ready(self, seconds: float = 30.0):
        for pulse in self.pulses:
            try:
                wait_for(f"{pulse.name} ready", lambda p=pulse: requests.get(
                    f"http://127.0.0.1:{p.port}/readyz", timeout=2).status_code == 200, seconds)
            except TimeoutError as e:
                raise TimeoutError(f"{e}\n{pulse.tail()}") from None

    def close(self):
        for pulse in self.pulses:
            pulse.stop(10)
        with contextlib.suppress(OSError):
            self.nats.signal(signal.SIGCONT)
        self.nats.stop(5)
        self.postgres.stop("immediate")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.keeper.pid, signal.SIGKILL)
        self.keeper.wait()
        if os.environ.get("PULSE_KEEP_SCRATCH") != "1":
            shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    # ---- what tests ask for ----

    def devices(self) -> list:
        return [json.loads(line) for line in self.devices_file.read_text().splitlines()]

    def token(self, user: str = "customer1", password: str = PASSWORD) -> str:
        answer = requests.post(f"{self.issuer}/realms/pulse/protocol/openid-connect/token", timeout=30, data={
            "grant_type": "password", "client_id": "pulse-ui", "username": user, "password": password})
        answer.raise_for_status()
        return answer.json()["access_token"]

    @contextlib.contextmanager
    def transaction(self):
        """A cursor in a transaction of its own that waits two seconds for a lock at most; committed at its end."""
        import psycopg2
        connection = psycopg2.connect(host=str(self.postgres.home), port=self.postgres.port,
                                      user="postgres", dbname="iotcloud")
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
                yield cursor
        finally:
            connection.close()

    def wait_for_lock(self, of):
        """Until a session whose statement has `of` in it waits for a lock."""
        wait_for(f"a statement with {of} that waits", lambda: self.sql(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s", (f"%{of}%",)))

    def sql(self, statement: str, params=()):
        """Rows of a statement as the superuser of the cluster."""
        import psycopg2
        connection = psycopg2.connect(host=str(self.postgres.home), port=self.postgres.port,
                                      user="postgres", dbname="iotcloud")
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, params)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def stored(self, device_id: str, tenant: str = "demo") -> int:
        return self.sql("SELECT count(*) FROM telemetry WHERE tenant_id = %s AND device_id = %s",
                        (tenant, device_id))[0][0]
