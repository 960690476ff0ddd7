# shellcheck shell=bash
# shellcheck disable=SC2154 # $work, $root and $base belong to who sources it
# What the benchmarks in bench/ have in common: sourced after setup.sh, not run. Who sources it sets
# $work, a folder that is removed at the end, together with the registry and what else was started.

# Gives dotnet a home of the benchmark's own: what other runs left in the user's plays no part.
own_home() {
  export HOME=$work/home DOTNET_CLI_HOME=$work/home NUGET_PACKAGES=$work/packages
  export PATH=$MIZZEN_SDK:$PATH DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
  # Packages come from a folder; without a network each signature would wait for a server.
  export NUGET_CERT_REVOCATION_MODE=offline
  # Plain dotnet leaves folders where temporary files go.
  export TMPDIR=$work/tmp
  # What the user's own configuration names, a repository may name, too.
  mkdir -p "$TMPDIR" "$HOME/.nuget/NuGet"
  nuget_config "$MIZZEN_FEED" >"$HOME/.nuget/NuGet/NuGet.Config"
}

copy_shop() {
  cp -r "$root/testdata/solutions/shop" "$1"
  nuget_config "$MIZZEN_FEED" >"$1/nuget.config"
}

# Changes a text of Program.cs, to another one each time.
edit_line() { sed -i "s/Welcome to the shop[^\"]*/Welcome to the shop, $((++edits))/" "$1"; }
edits=0

# Removes what a build left beside the projects.
leavings() { find "$1" -depth -type d \( -name bin -o -name obj \) -exec rm -rf {} +; }

# Has the SDK build an image of PROJECT, and push it to HOST as NAME.
publish_container() {
  # A registry without TLS has to be named, unless its host is called localhost.
  DOTNET_CONTAINER_INSECURE_REGISTRIES=$2 dotnet publish "$1" \
    -t:PublishContainer -p:ContainerRegistry="$2" \
    -p:ContainerBaseImage="$2/${base#*/}" -p:ContainerRepository="container/$3"
}

clean_up() {
  local status=$? pid
  trap '' INT TERM
  if [[ -n ${work-} && -d $work/home ]]; then dotnet build-server shutdown >/dev/null 2>&1 || true; fi
  for pid in ${registry_pid-} ${counting_PID-}; do kill "$pid" 2>/dev/null || true; done
  wait
  if [[ -n ${work-} ]]; then chmod -R u+rwX "$work" && rm -rf "$work"; fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
