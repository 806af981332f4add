"""Scratch PostgreSQL, NATS and Pulse for the bench: own ports, own directories, gone afterwards."""
import glob
import http.client
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, check, seconds=30.0, pause=0.02):
    """Calls `check` until it is true; raises when that takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if check():
                return
        except OSError:
            pass
        time.sleep(pause)
    raise RuntimeError(f"{what} did not come up within {seconds:.0f} s")


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


class Scratch:
    """A directory that every user can enter, removed with everything in it."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="pulse-bench-", dir="/var/tmp")
        os.chmod(self.path, 0o755)

    def make(self, name):
        path = os.path.join(self.path, name)
        os.mkdir(path)
        return path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def stop(process, sig=signal.SIGTERM):
    if process is None or process.poll() is not None:
        return
    process.send_signal(sig)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Postgres:
    """A cluster of its own; run as user postgres when we are root, since it refuses root."""

    def __init__(self, scratch, migrations):
        candidates = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        found = candidates[-1] if candidates else shutil.which("postgres")
        if not found:
            raise RuntimeError("PostgreSQL's server is not installed")
        self.bin = os.path.dirname(os.path.realpath(found))
        self.port = free_port()
        self.password = secrets.token_hex(12)
        self.log = open(os.path.join(scratch.path, "postgres.log"), "wb")
        home = scratch.make("postgres")
        self.as_user = []
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(home, entry.pw_uid, entry.pw_gid)
            self.as_user = ["runuser", "-u", "postgres", "--"]
        data = os.path.join(home, "data")
        secret = os.path.join(home, "password")
        with open(secret, "w", encoding="ascii") as f:
            f.write(self.password)
        os.chmod(secret, 0o644)
        self._run("initdb", "-D", data, "-U", "postgres", "--pwfile", secret, "-A", "scram-sha-256",
                  "-E", "UTF8", "--no-instructions")
        self.process = subprocess.Popen(
            self.as_user + [os.path.join(self.bin, "postgres"), "-D", data, "-p", str(self.port),
                            "-c", "listen_addresses=127.0.0.1",
                            "-c", f"unix_socket_directories={home}",
                            "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB",
                            "-c", "max_connections=100", "-c", "timezone=UTC"],
            stdout=self.log, stderr=self.log, cwd="/")
        env = self._environment()
        wait_for("PostgreSQL", lambda: subprocess.run(
            [os.path.join(self.bin, "psql"), "-c", "SELECT 1", "postgres"], env=env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0)
        self.sql("postgres", file=os.path.join(migrations, "roles.sql"),
                 variables={"password": "iot_dev"})
        self.sql("postgres", "CREATE DATABASE iotcloud OWNER iot")
        self.sql("postgres", "CREATE DATABASE bench")
        self.sql("iotcloud", file=os.path.join(migrations, "database.sql"))

    def _environment(self):
        return {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres",
                "PGPASSWORD": self.password}

    def _run(self, tool, *args):
        subprocess.run(self.as_user + [os.path.join(self.bin, tool), *args], check=True, cwd="/",
                       stdout=self.log, stderr=self.log)

    def url(self, user="iot", password="iot_dev", database="iotcloud"):
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def super_url(self, database):
        return self.url("postgres", self.password, database)

    def sql(self, database, text=None, file=None, variables=None):
        """Runs SQL by psql as superuser; answers what it printed, unaligned."""
        command = [os.path.join(self.bin, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"]
        for name, value in (variables or {}).items():
            command += ["-v", f"{name}={value}"]
        command += ["-c", text] if text else ["-f", file]
        done = subprocess.run(command + [database], env=self._environment(), text=True,
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"SQL failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def pgbench(self, database, script, clients, seconds):
        """Mean latency in ms and transactions/s of a script."""
        done = subprocess.run(
            [os.path.join(self.bin, "pgbench"), "-n", "-M", "prepared", "-c", str(clients),
             "-j", "1", "-T", str(seconds), "-f", script, database],
            env=self._environment(), text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"pgbench failed: {done.stderr.strip()}")
        figures = {}
        for line in done.stdout.splitlines():
            if line.startswith("latency average"):
                figures["ms"] = float(line.split("=")[1].split()[0])
            if line.startswith("tps"):
                figures["tps"] = float(line.split("=")[1].split()[0])
        return figures

    def stop(self):
        # SIGINT: fast shutdown. runuser does not pass signals on, so the server's own pid is asked.
        if self.process.poll() is None:
            children = subprocess.run(["pgrep", "-P", str(self.process.pid)], text=True,
                                      capture_output=True, check=False).stdout.split()
            for pid in (children if self.as_user else [self.process.pid]):
                os.kill(int(pid), signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.log.close()


class Nats:
    def __init__(self, scratch):
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.log = open(os.path.join(scratch.path, "nats.log"), "wb")
        self.process = subprocess.Popen(
            ["nats-server", "-js", "-sd", scratch.make("nats"), "-a", "127.0.0.1",
             "-p", str(self.port)], stdout=self.log, stderr=self.log)
        wait_for("NATS", self.listens)

    def listens(self):
        socket.create_connection(("127.0.0.1", self.port), 1).close()
        return True

    def stop(self):
        stop(self.process)
        self.log.close()


class Pulse:
    """The binary under test. `start` answers the milliseconds until it was ready."""

    def __init__(self, binary, scratch, postgres, nats, root):
        self.binary = binary
        self.port = free_port()
        self.mqtt_port = free_port()
        self.log = open(os.path.join(scratch.path, "pulse.log"), "ab")
        self.process = None
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "PG_", "MQTT_"))},
            "DATABASE_URL": postgres.url(), "NATS_URL": nats.url, "PULSE_HOST": "127.0.0.1",
            "PULSE_PORT": str(self.port), "MQTT_PORT": str(self.mqtt_port),
            "PULSE_MIGRATIONS_DIR": os.path.join(root, "migrations"),
            "PULSE_WEB_DIR": os.path.join(root, "web/dist"), "PULSE_DATA_DIR": scratch.make("data"),
            "PULSE_SECRET_KEY": "00" * 32, "UI_BASE_URL": self.url, "LOG_LEVEL": "warning",
            "API_RATE_PER_MINUTE": "0", "API_ADDRESS_RATE_PER_MINUTE": "0",
            "RATE_LIMIT_RPS": "1000000", "RATE_LIMIT_BURST": "1000000",
            "RATE_LIMIT_TENANT_RPS": "100000000", "RATE_LIMIT_GLOBAL_RPS": "100000000"}

    def run(self, *args):
        done = subprocess.run([self.binary, *args], env=self.environment, text=True,
                              capture_output=True, check=False)
        if done.returncode != 0:
            words = (done.stderr or done.stdout)[-2000:]
            raise RuntimeError(f"pulse {' '.join(args)} failed: {words}")
        return done.stdout

    def ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        finally:
            connection.close()

    def last_words(self, lines=5):
        with open(self.log.name, encoding="utf-8", errors="replace") as f:
            return [line.rstrip()[:300] for line in f.readlines()[-lines:]]

    def start(self):
        begun = time.monotonic()
        self.process = subprocess.Popen([self.binary, "serve"], env=self.environment,
                                        stdout=self.log, stderr=self.log)

        def up():
            if self.process.poll() is not None:
                raise RuntimeError(f"pulse serve ended with {self.process.returncode}")
            return self.ready()

        wait_for("Pulse", up, pause=0.002)
        return (time.monotonic() - begun) * 1000

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        stop(self.process)
