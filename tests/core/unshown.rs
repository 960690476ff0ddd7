//! What plain `dotnet publish` finds outside the workspace, and no stage shows, is named: by what
//! publish was seen to look for, whenever that is there.

use crate::support::{Run, User, edit, prepared};
use fs_err as fs;
use std::path::{Path, PathBuf};

/// From the project's folder, which is the workspace's root; a stage has folders of its own by two of the
/// names.
const FOLDERS: [&str; 5] = [
    "../shared",
    "../packages",
    "../../two",
    "../../../three",
    "../../../../four",
];

struct Scene {
    user: User,
    folder: PathBuf,
}

impl Scene {
    /// A workspace some folders below `w`, whose project takes what matches in each of [`FOLDERS`].
    fn new() -> Self {
        let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
        fs::create_dir_all(user.path("w/a/b/c")).unwrap();
        let folder = user.workspace("hello-web", "w/a/b/c/hello", None);
        let items = FOLDERS.map(|up| {
            let include = format!("{up}/*.json");
            format!("<Content Include=\"{include}\" Link=\"%(Filename).json\" CopyToPublishDirectory=\"Always\" />")
        });
        let items = format!("<ItemGroup>{}</ItemGroup></Project>", items.concat());
        edit(&folder.join("hello-web.csproj"), "</Project>", &items);
        Self { user, folder }
    }

    /// Makes a file in each of the folders, and returns the files' names.
    fn fill(&self) -> Vec<String> {
        let names = FOLDERS.map(|up| {
            let folder = self.folder.join(up);
            fs::create_dir_all(&folder).unwrap();
            let name = format!("{}.json", up.rsplit('/').next().unwrap());
            fs::write(folder.join(&name), "{}").unwrap();
            name
        });
        names.to_vec()
    }

    fn build(&self, options: &[&str]) -> Run {
        let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
        let base = format!("oci:{}", base.display());
        let fixed = ["w/a/b/c/hello", "-o", "oci:out", "--base", &base];
        self.user.build(&[&fixed, options].concat()).success()
    }

    fn published(&self, names: &[String]) -> Vec<String> {
        let line = ["inspect", "--files", "oci:out"];
        let files = self.user.run_bare(&line).success().stdout;
        let is_there = |name: &&String| files.contains(&format!("/app/{name}"));
        names.iter().filter(is_there).cloned().collect()
    }
}

fn warnings(run: &Run) -> Vec<&str> {
    let lines = run.stderr.lines();
    lines
        .filter(|line| line.contains("publish looked for"))
        .collect()
}

#[test]
fn what_plain_publish_finds_above_the_workspace_is_named_at_each_build_until_it_is_shown() {
    let scene = Scene::new();
    let first = scene.build(&[]);
    assert_eq!(first.steps(), "restore=ran publish=ran");
    assert_eq!(warnings(&first), [""; 0]);

    // It comes later, and changes no key: nobody runs, and it is named.
    let names = scene.fill();
    scene.user.dotnet_calls();
    for options in [&[][..], &["--no-cache"]] {
        let run = scene.build(options);
        assert_eq!(scene.user.dotnet_calls().is_empty(), options.is_empty());
        let told = warnings(&run);
        assert_eq!(told.len(), FOLDERS.len(), "{}", run.stderr);
        for up in FOLDERS {
            let line = told.iter().find(|line| line.contains(&format!("`{up}`")));
            let root = &up[..up.rfind('/').unwrap()];
            let how = format!("[inputs] root = \"{root}\"");
            assert!(line.is_some_and(|line| line.contains(&how)), "{told:?}");
        }
        assert_eq!(scene.published(&names), [""; 0]);
    }
    let file = scene.folder.join("../shared/shared.json");
    let why = ["plan", "w/a/b/c/hello", "--why", file.to_str().unwrap()];
    let why = scene.user.run_bare(&why).success().stdout;
    assert!(why.contains("publish looked for `../shared`"), "{why}");

    // So it is: plain publish takes all of it.
    let plain = scene.user.path("plain");
    let dotnet = scene.user.path("sdk/dotnet");
    let line = ["publish", "-c", "Release", "-o", plain.to_str().unwrap()];
    let line = [&line[..], &[scene.folder.to_str().unwrap()]].concat();
    scene.user.tool(dotnet.to_str().unwrap(), &line);
    assert!(names.iter().all(|name| plain.join(name).exists()));

    let root = "[inputs]\nroot = \"../../../..\"\n";
    fs::write(scene.folder.join("mizzen.toml"), root).unwrap();
    let raised = scene.build(&[]);
    assert_eq!(warnings(&raised), [""; 0]);
    assert_eq!(scene.published(&names), names);
}

#[test]
fn a_publish_that_fails_for_want_of_a_file_above_the_workspace_says_which() {
    let scene = Scene::new();
    let shared: &Path = &scene.folder.join("../shared");
    fs::create_dir_all(shared).unwrap();
    fs::write(shared.join("version.txt"), "1.0").unwrap();
    let reads = "<Target Name=\"Ask\" AfterTargets=\"Build\">\
        <Exec Command=\"cat ../shared/version.txt\" /></Target></Project>";
    edit(&scene.folder.join("hello-web.csproj"), "</Project>", reads);
    let run = scene.user.build(&["w/a/b/c/hello", "-o", "oci:out"]);
    assert_eq!(run.code, 3);
    let told = warnings(&run);
    assert_eq!(told.len(), 1, "{}", run.stderr);
    assert!(told[0].contains("`../shared`"), "{told:?}");
}

#[test]
fn where_nobody_watched_it_is_said_that_nothing_is_known() {
    let scene = Scene::new();
    scene.fill();
    let run = scene.build(&["--isolation", "path"]);
    assert_eq!(warnings(&run), [""; 0]);
    let file = scene.folder.join("../shared/shared.json");
    let file = file.to_str().unwrap();
    let why = [
        "plan",
        "w/a/b/c/hello",
        "--isolation",
        "path",
        "--why",
        file,
    ];
    let why = scene.user.run_bare(&why).success().stdout;
    assert!(why.contains("is not known"), "{why}");
}
