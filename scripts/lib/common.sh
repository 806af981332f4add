# shellcheck shell=bash
# What every command of ./dev uses: paths, steps with durations, errors that say what to do,
# processes by pid file. Sourced by ./dev; ROOT is the checkout.

DEV="$ROOT/.dev"
LOGS="$DEV/logs"
RUN="$DEV/run"
mkdir -p "$LOGS" "$RUN"

if [[ -t 1 ]]; then
  BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
  BOLD='' DIM='' RED='' GREEN='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
die() {
  printf '%s%s%s\n' "$RED" "$*" "$PLAIN" >&2
  exit 1
}

now_ms() { date +%s%3N; }
seconds_since() {
  local ms=$(($(now_ms) - $1))
  printf '%d.%01d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# step TITLE HINT COMMAND...: runs a command with its output in .dev/logs/step.log and its duration
# on one line. On failure it shows the output's end and HINT, and ends the program.
step() {
  local title=$1 hint=$2 log="$LOGS/step-$BASHPID.log" begun rc=0 pid
  shift 2
  begun=$(now_ms)
  printf '  %-46s' "$title"
  (
    set -e
    "$@"
  ) >"$log" 2>&1 </dev/null &
  pid=$!
  STEP_PID=$pid
  if [[ -t 1 ]]; then
    while kill -0 "$pid" 2>/dev/null; do
      printf '\r  %-46s%s%s%s\e[K' "$title" "$DIM" "$(seconds_since "$begun")" "$PLAIN"
      sleep 0.1
    done
  fi
  wait "$pid" || rc=$?
  STEP_PID=''
  [[ -t 1 ]] && printf '\r  %-46s' "$title"
  if ((rc == 0)); then
    printf '%sok%s  %s\e[K\n' "$GREEN" "$PLAIN" "$(seconds_since "$begun")" | plain_unless_terminal
    rm -f "$log"
    return 0
  fi
  printf '%sFAILED%s  %s\n' "$RED" "$PLAIN" "$(seconds_since "$begun")"
  mv -f "$log" "$LOGS/failed-step.log"
  say "--- the last lines of ${LOGS#"$ROOT"/}/failed-step.log:"
  tail -n 25 "$LOGS/failed-step.log" | sed 's/^/  | /'
  say ""
  die "\"$title\" failed. $hint"
}
STEP_PID=''

plain_unless_terminal() {
  if [[ -t 1 ]]; then cat; else sed $'s/\e\\[K//'; fi
}

# needs_root COMMAND...: as root, directly or by sudo.
needs_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    say "This needs root: run it as root, or install sudo. The command was: $*" >&2
    return 1
  fi
}

# A process is named by its pid and its start time, so that a stale file never names a stranger.
start_time_of() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  stat=${stat##*) }
  # Field 22 of proc(5); the first two are cut off above.
  awk '{print $20}' <<<"$stat"
}
remember_process() { # NAME PID
  printf '%s %s\n' "$2" "$(start_time_of "$2")" >"$RUN/$1.pid"
}
process_of() { # NAME: prints the pid when that very process runs
  local pid begun state
  [[ -f "$RUN/$1.pid" ]] || return 1
  read -r pid begun <"$RUN/$1.pid" || return 1
  [[ -n $pid && $(start_time_of "$pid") == "$begun" ]] || return 1
  state=$(awk '/^State:/ {print $2}' "/proc/$pid/status" 2>/dev/null) || return 1
  [[ $state != Z ]] || return 1
  printf '%s' "$pid"
}

# start_process NAME COMMAND...: in the background, in a session of its own, log in .dev/logs.
start_process() {
  local name=$1 log="$LOGS/$1.log"
  shift
  if [[ -f $log && $(stat -c %s "$log") -gt 20000000 ]]; then mv -f "$log" "$log.1"; fi
  setsid "$@" >>"$log" 2>&1 </dev/null &
  remember_process "$name" $!
}

# stop_process NAME [SECONDS]: TERM, then KILL after SECONDS.
stop_process() {
  local pid patience=$((${2:-15} * 20))
  pid=$(process_of "$1") || { rm -f "$RUN/$1.pid"; return 0; }
  kill -TERM "$pid" 2>/dev/null || true
  while process_of "$1" >/dev/null && ((patience-- > 0)); do sleep 0.05; done
  if process_of "$1" >/dev/null; then kill -KILL "$pid" 2>/dev/null || true; fi
  rm -f "$RUN/$1.pid"
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# wait_until SECONDS COMMAND...: polls.
wait_until() {
  local end=$(($(now_ms) + $1 * 1000))
  shift
  until "$@" >/dev/null 2>&1; do
    (($(now_ms) < end)) || return 1
    sleep 0.05
  done
}

# stamp_of PATH...: a hash of the contents and names of the files under the paths, without what is made
# from them.
stamp_of() {
  find "$@" -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name schema.d.ts -print0 2>/dev/null |
    LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -d' ' -f1
}
