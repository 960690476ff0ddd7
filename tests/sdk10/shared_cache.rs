//! A repository of many services on several machines that share what they build by a registry.

use crate::support::many_services::{Size, service};
use crate::support::{Registry, Run, User, copy, edit, is_set, prepared};
use fs_err as fs;
use std::collections::BTreeMap;

/// `./test --long` sets it.
const WHOLE: &str = "MIZZEN_TEST_MANY_SERVICES";

fn size() -> Size {
    let (services, libraries, files) = if is_set(WHOLE) {
        (40, 30, 6000)
    } else {
        (4, 3, 200)
    };
    Size {
        services,
        libraries,
        files,
    }
}

struct Scene {
    user: User,
    registry: Registry,
}

impl Scene {
    /// Returns a machine with its own home, cache and folder for the SDK.
    fn machine(&self, name: &str) -> BTreeMap<String, String> {
        let mut machine = self.user.elsewhere(name);
        let [from, to] = ["sdk", &format!("{name}-sdk")].map(|name| self.user.path(name));
        let [from, to] = [&from, &to].map(|path| path.to_str().unwrap());
        self.user.tool("cp", &["-a", from, to]);
        machine.insert("PATH".to_owned(), format!("{to}:/usr/bin:/bin"));
        machine
    }

    /// Builds `folder` and pushes to repositories that begin with `to`.
    fn build(&self, machine: &BTreeMap<String, String>, folder: &str, to: &str) -> Run {
        let tag = self.registry.reference(&format!("{to}/{{project}}:1"));
        let cache = self.registry.reference("acme/cache");
        let arguments = [folder, "-t", &tag, "--base", &self.registry.base];
        let caches = ["--cache-from", &cache, "--cache-to", &cache];
        let run = self
            .user
            .build_as(machine, &[&arguments[..], &caches].concat());
        run.success()
    }
}

fn digests(run: &Run) -> Vec<(String, String)> {
    let images = run.metadata["images"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    images
        .map(|image| (text(&image["name"]), text(&image["digest"])))
        .collect()
}

fn shared(run: &Run, name: &str) -> u64 {
    run.metadata["sharedCache"][name].as_u64().unwrap()
}

#[test]
fn the_second_machine_builds_nothing_and_an_edit_builds_one_service_on_one_of_them() {
    let scene = Scene {
        user: User::with_sdk(&prepared("MIZZEN_SDK")),
        registry: Registry::with_base(&prepared("MIZZEN_TEST_BASE").join("aspnet-10.0")),
    };
    let (user, size) = (&scene.user, size());
    let services = size.services as u64;
    let root = user.path("a/w");
    fs::create_dir(user.path("a")).unwrap();
    size.generate(&root);
    let first = scene.build(&scene.machine("first"), "a/w", "one");
    assert_eq!(user.dotnet_calls().len(), 2 * size.services);

    // Unchanged, in another folder: a request for each service, and the layers are mounted.
    fs::create_dir(user.path("b")).unwrap();
    copy(&root, &user.path("b/w"));
    let second_machine = scene.machine("second");
    let second = scene.build(&second_machine, "b/w", "other");
    assert_eq!(user.dotnet_calls(), [""; 0]);
    assert_eq!(digests(&second), digests(&first));
    assert!(
        shared(&second, "requests") <= services + 3,
        "{}",
        second.metadata["sharedCache"]
    );
    let moved = shared(&second, "downloadedBytes");
    assert!(moved <= services * 32 * 1024, "{moved}");
    assert!(second.network("mountedBytes") > 0);
    // Of each image only its config and its manifest are sent.
    assert!(second.network("uploadedBytes") < services * 16 * 1024);

    // One service is edited on the second machine, and built there alone.
    let program = service(&user.path("b/w"), 1).join("Program.cs");
    edit(&program, "app.Run();", "app.Run(); // on and on");
    let edited = scene.build(&second_machine, "b/w", "other");
    assert_eq!(user.dotnet_calls(), ["publish"]);
    let changed = digests(&edited)
        .iter()
        .zip(digests(&first))
        .filter(|(now, before)| *now != before)
        .count();
    assert!(changed <= 1, "{changed}");

    // A third takes all of it, and pushes each image by mounts.
    copy(&user.path("b/w"), &user.path("c/w"));
    let third = scene.build(&scene.machine("third"), "c/w", "third");
    assert_eq!(user.dotnet_calls(), [""; 0]);
    assert_eq!(digests(&third), digests(&edited));
    assert!(third.network("uploadedBytes") < services * 16 * 1024);
}
