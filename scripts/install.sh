#!/bin/sh
# Installs mizzen into a folder of the user's own, and checks what was fetched.
set -eu

usage() {
  cat <<'END'
usage: install.sh [--version VERSION] [--prefix DIR] [--from PLACE]

Installs bin/mizzen, its manual and its completions below DIR (~/.local unless said otherwise). PLACE is
a folder or a URL with mizzen-VERSION-PLATFORM.tar.gz and SHA256SUMS: the releases on GitHub unless said
otherwise. Without a VERSION it is the one in SHA256SUMS.
END
}

die() {
  printf 'error: %s\n' "$1" >&2
  if [ -n "${2-}" ]; then printf 'hint: %s\n' "$2" >&2; fi
  exit 1
}

main() {
  version='' prefix=${HOME-}/.local from=
  while [ $# -gt 0 ]; do
    case $1 in
    --version) version=${2-} ;;
    --prefix) prefix=${2-} ;;
    --from) from=${2-} ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
    esac
    if [ -z "${2-}" ]; then
      usage >&2
      exit 2
    fi
    shift 2
  done
  releases=https://github.com/mizzen-build/mizzen/releases
  if [ -z "$from" ]; then
    from=$releases/latest/download
    if [ -n "$version" ]; then from=$releases/download/v$version; fi
  fi
  case $(uname -s)-$(uname -m) in
  Linux-x86_64) platform=x86_64-linux ;;
  *) die "there is no mizzen for $(uname -s) on $(uname -m) to be fetched" "compile it: cargo install --path cli" ;;
  esac

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  fetch SHA256SUMS
  if [ -z "$version" ]; then
    version=$(sed -n "s/^[0-9a-f]*  mizzen-\(.*\)-$platform\.tar\.gz\$/\1/p" "$work/SHA256SUMS")
    [ -n "$version" ] || die "SHA256SUMS in $from names no mizzen for $platform"
  fi
  archive=mizzen-$version-$platform.tar.gz
  fetch "$archive"
  grep "^[0-9a-f]\{64\}  $archive\$" "$work/SHA256SUMS" >"$work/sum" ||
    die "SHA256SUMS in $from does not name $archive"
  (cd "$work" && sha256sum -c sum >/dev/null 2>&1) ||
    die "$archive is not what SHA256SUMS says" "fetch it again; if that does not help, do not use it"
  mkdir "$work/unpacked"
  tar -x -z -f "$work/$archive" -C "$work/unpacked"
  "$work/unpacked/mizzen-$version/bin/mizzen" --version >/dev/null ||
    die "the program does not run on this machine"
  mkdir -p "$prefix"
  # The program by one rename: one that runs goes on, and nobody starts half of one.
  (cd "$work/unpacked/mizzen-$version" && tar -c share) | tar -x -C "$prefix"
  mkdir -p "$prefix/bin"
  cp "$work/unpacked/mizzen-$version/bin/mizzen" "$prefix/bin/.mizzen-$$"
  mv -f "$prefix/bin/.mizzen-$$" "$prefix/bin/mizzen"
  printf '%s is in %s\n' "$("$prefix/bin/mizzen" --version)" "$prefix/bin"
  case :$PATH: in
  *":$prefix/bin:"*) ;;
  *) printf 'hint: put %s/bin on PATH\n' "$prefix" ;;
  esac
}

# Brings a file of the release to $work.
fetch() {
  case $from in
  http://* | https://*)
    curl --fail --silent --show-error --location --output "$work/$1" "$from/$1" ||
      die "$from/$1 cannot be fetched"
    ;;
  *) cp "$from/$1" "$work/$1" || die "$from has no $1" ;;
  esac
}

main "$@"
