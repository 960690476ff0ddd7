//! The rungs of isolation give one image, and a weak record is not a hit where more can be had.

use crate::support::{Run, User, edit, prepared};
use fs_err as fs;
use std::collections::BTreeMap;

fn build(user: &User, environment: &BTreeMap<String, String>, isolation: &str) -> Run {
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let output = format!("oci:{isolation}-out");
    let arguments = ["hello", "-o", &output, "--base", &base];
    user.build_as(
        environment,
        &[&arguments[..], &["--isolation", isolation]].concat(),
    )
    .success()
}

#[test]
fn every_rung_gives_one_image_and_a_weak_record_is_no_hit_where_more_can_be_had() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    user.workspace("hello-web", "hello", None);
    let weak = build(&user, &user.environment, "path");
    let isolated = build(&user, &user.environment, "namespace");
    assert_eq!(isolated.steps(), "restore=ran publish=ran");
    let why = isolated.image()["steps"][0]["changed"][0].as_str().unwrap();
    // The weak rung could not hide where the SDK lies either.
    let place = user.path("sdk");
    let want = format!("the SDK was seen at {}, and is now at", place.display());
    assert!(why.starts_with(&want), "{why}");
    // What has been made with more is good for all.
    for isolation in ["path", "auto", "namespace"] {
        let again = build(&user, &user.environment, isolation);
        assert_eq!(again.steps(), "restore=hit publish=hit", "{isolation}");
    }

    let masked = build_masked(&user, &user.elsewhere("masked"));
    assert_eq!(masked.steps(), "restore=ran publish=ran");
    assert_eq!(
        (weak.digest(), masked.digest()),
        (isolated.digest(), isolated.digest())
    );
}

/// Builds where part of `/proc` is covered, so that a process namespace cannot be had.
fn build_masked(user: &User, environment: &BTreeMap<String, String>) -> Run {
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let arguments = ["hello", "-o", "oci:masked", "--base", &base];
    let arguments = [&arguments[..], &["--isolation", "namespace"]].concat();
    user.build_below_masked_proc(environment, &arguments)
        .success()
}

/// Returns a target that fails unless the compiler's server runs, or runs not, after the compiler.
fn see_the_server(is_there: bool) -> String {
    let (found, not_found) = if is_there { (0, 1) } else { (1, 0) };
    // The shell's loop names itself only with the brackets.
    format!(
        r#"  <Target Name="SeeTheServer" AfterTargets="CoreCompile">
    <Exec Command="for p in /proc/[0-9]*; do grep -qz [V]BCSCompiler $p/cmdline &amp;&amp; grep -qzx DOTNET_ROOT=$DOTNET_ROOT $p/environ &amp;&amp; exit {found}; done 2>/dev/null; exit {not_found}" />
  </Target>

</Project>"#
    )
}

#[test]
fn the_compilers_server_runs_where_the_stage_has_a_tmp_of_its_own_and_ends_with_it() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let project = folder.join("hello-web.csproj");
    edit(&project, "</Project>", &see_the_server(true));
    let masked = build_masked(&user, &user.elsewhere("masked"));
    assert_eq!(processes_of(&user), [""; 0]);

    edit(&project, &see_the_server(true), &see_the_server(false));
    let path = build(&user, &user.environment, "path");
    assert_eq!(processes_of(&user), [""; 0]);
    assert_eq!(path.digest(), masked.digest());
}

/// Returns the commands of all processes that were started with the user's own `dotnet`.
fn processes_of(user: &User) -> Vec<String> {
    let root = format!("DOTNET_ROOT={}", user.path("sdk").display());
    let command = |process: std::path::PathBuf| {
        let environment = fs::read(process.join("environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        variables.find(|variable| *variable == root.as_bytes())?;
        let command = fs::read(process.join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&command).replace('\0', " "))
    };
    let entries = fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| command(entry.ok()?.path()))
        .collect()
}
