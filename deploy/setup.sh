# Brings a bare Debian or Ubuntu machine to where Mapwright can run. Sourced by deploy/run and deploy/test.
# Every step leaves a stamp with the digest of what it depends on, so a second run only checks.

# install_system_packages run|test
install_system_packages() {
  local wanted=() package
  command -v python3 >/dev/null || wanted+=(python3)
  "$(find_python)" -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3-venv)
  find /usr/lib/postgresql -name postgres -path '*/bin/*' 2>/dev/null | grep -q . || wanted+=(postgresql)
  find /usr/share/postgresql -name postgis.control 2>/dev/null | grep -q . || wanted+=(postgresql-postgis)
  command -v redis-server >/dev/null || wanted+=(redis-server)
  ldconfig -p | grep -q 'libgdal\.so' || wanted+=(gdal-bin)
  command -v npm >/dev/null || wanted+=(npm)
  if [ "$1" = test ]; then
    command -v osmium >/dev/null || wanted+=(osmium-tool)
    find_browser >/dev/null || wanted+=(chromium)
  fi
  [ "${#wanted[@]}" = 0 ] && return
  command -v apt-get >/dev/null || die "missing: ${wanted[*]}, and this is no Debian or Ubuntu" "install them by hand, then run this again"
  say "installing system packages: ${wanted[*]}"
  as_root apt-get update -qq || warn "the package lists could not be refreshed; trying with the old ones"
  package="$(as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" 2>&1)" || {
    printf '%s\n' "$package" | tail -n 5 >&2
    die "apt-get could not install: ${wanted[*]}" "is there a network? free disk? try: apt-get update && apt-get install ${wanted[*]}"
  }
}

find_python() {
  local name
  for name in "${MAPWRIGHT_PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    [ -n "$name" ] && command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && {
      command -v "$name"
      return
    }
  done
  printf 'python3'
}

find_browser() {
  local name
  for name in "${MAPWRIGHT_BROWSER:-}" chromium chromium-browser google-chrome; do
    [ -n "$name" ] && command -v "$name" && return
  done
  return 1
}

check_room() {
  local free_mb
  free_mb="$(df -Pm "$VAR" | awk 'NR==2 {print $4}')"
  if [ "$free_mb" -lt 500 ]; then die "only ${free_mb} MB are free where $VAR is" "free some space, or point MAPWRIGHT_VAR at another disk"; fi
  if [ ! -d "$VENV" ] && [ "$(df -Pm "$ROOT" | awk 'NR==2 {print $4}')" -lt 4000 ]; then
    die "installing the Python packages needs about 4 GB of free disk below $ROOT" "free some space, or point MAPWRIGHT_VENV at another disk"
  fi
}

check_owner() {
  if [ -e "$VAR/owner" ] && [ "$(cat "$VAR/owner")" != "$(id -un)" ]; then
    die "$VAR was set up by $(cat "$VAR/owner"), you are $(id -un)" "run as $(cat "$VAR/owner"), or set MAPWRIGHT_VAR to a directory of your own"
  fi
  [ -w "$VAR" ] || die "$VAR can't be written by $(id -un)" "set MAPWRIGHT_VAR to a directory of your own"
  id -un >"$VAR/owner"
}

digest_of() { cat "$@" 2>/dev/null | sha256sum | cut -c1-16; }

# install_python run|test
install_python() {
  local python stamp extras=""
  python="$(find_python)"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "Python 3.11 or newer is needed, this machine has $("$python" --version 2>&1)" "install python3.11 or newer, or name one in MAPWRIGHT_PYTHON"
  stamp="$(digest_of "$ROOT/pyproject.toml" "$ROOT/deploy/constraints.txt")-$ROOT"
  [ -x "$VENV/bin/python" ] || {
    say "creating the virtual environment in $VENV"
    "$python" -m venv "$VENV" || die "the virtual environment could not be created" "apt-get install python3-venv, and check the free disk"
  }
  [ "$(cat "$VENV/.stamp-test" 2>/dev/null)" = "$stamp" ] && return
  [ "$1" = run ] && [ "$(cat "$VENV/.stamp-run" 2>/dev/null)" = "$stamp" ] && return
  [ "$1" = test ] && extras="[dev]"
  say "installing Python packages (a few minutes the first time)"
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check -c "$ROOT/deploy/constraints.txt" -e "$ROOT$extras" 2>"$VAR/pip.log" || {
    grep -E "Could not fetch|ERROR|No space" "$VAR/pip.log" | head -n 5 >&2
    die "pip could not install the packages" "is there a network? free disk? the whole log is in $VAR/pip.log"
  }
  printf '%s' "$stamp" >"$VENV/.stamp-$1"
}

# install_javascript run|test
install_javascript() {
  local stamp omit=(--omit=dev)
  stamp="$(digest_of "$ROOT/package.json" "$ROOT/package-lock.json")"
  [ "$(cat "$ROOT/node_modules/.stamp-test" 2>/dev/null)" = "$stamp" ] && return
  [ "$1" = run ] && [ "$(cat "$ROOT/node_modules/.stamp-run" 2>/dev/null)" = "$stamp" ] && return
  [ "$1" = test ] && omit=()
  say "installing the browser libraries of package-lock.json"
  (cd "$ROOT" && npm ci --no-audit --no-fund --loglevel=error "${omit[@]}" >"$VAR/npm.log" 2>&1) || {
    tail -n 5 "$VAR/npm.log" >&2
    die "npm could not install the browser libraries" "is there a network? the whole log is in $VAR/npm.log"
  }
  printf '%s' "$stamp" >"$ROOT/node_modules/.stamp-$1"
}

# Writes the secret that signs sessions, once.
create_secret() {
  [ -s "$VAR/secret_key" ] && return
  (umask 077 && "$VENV/bin/python" -c 'import secrets; print(secrets.token_urlsafe(64))' >"$VAR/secret_key")
}

# setup_machine run|test: everything up to running services.
setup_machine() {
  locate_services
  check_owner
  check_room
  mkdir -p "$VAR/media" "$VAR/uploads"
  install_system_packages "$1"
  install_python "$1"
  install_javascript "$1"
  create_secret
  bash "$ROOT/deploy/services" start
}
