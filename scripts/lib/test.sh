# shellcheck shell=bash
# Tests: every suite adds to PASSED and FAILED; the last line is "N passed, N failed".

PASSED=0
FAILED=0

# The unit tests, one after the other; counts from GoogleTest's own report.
run_unit_tests() {
  local report="$ROOT/build/reports/unit.json" rc=0 counts
  mkdir -p "$ROOT/build/reports"
  rm -f "$report"
  "$ROOT/build/$1/tests/pulse_unit_tests" --gtest_brief=1 --gtest_output="json:$report" || rc=$?
  if [[ ! -s $report ]]; then
    say "The unit tests ended without a report (exit code $rc)."
    FAILED=$((FAILED + 1))
    return 0
  fi
  counts=$(python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
print(r["tests"] - r["failures"] - r["disabled"] - r["errors"], r["failures"] + r["errors"])
' "$report")
  PASSED=$((PASSED + ${counts% *}))
  FAILED=$((FAILED + ${counts#* }))
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
  build_cpp release pulse_unit_tests
  say "Unit tests"
  run_unit_tests release
  if ((full)); then :; fi
  say ""
  say "$PASSED passed, $FAILED failed"
  ((FAILED == 0))
}
