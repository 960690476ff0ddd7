#!/usr/bin/env python3
"""Copies a publish folder with a few bytes for each file: what decides its layer stays, its weight goes.

usage: shrink.py PUBLISH_FOLDER CASE_FOLDER

JSON, configuration and wwwroot are kept whole. Of an ELF file the headers are kept, of a single-file
bundle its list of files too; every other file becomes a line with its name and size. Of each runtime
pack all but the first three assemblies go, in deps.json as well.
"""
import json, os, shutil, struct, sys

KEPT = (".json", ".config", ".css", ".br", ".gz", ".js", ".html")


def elf_headers(data):
    at, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    head = bytearray(data[: at + size * count])
    struct.pack_into("<Q", head, 40, 0)  # no section headers
    struct.pack_into("<HH", head, 60, 0, 0)
    return bytes(head)


def dropped(deps):
    names = set()
    for target in deps["targets"].values():
        for library, files in target.items():
            if library.startswith("runtimepack."):
                assemblies = files.get("runtime", {})
                for name in sorted(assemblies)[3:]:
                    del assemblies[name]
                    names.add(name)
    return names


source, case = sys.argv[1:]
shutil.rmtree(case, ignore_errors=True)
gone = set()
for name in os.listdir(source):
    if name.endswith(".deps.json"):
        deps = json.load(open(f"{source}/{name}"))
        gone = dropped(deps)
        os.makedirs(case, exist_ok=True)
        json.dump(deps, open(f"{case}/{name}", "w"), indent=1)
for folder, _, names in os.walk(source):
    for name in names:
        path = os.path.relpath(os.path.join(folder, name), source)
        data = open(os.path.join(folder, name), "rb").read()
        if path in gone or path.endswith(".deps.json"):
            continue
        if not path.endswith(KEPT) and not path.startswith("wwwroot/"):
            line = f"{path} {len(data)}\n".encode()
            data = elf_headers(data) if data[:6] == b"\x7fELF\x02\x01" else line
        target = os.path.join(case, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "wb").write(data)
