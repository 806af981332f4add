# shellcheck shell=bash
# Builds: C++ by CMake presets, the web application by npm when its inputs changed.

# configure PRESET: once; CMake itself notices later changes.
configure() {
  [[ -f "$ROOT/build/$1/build.ninja" ]] || cmake --preset "$1"
}

build_targets() { # PRESET TARGET...
  local preset=$1
  shift
  configure "$preset" && cmake --build "build/$preset" --target "$@"
}

# build_cpp PRESET TARGET...
build_cpp() {
  step "Build C++ ($1: ${*:2})" "The compiler's message is above." build_targets "$@"
}

build_web_now() {
  local stamp=$1
  cd "$ROOT/web" || return
  if [[ ! -d node_modules || $(cat node_modules/.pulse-stamp 2>/dev/null) != "$(stamp_of package-lock.json)" ]]; then
    npm ci --no-audit --no-fund
    stamp_of package-lock.json >node_modules/.pulse-stamp
  fi
  npm run build
  printf '%s\n' "$stamp" >dist/.pulse-stamp
}

# The client's types come from the OpenAPI document of the binary, so that is an input too.
web_stamp() { stamp_of "$ROOT/web" "$ROOT/scripts/lib/build.sh"; }

build_web() {
  local stamp
  [[ -f "$ROOT/web/package.json" ]] || return 0
  stamp=$(web_stamp)
  # The tests need it too, when there is nothing to build.
  ensure_node
  [[ $(cat "$ROOT/web/dist/.pulse-stamp" 2>/dev/null) == "$stamp" && -d "$ROOT/web/node_modules" ]] && return 0
  step "Build the web application" "Delete web/node_modules and try again." build_web_now "$stamp"
}
