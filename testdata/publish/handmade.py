#!/usr/bin/env python3
"""Writes the publish folders that no SDK at hand can make, after what those SDKs are known to write.

usage: handmade.py FOLDER
"""
import json, os, struct, sys


def program(kind=3, segments=(6, 3, 1)):
    """An ELF program for x86-64 without code: one that names its loader."""
    head = bytearray(64)
    head[:7], head[16], head[18], head[32], head[54], head[56] = b"\x7fELF\x02\x01\x01", kind, 62, 64, 56, len(segments)
    return bytes(head) + b"".join(struct.pack("<I", kind) + bytes(52) for kind in segments)


def library():
    return program(segments=(1, 2))


def deps(tfm, app, libraries, rid=None):
    target = f".NETCoreApp,Version=v{tfm}" + (f"/{rid}" if rid else "")
    root = {f"{app}/1.0.0": ("project", {"runtime": {f"{app}.dll": {}}})}
    all = {**root, **libraries}
    return {
        "runtimeTarget": {"name": target, "signature": ""},
        "compilationOptions": {},
        "targets": {target: {name: files for name, (_, files) in all.items()}},
        "libraries": {name: {"type": kind, "serviceable": kind == "package", "sha512": ""} for name, (kind, _) in all.items()},
    }


def config(tfm, *frameworks, **properties):
    frameworks = [{"name": name, "version": version} for name, version in frameworks]
    options = {"tfm": tfm}
    options.update({"framework": frameworks[0]} if len(frameworks) == 1 else {"frameworks": frameworks})
    return {"runtimeOptions": {**options, "configProperties": properties or {"System.GC.Server": True}}}


CORE, ASP = "Microsoft.NETCore.App", "Microsoft.AspNetCore.App"
CASES = {
    # Razor views were an assembly of their own up to 5.0; the apphost is there from 3.0.
    "netcoreapp3.1": {
        "Shop.runtimeconfig.json": config("netcoreapp3.1", (ASP, "3.1.0")),
        "Shop.deps.json": deps("3.1", "Shop", {
            "Newtonsoft.Json/12.0.3": ("package", {"runtime": {"lib/netstandard2.0/Newtonsoft.Json.dll": {"assemblyVersion": "12.0.0.0"}}}),
            "Shop.Data/1.0.0": ("project", {"runtime": {"Shop.Data.dll": {}}}),
        }),
        "Shop": program(), "Shop.dll": "", "Shop.pdb": "", "Shop.Views.dll": "", "Shop.Views.pdb": "", "Shop.Data.dll": "",
        "Shop.Data.pdb": "", "Newtonsoft.Json.dll": "", "web.config": "", "appsettings.json": "{}", "wwwroot/js/site.js": "",
    },
    "net5.0": {
        "Shop.runtimeconfig.json": config("net5.0", (ASP, "5.0.0")),
        "Shop.deps.json": deps("5.0", "Shop", {
            "System.Drawing.Common/5.0.0": ("package", {
                "runtime": {"lib/netcoreapp3.0/System.Drawing.Common.dll": {}},
                "runtimeTargets": {
                    "runtimes/unix/lib/netcoreapp3.0/System.Drawing.Common.dll": {"rid": "unix", "assetType": "runtime"},
                    "runtimes/win/lib/netcoreapp3.0/System.Drawing.Common.dll": {"rid": "win", "assetType": "runtime"},
                },
            }),
        }),
        "Shop.dll": "", "Shop": program(), "System.Drawing.Common.dll": "",
        "runtimes/unix/lib/netcoreapp3.0/System.Drawing.Common.dll": "",
        "runtimes/win/lib/netcoreapp3.0/System.Drawing.Common.dll": "", "refs/System.Linq.dll": "",
    },
    # A worker has no ASP.NET; old packages name distributions.
    "net6.0-worker": {
        "Worker.runtimeconfig.json": config("net6.0", (CORE, "6.0.0")),
        "Worker.deps.json": deps("6.0", "Worker", {
            "LibGit2Sharp.NativeBinaries/2.0.315": ("package", {"runtimeTargets": {
                f"runtimes/{rid}/native/{name}": {"rid": rid, "assetType": "native"}
                for rid, name in (("linux-x64", "libgit2-1.so"), ("linux-musl-x64", "libgit2-1.so"), ("ubuntu.18.04-x64", "libgit2-1.so"),
                                  ("debian.9-x64", "libgit2-1.so"), ("win7-x64", "git2-1.dll"), ("osx.10.12-x64", "libgit2-1.dylib"))
            }}),
        }),
        "Worker.dll": "", "Worker": program(), "Worker.pdb": "", "appsettings.json": "{}", "tools/run.sh": "#!/bin/sh\n",
        **{f"runtimes/{rid}/native/{name}": library() for rid, name in (("linux-x64", "libgit2-1.so"), ("linux-musl-x64", "libgit2-1.so"),
           ("ubuntu.18.04-x64", "libgit2-1.so"), ("debian.9-x64", "libgit2-1.so"), ("win7-x64", "git2-1.dll"), ("osx.10.12-x64", "libgit2-1.dylib"))},
    },
    "net7.0-content": {
        "Shop.runtimeconfig.json": config("net7.0", (CORE, "7.0.0"), (ASP, "7.0.0")),
        "Shop.deps.json": deps("7.0", "Shop", {
            "Quartz/3.6.2": ("package", {"runtime": {"lib/netstandard2.0/Quartz.dll": {}}}),
            "Legacy.Hint/1.0.0.0": ("reference", {"runtime": {"Legacy.Hint.dll": {}}}),
        }),
        "Shop.dll": "", "Quartz.dll": "", "Quartz.pdb": "", "Quartz.xml": "", "Legacy.Hint.dll": "",
        "content/from-a-package.txt": "", "Grafana/dashboard.xml": "", ".env": "SECRET=1", "größe.txt": "",
    },
    "net8.0-fsharp": {
        "Shop.runtimeconfig.json": config("net8.0", (CORE, "8.0.0")),
        "Shop.deps.json": deps("8.0", "Shop", {
            "FSharp.Core/8.0.400": ("package", {
                "runtime": {"lib/netstandard2.1/FSharp.Core.dll": {}},
                "resources": {f"lib/netstandard2.1/{locale}/FSharp.Core.resources.dll": {"locale": locale} for locale in ("de", "zh-Hans")},
            }),
        }),
        "Shop.dll": "", "Shop": program(), "Shop.pdb": "", "Shop.xml": "", "FSharp.Core.dll": "", "FSharp.Core.xml": "",
        "de/FSharp.Core.resources.dll": "", "zh-Hans/FSharp.Core.resources.dll": "",
    },
    # A server that hands out the client: its assemblies are static files, wrapped as .wasm.
    "net8.0-blazor-webassembly": {
        "Host.runtimeconfig.json": config("net8.0", (CORE, "8.0.0"), (ASP, "8.0.0")),
        "Host.deps.json": deps("8.0", "Host", {
            "Client/1.0.0": ("project", {"runtime": {"Client.dll": {}}, "resources": {"de/Client.resources.dll": {"locale": "de"}}}),
            "Microsoft.AspNetCore.Components.WebAssembly.Server/8.0.8": ("package", {"runtime": {"lib/net8.0/Microsoft.AspNetCore.Components.WebAssembly.Server.dll": {}}}),
        }),
        "Host.dll": "", "Host.pdb": "", "Host": program(), "Client.dll": "", "Client.pdb": "", "de/Client.resources.dll": "", "web.config": "",
        "Microsoft.AspNetCore.Components.WebAssembly.Server.dll": "",
        **{f"wwwroot/{name}": "" for name in ("index.html", "_framework/blazor.boot.json", "_framework/dotnet.js", "_framework/dotnet.native.wasm",
           "_framework/Client.wasm", "_framework/Client.wasm.br", "_framework/Client.wasm.gz", "_framework/Client.pdb", "_content/Ui/ui.css")},
    },
    "net9.0": {
        "Shop.runtimeconfig.json": config("net9.0", (CORE, "9.0.0"), (ASP, "9.0.0")),
        "Shop.deps.json": deps("9.0", "Shop", {
            "Early/2.0.0-preview.3": ("package", {"runtime": {"lib/net9.0/Early.dll": {}}, "resources": {"lib/net9.0/de/Early.resources.dll": {"locale": "de"}}}),
            "Stable/2.0.0+build-7": ("package", {"runtime": {"lib/net9.0/Stable.dll": {}}}),
        }),
        "Shop.dll": "", "Early.dll": "", "de/Early.resources.dll": "", "Stable.dll": "", "Shop.staticwebassets.endpoints.json": "{}", "wwwroot/favicon.ico": "",
    },
    # From SDK 10 a file may be elsewhere than its name says: `localPath`.
    "net11.0-local-path": {
        "Shop.runtimeconfig.json": config("net11.0", (CORE, "11.0.0"), (ASP, "11.0.0")),
        "Shop.deps.json": deps("11.0", "Shop", {
            "Plugin/1.0.0": ("package", {
                "runtime": {"lib/net11.0/Plugin.dll": {"localPath": "plugins/Plugin.dll"}},
                "native": {"runtimes/linux-x64/native/libplugin.so": {"localPath": "plugins/libplugin.so"}},
                "resources": {"lib/net11.0/de/Plugin.resources.dll": {"locale": "de", "localPath": "plugins/de/Plugin.resources.dll"}},
            }),
        }, rid="linux-x64"),
        "Shop.dll": "", "Shop": program(), "plugins/Plugin.dll": "", "plugins/Plugin.xml": "", "plugins/libplugin.so": library(), "plugins/de/Plugin.resources.dll": "",
    },
    "native-aot": {"Shop": program(), "Shop.dbg": library(), "appsettings.json": "{}", "libSkiaSharp.so": library(), "wwwroot/index.html": ""},
    "native-aot-static": {"Shop": program(kind=2, segments=(1,)), "appsettings.json": "{}"},
}

for case, files in CASES.items():
    for path, content in files.items():
        target = os.path.join(sys.argv[1], case, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if isinstance(content, dict):
            content = json.dumps(content, indent=1)
        if isinstance(content, str):
            content = (content or f"{path}\n").encode()
        open(target, "wb").write(content)
