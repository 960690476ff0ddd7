//! What a build looks up on the machine beside its workspace, by whatever means: no project file tells
//! of it in a way that a reader of text would understand, and yet each change of it is a miss.

use crate::support::{User, edit, prepared};
use fs_err as fs;
use serde_json::Value;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders of the machine that are the test's own while mizzen runs.
const MOUNTS: [&str; 4] = [
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/share",
    "/etc/skel",
];

/// What happens to the machine, what becomes of restore and publish, the path that the miss names, and
/// how it is done.
type Row = (&'static str, &'static str, &'static str, fn(&Path));

fn append(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes.extend(b"\n#");
    fs::write(path, bytes).unwrap();
}

const ROWS: &[Row] = &[
    ("nothing", "hit hit", "", |_| ()),
    ("a file that nobody looks up", "hit hit", "", |machine| {
        fs::write(machine.join("share/other.txt"), "").unwrap();
    }),
    (
        "a program that a property names",
        "hit run",
        "/usr/local/bin/first-tool",
        |machine| append(&machine.join("bin/first-tool")),
    ),
    (
        "a program that a script of the workspace runs",
        "hit run",
        "/usr/local/bin/second-tool",
        |machine| append(&machine.join("bin/second-tool")),
    ),
    (
        "a module of Python's that lies on the machine",
        "hit run",
        "/dist-packages/acme.py",
        |machine| append(&modules(machine).join("acme.py")),
    ),
    (
        "an assembly beside one that a project refers to",
        "hit run",
        "/usr/local/share/lib/NuGet.Common.dll",
        |machine| append(&machine.join("share/lib/NuGet.Common.dll")),
    ),
    (
        "a file that an imported file of the machine imports",
        "run run",
        "/usr/local/share/second.props",
        |machine| fs::write(machine.join("share/second.props"), "<Project> </Project>").unwrap(),
    ),
    (
        "data beside a script",
        "hit run",
        "/usr/local/share/script/data.txt",
        |machine| append(&machine.join("share/script/data.txt")),
    ),
    (
        "a file by a property",
        "run run",
        "/etc/skel/property.txt",
        |machine| append(&machine.join("skel/property.txt")),
    ),
    (
        "a file by Path.Combine",
        "run run",
        "/etc/skel/combined.txt",
        |machine| append(&machine.join("skel/combined.txt")),
    ),
    (
        "the content of a file by a glob",
        "hit run",
        "/etc/skel/a.globbed",
        |machine| append(&machine.join("skel/a.globbed")),
    ),
    ("one more for a glob", "run run", "/etc/skel", |machine| {
        fs::write(machine.join("skel/b.globbed"), "b").unwrap();
    }),
    (
        "what an inline task reads",
        "hit run",
        "/usr/local/share/inline.txt",
        |machine| append(&machine.join("share/inline.txt")),
    ),
    (
        "a folder that a task lists",
        "hit run",
        "/usr/local/share/listed",
        |machine| fs::write(machine.join("share/listed/b.txt"), "").unwrap(),
    ),
    (
        "what an import with a name of its own reads",
        "hit run",
        "/usr/local/share/common.txt",
        |machine| append(&machine.join("share/common.txt")),
    ),
    (
        "what a source generator reads by itself",
        "hit run",
        "/usr/local/share/generator.txt",
        |machine| append(&machine.join("share/generator.txt")),
    ),
    (
        "what an analyzer reads by itself",
        "hit run",
        "/usr/local/share/analyzer.txt",
        |machine| append(&machine.join("share/analyzer.txt")),
    ),
    (
        "what a static program reads",
        "hit run",
        "/usr/local/share/static.txt",
        |machine| append(&machine.join("share/static.txt")),
    ),
    (
        "what a program in Go reads",
        "hit run",
        "/usr/local/share/layout/index.json",
        |machine| append(&machine.join("share/layout/index.json")),
    ),
    (
        "a file that is looked for goes",
        "hit run",
        "/usr/local/share/probed.txt",
        |machine| fs::remove_file(machine.join("share/probed.txt")).unwrap(),
    ),
    (
        "a file that is looked for comes",
        "hit run",
        "/usr/local/share/absent.txt",
        |machine| fs::write(machine.join("share/absent.txt"), "").unwrap(),
    ),
    (
        "a link leads elsewhere, to a file of the same bytes",
        "hit run",
        "/usr/local/share/current",
        |machine| {
            fs::remove_file(machine.join("share/current")).unwrap();
            symlink("v2", machine.join("share/current")).unwrap();
        },
    ),
    (
        "a name in other letters",
        "hit run",
        "/usr/local/share/inline.txt",
        |machine| {
            let at = |name: &str| machine.join("share").join(name);
            fs::rename(at("inline.txt"), at("Inline.txt")).unwrap();
        },
    ),
];

/// Returns where the machine's own Python looks for modules below `/usr/local`.
fn modules(machine: &Path) -> PathBuf {
    let python = fs::canonicalize("/usr/bin/python3").unwrap();
    let name = python.file_name().unwrap();
    machine.join("lib").join(name).join("dist-packages")
}

fn write(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn program(path: PathBuf, text: &str) {
    write(path.clone(), text);
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// Makes what lies over the machine's own folders.
fn machine(user: &User, name: &str) -> PathBuf {
    let machine = user.path(name);
    for tool in ["first-tool", "second-tool"] {
        program(machine.join("bin").join(tool), "#!/bin/sh\ntrue\n");
    }
    write(modules(&machine).join("acme.py"), "VALUE = 1\n");
    for (path, text) in [
        (
            "share/first.props",
            "<Project><Import Project=\"second.props\" /></Project>",
        ),
        ("share/second.props", "<Project></Project>"),
        ("share/script/data.txt", "data"),
        ("share/inline.txt", "inline"),
        ("share/listed/a.txt", ""),
        ("share/common.txt", "common"),
        ("share/generator.txt", "generator"),
        ("share/analyzer.txt", "analyzer"),
        ("share/static.txt", "static"),
        (
            "share/layout/oci-layout",
            "{\"imageLayoutVersion\":\"1.0.0\"}",
        ),
        (
            "share/layout/index.json",
            "{\"schemaVersion\":2,\"manifests\":[]}",
        ),
        ("share/probed.txt", ""),
        ("share/v1/version.txt", "same"),
        ("share/v2/version.txt", "same"),
        ("skel/property.txt", "property"),
        ("skel/combined.txt", "combined"),
        ("skel/a.globbed", "a"),
    ] {
        write(machine.join(path), text);
    }
    symlink("v1", machine.join("share/current")).unwrap();
    fs::create_dir(machine.join("share/layout/blobs")).unwrap();
    fs::create_dir(machine.join("share/layout/blobs/sha256")).unwrap();
    program(
        machine.join("share/script/run.sh"),
        "#!/bin/sh\ncat \"${0%/*}/data.txt\"\n",
    );
    let sdk = fs::canonicalize(prepared("MIZZEN_SDK"))
        .unwrap()
        .join("sdk");
    let newest = fs::read_dir(sdk)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let newest = newest.filter(|path| path.join("NuGet.Common.dll").is_file());
    let newest = newest.max().unwrap();
    for name in ["Configuration", "Common", "Frameworks"] {
        let name = format!("NuGet.{name}.dll");
        fs::create_dir_all(machine.join("share/lib")).unwrap();
        fs::copy(newest.join(&name), machine.join("share/lib").join(&name)).unwrap();
    }
    static_tool(user, &machine.join("bin/static-tool"));
    machine
}

fn static_tool(user: &User, to: &Path) {
    let source = user.path("static.c");
    let text = "#include <fcntl.h>\n#include <unistd.h>\n\
        int main(void) {\n\
        char text[9];\n\
        return read(open(\"/usr/local/share/static.txt\", O_RDONLY), text, 9) < 0;\n}\n";
    fs::write(&source, text).unwrap();
    #[expect(clippy::disallowed_methods, reason = "tests run foreign tools")]
    let status = Command::new("cc")
        .args(["-static", "-o"])
        .args([to, &source])
        .status()
        .unwrap();
    assert!(status.success());
}

fn below(machine: &Path) -> Vec<(String, &'static str)> {
    let ours = |target: &&'static str| {
        let name = target.rsplit('/').next().unwrap();
        (machine.join(name).display().to_string(), *target)
    };
    MOUNTS.iter().map(ours).collect()
}

#[test]
fn whatever_a_step_looks_up_on_the_machine_is_a_miss_when_it_changes_and_is_named() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    user.workspace("reads-the-machine", "probe", None);
    let original = machine(&user, "machine");
    let mounts = below(&original);
    let mounts: Vec<(&str, &str)> = mounts
        .iter()
        .map(|(from, to)| (from.as_str(), *to))
        .collect();
    let build = || {
        let arguments = ["probe/src/Probe", "-o", "oci:out", "--base", "oci:base"];
        user.build_below(&user.environment, &mounts, &arguments)
            .success()
    };
    let first = build();
    assert_eq!(first.steps(), "restore=ran publish=ran");
    assert_eq!(build().steps(), "restore=hit publish=hit");
    for (row, (what, expected, named, edit)) in ROWS.iter().enumerate() {
        let copy = user.path(&format!("machine{row}"));
        user.tool(
            "cp",
            &["-a", original.to_str().unwrap(), copy.to_str().unwrap()],
        );
        edit(&copy);
        let mounts = below(&copy);
        let mounts: Vec<(&str, &str)> = mounts
            .iter()
            .map(|(from, to)| (from.as_str(), *to))
            .collect();
        let plan = user.run_bare_below(&mounts, &["plan", "probe/src/Probe", "--json"]);
        let plan: Value = serde_json::from_str(&plan.success().stdout).unwrap();
        let outcome = |step: usize| plan["steps"][step]["outcome"].as_str().unwrap();
        let why = plan["steps"][1]["changed"].to_string();
        let outcomes = format!("{} {}", outcome(0), outcome(1));
        assert_eq!((*what, outcomes.as_str()), (*what, *expected), "{why}");
        assert!(why.contains(named), "{what}: {why}");
    }
    assert_eq!(user.dotnet_calls(), ["restore", "publish"]);
    // A module of the workspace's own, beside a script that no project file names.
    edit(&user.path("probe/src/Probe/beside.py"), "1", "2");
    let edited = build();
    assert_eq!(edited.steps(), "restore=hit publish=ran");
    // And what is built again is what the machine has by then.
    let glob = original.join("skel/a.globbed");
    append(&glob);
    let after = build();
    assert_eq!(after.steps(), "restore=hit publish=ran");
    assert_ne!(after.digest(), edited.digest());
}
