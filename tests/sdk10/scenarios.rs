//! What happens to a repository between two builds, each with what becomes of restore and publish.
//!
//! One build is kept in a cache that is never written again. Each row edits a copy of the repository
//! elsewhere; rows about keys alone ask `mizzen plan`, the others build.

use crate::support::monorepo::{APP, assembly, monorepo, package, package_with_properties};
use crate::support::{Run, User, edit, prepared};
use fs_err as fs;
use mizzen_image::{ImageDiff, Layout, Taggable};
use serde_json::Value;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// A script that `dotnet publish` runs first, where it can see it.
const WHILE_IT_IS_BUILT: &str = "while-it-is-built";

/// A user with a repository that was built once.
struct Scene {
    user: User,
    number: usize,
    first: Run,
}

impl Scene {
    fn new() -> Self {
        let user = User::with_sdk(&prepared("MIZZEN_SDK"));
        // Now, for the program is part of the SDK, and so of every key.
        user.write_dotnet(&format!(
            "if [ \"$1\" = publish ] && [ -e '{script}' ]; then . '{script}'; fi; \
             exec \"${{0%/*}}/real/dotnet\" \"$@\"",
            script = user.path(WHILE_IT_IS_BUILT).display()
        ));
        fs::write(user.path(WHILE_IT_IS_BUILT), "").unwrap();
        mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
        let root = monorepo(&user, "first");
        let reference = "<PackageReference Include=\"Acme.Text\" />";
        let reference = format!("<ItemGroup>{reference}</ItemGroup></Project>");
        edit(&root.join("src/Lib/Lib.csproj"), "</Project>", &reference);
        // A file that the build writes beside the sources, and one that it reads from another folder.
        let targets = "<Target Name=\"Odd\" BeforeTargets=\"CoreCompile\">\
             <WriteLinesToFile File=\"written.json\" Lines=\"{}\" Overwrite=\"true\" />\
             <Exec Command=\"cat ../../tools/read.txt\" /></Target></Project>";
        edit(&root.join("src/App/App.csproj"), "</Project>", targets);
        fs::create_dir(root.join("tools")).unwrap();
        fs::write(root.join("tools/read.txt"), "read").unwrap();
        let arguments = ["first/src/App", "-o", "oci:first-out", "--base", "oci:base"];
        let first = user.build(&arguments).success();
        assert_eq!(user.dotnet_calls(), ["restore", "publish"]);
        assert!(!root.join("src/App/written.json").exists());
        fs::rename(user.path("cache"), user.path("pristine")).unwrap();
        Self {
            user,
            number: 0,
            first,
        }
    }

    /// Returns a copy of the repository and of the cache as the first build left it.
    fn copy(&mut self) -> PathBuf {
        self.number += 1;
        let root = format!("copy{}", self.number);
        drop(fs::remove_dir_all(self.user.path("cache")));
        for (from, to) in [("pristine", "cache"), ("first", &root)] {
            let [from, to] = [from, to].map(|name| self.user.path(name));
            self.user
                .tool("cp", &["-a", from.to_str().unwrap(), to.to_str().unwrap()]);
        }
        self.user.path(&root)
    }

    fn project(root: &Path) -> String {
        root.join(APP).to_str().unwrap().to_owned()
    }

    /// Returns what `mizzen plan` says of restore and publish, `hit run`, and the reason.
    fn plan(&self, root: &Path, options: &[&str]) -> (String, String) {
        let project = Self::project(root);
        let plan = self
            .user
            .run_bare(&[&["plan", &project, "--json"], options].concat())
            .success();
        let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
        let outcome = |step: usize| plan["steps"][step]["outcome"].as_str().unwrap().to_owned();
        let why = plan["steps"][1]["changed"].to_string();
        (format!("{} {}", outcome(0), outcome(1)), why)
    }

    /// Builds the copy, and returns the run with the paths of the image that are not as in the first
    /// build.
    fn build(&self, root: &Path, options: &[&str]) -> (Run, Vec<String>) {
        let project = Self::project(root);
        let out = format!("oci:{}-out", root.display());
        let arguments = [project.as_str(), "-o", &out, "--base", "oci:base"];
        let run = self
            .user
            .build(&[&arguments[..], options].concat())
            .success();
        let changed = self.changed(Path::new(out.trim_start_matches("oci:")));
        (run, changed)
    }

    fn changed(&self, layout: &Path) -> Vec<String> {
        let image = |layout: &Path| match Layout::new(layout, None).read().unwrap() {
            Taggable::Image(image) => image,
            Taggable::Index(..) => panic!("one platform"),
        };
        let first = image(&self.user.path("first-out"));
        let files = ImageDiff::of(&first, &image(layout)).unwrap().files;
        let name = |path: &str| path.trim_start_matches("/app/").to_owned();
        files.iter().map(|file| name(&file.path)).collect()
    }
}

/// Adds an element before the end of a project.
fn insert(path: &Path, text: &str) {
    edit(path, "</Project>", &format!("{text}</Project>"));
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

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

/// Rows whose outcome is all that matters. Every staged byte is in publish's key, so what no build
/// reads is a miss, too: more than need be, never less.
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
    ("a document at the root", "hit run", |root| {
        fs::write(root.join("README.md"), "# Other\n").unwrap();
    }),
    ("another service's source", "hit run", |root| {
        edit(&root.join("src/Service/Service.cs"), "service", "Service");
    }),
    ("another service's project", "run run", |root| {
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
    for (what, expected, edit) in ROWS {
        let root = scene.copy();
        edit(&root);
        let (outcome, why) = scene.plan(&root, &[]);
        assert_eq!((*what, outcome.as_str()), (*what, *expected), "{why}");
        drop(fs::remove_file(root.with_file_name(".editorconfig")));
    }
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

#[test]
fn each_edit_reaches_the_image_and_nothing_else_does() {
    let mut scene = Scene::new();

    // Sources of the library, and static files: not one byte of the app's own assembly.
    let root = scene.copy();
    edit(&root.join("src/Lib/Greeting.cs"), "hello", "howdy");
    edit(&root.join("src/App/wwwroot/site.css"), "red", "tan");
    edit(&root.join("src/App/wwwroot/vendor/bin/x.js"), "one", "two");
    write(&root.join("src/App/wwwroot/gen/x.js"), "1");
    let data = root.join("src/App/data.txt");
    fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (run, changed) = scene.build(&root, &[]);
    assert_eq!(run.steps(), "restore=hit publish=ran");
    // Beside them what the SDK makes of static files: compressed ones, and the list of all.
    let is_made =
        |path: &String| path.ends_with("br") || path.ends_with("gz") || path.contains("endpoints");
    let own: Vec<_> = changed.into_iter().filter(|path| !is_made(path)).collect();
    let static_files =
        ["gen/x.js", "site.css", "vendor/bin/x.js"].map(|path| format!("wwwroot/{path}"));
    let expected = ["Lib.dll", "Lib.pdb", "data.txt"].map(str::to_owned);
    assert_eq!(own, [expected, static_files].concat());

    // A linked source by another name, with other line ends; a dll that is replaced where it lies.
    let root = scene.copy();
    let path = root.join("src/Shared/Text.cs");
    let text = fs::read_to_string(&path).unwrap().replace('\n', "\r\n");
    fs::remove_file(path).unwrap();
    fs::write(root.join("src/Shared/Renamed.cs"), text + "// comment\r\n").unwrap();
    fs::write(root.join("libs/Ext.dll"), assembly(1)).unwrap();
    let (run, changed) = scene.build(&root, &[]);
    assert_eq!(run.steps(), "restore=hit publish=ran");
    assert_eq!(changed, ["App.deps.json", "App.dll", "App.pdb", "Ext.dll"]);

    // What means nothing costs a build, and the image stays.
    let root = scene.copy();
    insert(&root.join("src/App/App.csproj"), "\n");
    fs::write(root.join("README.md"), "# Other\n").unwrap();
    let (run, changed) = scene.build(&root, &[]);
    assert_eq!(
        (run.steps().as_str(), run.digest()),
        ("restore=ran publish=ran", scene.first.digest())
    );
    assert_eq!(changed, [""; 0]);

    // Properties from where a project does not name them.
    let root = scene.copy();
    write(
        &root.join("src/Lib/Directory.Build.props"),
        "<Project><Import Project=\"../../Directory.Build.props\" />\
         <PropertyGroup><Company>Nested</Company></PropertyGroup></Project>",
    );
    let user = "<Project><PropertyGroup><Description>User</Description></PropertyGroup></Project>";
    write(&root.join("src/App/App.csproj.user"), user);
    let (run, changed) = scene.build(&root, &[]);
    assert_eq!(run.steps(), "restore=ran publish=ran");
    assert_eq!(changed, ["App.dll", "App.pdb", "Lib.dll", "Lib.pdb"]);
    assert_eq!(scene.plan(&root, &[]).0, "hit hit");
    edit(
        &root.join("src/Lib/Directory.Build.props"),
        "Nested",
        "nested",
    );
    assert_eq!(scene.plan(&root, &[]).0, "run run");
}

#[test]
fn packages_reach_the_image_by_what_they_are_not_by_what_they_were() {
    let mut scene = Scene::new();
    let feed = scene.user.path("feed");

    // The same version with other bytes: what was restored once stays, as with NuGet itself.
    package_with_properties(
        &feed,
        "Acme.Text",
        "1.0.0",
        "<Product>pushed again</Product>",
    );
    let root = scene.copy();
    assert_eq!(scene.plan(&root, &[]).0, "hit hit");
    edit(&root.join("src/Lib/Greeting.cs"), "hello", "howdy");
    let (run, changed) = scene.build(&root, &[]);
    assert_eq!(run.steps(), "restore=hit publish=ran");
    assert_eq!(changed, ["Lib.dll", "Lib.pdb"]);

    // Properties of a package decide what the app is.
    let properties =
        "<InvariantGlobalization>true</InvariantGlobalization><ContainerUser>4242</ContainerUser>";
    package_with_properties(&feed, "Acme.Text", "1.2.0", properties);
    let root = scene.copy();
    edit(
        &root.join("Directory.Packages.props"),
        "Acme.Text\" Version=\"1.0.0",
        "Acme.Text\" Version=\"1.2.0",
    );
    insert(
        &root.join("src/App/App.csproj"),
        "<ItemGroup><PackageReference Include=\"Acme.Text\" /></ItemGroup>",
    );
    let (run, changed) = scene.build(&root, &[]);
    assert_eq!(run.steps(), "restore=ran publish=ran");
    assert!(
        changed.contains(&"App.runtimeconfig.json".to_owned()),
        "{changed:?}"
    );
    let image = format!("oci:{}-out", root.display());
    let image = scene
        .user
        .run_bare(&["inspect", "--json", &image])
        .success()
        .stdout;
    let image: Value = serde_json::from_str(&image).unwrap();
    assert_eq!(image["config"]["config"]["User"], "4242");
    assert_eq!(scene.plan(&root, &[]).0, "hit hit");

    // An SDK that is a package is in no project.assets.json, and publish has no network.
    let sdk: &[(&str, &[u8])] = &[
        (
            "Sdk/Sdk.props",
            b"<Project><PropertyGroup><Company>Sdk</Company></PropertyGroup></Project>",
        ),
        ("Sdk/Sdk.targets", b"<Project></Project>"),
    ];
    for version in ["1.0.0", "1.1.0"] {
        mizzen_testkit::nuget_package(&feed, "Acme.Sdk", version, sdk);
    }
    let root = scene.copy();
    let lib = root.join("src/Lib/Lib.csproj");
    edit(
        &lib,
        "<ItemGroup",
        "<Sdk Name=\"Acme.Sdk\" Version=\"1.0.0\" /><ItemGroup",
    );
    let (run, changed) = scene.build(&root, &[]);
    assert_eq!(run.steps(), "restore=ran publish=ran");
    assert!(changed.contains(&"Lib.dll".to_owned()), "{changed:?}");
    assert_eq!(scene.plan(&root, &[]).0, "hit hit");
    edit(&lib, "Version=\"1.0.0\" />", "Version=\"1.1.0\" />");
    assert_eq!(scene.plan(&root, &[]).0, "run run");

    // A floating version is asked for each time, and reused while it is the same.
    let root = scene.copy();
    insert(
        &root.join("src/App/App.csproj"),
        "<ItemGroup><PackageReference Include=\"Acme.Float\" /></ItemGroup>",
    );
    let (one, _) = scene.build(&root, &[]);
    let (same, _) = scene.build(&root, &[]);
    assert_eq!(
        (same.steps().as_str(), same.digest()),
        ("restore=ran publish=hit", one.digest())
    );
    package(&feed, "Acme.Float", "1.1.0");
    let (gained, _) = scene.build(&root, &[]);
    assert_eq!(gained.steps(), "restore=ran publish=ran");
    assert_ne!(gained.digest(), one.digest());
}

#[test]
fn what_changes_while_it_is_built_and_what_fails_is_never_taken_for_what_was_built() {
    let mut scene = Scene::new();

    // The key is of the bytes that were staged, whatever becomes of the file meanwhile.
    let root = scene.copy();
    let path = root.join("src/Lib/Greeting.cs");
    edit(&path, "hello", "howdy");
    let text = fs::read_to_string(&path).unwrap();
    let script = format!(
        "echo '// later' >> '{}'
",
        path.display()
    );
    let while_it_is_built = scene.user.path(WHILE_IT_IS_BUILT);
    fs::write(&while_it_is_built, script).unwrap();
    let (run, _) = scene.build(&root, &["--isolation", "path"]);
    assert_ne!(fs::read_to_string(&path).unwrap(), text);
    fs::write(while_it_is_built, "").unwrap();
    let (later, _) = scene.build(&root, &["--isolation", "path"]);
    assert_eq!(later.steps(), "restore=hit publish=ran");
    assert_ne!(later.digest(), run.digest());
    fs::write(&path, text).unwrap();
    let (again, _) = scene.build(&root, &["--isolation", "path"]);
    assert_eq!(
        (again.steps().as_str(), again.digest()),
        ("restore=hit publish=hit", run.digest())
    );

    // A rule that a file beside the sources makes an error: told each time.
    let root = scene.copy();
    write(
        &root.join(".editorconfig"),
        "[*.cs]\ndotnet_diagnostic.CS0219.severity = error\n",
    );
    edit(
        &root.join("src/Lib/Greeting.cs"),
        "=> \"hello\";",
        "{ int unused = 1; return \"hello\"; }",
    );
    let project = Scene::project(&root);
    let arguments = [project.as_str(), "-o", "oci:failed", "--base", "oci:base"];
    scene.user.dotnet_calls();
    for _ in 0..2 {
        let said = scene.user.build(&arguments).failure(3);
        assert!(said.contains("error CS0219"), "{said}");
        assert_eq!(scene.user.dotnet_calls(), ["publish"]);
    }
    // Without the rule it is what it was.
    fs::remove_file(root.join(".editorconfig")).unwrap();
    edit(
        &root.join("src/Lib/Greeting.cs"),
        "{ int unused = 1; return \"hello\"; }",
        "=> \"hello\";",
    );
    assert_eq!(scene.plan(&root, &[]).0, "hit hit");

    // A link to a folder outside cannot be shown.
    symlink("/etc", root.join("src/App/etc")).unwrap();
    let said = scene.user.build(&arguments).failure(2);
    assert!(said.contains("src/App/etc"), "{said}");
}
