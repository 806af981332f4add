# shellcheck shell=bash
# PostgreSQL, NATS and Pulse of this checkout: ports, secrets, start, stop.

# Asked for at each use, since ./dev may have installed it only just now.
pg_bin() { find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1; }

# Whether the server that listens on the port of that name is this checkout's own.
own_server_of() {
  case $1 in
    PULSE_PG_PORT) postgres_runs ;;
    PULSE_NATS_PORT) process_of nats >/dev/null ;;
    KEYCLOAK_PORT) process_of keycloak >/dev/null ;;
    MAIL_PORT) process_of mail >/dev/null ;;
    *) process_of pulse >/dev/null ;;
  esac
}

# Reads the remembered ports (DEV_...), and drops from the environment what another checkout's .dev/env
# put there: that is nobody's wish.
remember_ports() {
  # shellcheck source=/dev/null
  if [[ -f $DEV/ports ]]; then source "$DEV/ports"; fi
  if [[ -n ${DEV_CHECKOUT:-} && $DEV_CHECKOUT != "$ROOT" ]]; then unset MQTT_PORT MQTT_TLS_PORT; fi
  unset DEV_CHECKOUT
}

# Ports: the environment's, else the remembered ones, else the defaults or the next free ones.
choose_ports() {
  local name default wanted
  remember_ports
  : >"$DEV/ports.new"
  for pair in PULSE_PORT:8080 MQTT_PORT:1883 MQTT_TLS_PORT:8883 PULSE_PG_PORT:5433 PULSE_NATS_PORT:4222 \
    KEYCLOAK_PORT:8180 MAIL_PORT:2525; do
    name=${pair%%:*} default=${pair##*:}
    local remembered="DEV_$name"
    wanted=${!name:-${!remembered:-}}
    if [[ -z $wanted ]]; then
      wanted=$default
      while port_taken "$wanted"; do wanted=$((wanted + 1)); done
    fi
    printf 'DEV_%s=%s\n' "$name" "$wanted" >>"$DEV/ports.new"
    declare -g "$name=$wanted"
  done
  mv -f "$DEV/ports.new" "$DEV/ports"
}

# choose_ports for a start: a port must be free or our own server's. A wished one that is not ends the
# program; a remembered one gives way to the next free one.
choose_start_ports() {
  local name remembered wished
  remember_ports
  for name in PULSE_PORT MQTT_PORT MQTT_TLS_PORT PULSE_PG_PORT PULSE_NATS_PORT KEYCLOAK_PORT MAIL_PORT; do
    remembered="DEV_$name" wished=${!name:-}
    if own_server_of "$name"; then
      [[ -z $wished || -z ${!remembered:-} || $wished == "${!remembered}" ]] ||
        die "$name=$wished, but this checkout runs on ${!remembered} already: ./dev down first."
    elif [[ -n $wished ]]; then
      if port_taken "$wished"; then
        die "$name=$wished: another program listens on that port. Give another one, or none: unset $name"
      fi
    elif [[ -n ${!remembered:-} ]] && port_taken "${!remembered}"; then
      unset "$remembered"
      sed -i "/^$remembered=/d" "$DEV/ports"
    fi
  done
  choose_ports
}

ensure_secrets() {
  if [[ ! -s $DEV/secret ]]; then
    (umask 077 && openssl rand -hex 32 >"$DEV/secret")
  fi
  ensure_certificates
}

# The CA that issues certificates to devices, and the MQTT server's certificate, signed by it: so that
# devices need one file to know both by. A server certificate of before there was a CA is replaced.
ensure_certificates() {
  local tls="$DEV/tls"
  [[ -s $tls/ca.pem && -s $tls/cert.pem ]] && return 0
  mkdir -p "$tls"
  rm -f "$tls"/*.pem "$tls"/*.key
  cat >"$tls/openssl.cnf" <<CONF
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
CONF
  (
    umask 077
    openssl req -x509 -config "$tls/openssl.cnf" -extensions authority -newkey rsa:2048 -nodes -days 3650 \
      -subj "/CN=Pulse device CA $(openssl rand -hex 4)" -keyout "$tls/ca.key" -out "$tls/ca.pem" 2>/dev/null
    openssl req -config "$tls/openssl.cnf" -newkey rsa:2048 -nodes -subj /CN=localhost \
      -keyout "$tls/key.pem" -out "$tls/server.csr" 2>/dev/null
    openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -days 825 \
      -set_serial "0x$(openssl rand -hex 15)" -extfile "$tls/openssl.cnf" -extensions server \
      -out "$tls/server.pem" 2>/dev/null
    cat "$tls/server.pem" "$tls/ca.pem" >"$tls/cert.pem"
  )
}

# PostgreSQL refuses to run as root, so its files belong to postgres then.
as_postgres() {
  if [[ $(id -u) == 0 ]]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

# Where its files stand: in .dev, or, where postgres can't reach the checkout, in /var/lib with a link.
pg_home() {
  if [[ ! -e $DEV/postgres ]]; then
    mkdir -p "$DEV/postgres"
    if [[ $(id -u) == 0 ]]; then
      chown postgres: "$DEV/postgres"
      if ! as_postgres test -w "$DEV/postgres" 2>/dev/null; then
        local far
        far="/var/lib/pulse-dev-$(printf '%s' "$ROOT" | sha256sum | cut -c1-12)"
        rmdir "$DEV/postgres"
        mkdir -p "$far"
        chown postgres: "$far"
        ln -s "$far" "$DEV/postgres"
      fi
    fi
  fi
  (cd "$DEV/postgres" && pwd -P)
}

start_postgres() {
  local home
  home=$(pg_home)
  if [[ ! -s $home/data/PG_VERSION ]]; then
    as_postgres "$(pg_bin)/initdb" -D "$home/data" -U postgres -E UTF8 --locale=C.UTF-8 \
      --auth-local=trust --auth-host=scram-sha-256
    as_postgres tee -a "$home/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$home'
max_connections = 200
shared_buffers = 256MB
max_wal_size = 2GB
timezone = 'UTC'
CONF
  fi
  if ! as_postgres "$(pg_bin)/pg_ctl" -D "$home/data" status >/dev/null 2>&1; then
    as_postgres "$(pg_bin)/pg_ctl" -D "$home/data" -w -t 60 -l "$home/log" \
      -o "-p $PULSE_PG_PORT" start
  fi
  local sql=(as_postgres psql -v ON_ERROR_STOP=1 -qX -h "$home" -p "$PULSE_PG_PORT" -U postgres)
  # Read here and handed over, since postgres may not be able to read the checkout.
  "${sql[@]}" -d postgres -v password=iot_dev <"$ROOT/migrations/roles.sql"
  if [[ -z $("${sql[@]}" -d postgres -Atc "SELECT 1 FROM pg_database WHERE datname = 'iotcloud'") ]]; then
    "${sql[@]}" -d postgres -c 'CREATE DATABASE iotcloud OWNER iot'
  fi
  "${sql[@]}" -d iotcloud <"$ROOT/migrations/database.sql"
}

postgres_runs() {
  [[ -e $DEV/postgres/data/postmaster.pid ]] &&
    as_postgres "$(pg_bin)/pg_ctl" -D "$(pg_home)/data" status >/dev/null 2>&1
}

stop_postgres() {
  if postgres_runs; then as_postgres "$(pg_bin)/pg_ctl" -D "$(pg_home)/data" -w -m fast stop; fi
}

start_nats() {
  process_of nats >/dev/null && return 0
  write_nats_config
  start_process nats "$NATS_SERVER" -c "$DEV/nats/server.conf"
  wait_until 10 port_taken "$PULSE_NATS_PORT"
}

NATS_SERVER=$(command -v nats-server || echo /usr/sbin/nats-server)

# nats-server writes a message to its file before it acknowledges, but calls fsync every two minutes
# only. From 2.10 on that is a setting; Debian's 2.9 refuses to start with it (docs/operations.md).
write_nats_config() {
  local conf="$DEV/nats/server.conf" sync
  mkdir -p "$DEV/nats"
  for sync in 'sync_interval: "1s"' ''; do
    cat >"$conf" <<CONF
listen: "127.0.0.1:$PULSE_NATS_PORT"
jetstream {
  store_dir: "$DEV/nats"
  max_file_store: 20GB
  $sync
}
max_payload: 2MB
CONF
    if "$NATS_SERVER" -c "$conf" -t >/dev/null 2>&1; then return 0; fi
  done
  "$NATS_SERVER" -c "$conf" -t
}

# The environment of every pulse command of this checkout.
pulse_environment() {
  export PULSE_URL="http://localhost:$PULSE_PORT"
  export UI_BASE_URL="$PULSE_URL" PULSE_PORT MQTT_PORT MQTT_TLS_PORT
  export MQTT_HOST=localhost MQTT_TLS_CERT="$DEV/tls/cert.pem" MQTT_TLS_KEY="$DEV/tls/key.pem"
  export DEVICE_CA_CERT="$DEV/tls/ca.pem" DEVICE_CA_KEY="$DEV/tls/ca.key" DEVICE_CRL_FILE="$DEV/tls/ca.crl"
  export NATS_URL="nats://127.0.0.1:$PULSE_NATS_PORT"
  export DATABASE_URL="postgresql://iot:iot_dev@127.0.0.1:$PULSE_PG_PORT/iotcloud"
  PULSE_SECRET_KEY=$(cat "$DEV/secret")
  export PULSE_SECRET_KEY
  export PULSE_WEB_DIR="$ROOT/web/dist" PULSE_MIGRATIONS_DIR="$ROOT/migrations"
  export PULSE_DATA_DIR="$DEV/data"
  export PULSE_DEMO_HINT='Demo users: customer1, tenantadmin1, operator1, operatoradmin1. Password: pulse-demo-1'
  # Development is generous: bursts and load tests come through.
  export RATE_LIMIT_RPS=${RATE_LIMIT_RPS:-2000} RATE_LIMIT_BURST=${RATE_LIMIT_BURST:-5000}
  export MQTT_INTERNAL_AUTH_SECRET=${MQTT_INTERNAL_AUTH_SECRET:-$(sha256sum <"$DEV/secret" | cut -c1-32)}
  keycloak_environment
}

# A command of pulse without the names that are ./dev's own.
run_pulse() { env -u PULSE_URL -u PULSE_PG_PORT -u PULSE_NATS_PORT "$PULSE" "$@"; }

PULSE="$ROOT/build/release/pulse"

start_pulse() {
  local stamp
  stamp="$(stat -c '%Y %s' "$PULSE") ${PULSE_IDENTITY:-embedded}"
  if process_of pulse >/dev/null && [[ $(cat "$RUN/pulse.stamp" 2>/dev/null) != "$stamp" ]]; then
    stop_process simulate 15
    stop_process pulse 15
  fi
  if ! process_of pulse >/dev/null; then
    start_process pulse env -u PULSE_URL -u PULSE_PG_PORT -u PULSE_NATS_PORT "$PULSE" serve
    printf '%s' "$stamp" >"$RUN/pulse.stamp"
  fi
  if ! wait_until 30 pulse_ready; then
    say "Pulse does not become ready; the end of .dev/logs/pulse.log:"
    tail -n 20 "$LOGS/pulse.log"
    curl -s -m 2 "http://127.0.0.1:$PULSE_PORT/readyz"
    return 1
  fi
}

pulse_ready() {
  process_of pulse >/dev/null && curl -fs -m 2 -o /dev/null "http://127.0.0.1:$PULSE_PORT/readyz"
}

start_simulate() {
  process_of simulate >/dev/null && return 0
  start_process simulate env -u PULSE_URL -u PULSE_PG_PORT -u PULSE_NATS_PORT "$PULSE" simulate \
    --url "http://127.0.0.1:$PULSE_PORT" --mqtt "127.0.0.1:$MQTT_PORT" \
    --devices-file "$DEV/devices.jsonl" --twin on --fail-commands 10
}

write_env() {
  python3 - "$DEV/devices.jsonl" "$ROOT" >"$DEV/env.new" <<'PY'
import json, os, shlex, sys
device = json.loads(open(sys.argv[1]).readline())
values = {
    "DEV_CHECKOUT": sys.argv[2],
    "PULSE_URL": os.environ["PULSE_URL"],
    "MQTT_HOST": os.environ["MQTT_HOST"],
    "MQTT_PORT": os.environ["MQTT_PORT"],
    "MQTT_TLS_PORT": os.environ["MQTT_TLS_PORT"],
    "NATS_URL": os.environ["NATS_URL"],
    "DATABASE_URL": os.environ["DATABASE_URL"],
    "DEMO_TENANT": device["tenant_id"],
    "DEMO_SITE": device["site_id"],
    "DEMO_DEVICE": device["device_id"],
    "DEMO_DEVICE_TOKEN": device["token"],
}
for name, value in values.items():
    print(f"export {name}={shlex.quote(value)}")
PY
  chmod 600 "$DEV/env.new"
  mv -f "$DEV/env.new" "$DEV/env"
}
