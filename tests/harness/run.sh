#!/usr/bin/env bash
# All of Python's tests: run.sh [--full] [PYTEST ARGUMENT...]. The last line: N passed, N failed.
# Quick: 20 kills and PostgreSQL down for 15 s. --full: 200 kills, 60 s.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
if [[ ${1:-} == --full ]]; then
  shift
  export PULSE_CHAOS_KILLS=${PULSE_CHAOS_KILLS:-200} PULSE_CHAOS_PG_DOWN=${PULSE_CHAOS_PG_DOWN:-60}
fi
mkdir -p build/reports
passed=0 failed=0
for folder in integration chaos e2e; do
  report=build/reports/python-$folder.xml
  rm -f "$report"
  # Each folder has a conftest.py of its own, so each is a session of its own.
  /usr/bin/python3 -m pytest -q --timeout=3600 -p no:cacheprovider "tests/$folder" --junitxml="$report" "$@"
  read -r good bad < <(/usr/bin/python3 - "$report" <<'PY'
import sys
import xml.etree.ElementTree as ET
try:
    suites = list(ET.parse(sys.argv[1]).getroot().iter("testsuite"))
except (OSError, ET.ParseError):
    print(0, 1)
else:
    def count(name):
        return sum(int(s.get(name, 0)) for s in suites)
    bad = count("failures") + count("errors")
    print(max(0, count("tests") - bad - count("skipped")), bad)
PY
  )
  passed=$((passed + good)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
((failed == 0))
