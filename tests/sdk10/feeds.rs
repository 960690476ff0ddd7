//! NuGet as the user has configured it, with secrets that only restore sees.

use crate::support::{Run, User, edit, prepared, refer_to};
use fs_err as fs;
use mizzen_testkit::{NugetFeed, nuget_package};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn user() -> User {
    User::with_sdk(&prepared("MIZZEN_SDK"))
}

/// A project with one package, whose publish tells what it sees of the configuration.
fn workspace(user: &User) {
    let folder = user.workspace("hello-web", "hello", None);
    fs::remove_file(folder.join("nuget.config")).unwrap();
    let project = folder.join("hello-web.csproj");
    edit(&project, "netcoreapp3.1", "net10.0");
    let show = "cat $HOME/.nuget/NuGet/NuGet.Config $HOME/.nuget/NuGet/config/* $HOME/machine/NuGet/Config/*; env; ls -d $HOME/.nuget/plugins; true";
    let package = format!(
        "<ItemGroup><PackageReference Include=\"Dapper\" Version=\"2.1.86\" /></ItemGroup>
         <Target Name=\"Show\" AfterTargets=\"Publish\"><Exec Command=\"{show}\" /></Target></Project>"
    );
    edit(&project, "</Project>", &package);
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("<configuration>{text}</configuration>")).unwrap();
}

fn build(user: &User, environment: &BTreeMap<String, String>) -> Run {
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-10.0");
    let base = format!("oci:{}", base.display());
    user.build_as(
        environment,
        &["hello", "-v", "-o", "oci:out", "--base", &base],
    )
}

/// Returns the files below `folder` that hold `text`.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut holding = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holding.extend(self::holding(&path, text));
        } else {
            let bytes = fs::read(&path).unwrap();
            if bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
            {
                holding.push(path.display().to_string());
            }
        }
    }
    holding
}

#[test]
fn feeds_and_credentials_come_from_where_nuget_finds_them_and_reach_restore_alone() {
    let user = user();
    workspace(&user);
    let feed = NugetFeed::start(&prepared("MIZZEN_FEED"), "dev:hunter2").unwrap();
    // Each in another file: the feed is the machine's, the login is the user's, the password a variable.
    let source = format!(
        "<packageSources><add key=\"corp\" value=\"{}\" allowInsecureConnections=\"true\" /></packageSources>",
        feed.url()
    );
    write(
        &user.path("machine/NuGet/Config/Corp.Config.config"),
        &source,
    );
    write(
        &user.path("home/.nuget/NuGet/NuGet.Config"),
        "<packageSources />",
    );
    let login = "<packageSourceCredentials><corp><add key=\"Username\" value=\"dev\" />\
                 <add key=\"ClearTextPassword\" value=\"%CORP_PASSWORD%\" /></corp></packageSourceCredentials>";
    let logins = user.path("home/.nuget/NuGet/config/logins.config");
    write(&logins, login);
    let with = |environment: &BTreeMap<String, String>, name: &str, value: &str| {
        let mut environment = environment.clone();
        environment.insert(name.to_owned(), value.to_owned());
        environment
    };
    let machine = user.path("machine");
    let machine = machine.to_str().unwrap();
    let plain = with(&user.environment, "NUGET_COMMON_APPLICATION_DATA", machine);
    let known = with(&plain, "CORP_PASSWORD", "hunter2");
    let first = build(&user, &known).success();
    let said = format!("{}{}", first.stdout, first.stderr);
    assert!(said.contains("allowInsecureConnections"), "{said}");
    assert!(
        !said.contains("hunter2") && !said.contains("ClearTextPassword"),
        "{said}"
    );
    assert_eq!(holding(&user.path("cache"), "hunter2"), [""; 0]);

    // Another password is no other build; nobody is asked.
    feed.change_login("dev:hunter3");
    let (served, refused) = feed.requests();
    let changed = with(&plain, "CORP_PASSWORD", "hunter3");
    assert_eq!(
        build(&user, &changed).success().steps(),
        "restore=hit publish=hit"
    );
    assert_eq!(feed.requests(), (served, refused));

    // A variable instead of a file.
    fs::remove_file(logins).unwrap();
    let elsewhere = |name: &str| {
        let mut environment = plain.clone();
        let cache = user.path(name).to_str().unwrap().to_owned();
        environment.insert("MIZZEN_CACHE_DIR".to_owned(), cache);
        environment
    };
    let login = "Username=dev;Password=hunter3";
    let by_variable = with(
        &elsewhere("by-variable"),
        "NuGetPackageSourceCredentials_corp",
        login,
    );
    let by_variable = build(&user, &by_variable).success();
    assert_eq!(by_variable.digest(), first.digest());
    assert_eq!(holding(&user.path("by-variable"), "hunter3"), [""; 0]);

    // Nothing at all, and then a credential provider that is a tool on PATH.
    let nobody = elsewhere("by-provider");
    let said = build(&user, &nobody).failure(3);
    assert!(said.contains("NU1301") && said.contains("401"), "{said}");
    fs::create_dir(user.path("tools")).unwrap();
    let provider = user.path("tools/nuget-plugin-corp");
    fs::write(&provider, PROVIDER).unwrap();
    fs::set_permissions(&provider, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", nobody["PATH"], user.path("tools").display());
    let by_provider = build(&user, &with(&nobody, "PATH", &path)).success();
    assert_eq!(by_provider.digest(), first.digest());
    assert!(!by_provider.stderr.contains("hunter3"));
    assert_eq!(holding(&user.path("by-provider"), "hunter3"), [""; 0]);
}

/// A credential provider: it answers what NuGet asks on its standard input, a line each.
const PROVIDER: &str = r#"#!/bin/sh
reply() {
    printf '{"RequestId":"%s","Type":"Response","Method":"%s","Payload":%s}\n' "$id" "$method" "$1"
}
printf '{"RequestId":"0c8a4d6e-8c52-4d2a-9b0e-0a8a54d9f7b1","Type":"Request","Method":"Handshake",'
printf '"Payload":{"ProtocolVersion":"2.0.0","MinimumProtocolVersion":"1.0.0"}}\n'
while read -r line; do
    case $line in *'"Type":"Request"'*) ;; *) continue ;; esac
    id=${line#*\"RequestId\":\"} method=${line#*\"Method\":\"}
    id=${id%%\"*} method=${method%%\"*}
    case $method in
        Handshake) reply '{"ResponseCode":"Success","ProtocolVersion":"2.0.0"}' ;;
        GetOperationClaims) reply '{"Claims":["Authentication"]}' ;;
        GetAuthenticationCredentials)
            reply '{"Username":"dev","Password":"hunter3","AuthenticationTypes":["Basic"],"ResponseCode":"Success"}' ;;
        *) reply '{"ResponseCode":"Success"}' ;;
    esac
done
"#;

/// Publishes a package whose targets say where it is from when a project that has it is published.
fn package_that_says(feed: &Path, text: &str) {
    let targets = format!(
        "<Project><Target Name=\"Say\" AfterTargets=\"Publish\">\
         <Message Importance=\"high\" Text=\"{text}\" /></Target></Project>"
    );
    nuget_package(
        feed,
        "Acme.Text",
        "1.0.0",
        &[("build/Acme.Text.targets", targets)],
    );
}

#[test]
fn a_source_mapping_decides_which_feed_a_package_is_from_and_another_mapping_restores_again() {
    let user = user();
    let feeds = ["public", "corp"].map(|name| user.path(name));
    for (feed, text) in feeds.iter().zip(["from the public", "from the corp"]) {
        package_that_says(feed, text);
    }
    let folder = user.workspace("hello-web", "hello", None);
    let project = folder.join("hello-web.csproj");
    edit(&project, "netcoreapp3.1", "net10.0");
    refer_to(&project, "Acme.Text");
    let mapped = |key: &str, pattern: &str| {
        format!("<packageSource key=\"{key}\"><package pattern=\"{pattern}\" /></packageSource>")
    };
    let mapping = |public: &str, corp: &str| {
        let mapped = [mapped("public", public), mapped("corp", corp)].concat();
        format!("<packageSourceMapping><clear />{mapped}</packageSourceMapping>")
    };
    let [public, corp] = feeds.each_ref().map(|feed| feed.display());
    let sources = format!(
        "<packageSources><clear /><add key=\"public\" value=\"{public}\" />\
         <add key=\"corp\" value=\"{corp}\" /></packageSources>"
    );
    let own = folder.join("nuget.config");
    write(&own, &sources);
    // Each feed has the package; the user's mapping makes one of them the only place to ask.
    let users = user.path("home/.nuget/NuGet/NuGet.Config");
    for (public, corp, says) in [
        ("*", "Acme.*", "from the corp"),
        ("Acme.*", "Acme", "from the public"),
    ] {
        write(&users, &mapping(public, corp));
        let run = build(&user, &user.environment).success();
        assert_eq!(run.steps(), "restore=ran publish=ran", "{says}");
        assert!(run.stderr.contains(says), "{says}: {}", run.stderr);
        let again = build(&user, &user.environment).success();
        assert_eq!(again.steps(), "restore=hit publish=hit");
    }
    // The workspace's own counts more. No feed may be asked: that both have it does not help.
    write(&own, &(sources + &mapping("Other.*", "Another.*")));
    let said = build(&user, &user.environment).failure(3);
    assert!(said.contains("NU1100"), "{said}");
    assert!(said.contains("PackageSourceMapping is enabled"), "{said}");
}
