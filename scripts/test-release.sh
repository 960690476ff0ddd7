#!/usr/bin/env bash
# Installs what release.sh makes, each into an empty place, and builds an image with it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=setup.sh
. "$(dirname "$0")/setup.sh"

usage() {
  cat <<'END'
usage: scripts/test-release.sh [DIR]

DIR is what scripts/release.sh made; without one it is made now. Builds with SDK 3.1 from npm, and
installs the .NET tool with an SDK >= 10 where one is found, as ./test says.
END
}

main() {
  case ${1-} in -h | --help) usage && exit ;; esac
  local dist=${1-}
  if [[ -z $dist ]]; then
    dist=$target/dist
    "$root/scripts/release.sh" --output "$dist"
  fi
  dist=$(realpath "$dist")
  need_packages curl python3
  find_sdk_10
  sdk=$(sdk_31)
  work=$(mktemp -d)
  trap 'kill "${server-}" 2>/dev/null; rm -rf "$work"' EXIT
  project
  script "$dist"
  over_http "$dist"
  debian "$dist"
  if [[ -z $why_no_sdk_10 ]]; then tool "$dist"; else say "NOT RUN: the .NET tool ($why_no_sdk_10)"; fi
  sums "$dist"
}

# Lays out a project, and a base image in $base.
project() {
  # Any base will do for a build; the demo runs one on a real base.
  base=$(base_layout_at_hand)
  cp -r "$root/testdata/solutions/hello-web" "$work/app"
  nuget_config "$work/none" >"$work/app/nuget.config"
  mkdir "$work/none"
}

base_layout_at_hand() {
  (cd "$root" && cargo build --quiet --locked --workspace --bin base-image)
  base_image=$target/debug/base-image
  base_layout "$sdk"
}

# Builds the project with the mizzen $1 in a home and a cache of its own; the result of each is compared
# with that of the first.
build_with() {
  local name=$1 mizzen=$2 digest
  mkdir -p "$work/$name-home"
  digest=$(cd "$work/app" && env -i HOME="$work/$name-home" PATH="$sdk:/usr/bin:/bin" MIZZEN_TRUST=all \
    "$mizzen" build . --base "oci:$base" -o "oci:$work/$name-out" 2>"$work/$name.log") ||
    { cat "$work/$name.log" >&2 && die "the mizzen of $name does not build"; }
  digest=${digest##*@}
  first=${first-$digest}
  [[ $digest == "$first" ]] || die "the mizzen of $name makes $digest, not $first"
  say "$name: $("$mizzen" --version) builds $digest"
}

script() {
  local prefix=$work/prefix
  HOME=$work sh "$1/install.sh" --from "$1" --prefix "$prefix" >&2
  build_with install.sh "$prefix/bin/mizzen"
  if ldd "$prefix/bin/mizzen" 2>&1 | grep -q '=>'; then die "the program is not static"; fi
  [[ -f $prefix/share/man/man1/mizzen-build.1.gz ]] || die "there is no page of the manual"
  # Something that is not what the sums say is not installed.
  cp -r "$1" "$work/tampered"
  printf x >>"$work/tampered"/mizzen-*-linux.tar.gz
  if sh "$1/install.sh" --from "$work/tampered" --prefix "$work/no" 2>"$work/said"; then
    die "install.sh takes an archive that is not what SHA256SUMS says"
  fi
  grep -q 'is not what SHA256SUMS says' "$work/said"
  [[ ! -e $work/no ]] || die "install.sh left something of an archive that it refused"
}

over_http() {
  local port
  : >"$work/http.log"
  python3 -u -m http.server --bind 127.0.0.1 --directory "$1" 0 >"$work/http.log" 2>&1 &
  server=$!
  for _ in {1..100}; do
    port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/http.log")
    if [[ -n $port ]]; then break; fi
    sleep 0.1
  done
  HOME=$work sh "$1/install.sh" --from "http://127.0.0.1:$port" --prefix "$work/fetched" >&2
  cmp "$work/fetched/bin/mizzen" "$work/prefix/bin/mizzen"
}

debian() {
  local package
  package=$(echo "$1"/mizzen_*_amd64.deb)
  dpkg-deb --info "$package" >&2
  # By dpkg itself, into an empty system of its own, so that nothing of this machine changes.
  mkdir -p "$work/debian/var/lib/dpkg/updates" "$work/debian/var/lib/dpkg/info"
  : >"$work/debian/var/lib/dpkg/status"
  dpkg --root="$work/debian" --force-not-root,script-chrootless --log=/dev/null -i "$package" >&2
  dpkg --root="$work/debian" --verify mizzen
  build_with deb "$work/debian/usr/bin/mizzen"
}

tool() {
  local tools=$work/tools
  mkdir "$work/tool-home"
  nuget_config "$1" >"$work/tool-home/nuget.config"
  (cd "$work/tool-home" && env -i HOME="$work/tool-home" PATH="$MIZZEN_SDK:/usr/bin:/bin" \
    DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 \
    dotnet tool install mizzen --tool-path "$tools" --configfile nuget.config) >&2
  build_with tool "$tools/mizzen"
}

# Every file is in SHA256SUMS, and is what that says.
sums() {
  local file
  (cd "$1" && sha256sum --quiet -c SHA256SUMS)
  for file in "$1"/*; do
    file=$(basename "$file")
    [[ $file == SHA256SUMS ]] || grep -q "  $file\$" "$1/SHA256SUMS" || die "SHA256SUMS has no $file"
  done
}

main "$@"
