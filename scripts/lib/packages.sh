# shellcheck shell=bash
# Installs what is missing: Debian packages by scripts/debian-packages.txt, Node from npm, the API fuzzer from PyPI.

# packages_of SECTION...: the packages of the sections that this machine lacks.
missing_packages() {
  local wanted=() name program section='' line installed
  while IFS= read -r line; do
    line=${line%%#*}
    read -r name program <<<"$line" || true
    if [[ $name == \[*\] ]]; then
      section=${name:1:-1}
      continue
    fi
    [[ -n $name && " $* " == *" $section "* ]] || continue
    if [[ $program == @* ]] && command -v "${program#@}" >/dev/null; then continue; fi
    wanted+=("$name")
  done <"$ROOT/scripts/debian-packages.txt"
  installed=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package} ' "${wanted[@]}" 2>/dev/null || true)"
  for name in "${wanted[@]}"; do
    [[ $installed == *"ii  $name "* || $installed == *" ii $name "* ]] || printf '%s\n' "$name"
  done
}

# Debian starts the servers that it installs. Ours are others, on ports of our own, so for the
# length of the installation a policy keeps Debian's from starting.
install_packages() {
  local policy=/usr/sbin/policy-rc.d made=0 rc=0
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | needs_root tee "$policy" >/dev/null
    needs_root chmod 755 "$policy"
    made=1
  fi
  needs_root apt-get -o DPkg::Lock::Timeout=300 update -q &&
    needs_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
      -o Dpkg::Options::=--force-confold install -y -q --no-install-recommends "$@" || rc=$?
  if ((made)); then needs_root rm -f "$policy"; fi
  return $rc
}

# ensure_packages SECTION...
ensure_packages() {
  local missing
  command -v dpkg-query >/dev/null ||
    die "This is not Debian: install the packages of scripts/debian-packages.txt by hand."
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} == 0)) && return 0
  step "Install ${#missing[@]} Debian packages" \
    "Is the network up, and is /etc/apt/sources.list Debian 12's? Missing: ${missing[*]}" \
    install_packages "${missing[@]}"
}

node_is_current() {
  local version
  version=$(node --version 2>/dev/null) || return 1
  version=${version#v}
  ((${version%%.*} >= 20))
}

# The current Vite needs Node 20; Debian 12 has 18. The npm package `node` carries newer binaries.
ensure_node() {
  local own="$DEV/node/node_modules/.bin"
  if [[ -x $own/node ]]; then PATH="$own:$PATH"; fi
  export PATH
  node_is_current && return 0
  step "Install Node 22 from npm" "Does 'npm install node@22' work on this machine?" \
    npm install --no-audit --no-fund --prefix "$DEV/node" node@22
  export PATH="$own:$PATH"
  node_is_current || die "Node in $own does not run: $("$own/node" --version 2>&1 || true)"
}

# What pip installs goes into a folder that is made anew when the list or the Python changes, so that it never
# holds anything else.
make_api_fuzz_environment() {
  rm -rf "$1"
  /usr/bin/python3 -m venv "$1"
  "$1/bin/pip" install --disable-pip-version-check --no-input -r "$ROOT/tests/api_fuzz/requirements.txt"
  printf '%s\n' "$2" >"$1/made-of"
}

# ensure_api_fuzz: Schemathesis and what it needs, in the versions of tests/api_fuzz/requirements.txt.
ensure_api_fuzz() {
  local home="$DEV/api-fuzz" made_of
  made_of="$(/usr/bin/python3 --version) $(sha256sum <"$ROOT/tests/api_fuzz/requirements.txt")"
  [[ $(cat "$home/made-of" 2>/dev/null) == "$made_of" ]] && return 0
  step "Install the API fuzzer from PyPI" \
    "Does 'pip download schemathesis' work on this machine? The API fuzzer can't run without it." \
    make_api_fuzz_environment "$home" "$made_of"
}
