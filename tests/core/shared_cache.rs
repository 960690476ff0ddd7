//! Machines that share what they build by a registry.

use crate::support::{Registry, Run, User, edit, prepared, testdata};
use fs_err as fs;
use std::collections::BTreeMap;
use std::path::Path;

struct Scene {
    user: User,
    registry: Registry,
    cache: String,
}

impl Scene {
    /// Returns two folders with the same sources, and a registry with a base.
    fn new() -> Self {
        let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
        for name in ["a", "b"] {
            user.workspace("hello-web", &format!("{name}/hello"), None);
            // The root, so that there is something beside the project.
            fs::write(user.path(&format!("{name}/mizzen.toml")), "").unwrap();
        }
        let registry = Registry::with_base(&prepared("MIZZEN_TEST_BASE").join("aspnet-3.1"));
        let cache = registry.reference("acme/cache");
        Self {
            user,
            registry,
            cache,
        }
    }

    /// Returns a machine that has built nothing yet, and has its SDK in a folder of its own.
    fn machine_with_sdk_elsewhere(&self, name: &str) -> BTreeMap<String, String> {
        let mut machine = self.machine(name);
        let [from, to] = ["sdk", &format!("{name}-sdk")].map(|name| self.user.path(name));
        let [from, to] = [&from, &to].map(|path| path.to_str().unwrap());
        self.user.tool("cp", &["-a", from, to]);
        machine.insert("PATH".to_owned(), format!("{to}:/usr/bin:/bin"));
        machine
    }

    /// Returns a machine that has built nothing yet.
    fn machine(&self, name: &str) -> BTreeMap<String, String> {
        self.user.elsewhere(name)
    }

    fn build(&self, machine: &BTreeMap<String, String>, arguments: &[&str]) -> Run {
        let base = ["--base", &self.registry.base];
        let run = self.user.build_as(machine, &[arguments, &base].concat());
        run.success()
    }

    /// Builds in `a`, and leaves the results.
    fn fill(&self) -> Run {
        let tag = self.registry.reference("acme/one:1");
        let arguments = ["a/hello", "-t", &tag, "--cache-to", &self.cache];
        let first = self.build(&self.machine("a"), &arguments);
        assert_eq!(first.steps(), "restore=ran publish=ran");
        assert_eq!(self.user.dotnet_calls(), ["restore", "publish"]);
        assert!(first.stderr.contains("records for other machines"));
        first
    }

    /// Makes the cache lose a layer, as one that collects garbage by its own rules.
    fn lose(&self, digest: &str) {
        let repositories = "storage/docker/registry/v2/repositories";
        let layers = format!("{repositories}/acme/cache/_layers/sha256");
        let hex = digest.trim_start_matches("sha256:");
        let folder = self.registry.registry.folder().join(layers).join(hex);
        fs::remove_file(folder.join("link")).unwrap();
    }
}

fn shared(run: &Run, name: &str) -> u64 {
    run.metadata["sharedCache"][name].as_u64().unwrap()
}

#[test]
fn a_second_machine_builds_nothing_and_takes_nothing_but_the_record() {
    let scene = Scene::new();
    let first = scene.fill();
    let (user, registry) = (&scene.user, &scene.registry);

    // Another folder, the SDK in another one, another repository for the image: its layers are mounted
    // from the cache.
    let machine = scene.machine_with_sdk_elsewhere("b");
    let tag = registry.reference("acme/other:1");
    let arguments = ["b/hello", "-t", &tag, "--cache-from", &scene.cache];
    let second = scene.build(&machine, &arguments);
    assert_eq!(second.digest(), first.digest());
    assert_eq!(second.steps(), "restore=remote-hit publish=remote-hit");
    assert_eq!(user.dotnet_calls(), [""; 0]);
    assert_eq!(shared(&second, "requests"), 1);
    let moved = shared(&second, "downloadedBytes");
    assert!(moved < 32 * 1024, "{moved}");
    assert_eq!(shared(&second, "uploadedBytes"), 0);
    let layers: u64 = sizes(&second).iter().sum();
    assert!(second.network("mountedBytes") > layers);
    assert!(
        second.network("uploadedBytes") < 16 * 1024,
        "config and manifest"
    );
    let blobs = format!("{}/blobs/sha256", machine["MIZZEN_CACHE_DIR"]);
    for digest in second.layers().values() {
        let blob = Path::new(&blobs).join(digest.trim_start_matches("sha256:"));
        assert!(!blob.exists(), "{digest} came here");
    }

    // A plan says so, and starts nothing.
    let arguments = ["plan", "b/hello", "--json", "--cache-from", &scene.cache];
    let planned = user.run_bare_as(&scene.machine("p"), &arguments).success();
    let plan: serde_json::Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!(plan["steps"][1]["outcome"], "hit");

    // A folder needs the layers, and gets them.
    let machine = scene.machine("c");
    let arguments = ["b/hello", "-o", "oci:out", "--cache-from", &scene.cache];
    let local = scene.build(&machine, &arguments);
    assert_eq!(local.digest(), first.digest());
    assert!(shared(&local, "downloadedBytes") > layers);
    // Now they are here, and nobody is asked.
    let again = scene.build(&machine, &arguments);
    assert_eq!(again.steps(), "restore=hit publish=hit");
    assert_eq!(shared(&again, "requests"), 0);
    assert_eq!(user.dotnet_calls(), [""; 0]);
}

#[test]
fn a_hit_needs_no_sdk_and_a_miss_says_that_there_is_none() {
    let scene = Scene::new();
    let first = scene.fill();
    let mut machine = scene.machine("bare");
    machine.insert("PATH".to_owned(), "/usr/bin:/bin".to_owned());
    let base = &scene.registry.base;
    let build = |more: &[&str]| {
        let tag = scene.registry.reference("acme/bare:1");
        let arguments = [
            "b/hello",
            "-t",
            &tag,
            "--base",
            base,
            "--cache-from",
            &scene.cache,
        ];
        scene
            .user
            .build_as(&machine, &[&arguments[..], more].concat())
    };
    // Nobody says which.
    let said = build(&[]).failure(3);
    assert!(said.contains("no .NET SDK found"), "{said}");
    let said = build(&["--toolchain", "sdk:3.1.999"]).failure(3);
    assert!(said.contains("no .NET SDK found"), "{said}");
    let hit = build(&["--toolchain", "sdk:3.1.102"]).success();
    assert_eq!(hit.digest(), first.digest());
    assert_eq!(shared(&hit, "requests"), 2, "the SDK and the record");
    edit(
        &scene.user.path("b/hello/Program.cs"),
        "class",
        "/* edited */ class",
    );
    let said = build(&["--toolchain", "sdk:3.1.102"]).failure(3);
    assert!(
        said.contains("publish has to run, and SDK 3.1.102 is not on this machine"),
        "{said}"
    );
    assert!(said.contains("hint: install the .NET SDK"), "{said}");
    assert_eq!(scene.user.dotnet_calls(), [""; 0]);
}

fn sizes(run: &Run) -> Vec<u64> {
    let layers = run.image()["layers"].as_array().unwrap().iter();
    layers
        .map(|layer| layer["size"].as_u64().unwrap())
        .collect()
}

#[test]
fn an_edit_on_one_machine_is_a_hit_on_the_others_and_a_document_is_none_of_theirs() {
    let scene = Scene::new();
    scene.fill();
    let both = ["--cache-from", &scene.cache, "--cache-to", &scene.cache];
    let tag = scene.registry.reference("acme/one:2");
    let build = |machine: &str, folder: &str| {
        let arguments = [&[folder, "-t", &tag], &both[..]].concat();
        scene.build(&scene.machine(machine), &arguments)
    };
    let program = scene.user.path("a/hello/Program.cs");
    edit(&program, "class", "/* edited */ class");
    let edited = build("edits", "a/hello");
    assert_eq!(edited.steps(), "restore=remote-hit publish=ran");
    assert_eq!(scene.user.dotnet_calls(), ["publish"]);
    assert!(
        edited.stderr.contains("~ hello/Program.cs (content, read)"),
        "{}",
        edited.stderr
    );

    // The other folder has the edit, and a file that no step looks at: it is found by path sets.
    edit(
        &scene.user.path("b/hello/Program.cs"),
        "class",
        "/* edited */ class",
    );
    fs::create_dir(scene.user.path("b/docs")).unwrap();
    fs::write(scene.user.path("b/docs/why.md"), "because").unwrap();
    let pulled = build("pulls", "b/hello");
    assert_eq!(pulled.digest(), edited.digest());
    assert_eq!(pulled.steps(), "restore=remote-hit publish=remote-hit");
    assert!(shared(&pulled, "requests") <= 5, "{}", pulled.metadata);
    assert_eq!(scene.user.dotnet_calls(), [""; 0]);
}

#[test]
fn a_shared_cache_that_fails_or_loses_things_costs_time_and_a_line_and_changes_no_image() {
    let scene = Scene::new();
    let first = scene.fill();
    // It names a layer that it has lost: found out only when the image is written.
    let layers = first.layers();
    scene.lose(&layers["app"]);
    let arguments = ["b/hello", "-o", "oci:out", "--cache-from", &scene.cache];
    let healed = scene.build(&scene.machine("b"), &arguments);
    assert_eq!(healed.digest(), first.digest());
    assert_eq!(scene.user.dotnet_calls(), ["restore", "publish"]);
    let told = |run: &Run| {
        let lines = run
            .stderr
            .lines()
            .filter(|line| line.contains("the shared cache `"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(told(&healed).len(), 1, "{}", healed.stderr);
    assert!(told(&healed)[0].contains("building again"));

    // Nobody is there.
    let nobody = "localhost:1/cache";
    let arguments = [
        "b/hello",
        "-o",
        "oci:out",
        "--cache-from",
        nobody,
        "--cache-to",
        nobody,
    ];
    let alone = scene.build(&scene.machine("c"), &arguments);
    assert_eq!(alone.digest(), first.digest());
    assert_eq!(alone.steps(), "restore=ran publish=ran");
    assert_eq!(told(&alone).len(), 2, "{}", alone.stderr);
    scene.user.dotnet_calls();

    let plan = ["plan", "b/hello", "--cache-from", nobody];
    let planned = scene.user.run_bare_as(&scene.machine("p"), &plan).success();
    assert_eq!(told(&planned).len(), 1, "{}", planned.stderr);

    // Offline nobody is asked.
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let arguments = ["b/hello", "-o", "oci:out", "--offline", "--base", &base];
    let caches = ["--cache-from", nobody, "--cache-to", nobody];
    let offline = scene
        .user
        .build_as(&scene.machine("c"), &[&arguments[..], &caches].concat());
    let offline = offline.success();
    assert_eq!(offline.steps(), "restore=hit publish=hit");
    assert_eq!(told(&offline), [""; 0]);
}

#[test]
fn the_script_for_a_ci_shares_what_trusted_builds_made_and_keeps_the_rest_apart() {
    let scene = Scene::new();
    let program = Path::new(env!("CARGO_BIN_EXE_mizzen")).parent().unwrap();
    let script = testdata("../docs/ci/build.sh");
    let run = |name: &str, folder: &str, trusted: &str| {
        let mut machine = scene.machine(name);
        let path = format!("{}:{}", program.display(), machine["PATH"]);
        let images = scene.registry.reference("acme");
        for (variable, value) in [
            ("PATH", path.as_str()),
            ("MIZZEN_BASE", &scene.registry.base),
            ("IMAGES", &images),
            ("CACHE", &scene.cache),
            ("TAG", name),
            ("PROJECT", folder),
            ("TRUSTED", trusted),
        ] {
            machine.insert(variable.to_owned(), value.to_owned());
        }
        let run = scene.user.script(&machine, &script).success();
        let digest = run.stdout.trim().rsplit('@').next().unwrap().to_owned();
        (scene.user.dotnet_calls(), digest)
    };
    let (calls, first) = run("main", "a/hello", "yes");
    assert_eq!(calls, ["restore", "publish"]);
    assert_eq!(run("pull-request", "b/hello", "no"), (Vec::new(), first));

    edit(
        &scene.user.path("b/hello/Program.cs"),
        "class",
        "/* proposed */ class",
    );
    let (calls, proposed) = run("pull-request-2", "b/hello", "no");
    assert_eq!(calls, ["publish"]);
    assert_eq!(
        run("pull-request-3", "b/hello", "no"),
        (Vec::new(), proposed.clone())
    );
    // What is merged is built by those who are trusted.
    assert_eq!(
        run("main-2", "b/hello", "yes"),
        (vec!["publish".to_owned()], proposed)
    );
}
