//! What mizzen knows of `global.json` against the word of `dotnet` itself.

use super::User;
use fs_err as fs;
use mizzen_dotnet::Toolchain;
use std::path::Path;
use std::process::Command;

const INSTALLED: [&str; 12] = [
    "8.0.100",
    "8.0.110",
    "8.0.400",
    "9.0.105",
    "9.0.200",
    "9.0.203",
    "9.1.100",
    "10.0.100-preview.2",
    "10.0.100-preview.10",
    "10.0.401",
    "11.0.100-rc.1",
    "not-a-version",
];

const ASKED: [&str; 13] = [
    "8.0.100",
    "8.0.101",
    "8.0.111",
    "8.0.200",
    "8.0.500",
    "9.0.100",
    "9.0.200-rc.1",
    "10.0.100",
    "10.0.100-preview.3",
    "10.0.100-preview.2",
    "7.0.100",
    "11.0.100",
    "12.0.100",
];

const POLICIES: [&str; 10] = [
    "",
    "disable",
    "patch",
    "feature",
    "minor",
    "major",
    "latestPatch",
    "latestFeature",
    "LATESTMINOR",
    "latestMajor",
];

/// Texts that are odd in other ways.
const ODD: [&str; 18] = [
    "{}",
    "[]",
    "nonsense",
    "",
    r#"{"sdk": null}"#,
    r#"{"sdk": {"version": null, "allowPrerelease": false}}"#,
    r#"{"sdk": "8.0.100"}"#,
    r#"{"sdk": {"version": 8}}"#,
    r#"{"sdk": {"version": "8.0"}}"#,
    r#"{"sdk": {"version": "8.0.0100"}}"#,
    r#"{"sdk": {"version": "8.0.100", "rollForward": "sideways"}}"#,
    r#"{"sdk": {"rollForward": "latestMajor", "allowPrerelease": false}}"#,
    r#"{"sdk": {"rollForward": "latestMinor"}}"#,
    r#"{"sdk": {"version": "8.0.100", "allowPrerelease": "no"}}"#,
    r#"{"sdk": {"version": "10.0.100-preview.3", "allowPrerelease": false, "rollForward": "latestMajor"}}"#,
    "\u{feff}{\"sdk\": {\"version\": \"9.0.200\"}}",
    r#"{"sdk": {"version": "9.0.200",}}"#,
    r#"{"msbuild-sdks": {"X": "1.0.0"}, "SDK": {"version": "8.0.100"}}"#,
];

/// What only newer hosts understand: comments, and where SDKs are looked for.
pub(crate) const NEWER: [&str; 8] = [
    "// c\n{ /* d */ \"sdk\": { \"version\": \"9.0.200\" } } and more",
    r#"{"sdk": {"paths": []}}"#,
    r#"{"sdk": {"paths": ["missing", "other"]}}"#,
    r#"{"sdk": {"paths": ["./other", "$host$"], "version": "8.0.400"}}"#,
    r#"{"sdk": {"paths": ["other", "$host$"], "version": "9.1.100"}}"#,
    r#"{"sdk": {"paths": ["other", 5, "$host$"], "rollForward": "latestMajor"}}"#,
    r#"{"sdk": {"paths": "other"}}"#,
    r#"{"sdk": {"paths": ["../sdk"], "version": "8.0.400", "errorMessage": "none"}}"#,
];

/// Asks the `dotnet` of `sdk` and mizzen which SDK each text chooses, and compares.
pub(crate) fn compare(sdk: &Path, more: &[&str]) {
    let user = User::without_sdk();
    let root = user.path("sdk");
    for version in INSTALLED {
        install(&root, version);
    }
    install(&user.path("w/other"), "8.0.410");
    for link in ["host", "shared"] {
        fs::os::unix::fs::symlink(sdk.join(link), root.join(link)).unwrap();
    }
    fs::copy(sdk.join("dotnet"), root.join("dotnet")).unwrap();

    let mut texts: Vec<String> = ODD.iter().chain(more).map(ToString::to_string).collect();
    for version in ASKED {
        for policy in POLICIES {
            for allow in ["", ",\"allowPrerelease\":false"] {
                let policy = match policy {
                    "" => String::new(),
                    policy => format!(",\"rollForward\":\"{policy}\""),
                };
                texts.push(format!(
                    "{{\"sdk\":{{\"version\":\"{version}\"{policy}{allow}}}}}"
                ));
            }
        }
    }
    let workspace = fs::canonicalize(user.path("w")).unwrap();
    let toolchain = Toolchain::find(&[root], None).unwrap();
    let mut differing = Vec::new();
    for text in texts {
        fs::write(workspace.join("global.json"), &text).unwrap();
        let ours = toolchain.choose(&workspace, &workspace).ok();
        let ours = ours.map(|sdk| sdk.root.join("sdk").join(sdk.version));
        let dotnets = asked(&toolchain.dotnet(), &workspace);
        if ours.as_deref() != dotnets.as_deref().map(Path::new) {
            differing.push((text, ours, dotnets));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

fn install(root: &Path, version: &str) {
    let folder = root.join("sdk").join(version);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("dotnet.dll"), "").unwrap();
}

/// Returns the folder of the SDK that `dotnet` chooses, as it tells while it is traced. There is no
/// SDK that could run.
fn asked(dotnet: &Path, folder: &Path) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the program that is compared with"
    )]
    let output = Command::new(dotnet)
        .arg("--version")
        .current_dir(folder)
        .env_clear()
        .env("COREHOST_TRACE", "1")
        .env("DOTNET_HOST_TRACE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("Resolving SDKs with version"), "{said}");
    let path = said
        .lines()
        .find_map(|line| line.strip_prefix("SDK path resolved to ["))?;
    Some(path.trim_end_matches(']').to_owned())
}
