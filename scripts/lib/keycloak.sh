# shellcheck shell=bash
# Keycloak as this checkout's directory (./dev up --identity keycloak), and the mail server it sends to.

keycloak_wanted() { [[ $(cat "$DEV/identity" 2>/dev/null) == keycloak ]]; }

# choose_identity NAME: remembered until another one is chosen, or ./dev reset.
choose_identity() {
  case $1 in
    embedded) rm -f "$DEV/identity" ;;
    keycloak) echo keycloak >"$DEV/identity" ;;
    *) die "Unknown identity: $1 (known: embedded, keycloak)" ;;
  esac
}

keycloak_home() { find "$DEV/keycloak" -maxdepth 1 -name 'keycloak-*' 2>/dev/null | sort -V | tail -n 1; }

# Of Pulse's service account; as lasting as the checkout's own secret.
keycloak_secret() { printf 'keycloak %s' "$(cat "$DEV/secret")" | sha256sum | cut -c1-64; }

# The settings of Pulse, for pulse_environment.
keycloak_environment() {
  keycloak_wanted || return 0
  export PULSE_IDENTITY=keycloak
  export KEYCLOAK_PUBLIC_URL="http://localhost:$KEYCLOAK_PORT"
  export KEYCLOAK_INTERNAL_URL="http://127.0.0.1:$KEYCLOAK_PORT"
  KEYCLOAK_SERVICE_CLIENT_SECRET=$(keycloak_secret)
  export KEYCLOAK_SERVICE_CLIENT_SECRET
  unset PULSE_DEMO_HINT
}

# The base of the issuer's paths, as a shell on this machine reaches it.
issuer_base() {
  if keycloak_wanted; then printf 'http://localhost:%s' "$KEYCLOAK_PORT"; else printf 'http://127.0.0.1:%s' "$PULSE_PORT"; fi
}

# The realm is imported once, with the addresses of that time; when it or they change it is made anew, and the
# demo users with it.
write_realm() {
  local home=$1 made_of data="$1/data"
  made_of="$PULSE_URL $MAIL_PORT $(sha256sum <"$ROOT/deploy/keycloak/pulse-realm.json")"
  if [[ -d $data && $(cat "$data/made-of" 2>/dev/null) != "$made_of" ]]; then rm -rf "$data"; fi
  if [[ ! -d $data ]]; then cp -r "$home/template" "$data"; fi
  mkdir -p "$data/import"
  printf "%s\n" "$made_of" >"$data/made-of"
  (umask 077 && REALM_SERVICE_SECRET=$(keycloak_secret) python3 "$ROOT/deploy/keycloak/realm.py" \
    --password-grant >"$data/import/pulse-realm.json")
}

start_mail() {
  process_of mail >/dev/null && return 0
  start_process mail python3 "$ROOT/scripts/mail_capture.py" "$MAIL_PORT" "$DEV/data/outbox"
  wait_until 10 port_taken "$MAIL_PORT"
}

keycloak_answers() {
  curl -fs -m 5 -o /dev/null "http://127.0.0.1:$KEYCLOAK_PORT/realms/pulse/.well-known/openid-configuration"
}

start_keycloak() {
  local home end
  home=$(keycloak_home)
  if ! process_of keycloak >/dev/null; then
    write_realm "$home"
    start_process keycloak env REALM_UI_URL="$PULSE_URL" REALM_SMTP_HOST=127.0.0.1 \
      REALM_SMTP_PORT="$MAIL_PORT" JAVA_OPTS_KC_HEAP='-Xms64m -Xmx512m' \
      JAVA_OPTS_APPEND='-XX:TieredStopAtLevel=1' "$home/bin/kc.sh" start-dev \
      --import-realm --http-host=127.0.0.1 --http-port="$KEYCLOAK_PORT" --hostname="http://localhost:$KEYCLOAK_PORT"
  fi
  end=$(($(now_ms) + 240000))
  until keycloak_answers; do
    if ! process_of keycloak >/dev/null || (($(now_ms) > end)); then
      say "Keycloak does not start; the end of .dev/logs/keycloak.log:"
      tail -n 20 "$LOGS/keycloak.log"
      return 1
    fi
    sleep 0.3
  done
}

# Before Pulse: what it needs, or, with the embedded issuer, the end of what an earlier start left.
keycloak_up() {
  if ! keycloak_wanted; then
    keycloak_down
    return 0
  fi
  ensure_packages keycloak
  if [[ ! -d $(keycloak_home)/template ]]; then
    step "Get Keycloak by its Maven coordinates" "Does Maven reach its repository? See: mvn -B help:system" \
      python3 "$ROOT/scripts/keycloak_distribution.py"
  fi
  step "Start the mail capture on port $MAIL_PORT" "Its log: .dev/logs/mail.log" start_mail
  step "Start Keycloak on port $KEYCLOAK_PORT" "Its log: .dev/logs/keycloak.log" start_keycloak
}

keycloak_down() {
  stop_process keycloak 20
  stop_process mail 5
}

# What ./dev reset deletes; the distribution stays.
keycloak_reset() {
  local home
  home=$(keycloak_home)
  if [[ -n $home ]]; then rm -rf "$home/data"; fi
  rm -f "$DEV/identity"
}
