# shellcheck shell=bash
# Benchmarks, formatting, linting.

dev_bench() {
  ensure_packages build up test
  build_cpp release pulse pulse_bench
  /usr/bin/python3 "$ROOT/bench/run.py" "$@"
}

cpp_files() { git -C "$ROOT" ls-files 'src/*.cpp' 'src/*.hpp' 'tests/*.cpp' 'tests/*.hpp' 'bench/*.cpp' 'bench/*.hpp'; }

dev_format() {
  ensure_packages test
  cpp_files | xargs clang-format -i
  say "Formatted."
}

format_is_clean() {
  local changed
  changed=$(cpp_files | xargs -P 2 -n 20 clang-format --dry-run 2>&1 | grep -c 'warning: code should be clang-formatted' || true)
  ((changed == 0)) || {
    say "$changed places are not formatted: ./dev format"
    return 1
  }
}

dev_lint() {
  ensure_packages build up test lint
  configure release
  python3 "$ROOT/scripts/check_rooms.py"
  shellcheck -x -s bash "$ROOT/dev" "$ROOT"/scripts/lib/*.sh
  format_is_clean
  cpp_files | grep '^src/.*cpp$' | xargs -P 2 -n 4 clang-tidy -p "$ROOT/build/release" --quiet
}
