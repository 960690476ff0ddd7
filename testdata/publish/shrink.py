#!/usr/bin/env python3
"""Copies a publish folder with a few bytes for each file: what decides its layer stays, its weight goes.

usage: shrink.py PUBLISH_FOLDER CASE_FOLDER

JSON, configuration, scripts and wwwroot are kept whole. Of an ELF file the headers are kept, of a
single-file bundle its two JSON files too, of the application's assembly the headers; every other file
becomes a line with its name and size. Of each runtime pack all but the first three assemblies go, in
deps.json as well.
"""
import json, os, shutil, struct, sys

KEPT = (".json", ".config")
SIGNATURE = bytes.fromhex("8b1202b96a612038727b930214d7a03213f5b9e6efae3318ee3b2dce24b36aae")


def elf(data):
    at, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    head = bytearray(data[: at + size * count])
    struct.pack_into("<Q", head, 40, 0)  # no section headers
    struct.pack_into("<HH", head, 60, 0, 0)
    return bytes(head) + bundle(data, len(head))


def bundle(data, at):
    place = data.find(SIGNATURE)
    header = struct.unpack_from("<q", data, place - 8)[0] if place > 0 else 0
    if not header:
        return b""
    major, minor, count = struct.unpack_from("<IIi", data, header)
    next = header + 12
    identifier = data[next : next + 1 + data[next]]
    next += len(identifier) + 40
    entries, contents = b"", b""
    at += 8 + len(SIGNATURE)
    for _ in range(count):
        offset, size, _, kind, length = struct.unpack_from("<qqqBB", data, next)
        path = data[next + 25 : next + 26 + length]
        next += 26 + length
        if kind in (3, 4):
            content = data[offset : offset + size]
            if kind == 3:
                deps = json.loads(content)
                dropped(deps)
                content = json.dumps(deps, indent=1).encode()
            entries += struct.pack("<qqqB", at + len(contents), len(content), 0, kind) + path
            contents += content
    head = struct.pack("<IIi", major, minor, 2) + identifier + bytes(40)
    return struct.pack("<q", at + len(contents)) + SIGNATURE + contents + head + entries


def assembly(data):
    pe = struct.unpack_from("<I", data, 0x3C)[0]
    optional = pe + 24
    directories = optional + (112 if struct.unpack_from("<H", data, optional)[0] == 0x20B else 96)
    address = struct.unpack_from("<I", data, directories + 8 * 14)[0]
    sections = optional + struct.unpack_from("<H", data, pe + 20)[0]
    for index in range(struct.unpack_from("<H", data, pe + 6)[0]):
        start, size, place = struct.unpack_from("<III", data, sections + 40 * index + 12)
        if start <= address < start + size:
            return data[: place + address - start + 72]


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
gone, apps = set(), set()
for name in os.listdir(source):
    if name.endswith(".runtimeconfig.json"):
        apps.add(name.replace(".runtimeconfig.json", ".dll"))
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
        if path.startswith("wwwroot/_framework/"):
            data = f"{path} {len(data)}\n".encode()
        elif data[:6] == b"\x7fELF\x02\x01":
            data = elf(data)
        elif path in apps:
            data = assembly(data)
        elif not path.endswith(KEPT) and not path.startswith("wwwroot/") and data[:2] != b"#!":
            data = f"{path} {len(data)}\n".encode()
        target = os.path.join(case, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "wb").write(data)
