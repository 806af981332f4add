# shellcheck shell=bash
# The commands of ./dev around a running Pulse.

write_openapi() {
  run_pulse openapi >"$ROOT/web/openapi.json.new"
  if cmp -s "$ROOT/web/openapi.json.new" "$ROOT/web/openapi.json"; then
    rm -f "$ROOT/web/openapi.json.new"
  else
    mv -f "$ROOT/web/openapi.json.new" "$ROOT/web/openapi.json"
  fi
}

build_everything() {
  ensure_packages build up
  build_cpp release pulse
  write_openapi
  build_web
}

dev_up() {
  local detach=0 simulate=1
  while (($#)); do
    case $1 in
      --detach) detach=1 ;;
      --no-simulate) simulate=0 ;;
      --identity)
        choose_identity "${2:-}"
        shift
        ;;
      *) die "Unknown option: $1 (known: --detach, --no-simulate, --identity embedded|keycloak)" ;;
    esac
    shift
  done
  say "${BOLD}Pulse${PLAIN}"
  choose_start_ports
  build_everything
  ensure_secrets
  pulse_environment
  step "Start PostgreSQL on port $PULSE_PG_PORT" "Its log: .dev/postgres/log" start_postgres
  step "Start NATS on port $PULSE_NATS_PORT" "Its log: .dev/logs/nats.log" start_nats
  step "Apply migrations" "After an incompatible change: ./dev reset" run_pulse migrate
  keycloak_up
  step "Demo tenant, devices, users" "Try ./dev reset" \
    run_pulse admin seed-demo --tokens-file "$DEV/devices.jsonl"
  step "Start Pulse on port $PULSE_PORT" "./dev logs pulse tells why; run: ./dev doctor" start_pulse
  if ((simulate)); then step "Start the simulated fleet" "./dev logs simulate" start_simulate; fi
  write_env
  say ""
  say "  Open      ${BOLD}$PULSE_URL/app/${PLAIN}"
  say "  Sign in   customer1 | tenantadmin1 | operator1 | operatoradmin1, password pulse-demo-1"
  if keycloak_wanted; then say "  Keycloak  $KEYCLOAK_PUBLIC_URL (its emails: .dev/data/outbox); back: ./dev up --identity embedded"; fi
  say "  MQTT      localhost:$MQTT_PORT (TLS $MQTT_TLS_PORT), API documents $PULSE_URL/docs"
  say "  Devices   by certificate: issue one on the device's page; mosquitto_pub -p $MQTT_TLS_PORT --cafile .dev/tls/ca.pem"
  say "  Shell     . .dev/env    token: ./dev token customer1"
  say "  Send      curl -X POST \$PULSE_URL/ingest/v1/tenant/\$DEMO_TENANT/device/\$DEMO_DEVICE/telemetry \\"
  say "              -H \"X-Provision-Token: \$DEMO_DEVICE_TOKEN\" -H 'Content-Type: application/json' -d '{\"metrics\":{\"temperature\":4.2}}'"
  say "  Next      ./dev status | logs [pulse|gateway|ingest|simulate|nats|postgres] | down | reset"
  ((detach)) && return 0
  say ""
  say "Running. Ctrl-C stops everything."
  trap 'say ""; dev_down; exit 0' INT TERM
  while process_of pulse >/dev/null; do sleep 1; done
  die "Pulse ended by itself; the end of its log: $(tail -n 5 "$LOGS/pulse.log")"
}

dev_down() {
  stop_process simulate 15
  stop_process pulse 20
  keycloak_down
  stop_process nats 15
  stop_postgres >/dev/null
  say "Stopped."
}

dev_reset() {
  if [[ ${1:-} != --yes && -t 0 ]]; then
    read -r -p "This deletes this checkout's database, streams and demo tokens (.dev/). Go on? [y/N] " answer
    [[ $answer == [yY]* ]] || die "Nothing was deleted."
  fi
  dev_down
  if [[ -L $DEV/postgres ]]; then rm -rf "$(readlink -f "$DEV/postgres")"; fi
  rm -rf "$DEV/postgres" "$DEV/nats" "$DEV/data" "$DEV/devices.jsonl" "$DEV/env" "$DEV/ports" "$DEV/secret"
  keycloak_reset
  say "Deleted. ./dev up begins anew."
}

dev_status() {
  local name pid
  for name in pulse simulate nats keycloak mail; do
    [[ $name != keycloak && $name != mail ]] || keycloak_wanted || continue
    if pid=$(process_of "$name"); then
      printf '  %-10s runs     pid %-8s %s\n' "$name" "$pid" \
        "$(ps -o rss=,etime= -p "$pid" | awk '{printf "%d MiB, up %s", $1 / 1024, $2}')"
    else
      printf '  %-10s stopped\n' "$name"
    fi
  done
  if postgres_runs; then printf '  %-10s runs\n' postgres; else printf '  %-10s stopped\n' postgres; fi
  if [[ -f $DEV/ports ]] && process_of pulse >/dev/null; then
    choose_ports
    say "  $(curl -s -m 3 "http://127.0.0.1:$PULSE_PORT/healthz")"
  fi
}

dev_logs() {
  case ${1:-pulse} in
    postgres) exec tail -n 50 -F "$DEV/postgres/log" ;;
    pulse | simulate | nats | keycloak | mail) exec tail -n 50 -F "$LOGS/${1:-pulse}.log" ;;
    gateway | mqtt | ingest | evaluator | notifier | delivery | ops) follow_role "$1" ;;
    *) die "Unknown log: $1 (known: pulse, gateway, mqtt, ingest, evaluator, notifier, delivery, ops, simulate, nats, postgres, keycloak, mail)" ;;
  esac
}

# follow_role ROLE: what that role logged. Lines name the loop that wrote them: `base` runs the jobs of ops.
follow_role() {
  local role=$1
  if [[ $role == ops ]]; then role='(ops|base)'; fi
  tail -n 5000 -F "$LOGS/pulse.log" 2>/dev/null | grep -E --line-buffered "\"role\":\"$role\""
}

dev_token() {
  [[ -f $DEV/ports ]] || die "Pulse does not run: ./dev up"
  choose_ports
  curl -s -m 10 "$(issuer_base)/realms/pulse/protocol/openid-connect/token" \
    -d grant_type=password -d client_id=pulse-ui -d "username=${1:-customer1}" \
    -d "password=${PULSE_PASSWORD:-pulse-demo-1}" |
    python3 -c 'import json, sys
answer = json.load(sys.stdin)
if "access_token" not in answer: sys.exit("No token: " + answer.get("error_description", answer.get("detail", "unknown reason")))
print(answer["access_token"])' || die "Is Pulse up (./dev status), and is the user known?"
}

dev_doctor() {
  choose_ports
  ensure_secrets
  pulse_environment
  run_pulse doctor
}
