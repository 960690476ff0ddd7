//! What happens to a repository between two builds, each with what becomes of the image.

use crate::scene::{Scene, WHILE_IT_IS_BUILT, insert, write};
use crate::support::edit;
use crate::support::monorepo::assembly;
use fs_err as fs;
use std::os::unix::fs::{PermissionsExt, symlink};

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
