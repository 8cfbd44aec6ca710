# What the deploy scripts share: where things are, how they speak, how they fail. Sourced by bash, never run.
set -euo pipefail

# Debian keeps ldconfig, runuser and the like out of an ordinary user's path.
export PATH="$PATH:/usr/sbin:/sbin"

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VAR="${MAPWRIGHT_VAR:-$ROOT/var}"
VENV="${MAPWRIGHT_VENV:-$ROOT/.venv}"
export MAPWRIGHT_VAR="$VAR"

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
warn() { printf '\033[33mwarning:\033[0m %s\n' "$*" >&2; }

# die REASON REMEDY: every failure says both.
die() {
  printf '\n\033[31mfailed:\033[0m %s\n' "$1" >&2
  [ -n "${2:-}" ] && printf '\033[1mremedy:\033[0m %s\n' "$2" >&2
  exit 1
}

# manage COMMAND...: manage.py of this checkout under its own settings, wherever it is called from.
manage() {
  [ -x "$VENV/bin/python" ] || die "there is no virtual environment in $VENV" "bash deploy/run makes it, or set MAPWRIGHT_VENV"
  DJANGO_SETTINGS_MODULE="${DJANGO_SETTINGS_MODULE:-webapp.settings.dev}" "$VENV/bin/python" "$ROOT/manage.py" "$@"
}

am_root() { [ "$(id -u)" = 0 ]; }

# Runs a command as root: directly, or through sudo.
as_root() {
  if am_root; then "$@"; else
    command -v sudo >/dev/null || die "this step needs root and there is no sudo" "run as root, or install sudo"
    sudo "$@"
  fi
}

# Runs a command as the user who owns the database cluster: PostgreSQL refuses to be root.
as_postgres() {
  if am_root; then runuser -u postgres -- "$@"; else "$@"; fi
}

pg_bin() {
  local dir
  dir="$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)"
  [ -n "$dir" ] || die "PostgreSQL is not installed" "bash deploy/run installs it, or: apt-get install postgresql postgis"
  printf '%s' "$dir"
}

# A directory that the postgres user can reach when we are root: below a 0700 folder it can't.
reachable_by_postgres() {
  am_root || return 0
  runuser -u postgres -- test -x "$1" 2>/dev/null
}

# Where cluster and sockets live. Socket paths must stay under 100 characters.
locate_services() {
  mkdir -p "$VAR"
  RUN_DIR="${MAPWRIGHT_RUN_DIR:-$VAR/run}"
  PGDATA_DIR="$VAR/postgres"
  local digest
  digest="$(printf '%s' "$VAR" | sha256sum | cut -c1-12)"
  if ! reachable_by_postgres "$VAR"; then
    PGDATA_DIR="/var/lib/mapwright/$digest/postgres"
    RUN_DIR="/var/lib/mapwright/$digest/run"
  elif [ "${#RUN_DIR}" -gt 80 ]; then
    RUN_DIR="/tmp/mapwright-$(id -u)-$digest"
  fi
  export MAPWRIGHT_RUN_DIR="$RUN_DIR"
}
