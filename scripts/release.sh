#!/usr/bin/env bash
# Makes what is released, from the commit that is checked out. The program knows no path of this machine,
# and what is made of one program is the same to the byte.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=setup.sh
. "$(dirname "$0")/setup.sh"

usage() {
  cat <<'END'
usage: scripts/release.sh [--output DIR]

Compiles a static program for x86_64 and puts into DIR (target/dist unless said otherwise):

  mizzen-VERSION-x86_64-linux.tar.gz   the program, pages of the manual, completions
  mizzen_VERSION_amd64.deb             the same for Debian and Ubuntu
  mizzen.VERSION.nupkg                 the .NET tool, and what it is on each platform:
  mizzen.linux-x64.VERSION.nupkg
  install.sh                           installs the archive, and checks it
  SHA256SUMS                           of all of them

Needs cargo with the target x86_64-unknown-linux-musl (`rustup target add`), and git. Installs Debian
packages that are missing, and says which.
END
}

triple=x86_64-unknown-linux-musl
platform=x86_64-linux
runtime=linux-x64

main() {
  local output=$target/dist
  while (($#)); do
    case $1 in
    --output) output=$(realpath -m "${2-}") && shift ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
  done
  cd "$root"
  need_packages musl-tools zip
  need_compiler
  version=$(sed -n '/^\[workspace.package\]/,/^\[/ s/^version = "\(.*\)"/\1/p' Cargo.toml)
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
  export SOURCE_DATE_EPOCH
  # The modes of what is packed are no matter of whose shell this is.
  umask 022
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  compile_static
  lay_out
  mkdir -p "$output"
  step "Packing into $output"
  archive >"$output/mizzen-$version-$platform.tar.gz"
  debian_package "$output/mizzen_${version}_amd64.deb"
  tool_packages "$output"
  install -m 755 scripts/install.sh "$output/install.sh"
  (cd "$output" && sha256sum "mizzen-$version-$platform.tar.gz" "mizzen_${version}_amd64.deb" \
    "mizzen.$version.nupkg" "mizzen.$runtime.$version.nupkg" install.sh >SHA256SUMS)
  cat "$output/SHA256SUMS"
}

# Compiles the program, whose path becomes $program. It knows its commit, and no path of this machine.
compile_static() {
  local commit date
  commit=$(git rev-parse --short=12 HEAD)
  if [[ -n $(git status --porcelain --untracked-files=no) ]]; then commit+=-changed; fi
  date=$(TZ=UTC git log -1 --date=format-local:%Y-%m-%d --format=%cd)
  step "Compiling mizzen $version ($commit $date) for $triple"
  MIZZEN_BUILD_COMMIT=$commit MIZZEN_BUILD_DATE=$date CC_x86_64_unknown_linux_musl=musl-gcc \
    RUSTFLAGS="--remap-path-prefix=$root=/mizzen --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
    nice cargo build --release --locked --target "$triple" --bin mizzen
  program=$target/$triple/release/mizzen
}

# Lays out below $work/root what is installed.
lay_out() {
  local share=$work/root/usr/share
  install -D -m 755 "$program" "$work/root/usr/bin/mizzen"
  mkdir -p "$share/bash-completion/completions" "$share/zsh/vendor-completions" \
    "$share/fish/vendor_completions.d" "$share/doc/mizzen"
  "$program" man --output "$share/man/man1"
  gzip -9 -n "$share"/man/man1/*
  "$program" completions bash >"$share/bash-completion/completions/mizzen"
  "$program" completions zsh >"$share/zsh/vendor-completions/_mizzen"
  "$program" completions fish >"$share/fish/vendor_completions.d/mizzen.fish"
  cp LICENSE "$share/doc/mizzen/copyright"
  chmod -R u+rw,go=rX "$work/root"
  find "$work/root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}

# Prints a tar of the folder $1, in one order, of one owner and one time.
steady_tar() {
  tar -c --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw --format=ustar \
    --mtime="@$SOURCE_DATE_EPOCH" -C "$@"
}

# Prints the archive that install.sh reads.
archive() {
  steady_tar "$work/root/usr" --transform "s,^\.,mizzen-$version," . | gzip -9 -n
}

debian_package() {
  mkdir "$work/root/DEBIAN"
  cat >"$work/root/DEBIAN/control" <<END
Package: mizzen
Version: $version
Architecture: amd64
Maintainer: The mizzen authors <mizzen@mizzen.build>
Installed-Size: $(find "$work/root/usr" -type f -printf '%s\n' | awk '{ kilobytes += int(($1 + 1023) / 1024) } END { print kilobytes }')
Section: devel
Priority: optional
Homepage: https://github.com/mizzen-build/mizzen
Description: native, daemonless OCI images for .NET
 Turns an ASP.NET project into a small, distroless, non-root image and pushes it,
 without a Docker daemon, a Dockerfile or root. Needs a .NET SDK.
END
  touch --date="@$SOURCE_DATE_EPOCH" "$work/root/DEBIAN" "$work/root/DEBIAN/control"
  dpkg-deb --root-owner-group -Zxz --build "$work/root" "$1" >/dev/null
}

# Makes the package that `dotnet tool install` is told, and the one with the program that it takes
# instead where the platform is this one.
tool_packages() {
  local tool=$work/tool own=$work/tool-$runtime
  settings "$tool/tools/any/any" <<END
    <Command Name="mizzen" />
  </Commands>
  <RuntimeIdentifierPackages>
    <RuntimeIdentifierPackage RuntimeIdentifier="$runtime" Id="mizzen.$runtime" />
  </RuntimeIdentifierPackages>
END
  nuget_package "$tool" mizzen DotnetTool "$1/mizzen.$version.nupkg"
  settings "$own/tools/any/$runtime" <<END
    <Command Name="mizzen" EntryPoint="mizzen" Runner="executable" />
  </Commands>
END
  cp "$program" "$own/tools/any/$runtime/mizzen"
  nuget_package "$own" "mizzen.$runtime" DotnetToolRidPackage "$1/mizzen.$runtime.$version.nupkg"
}

# Writes a tool's settings, which end as stdin says, into the folder $1.
settings() {
  mkdir -p "$1"
  {
    printf '<?xml version="1.0" encoding="utf-8"?>\n<DotNetCliTool Version="2">\n  <Commands>\n'
    cat
    printf '</DotNetCliTool>\n'
  } >"$1/DotnetToolSettings.xml"
}

# Packs the folder $1 as the NuGet package $2 of the type $3 into the file $4.
nuget_package() {
  local folder=$1
  cat >"$folder/$2.nuspec" <<END
<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
  <metadata>
    <id>$2</id>
    <version>$version</version>
    <authors>mizzen</authors>
    <description>Native, daemonless OCI images for .NET.</description>
    <license type="expression">Apache-2.0</license>
    <projectUrl>https://github.com/mizzen-build/mizzen</projectUrl>
    <packageTypes>
      <packageType name="$3" />
    </packageTypes>
  </metadata>
</package>
END
  cat >"$folder/[Content_Types].xml" <<'END'
<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension="nuspec" ContentType="application/octet" />
  <Default Extension="xml" ContentType="application/octet" />
  <Override PartName="/tools/any/linux-x64/mizzen" ContentType="application/octet" />
</Types>
END
  chmod -R u+rw,go=rX "$folder"
  find "$folder" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
  rm -f "$4"
  (cd "$folder" && find . -type f -printf '%P\n' | LC_ALL=C sort | TZ=UTC zip -q -9 -X -D "$4" -@)
}

main "$@"
