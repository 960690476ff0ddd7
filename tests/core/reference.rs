//! docs/reference/cli.md says what `mizzen help` says.

use crate::support::{User, testdata};
use fs_err as fs;

#[test]
fn the_reference_is_the_help() {
    let user = User::without_sdk();
    let mut text =
        "# The command line\n\nWhat `mizzen help` prints; a test keeps it so.\n".to_owned();
    let verbs = [
        "build",
        "plan",
        "trust",
        "cache",
        "inspect",
        "diff",
        "validate",
        "sbom",
        "audit",
        "push",
        "pull",
        "copy",
        "login",
        "logout",
        "init",
        "migrate",
        "completions",
        "man",
        "schema",
    ];
    let verbs = verbs.map(|verb| vec![verb, "--help"]);
    for arguments in [vec!["--help"]].iter().chain(&verbs) {
        let help = user.run_bare(arguments).success().stdout;
        let heading = arguments.join(" ");
        text.extend([
            "
## mizzen ",
            &heading,
            "

```
",
            &help,
            "```
",
        ]);
    }
    let file = testdata("../docs/reference/cli.md");
    // Remade with: UPDATE_REFERENCE=1 cargo test -p mizzen --test core reference
    if crate::support::is_set("UPDATE_REFERENCE") {
        fs::write(&file, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(file).unwrap(), text);
}
