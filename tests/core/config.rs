//! `mizzen.toml`: what it lets in, what it keeps out, and that it is never silently without effect.

use crate::support::{User, edit, prepared};
use fs_err as fs;
use mizzen_testkit::{MemoryRegistry, tiny_base};
use std::path::Path;

const SECRET: &str = "hunter2-and-then-some";

/// A project whose version comes from a variable and from a file outside, and that tells the secret
/// to whoever listens.
const PROJECT: &str = r#"
  <PropertyGroup>
    <InformationalVersion>1.0-$(BUILD_NUMBER)-$([System.IO.File]::ReadAllText('OUTSIDE/version.txt'))</InformationalVersion>
  </PropertyGroup>
  <Target Name="Leak" BeforeTargets="_GenerateRestoreGraph">
    <Warning Condition="'$(FEED_TOKEN)' != ''" Code="LEAK1" Text="the token is $(FEED_TOKEN)" />
  </Target>
  <Target Name="Hidden" BeforeTargets="CoreCompile">
    <Error Condition="'$(FEED_TOKEN)' != ''" Text="publish sees the token" />
    <Error Condition="'$(UNNAMED)' != ''" Text="a variable came in that nobody named" />
    <Error Condition="Exists('docs/guide.md')" Text="what is ignored is here" />
  </Target>
</Project>"#;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn user() -> User {
    let mut user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let variables = [
        ("BUILD_NUMBER", "7"),
        ("FEED_TOKEN", SECRET),
        ("UNNAMED", "x"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    user.environment.extend(variables);
    user
}

#[test]
fn variables_and_files_that_are_named_are_in_the_key_secrets_in_nothing_and_the_ignored_nowhere() {
    let mut user = user();
    let folder = user.workspace("hello-web", "hello", None);
    let outside = user.path("corp");
    write(&outside.join("version.txt"), "a");
    write(&folder.join("docs/guide.md"), "one");
    let project = PROJECT.replace("OUTSIDE", outside.to_str().unwrap());
    edit(&folder.join("hello-web.csproj"), "</Project>", &project);
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let config = format!(
        "[build]\nbase = \"oci:{}\"\noutput = [\"oci:out\"]\n[images.hello-web]\nuser = 4242\n\
         [cache]\ndir = \"never\"\n\
         [env]\npass = [\"BUILD_NUMBER\", \"UNSET\"]\nsecret = [\"FEED_TOKEN\"]\n\
         [inputs]\nextra = [\"{}\"]\nignore = [\"docs/**\", \"out/**\"]\n",
        base.display(),
        outside.display()
    );
    write(&folder.join("mizzen.toml"), &config);
    let first = user.build(&["hello", "-v"]).success();
    assert_eq!(first.steps(), "restore=ran publish=ran");
    assert!(
        first.stderr.contains("the token is ***"),
        "{}",
        first.stderr
    );
    assert!(!first.stderr.contains(SECRET), "{}", first.stderr);
    // Paths of the file are relative to it; MIZZEN_CACHE_DIR stands over its cache.
    let layout = folder.join("out");
    assert!(
        first
            .stdout
            .starts_with(&format!("oci:{}@", layout.display()))
    );
    assert!(!folder.join("never").exists());
    let shown = user.run_bare(&["inspect", "--json", &format!("oci:{}", layout.display())]);
    assert!(shown.success().stdout.contains("\"4242\""));

    // Neither another secret nor what is ignored is a reason to run.
    write(&folder.join("docs/guide.md"), "two");
    user.environment
        .insert("FEED_TOKEN".to_owned(), format!("{SECRET}2"));
    let again = user.build(&["hello"]).success();
    assert_eq!(again.steps(), "restore=hit publish=hit");

    // The project reads it whenever it is evaluated.
    write(&outside.join("version.txt"), "b");
    let other = user.build(&["hello"]).success();
    assert_eq!(other.steps(), "restore=ran publish=ran");
    let changed = format!("~ {}/version.txt (content, read)", outside.display());
    assert_eq!(other.image()["steps"][1]["changed"][0], changed.as_str());
    assert_ne!(other.layers(), first.layers());

    user.environment
        .insert("BUILD_NUMBER".to_owned(), "8".to_owned());
    user.environment
        .insert("UNSET".to_owned(), "4d61-number".to_owned());
    let plan = user.run_bare(&["plan", folder.to_str().unwrap()]).success();
    for line in [
        "variable BUILD_NUMBER (value)",
        "variable UNSET: unset → set",
    ] {
        assert!(plan.stdout.contains(line), "{}", plan.stdout);
    }
    user.build(&["hello"]).success();
    assert_eq!(search(&user.path("cache"), "4d61-number"), [""; 0]);
    assert_eq!(search(&user.path("cache"), SECRET), [""; 0]);
    assert_eq!(search(&folder, SECRET), [""; 0]);
}

/// Returns the files below `folder` that hold `text`; what restore leaves is kept as it is.
fn search(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(search(&path, text));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        if bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_slip_in_the_file_is_told_and_each_setting_can_be_traced() {
    let mut user = user();
    let folder = user.workspace("hello-web", "hello", None);
    let file = folder.join("mizzen.toml");
    for (text, want) in [
        ("[build]\nplatfrom = []\n", "hint: did you mean `platform`?"),
        (
            "[policy]\nflots = \"error\"\n",
            "hint: did you mean `floats`?",
        ),
        (
            "[build]\nplatform = [\"linux\"]\n",
            "mizzen.toml` is not understood",
        ),
        ("[env]\npass = [\"HOME\"]\n", "`HOME` cannot be passed"),
        (
            "[inputs]\nroot = \"wwwroot\"\n",
            "is not inside the workspace root",
        ),
        ("[inputs]\nextra = [\"../x\"]\n", "it does not exist"),
    ] {
        write(&file, text);
        let said = user.build(&["hello", "-o", "oci:out"]).failure(2);
        assert!(said.contains(want), "{text}: {said}");
    }
    write(
        &file,
        "[build]\nplatform = [\"linux/arm64\"]\nuser = 1\nlabel = { a = \"b\" }\n\
         [images.hello-web]\nuser = 2\n[policy]\ngit = \"never\"\n[inputs]\nroot = \"..\"\n",
    );
    user.environment
        .insert("MIZZEN_PLATFORM".to_owned(), "linux/amd64".to_owned());
    let plan = ["plan", folder.to_str().unwrap(), "--config", "-c", "Debug"];
    let said = user.run_bare(&plan).success().stdout;
    let line = |name: &str| {
        let mut lines = said.lines().map(str::split_whitespace);
        let line = lines.find(|line| line.clone().next() == Some(name));
        line.unwrap().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("platform"), "linux/amd64 MIZZEN_PLATFORM");
    assert_eq!(line("configuration"), "Debug command line");
    assert_eq!(line("user"), "2 mizzen.toml [images.\"hello-web\"]");
    assert_eq!(line("label"), "a=b mizzen.toml [build]");
    assert_eq!(line("compression"), "gzip default");
    assert_eq!(line("policy.git"), "never mizzen.toml [policy]");
    assert_eq!(line("policy.floats"), "resolve default");
    assert!(
        line("inputs.root").ends_with("/hello/.. mizzen.toml [inputs]"),
        "{said}"
    );
    assert_eq!(user.dotnet_calls(), [""; 0]);
}

#[test]
fn every_verb_uses_the_cache_that_the_file_names() {
    let mut user = User::without_sdk();
    user.environment.remove("MIZZEN_CACHE_DIR");
    let registry = MemoryRegistry::start();
    tiny_base(&user.path("base"), "linux/amd64");
    let base = format!("{}/base:1", registry.host());
    let copy = format!("{}/copy:1", registry.host());
    let archive = format!("oci-archive:{}", user.path("base.tar").display());
    user.run_bare(&["push", "oci:base", &base]).success();
    drop(fs::remove_dir_all(user.path("home/.cache")));
    for (table, name) in [("[cache]\ndir", "one"), ("[build]\ncache-dir", "two")] {
        let named = user.path(name);
        for verb in [
            &["cache", "size"][..],
            &["inspect", &base],
            &["diff", &base, &base],
            &["validate", &base],
            &["pull", &base, &archive],
            &["copy", &base, &copy],
            &["push", "oci:base", &copy],
        ] {
            write(
                &user.path("mizzen.toml"),
                &format!("{table} = \"{name}\"\n"),
            );
            drop(fs::remove_dir_all(&named));
            // It says which folder it meant when that cannot be a cache.
            write(&named.join("thesis.odt"), "mine");
            let said = user.run_bare(verb).failure(2);
            assert!(said.contains(named.to_str().unwrap()), "{verb:?}: {said}");
            fs::remove_dir_all(&named).unwrap();
            user.run_bare(verb).success();
            assert!(!user.path("home/.cache").exists(), "{table}: {verb:?}");
        }
    }
}

#[test]
fn settings_of_the_image_run_no_step_again_unless_a_step_reads_the_file() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    tiny_base(&user.path("base"), "linux/amd64");
    let set = |label: &str| {
        let text = format!(
            "[build]\nbase = \"oci:../base\"\nlabel = {{ team = \"{label}\" }}\n\
             env = {{ TEAM = \"{label}\" }}\nlayers = \"auto\"\n[labels]\ngit = true\n"
        );
        write(&folder.join("mizzen.toml"), &text);
    };
    let build = || user.build(&["hello", "-o", "oci:out"]).success();
    let commit = |digit: &str| write(&folder.join(".git/HEAD"), &digit.repeat(40));
    commit("1");
    set("one");
    let first = build();
    assert_eq!(first.steps(), "restore=ran publish=ran");
    set("two");
    commit("2");
    let second = build();
    assert_eq!(second.steps(), "restore=hit publish=hit");
    assert_eq!(second.layers(), first.layers());
    assert_ne!(second.digest(), first.digest());
    let image = user.run_bare(&["inspect", "oci:out"]).success().stdout;
    assert!(image.contains("TEAM=two"), "{image}");
    let revision = format!("org.opencontainers.image.revision={}", "2".repeat(40));
    assert_eq!(
        image.matches(&revision).count(),
        2,
        "a label and an annotation: {image}"
    );

    // What evaluation asks of it, and what becomes part of the program.
    let asks = "<PropertyGroup><InformationalVersion>$([System.IO.File]::ReadAllText('$(MSBuildProjectDirectory)/mizzen.toml').Length)</InformationalVersion></PropertyGroup></Project>";
    let embeds = "<ItemGroup><EmbeddedResource Include=\"mizzen.toml\" /></ItemGroup></Project>";
    let project = fs::read_to_string(folder.join("hello-web.csproj")).unwrap();
    for reads in [asks, embeds] {
        let text = project.replace("</Project>", reads);
        write(&folder.join("hello-web.csproj"), &text);
        set("three");
        let before = build();
        set("thirteen");
        let after = build();
        assert_eq!(after.steps(), "restore=hit publish=ran", "{reads}");
        assert_ne!(after.layers(), before.layers(), "{reads}");
        let clean = user.build_as(&user.elsewhere("clean"), &["hello", "-o", "oci:clean"]);
        assert_eq!(clean.success().digest(), after.digest(), "{reads}");
        fs::remove_dir_all(user.path("clean-cache")).unwrap();
    }
}
