# shellcheck shell=bash
# Tests: every suite adds to PASSED and FAILED; the last line is "N passed, N failed".

PASSED=0
FAILED=0

# count_suite TITLE REPORT RC: adds what the report (JUnit XML) says; a suite without one has failed.
count_suite() {
  local counts
  if ! counts=$(python3 - "$2" <<'PY'
import sys
import xml.etree.ElementTree as ET
total = bad = skipped = 0
root = ET.parse(sys.argv[1]).getroot()
for suite in [root] if root.tag == "testsuite" else root.findall("testsuite"):
    total += int(suite.get("tests", 0))
    bad += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    skipped += int(suite.get("skipped", 0) or 0) + int(suite.get("disabled", 0) or 0)
print(total - bad - skipped, bad)
PY
  ); then
    say "$1: ended without a report (exit code $3)."
    FAILED=$((FAILED + 1))
    return 0
  fi
  PASSED=$((PASSED + ${counts% *}))
  FAILED=$((FAILED + ${counts#* }))
  if (($3 != 0)) && [[ ${counts#* } == 0 ]]; then
    say "$1: exit code $3."
    FAILED=$((FAILED + 1))
  fi
  say "$1: ${counts% *} passed, ${counts#* } failed"
}

# run_unit_tests TITLE PRESET [ARGUMENT...]: GoogleTest's tests of one build.
run_unit_tests() {
  local title=$1 preset=$2 report="$ROOT/build/reports/unit-$2.xml" rc=0
  shift 2
  mkdir -p "$ROOT/build/reports"
  rm -f "$report"
  "$ROOT/build/$preset/tests/pulse_unit_tests" --gtest_brief=1 --gtest_output="xml:$report" "$@" || rc=$?
  count_suite "$title" "$report" "$rc"
}

# run_pytest TITLE FOLDER [ARGUMENT...]: by $SUITE_PYTHON where a suite has an environment of its own.
run_pytest() {
  local title=$1 folder=$2 report rc=0
  shift 2
  report="$ROOT/build/reports/$(basename "$folder").xml"
  mkdir -p "$ROOT/build/reports"
  rm -f "$report"
  # Debian's Python, where Debian's packages are; another one on the PATH has others.
  "${SUITE_PYTHON:-/usr/bin/python3}" -m pytest -q --timeout=900 -p no:cacheprovider "$ROOT/$folder" --junitxml="$report" "$@" || rc=$?
  count_suite "$title" "$report" "$rc"
}

run_web_tests() {
  local report="$ROOT/build/reports/web.xml" rc=0
  rm -f "$report"
  (cd "$ROOT/web" && npx vitest run --reporter=default --reporter=junit --outputFile="$report") || rc=$?
  count_suite "Web unit tests" "$report" "$rc"
}

# check TITLE COMMAND...: a check counts as one test.
check() {
  local title=$1
  shift
  if "$@" >"$LOGS/check.log" 2>&1; then
    PASSED=$((PASSED + 1))
    say "$title: ok"
  else
    FAILED=$((FAILED + 1))
    say "$title: FAILED"
    tail -n 40 "$LOGS/check.log"
  fi
}

dev_test() {
  local full=0
  while (($#)); do
    case $1 in
      --full) full=1 ;;
      *) die "Unknown option: $1 (known: --full)" ;;
    esac
    shift
  done
  ensure_packages build up test
  build_cpp release pulse pulse_unit_tests
  write_openapi
  build_web
  check "Rooms include downwards only" python3 "$ROOT/scripts/check_rooms.py"
  check "C++ is formatted" format_is_clean
  check "Shell scripts" shellcheck -x -s bash "$ROOT/dev" "$ROOT"/scripts/lib/*.sh
  run_unit_tests "Unit tests" release
  run_web_tests
  # Most of their time they wait: several files at once, each with servers of its own.
  rm -rf "$ROOT/build/reports/answers"
  run_pytest "Integration tests" tests/integration -n 3 --dist loadfile
  check "Every operation was answered with success" \
    /usr/bin/python3 "$ROOT/tests/harness/answered.py" "$ROOT/build/reports/answers" "$ROOT/build/reports/conformance.json"
  run_pytest "Browser tests" tests/e2e -n 2 --dist loadgroup
  run_pytest "Chaos tests" tests/chaos
  if ((full)); then dev_test_full; fi
  say ""
  say "$PASSED passed, $FAILED failed"
  ((FAILED == 0))
}

# run_fuzzer NAME SECONDS: begins with the seeds of tests/fuzz/corpus and with what earlier runs found.
run_fuzzer() {
  local found="$ROOT/build/fuzz/corpus/$1"
  mkdir -p "$found"
  "$ROOT/build/fuzz/tests/${1}_fuzz" "$found" "$ROOT/tests/fuzz/corpus/$1" "-artifact_prefix=$found-" \
    "-max_total_time=$2" -max_len=4096 -verbosity=0 -print_final_stats=0
}

# The heavy tier: unit and integration tests under AddressSanitizer and UndefinedBehaviorSanitizer, the
# platform's unit tests under ThreadSanitizer, the fuzzers for half a minute each, the whole OpenAPI document by
# Schemathesis, a real Keycloak with tests of its own and with the accounts' suites, and ten times the kills.
dev_test_full() {
  local fuzzer source
  ensure_packages build up test full keycloak
  ensure_api_fuzz
  build_cpp asan pulse pulse_unit_tests
  run_unit_tests "Unit tests (ASan, UBSan)" asan
  # What was freed is kept for a while to find its late users: a test measures the process's memory.
  ASAN_OPTIONS=quarantine_size_mb=16 PULSE_BINARY="$ROOT/build/asan/pulse" \
    run_pytest "Integration tests (ASan, UBSan)" tests/integration -n 2 --dist loadfile
  build_cpp tsan pulse_unit_tests
  run_unit_tests "Platform tests (TSan)" tsan \
    --gtest_filter='Clock*:Config*:Log*:Loop*:Metrics*:TokenBuckets*:StaticFiles*:WebSocket*:Ids*:Crypto*:Http*:ParseUrl*:PublicAddress*:Json*:*Mqtt*:Endpoint*:Nats*:Pg*:Router*:Turns*:TokenDebt*:Limits*:Mailer*:Audit*:Ingest*:*Worker*'
  build_cpp fuzz fuzzers
  for source in "$ROOT"/tests/fuzz/*_fuzz.cpp; do
    fuzzer=$(basename "$source" _fuzz.cpp)
    check "Fuzzer $fuzzer" run_fuzzer "$fuzzer" 30
  done
  build_cpp release pulse keycloak_directory_test
  SUITE_PYTHON="$DEV/api-fuzz/bin/python" run_pytest "API fuzzer" tests/api_fuzz
  run_pytest "Tests with a real Keycloak" tests/full
  run_pytest "Account tests with a real Keycloak" tests/integration --identity keycloak
  PULSE_CHAOS_KILLS=200 PULSE_CHAOS_PG_DOWN=60 PULSE_CHAOS_EPISODES=60 PULSE_CHAOS_MESSAGES=40000 \
    run_pytest "Chaos tests, long" tests/chaos --timeout=3600
}
