//! `mizzen plan` says what each step of each project was seen to look up, and starts nothing for it.

use crate::support::{User, edit, prepared};
use fs_err as fs;
use serde_json::Value;

/// Takes out how old what is known is: a machine may be slow.
fn ageless(said: &str) -> String {
    let lines = said.lines().map(|line| match line.split_once("(seen ") {
        Some((before, after)) => {
            let (_, after) = after.split_once(" ago").unwrap();
            format!("{before}(seen AGE ago{after}\n")
        }
        None => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn a_plan_tells_how_the_steps_of_every_project_saw_a_file_and_no_dotnet_starts() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    for name in ["One", "Two"] {
        let project = user.workspace("hello-web", &format!("w/{name}"), None);
        let file = project.join(format!("{name}.csproj"));
        fs::rename(project.join("hello-web.csproj"), &file).unwrap();
        fs::rename(project.join("nuget.config"), user.path("w/nuget.config")).unwrap();
    }
    let solution = "<Solution><Project Path=\"One/One.csproj\" /><Project Path=\"Two/Two.csproj\" /></Solution>";
    fs::write(user.path("w/All.slnx"), solution).unwrap();
    fs::write(user.path("w/README.md"), "read me").unwrap();
    // A file of the machine that one project reads, through a folder that it lists.
    let targets = "<Target Name=\"Odd\" BeforeTargets=\"CoreCompile\">\
        <Exec Command=\"cat /etc/hostname; ls ../docs\" /></Target></Project>";
    edit(&user.path("w/One/One.csproj"), "</Project>", targets);
    fs::create_dir(user.path("w/docs")).unwrap();
    fs::write(user.path("w/docs/a.md"), "a").unwrap();
    let plan = |arguments: &[&str]| {
        let run = user.run_bare(&[&["plan", "w"], arguments].concat());
        run.success().stdout
    };
    let why = |file: &str| ageless(&plan(&["--why", file]));
    let unknown = why("w/One/Program.cs");
    assert!(
        unknown.contains("restore of One, Two looks for it is not known: it has not run here"),
        "{unknown}"
    );
    assert!(plan(&["--inputs"]).contains("publish of Two/Two.csproj: not known"));
    assert_eq!(user.dotnet_calls(), [""; 0]);

    let arguments = ["w", "-o", "oci:out/{project}", "--base", "oci:base"];
    user.build(&arguments).success();
    user.dotnet_calls();
    let says = |file: &str, want: &[&str]| {
        let said = why(file);
        for line in want {
            assert!(said.contains(line), "{file}: {line}\n{said}");
        }
    };
    let seen = |text: &str| format!("  {text} (seen AGE ago)\n");
    says(
        "w/One/Program.cs",
        &[
            "One/Program.cs: sha256:",
            &seen("read by publish of One"),
            // Evaluation lists the folder of a project.
            &seen("listed (its folder) by restore of One"),
            &seen("not seen by publish of Two"),
        ],
    );
    // Relative, inside, not there.
    says(
        "w/One/../Directory.Build.props",
        &[
            "Directory.Build.props: does not exist\n",
            &seen("looked for by restore of One, Two, absent"),
            &seen("looked for by publish of One, Two, absent"),
        ],
    );
    says("w/README.md", &[&seen("seen by no step")]);
    says(
        "w/docs/a.md",
        &[&seen("listed (its folder) by publish of One")],
    );
    says("/etc/hostname", &[&seen("read by publish of One")]);
    // Nobody looked for that, and nobody would see it.
    says("/nowhere/at/all", &["does not exist\n  no stage shows it"]);
    let json: Value = serde_json::from_str(&plan(&["--why", "w/README.md", "--json"])).unwrap();
    assert_eq!(json["steps"].as_array().unwrap().len(), 4);
    assert_eq!(json["steps"][0]["seen"], "no");
    assert!(json["steps"][0]["seenAt"].as_u64().unwrap() > 1_700_000_000);

    let inputs: Value = serde_json::from_str(&plan(&["--inputs", "--json"])).unwrap();
    let publish = &inputs["projects"][0]["steps"][1];
    let paths = publish["paths"].as_array().unwrap();
    let has = |path: &str, look: &str, place: &str| {
        paths
            .iter()
            .any(|found| found["path"] == path && found["look"] == look && found["where"] == place)
    };
    assert!(has("One/Program.cs", "read", "workspace"));
    assert!(has("Directory.Build.props", "probed", "workspace"));
    assert!(has("docs", "listed", "workspace"));
    assert!(has("/etc/hostname", "read", "machine"));
    assert!(!has("README.md", "read", "workspace"));
    let text = plan(&["--inputs", "--project", "One"]);
    let line = "\n  read        workspace  One/Program.cs\n";
    assert!(text.contains(line), "{text}");
    let of_publish = text.split("publish of One/One.csproj: ").nth(1).unwrap();
    let number = of_publish.split(' ').next().unwrap();
    assert_eq!(number, paths.len().to_string());
    assert_eq!(of_publish.lines().count(), paths.len() + 1);

    // A miss names how the step saw what changed, and nothing that it did not see.
    edit(&user.path("w/One/Program.cs"), "Hello", "Howdy");
    edit(&user.path("w/README.md"), "read", "write");
    fs::write(user.path("w/docs/b.md"), "").unwrap();
    let changed: Value = serde_json::from_str(&plan(&["--json", "--project", "One"])).unwrap();
    let want = [
        "~ One/Program.cs (content, read)",
        "+ docs/b.md (its folder was listed)",
    ];
    assert_eq!(changed["steps"][1]["changed"], serde_json::json!(want));

    // With other options nothing was watched yet: what is known is of those before.
    let other = plan(&["--why", "w/One/Program.cs", "-c", "Debug"]);
    let before = "read by publish of One (seen AGE ago, with another SDK";
    assert!(ageless(&other).contains(before), "{other}");
    assert_eq!(user.dotnet_calls(), [""; 0]);
}

#[test]
fn what_was_not_watched_is_said_not_to_be_known_and_why() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    user.workspace("hello-web", "w", None);
    let path = ["--isolation", "path"];
    let arguments = ["w", "-o", "oci:out", "--base", "oci:base"];
    user.build(&[&arguments[..], &path].concat()).success();
    user.dotnet_calls();
    let plan = |what: &[&str]| {
        let run = user.run_bare(&[&["plan", "w"], what, &path].concat());
        run.success().stdout
    };
    for said in [plan(&["--why", "w/Program.cs"]), plan(&["--inputs"])] {
        let why = "left no list of paths (it ran with isolation `path`)";
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(user.dotnet_calls(), [""; 0]);
}
