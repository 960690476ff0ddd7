//! What happens to a repository between two builds, each with what becomes of restore and publish, as
//! `mizzen plan` says it.

use crate::scene::{Scene, insert, write};
use crate::support::edit;
use fs_err as fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

fn touch(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            touch(&path);
        } else {
            let time = UNIX_EPOCH + Duration::from_secs(1_234_567_890);
            fs::File::open(path).unwrap().set_modified(time).unwrap();
        }
    }
}

/// What happens, and what becomes of restore and publish.
type Row = (&'static str, &'static str, fn(&Path));

/// Rows whose outcome is all that matters. What publish looked up decides: a file that it read or asked
/// for, a folder that it listed, a path that was not there.
const ROWS: &[Row] = &[
    ("nothing", "hit hit", |_| ()),
    ("every time is another", "hit hit", touch),
    ("a new commit", "hit hit", |root| {
        write(&root.join(".git/HEAD"), "0123456789abcdef\n");
        write(&root.join(".git/refs/tags/v2"), "0123456789abcdef\n");
    }),
    ("leavings in bin and obj", "hit hit", |root| {
        write(
            &root.join("src/App/obj/App.csproj.x.props"),
            "<Project><broken></Project>",
        );
        write(&root.join("src/App/bin/x.cs"), "broken");
    }),
    (".editorconfig above the root", "hit hit", |root| {
        write(&root.join(".git/HEAD"), "x");
        fs::write(
            root.with_file_name(".editorconfig"),
            "[*.cs]\ndotnet_diagnostic.CS8019.severity=error\n",
        )
        .unwrap();
    }),
    ("a method's body", "hit run", |root| {
        edit(&root.join("src/Lib/Greeting.cs"), "hello", "howdy");
    }),
    ("a linked source", "hit run", |root| {
        edit(&root.join("src/Shared/Text.cs"), "shared", "Shared");
    }),
    (
        "a source of the same length at the same time",
        "hit run",
        |root| {
            let path = root.join("src/Shared/Text.cs");
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            edit(&path, "shared", "chared");
            fs::File::open(path).unwrap().set_modified(time).unwrap();
        },
    ),
    ("a linked source's name", "hit run", |root| {
        fs::rename(
            root.join("src/Shared/Text.cs"),
            root.join("src/Shared/Other.cs"),
        )
        .unwrap();
    }),
    ("a new source", "hit run", |root| {
        write(&root.join("src/App/New.cs"), "class New;");
    }),
    ("a static file less", "hit run", |root| {
        fs::remove_file(root.join("src/App/wwwroot/site.css")).unwrap();
    }),
    ("an empty folder", "hit run", |root| {
        fs::create_dir(root.join("src/App/Empty")).unwrap();
    }),
    ("an execute bit", "hit run", |root| {
        let mode = std::fs::Permissions::from_mode(0o755);
        fs::set_permissions(root.join("src/App/data.txt"), mode).unwrap();
    }),
    ("a file that git ignores", "hit run", |root| {
        write(&root.join("src/App/wwwroot/gen/obj/x.js"), "1");
    }),
    (
        "a file becomes a link to another of its bytes",
        "hit run",
        |root| {
            let path = root.join("src/App/data.txt");
            fs::rename(&path, root.join("src/App/data2.txt")).unwrap();
            symlink("data2.txt", path).unwrap();
        },
    ),
    ("a tool's input", "hit run", |root| {
        fs::write(root.join("tools/read.txt"), "other").unwrap();
    }),
    ("a document at the root", "hit hit", |root| {
        fs::write(root.join("README.md"), "# Other\n").unwrap();
    }),
    (
        "what editors and a CI system keep at the root",
        "hit hit",
        |root| {
            write(&root.join(".vs/acme/v17/.suo"), "state");
            write(&root.join(".idea/workspace.xml"), "<project />");
            write(&root.join(".README.md.swp"), "b0VIM");
            write(&root.join(".github/workflows/ci.yml"), "on: push\n");
        },
    ),
    ("another service's source", "hit hit", |root| {
        edit(&root.join("src/Service/Service.cs"), "service", "Service");
    }),
    ("another service's new file", "hit hit", |root| {
        write(&root.join("src/Service/New.cs"), "class New;");
    }),
    ("a file beside a tool's input", "hit hit", |root| {
        write(&root.join("tools/other.txt"), "other");
    }),
    ("a linked source's folder has one more", "hit run", |root| {
        write(&root.join("src/Shared/More.cs"), "class More;");
    }),
    (
        ".editorconfig in a folder above the project",
        "hit run",
        |root| {
            write(&root.join("src/.editorconfig"), "root = true\n");
        },
    ),
    (
        "a file that is imported by a name of its own",
        "hit run",
        |root| {
            fs::write(root.join("eng/versions.inc"), "<Project> </Project>").unwrap();
        },
    ),
    ("a name in other letters", "hit run", |root| {
        let at = |name: &str| root.join("src/App").join(name);
        fs::rename(at("data.txt"), at("Data.txt")).unwrap();
    }),
    ("another service's project", "hit hit", |root| {
        insert(&root.join("src/Service/Service.csproj"), " ");
    }),
    ("white space in the project", "run run", |root| {
        insert(&root.join("src/App/App.csproj"), "\n");
    }),
    ("a version that nobody asks for", "run run", |root| {
        insert(
            &root.join("Directory.Packages.props"),
            "<ItemGroup><PackageVersion Include=\"Nobody\" Version=\"1.0.0\" /></ItemGroup>",
        );
    }),
    ("global.json", "run run", |root| {
        let text = "{ \"sdk\": { \"version\": \"10.0.100\", \"rollForward\": \"latestMajor\" } }";
        fs::write(root.join("global.json"), text).unwrap();
    }),
    ("a comment in nuget.config", "run run", |root| {
        edit(
            &root.join("nuget.config"),
            "<configuration>",
            "<configuration><!-- -->",
        );
    }),
    ("a mapping in nuget.config", "run run", |root| {
        edit(
            &root.join("nuget.config"),
            "</configuration>",
            "<packageSourceMapping><packageSource key=\"feed\"><package pattern=\"*\" />\
             </packageSource></packageSourceMapping></configuration>",
        );
    }),
    ("Directory.Build.rsp", "run run", |root| {
        write(&root.join("Directory.Build.rsp"), "-p:Company=R\n");
    }),
    ("a lock file", "run run", |root| {
        write(&root.join("src/App/packages.lock.json"), "{}");
    }),
    ("a target's own file", "run run", |root| {
        write(&root.join("Directory.Build.targets"), "<Project></Project>");
    }),
];

#[test]
fn each_edit_is_a_hit_or_a_miss_as_it_must_be_and_no_plan_starts_dotnet() {
    let mut scene = Scene::new();
    let mut wrong = Vec::new();
    for (what, expected, edit) in ROWS {
        let root = scene.copy();
        edit(&root);
        let (outcome, why) = scene.plan(&root, &[]);
        if outcome != *expected {
            wrong.push(format!("{what}: {outcome}, not {expected}: {why}"));
        }
        drop(fs::remove_file(root.with_file_name(".editorconfig")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // What is asked for is in the key, too.
    let root = scene.copy();
    for (options, expected) in [
        (&["-p", "Company=x"][..], "run run"),
        (&["-c", "Debug"], "run run"),
        (&["--layers", "single"], "hit run"),
        (&["--isolation", "path"], "hit hit"),
    ] {
        assert_eq!(scene.plan(&root, options).0, expected, "{options:?}");
    }
    // What is around the repository is not.
    let mut environment = scene.user.environment.clone();
    for (name, value) in [
        ("VERSION", "9.9"),
        ("Platform", "x"),
        ("AssemblyName", "hijack"),
        ("CI", "1"),
    ] {
        scene
            .user
            .environment
            .insert(name.to_owned(), value.to_owned());
    }
    let import = "home/.local/share/Microsoft/MSBuild/Current/Microsoft.Common.props/ImportBefore";
    write(
        &scene.user.path(import).join("x.props"),
        "<Project><broken></Project>",
    );
    assert_eq!(scene.plan(&root, &[]).0, "hit hit");
    std::mem::swap(&mut scene.user.environment, &mut environment);
    assert_eq!(scene.user.dotnet_calls(), [""; 0]);
    // And a build of an empty cache with all that around gives the very image.
    let hostile = scene.user.elsewhere("hostile");
    environment.extend(hostile);
    write(
        &scene
            .user
            .path("hostile-home")
            .join(import.trim_start_matches("home/"))
            .join("x.props"),
        "broken",
    );
    for (_, expected, edit) in ROWS.iter().take(4) {
        assert_eq!(*expected, "hit hit");
        edit(&root);
    }
    let project = Scene::project(&root);
    let arguments = [
        project.as_str(),
        "-o",
        "oci:hostile-out",
        "--base",
        "oci:base",
    ];
    let run = scene.user.build_as(&environment, &arguments).success();
    assert_eq!(
        (run.digest(), run.steps().as_str()),
        (scene.first.digest(), "restore=ran publish=ran")
    );
}
