use crate::support::monorepo::{APP, monorepo};
use crate::support::{Run, User, edit, prepared};
use fs_err as fs;
use mizzen_image::{ImageDiff, Layout, Taggable};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A script that `dotnet publish` runs first, where it can see it.
pub(crate) const WHILE_IT_IS_BUILT: &str = "while-it-is-built";

/// A user with a repository that was built once: that build is kept in a cache that is never written
/// again, and each scenario edits a copy of the repository elsewhere.
pub(crate) struct Scene {
    pub(crate) user: User,
    number: usize,
    pub(crate) first: Run,
}

impl Scene {
    pub(crate) fn new() -> Self {
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
    pub(crate) fn copy(&mut self) -> PathBuf {
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

    pub(crate) fn project(root: &Path) -> String {
        root.join(APP).to_str().unwrap().to_owned()
    }

    /// Returns what `mizzen plan` says of restore and publish, `hit run`, and the reason.
    pub(crate) fn plan(&self, root: &Path, options: &[&str]) -> (String, String) {
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
    pub(crate) fn build(&self, root: &Path, options: &[&str]) -> (Run, Vec<String>) {
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
pub(crate) fn insert(path: &Path, text: &str) {
    edit(path, "</Project>", &format!("{text}</Project>"));
}

pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
