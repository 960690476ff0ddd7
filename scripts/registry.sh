# shellcheck shell=bash
# shellcheck disable=SC2154 # $work belongs to who sources it
# A registry on loopback with a base image in it: sourced after setup.sh, not run. Who sources it sets
# $work, a folder to be removed, and kills $registry_pid at the end.

# Starts a registry, whose address becomes $registry.
start_registry() {
  local log=$work/registry.log
  cat >"$work/registry.yml" <<END
version: 0.1
storage: { filesystem: { rootdirectory: "$work/registry" } }
http: { addr: "127.0.0.1:0" }
END
  docker-registry serve "$work/registry.yml" >"$log" 2>&1 &
  # shellcheck disable=SC2034 # for who sources this
  registry_pid=$!
  registry=$(await sed -n 's/.*msg="listening on \(127[^"]*\)".*/\1/p' "$log") ||
    { cat "$log" >&2 && die "the registry does not start"; }
  say "docker-registry listens on $registry"
}

# Runs a command until it succeeds and prints something, for ten seconds.
await() {
  local _ output
  for _ in {1..100}; do
    if output=$("$@" 2>/dev/null) && [[ -n $output ]]; then
      printf '%s\n' "$output"
      return
    fi
    sleep 0.1
  done
  return 1
}

# Pushes the base image for the SDK in the folder $1, whose name becomes $base.
put_base() {
  local layout
  layout=$(base_layout "$1")
  base=$registry/base/aspnet:${layout##*-}
  skopeo copy --quiet --dest-tls-verify=false "oci:$layout" "docker://$base"
  say "pushed $base"
}
