//! `mizzen plan` says what `mizzen build` would do, and does none of it.

use crate::support::{User, edit, prepared};

#[test]
fn the_plan_names_what_would_run_and_why_and_starts_nothing() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let hello = folder.to_str().unwrap();
    let plan = |arguments: &[&str]| {
        user.run_bare(&[&["plan", hello], arguments].concat())
            .success()
            .stdout
    };
    let text = plan(&[]);
    assert!(
        text.contains("restore    runs") && text.contains("no earlier build"),
        "{text}"
    );
    assert!(text.contains("publish    runs    after restore"), "{text}");
    assert_eq!(user.dotnet_calls(), [""; 0]);

    let base = format!(
        "oci:{}",
        prepared("MIZZEN_TEST_BASE").join("aspnet-3.1").display()
    );
    user.build(&["hello", "-o", "oci:out", "--base", &base])
        .success();
    user.dotnet_calls();
    assert!(plan(&[]).contains("publish    reused  sha256:"));
    edit(&folder.join("Program.cs"), "Hello", "Howdy");
    let json: serde_json::Value = serde_json::from_str(&plan(&["--json"])).unwrap();
    assert_eq!(json["steps"][0]["outcome"], "hit");
    assert_eq!(
        json["steps"][1]["changed"][0],
        "~ Program.cs (content, read)"
    );

    assert_eq!(json["tailored"], serde_json::Value::Null);
    let trimmed = plan(&["-p", "PublishTrimmed=true"]);
    assert!(trimmed.contains("layers     trimmed: "), "{trimmed}");

    let why = |file: &str| plan(&["--why", folder.join(file).to_str().unwrap()]);
    let program = why("Program.cs");
    assert!(program.starts_with("Program.cs: sha256:"), "{program}");
    assert!(
        program.contains("\n  read by publish of hello-web (seen "),
        "{program}"
    );
    fs_err::create_dir_all(folder.join("bin")).unwrap();
    for file in ["bin/x", "../shared.json"] {
        fs_err::write(folder.join(file), "{}").unwrap();
    }
    let left_out = why("bin/x");
    assert!(
        left_out.starts_with("bin/x: left out of the stage\n"),
        "{left_out}"
    );
    // It was watched, and did not look for that; as it would be published now, nobody knows.
    assert!(why("../shared.json").contains("is not known"));
    edit(&folder.join("Program.cs"), "Howdy", "Hello");
    assert!(why("../shared.json").contains("publish did not look for it"));
    assert!(why("/etc/no-such").contains("seen by no step"));
    assert_eq!(user.dotnet_calls(), [""; 0]);
}
