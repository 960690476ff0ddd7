//! What an edit of a repository with many services builds: what stands on the edited file, and nothing
//! else. Counted, not timed.

use crate::support::many_services::{Size, service};
use crate::support::{User, copy, edit, prepared};
use fs_err as fs;
use serde_json::Value;
use std::path::Path;

/// `./test --long` sets it for a repository of 40 services, 30 libraries and 6,000 files.
const WHOLE: &str = "MIZZEN_TEST_MANY_SERVICES";

fn size() -> Size {
    if crate::support::is_set(WHOLE) {
        Size {
            services: 40,
            libraries: 30,
            files: 6000,
        }
    } else {
        Size {
            services: 6,
            libraries: 4,
            files: 600,
        }
    }
}

/// Returns the projects that would run a step in the repository at `root`: `restore S1`.
fn runs(user: &User, root: &Path) -> Vec<String> {
    let plan = ["plan", root.to_str().unwrap(), "--json"];
    let plan: Value = serde_json::from_str(&user.run_bare(&plan).success().stdout).unwrap();
    let projects = plan["projects"].as_array().unwrap();
    assert_eq!(projects.len(), size().services);
    let steps = projects.iter().flat_map(|project| {
        let name = Path::new(project["facts"]["project"].as_str().unwrap())
            .file_stem()
            .unwrap();
        let name = name.to_str().unwrap().to_owned();
        let steps = project["steps"].as_array().unwrap().iter();
        let runs = steps.filter(|step| step["outcome"] == "run");
        runs.map(move |step| format!("{} {name}", step["step"].as_str().unwrap()))
    });
    steps.collect()
}

fn publishes(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("publish {name}")).collect()
}

/// Returns whether a step began while one of another project ran.
fn is_side_by_side(events: &str) -> bool {
    let events = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut running = 0;
    let states = events.filter(|event| event["event"] == "step");
    let most = states.map(|event| {
        match event["state"].as_str() {
            Some("started") => running += 1,
            Some("ended") if event["outcome"] == "ran" => running -= 1,
            _ => {}
        }
        running
    });
    most.max() == Some(2)
}

#[test]
fn an_edit_publishes_what_stands_on_it_and_nothing_else() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let size = size();
    let root = user.path("w");
    size.generate(&root);
    let build = |folder: &str| {
        let output = format!("oci:out-{folder}/{{project}}");
        let build = [
            "build",
            folder,
            "-o",
            &output,
            "--base",
            "oci:base",
            "-j",
            "2",
            "--progress",
            "json",
        ];
        let run = user.run_bare(&build).success();
        (user.dotnet_calls(), is_side_by_side(&run.stderr))
    };
    let (calls, is_side_by_side) = build("w");
    assert_eq!(calls.len(), 2 * size.services);
    assert!(is_side_by_side);
    assert_eq!(runs(&user, &root), [""; 0]);

    // What no service stands on.
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("README.md", "# Other\n");
    write("NEWS.md", "# New\n");
    write(".github/workflows/ci.yml", "on: [push, pull_request]\n");
    write(".vs/state", "state");
    write("tests/All/T0.cs", "public class T0 { }\n");
    write("tests/All/New.cs", "public class New;\n");
    write("deploy/all.yaml", "kind: List\n");
    write("docs/page-0.md", "# Another page\n");
    assert_eq!(runs(&user, &root), [""; 0]);

    // One service.
    let one = service(&root, 1);
    let program = one.join("Program.cs");
    edit(&program, "app.Run();", "app.Run(); // on and on");
    assert_eq!(runs(&user, &root), ["publish S1"]);
    fs::write(service(&root, 5).join("New.cs"), "public class New;\n").unwrap();
    assert_eq!(runs(&user, &root), ["publish S1", "publish S5"]);

    // A library, in another clone of the edited repository.
    let clone = user.path("elsewhere/clone");
    fs::create_dir(user.path("elsewhere")).unwrap();
    copy(&root, &clone);
    assert_eq!(runs(&user, &clone), ["publish S1", "publish S5"]);
    edit(&clone.join("libs/L3/C0.cs"), "=> 0", "=> 1");
    let above = size.above(3);
    let mut edited = [vec!["S1".to_owned(), "S5".to_owned()], above].concat();
    edited.sort_by_key(|name| size.names().iter().position(|it| it == name));
    edited.dedup();
    assert_eq!(runs(&user, &clone), publishes(&edited));
    assert_eq!(build("elsewhere/clone").0, vec!["publish"; edited.len()]);
    assert_eq!(runs(&user, &clone), [""; 0]);
}
