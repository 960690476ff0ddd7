#!/bin/sh
# Builds PROJECT (default: the working folder), pushes its images to IMAGES/<name>:TAG, and takes from the
# shared cache CACHE what other machines have built.
#
# Builds of a trusted branch (TRUSTED=yes) fill CACHE. Others, such as those of pull requests, read it, and
# fill CACHE-untrusted, which no trusted build reads.
set -eu
: "${IMAGES:?where images go, as in registry.example/shop}"
: "${CACHE:?the shared cache, as in registry.example/shop/cache}"
: "${TAG:?the tag of the images, as in the commit}"

set -- "${PROJECT:-.}" --tag "$IMAGES/{project}:$TAG" --cache-from "$CACHE"
if [ "${TRUSTED:-no}" = yes ]; then
  set -- "$@" --cache-to "$CACHE"
else
  set -- "$@" --cache-from "$CACHE-untrusted" --cache-to "$CACHE-untrusted"
fi
exec mizzen build "$@"
