//! What a repository may take from the person who builds it: nothing outside itself, unless that
//! person has said so.

use crate::support::{User, prepared};
use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A user who has allowed nothing yet, the workspace, and a folder of the user's beside it.
fn scene() -> (User, PathBuf, PathBuf) {
    let mut user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    user.environment.remove("MIZZEN_TRUST");
    user.environment
        .insert("TOKEN".to_owned(), "hunter2".to_owned());
    let folder = user.workspace("hello-web", "hello", None);
    fs::create_dir(folder.join(".git")).unwrap();
    write(&folder.join(".git/config"), "token = x\n");
    let outside = fs::canonicalize(user.folder_path())
        .unwrap()
        .join("private");
    write(&outside.join("key"), "secret\n");
    fs::create_dir(outside.join("base")).unwrap();
    (user, folder, outside)
}

/// Returns what stops a plan of `hello`, after checking that nothing ran.
fn stopped(user: &User, name: &str) -> String {
    let said = user.run_bare(&["plan", "hello"]).failure(2);
    assert!(said.contains("that you have not allowed"), "{name}: {said}");
    assert!(
        said.contains("hint: to allow it, run once"),
        "{name}: {said}"
    );
    assert_eq!(user.dotnet_calls(), [""; 0]);
    said
}

#[test]
fn mizzen_toml_reaches_out_of_its_workspace_only_with_consent() {
    let (mut user, folder, outside) = scene();
    user.environment.remove("MIZZEN_CACHE_DIR");
    symlink(&outside, folder.join("lead")).unwrap();
    let at = |path: &str| format!("`{}/{path}`", outside.display());
    let own = folder.join(".git/config");
    let cases = [
        (
            "[inputs]\nextra = [\"OUT/key\"]",
            format!("read {}", at("key")),
        ),
        (
            "[inputs]\nextra = [\".git/config\"]",
            format!("read `{}`", own.display()),
        ),
        (
            "[inputs]\nextra = [\"lead/key\"]",
            format!("read {}", at("key")),
        ),
        ("[inputs]\nroot = \"..\"", "read `".to_owned()),
        (
            "[env]\npass = [\"TOKEN\"]",
            "see the variable `TOKEN`".to_owned(),
        ),
        (
            "[env]\nsecret = [\"TOKEN\"]",
            "see the variable `TOKEN`".to_owned(),
        ),
        (
            "[build]\noutput = [\"docker:shop\"]",
            "load an image into `docker:shop`".to_owned(),
        ),
        (
            "[images.hello-web]\ntag = [\"r.example/shop\"]",
            "push to `r.example/shop`".to_owned(),
        ),
        (
            "[cache]\nfrom = [\"r.example/cache\"]",
            "take results from the shared cache `r.example/cache`".to_owned(),
        ),
        (
            "[build]\ncache-from = [\"r.example/cache\"]",
            "take results from the shared cache `r.example/cache`".to_owned(),
        ),
        (
            "[cache]\nto = [\"r.example/cache\"]",
            "push to `r.example/cache`".to_owned(),
        ),
        (
            "[build]\npush = true",
            "push to the project's ContainerRegistry".to_owned(),
        ),
        (
            "[build]\nadd = [\"OUT/key:/key\"]",
            format!("read {}", at("key")),
        ),
        (
            "[build]\nbase = \"oci:OUT/base\"",
            format!("read {}", at("base")),
        ),
        (
            "[build]\nisolation = \"path\"",
            "run its code with none of your files hidden".to_owned(),
        ),
        (
            "[registry.\"r.example\"]\ninsecure = true",
            "talk to the registry `r.example` without encryption".to_owned(),
        ),
        (
            "[registry.\"r.example\"]\nca = \"ca.pem\"",
            "trust the certificate authority in ".to_owned(),
        ),
        (
            "[registry.\"r.example\"]\nclient-certificate = \"OUT/c\"\nclient-key = \"OUT/k\"",
            format!("use the certificate {}", at("c")),
        ),
    ];
    let home = user.environment["HOME"].clone();
    for (text, want) in cases {
        let text = text.replace("OUT", outside.to_str().unwrap());
        // The link that leads out is another error; what is asked for comes first.
        write(&folder.join("mizzen.toml"), &format!("{text}\n"));
        let said = stopped(&user, &text);
        assert!(said.contains(&want), "{text}: {said}");
    }
    // To look is not to make: no cache, no consent, nothing where an output would go.
    assert!(!outside.join("cache").exists() && !outside.join("image").exists());
    assert!(!Path::new(&home).join(".config").exists());
}

#[test]
fn what_lies_in_the_workspace_or_is_said_by_the_user_needs_no_consent() {
    let (mut user, folder, outside) = scene();
    write(&folder.join("ca/key.pem"), "x");
    write(&folder.join("obj/gen/a.txt"), "x");
    let corp = "<add key=\"corp\" value=\"https://corp.example/v3\" />";
    let credentials = "<packageSourceCredentials><corp><add key=\"Username\" value=\"u\" />\
                       <add key=\"ClearTextPassword\" value=\"p\" /></corp></packageSourceCredentials>";
    // The user's own: a folder of packages, a feed and who may read it, a variable.
    write(
        &user.path("home/.nuget/NuGet/NuGet.Config"),
        &format!(
            "<configuration><packageSources><add key=\"mine\" value=\"{}\" />{corp}\
             <add key=\"v\" value=\"https://x.example/%TOKEN%\" /></packageSources>{credentials}</configuration>",
            outside.display()
        ),
    );
    // The repository's: the public feed, the same feed at the same address, a folder of its own.
    write(
        &folder.join("nuget.config"),
        &format!(
            "<configuration><packageSources><add key=\"nuget.org\" value=\"https://api.nuget.org/v3/index.json\" />\
             {corp}<add key=\"local\" value=\"packages\" /></packageSources></configuration>"
        ),
    );
    write(
        &folder.join("mizzen.toml"),
        "[build]\noutput = [\"oci:out\"]\nadd = [\"ca/key.pem:/key.pem\"]\nlabel = { a = \"b\" }\n\
         [inputs]\nextra = [\"obj/gen\"]\n[cache]\ndir = \".cache\"\n\
         [registry.\"localhost:5000\"]\ninsecure = true\nmirror = [\"m.example\"]\n",
    );
    user.run_bare(&["plan", "hello"]).success();
    let layout = format!("oci:{}/image", outside.display());
    let added = format!("{}/key:/key", outside.display());
    let given = ["plan", "hello", "-o", &layout, "--add", &added];
    user.run_bare(&[&given[..], &["--isolation", "path"]].concat())
        .success();
    user.environment
        .insert("MIZZEN_ISOLATION".to_owned(), "path".to_owned());
    user.run_bare(&["plan", "hello"]).success();
    let asked = user.run_bare(&["trust", "--show", "hello"]).success();
    assert_eq!(asked.stdout, "");
}

#[test]
fn nuget_files_of_the_repository_reach_out_of_it_only_with_consent() {
    let (mut user, folder, outside) = scene();
    let own = user.path("home/.nuget/NuGet/NuGet.Config");
    let credentials = "<configuration><packageSources><add key=\"corp\" value=\"https://corp.example/v3\" /></packageSources>\
                       <packageSourceCredentials><corp><add key=\"Username\" value=\"u\" />\
                       <add key=\"ClearTextPassword\" value=\"p\" /></corp></packageSourceCredentials></configuration>";
    write(&own, credentials);
    user.environment.insert(
        "NuGetPackageSourceCredentials_other".to_owned(),
        "Username=u;Password=p".to_owned(),
    );
    let folder_read = format!("read `{}`", outside.display());
    for (inside, want) in [
        (
            "<packageSources><add key=\"a\" value=\"OUT\" /></packageSources>",
            &*folder_read,
        ),
        (
            "<packageSources><add key=\"a\" value=\"../private\" /></packageSources>",
            &folder_read,
        ),
        (
            "<fallbackPackageFolders><add key=\"a\" value=\"OUT\" /></fallbackPackageFolders>",
            &folder_read,
        ),
        (
            "<packageSources><add key=\"a\" value=\"https://a.example/%TOKEN%\" /></packageSources>",
            "see the variable `TOKEN`",
        ),
        (
            "<packageSourceCredentials><a><add key=\"ClearTextPassword\" value=\"%TOKEN%\" /></a></packageSourceCredentials>",
            "see the variable `TOKEN`",
        ),
        (
            "<packageSources><add key=\"Corp\" value=\"https://evil.example/v3\" /></packageSources>",
            "send your credentials for `Corp` to `https://evil.example/v3`",
        ),
        (
            "<packageSources><add key=\"corp\" value=\"https://corp.example/v3\" disableTLSCertificateValidation=\"true\" /></packageSources>",
            "send your credentials for `corp`",
        ),
        (
            "<packageSources><add key=\"other\" value=\"https://evil.example/v3\" /></packageSources>",
            "send your credentials for `other`",
        ),
    ] {
        let inside = inside.replace("OUT", outside.to_str().unwrap());
        let text = format!("<configuration>{inside}</configuration>\n");
        write(&folder.join("nuget.config"), &text);
        let said = stopped(&user, &inside);
        assert!(
            said.contains(want) && said.contains("(`nuget.config`)"),
            "{inside}: {said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
    // One above the workspace may be anybody's.
    fs::remove_file(folder.join("nuget.config")).unwrap();
    let text = "<configuration><packageSources><add key=\"a\" value=\"private\" /></packageSources></configuration>";
    write(&user.path("nuget.config"), text);
    assert!(stopped(&user, "above").contains(&folder_read));
    fs::remove_file(user.path("nuget.config")).unwrap();
    // A property of MSBuild's names a folder, too.
    let props = format!(
        "<Project><PropertyGroup><RestoreFallbackFolders>{}</RestoreFallbackFolders></PropertyGroup></Project>",
        outside.display()
    );
    write(&folder.join("Directory.Build.props"), &props);
    let said = stopped(&user, "props");
    assert!(
        said.contains(&folder_read) && said.contains("(`Directory.Build.props`)"),
        "{said}"
    );
}

#[test]
fn consent_is_given_once_and_asked_for_again_when_more_is_wanted() {
    let (user, folder, outside) = scene();
    let file = folder.join("mizzen.toml");
    write(&file, "[env]\npass = [\"TOKEN\"]\n");
    stopped(&user, "at first");
    let shown = user.run_bare(&["trust", "--show", "hello"]).success();
    assert_eq!(
        shown.stdout,
        "see the variable `TOKEN` (`mizzen.toml [env]`)\n"
    );
    stopped(&user, "showing allows nothing");
    let trusted = user.run_bare(&["trust", "hello"]).success();
    assert_eq!(trusted.stdout, shown.stdout);
    user.run_bare(&["plan", "hello"]).success();
    // What asks for nothing new is not a reason to ask.
    write(
        &file,
        "# why\n[env]\npass = [\"TOKEN\"]\n[build]\nlabel = { a = \"b\" }\n",
    );
    user.run_bare(&["plan", "hello"]).success();
    let more = format!(
        "[env]\npass = [\"TOKEN\"]\n[inputs]\nextra = [\"{}\"]\n",
        outside.display()
    );
    write(&file, &more);
    let said = stopped(&user, "more");
    assert!(said.contains("read `") && !said.contains("TOKEN"), "{said}");
    // A copy elsewhere is another repository.
    let elsewhere = user.workspace("hello-web", "copy", None);
    write(
        &elsewhere.join("mizzen.toml"),
        "[env]\npass = [\"TOKEN\"]\n",
    );
    user.run_bare(&["plan", "copy"]).failure(2);
    user.run_bare(&["trust", "hello"]).success();
    user.run_bare(&["plan", "hello"]).success();
    user.run_bare(&["trust", "--forget", "hello"]).success();
    stopped(&user, "forgotten");
    user.run_bare(&["plan", "hello", "--trust"]).success();
    stopped(&user, "--trust is for one run");
}

#[test]
fn a_machine_may_trust_one_request_and_no_other() {
    let (mut user, folder, _) = scene();
    let file = folder.join("mizzen.toml");
    write(&file, "[env]\npass = [\"TOKEN\"]\n");
    let shown = user.run_bare(&["trust", "--show", "hello"]).success();
    let id = shown
        .stderr
        .trim()
        .rsplit_once("MIZZEN_TRUST=")
        .unwrap()
        .1
        .to_owned();
    assert!(!user.path("home/.config").exists());
    let trust = "MIZZEN_TRUST".to_owned();
    user.environment.insert(trust.clone(), id.clone());
    user.environment.remove("HOME");
    user.run_bare(&["plan", "hello"]).success();
    write(
        &file,
        "[env]\npass = [\"TOKEN\", \"AWS_SECRET_ACCESS_KEY\"]\n",
    );
    let said = user.run_bare(&["plan", "hello"]).failure(2);
    assert!(
        said.contains("AWS_SECRET_ACCESS_KEY") && said.contains(&id),
        "{said}"
    );
    user.environment.insert(trust.clone(), "1".to_owned());
    user.run_bare(&["plan", "hello"]).failure(2);
    user.environment.insert(trust, "all".to_owned());
    user.run_bare(&["plan", "hello"]).success();
}

#[test]
fn a_repository_cannot_trust_itself() {
    let (user, folder, _) = scene();
    for table in ["build", "images.hello-web"] {
        let text = format!("[{table}]\ntrust = \"all\"\n[env]\npass = [\"TOKEN\"]\n");
        write(&folder.join("mizzen.toml"), &text);
        let said = user.run_bare(&["plan", "hello"]).failure(2);
        assert!(said.contains("unknown key `trust`"), "{said}");
    }
}

#[test]
fn a_link_out_of_the_workspace_brings_nothing_in() {
    let (mut user, folder, outside) = scene();
    let link = folder.join("wwwroot/logo.txt");
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    let key = outside.join("key");
    for target in [
        &*key,
        Path::new("/etc/shadow"),
        Path::new("/proc/self/environ"),
        &folder.join(".git/config"),
    ] {
        symlink(target, &link).unwrap();
        let said = user.build(&["hello", "-o", "oci:out"]).failure(2);
        assert!(said.contains("`wwwroot/logo.txt` is a link to `"), "{said}");
        assert!(said.contains("outside the workspace"), "{said}");
        assert_eq!(user.dotnet_calls(), [""; 0]);
        fs::remove_file(&link).unwrap();
    }
    // Named and allowed, it is the file.
    symlink(&key, &link).unwrap();
    let named = format!("[inputs]\nextra = [\"{}\"]\n", outside.display());
    write(&folder.join("mizzen.toml"), &named);
    stopped(&user, "named");
    user.run_bare(&["trust", "hello"]).success();
    let base = format!(
        "oci:{}",
        prepared("MIZZEN_TEST_BASE").join("aspnet-3.1").display()
    );
    user.environment.insert("MIZZEN_BASE".to_owned(), base);
    user.build(&["hello", "-o", "oci:out"]).success();
    let files = user.run_bare(&["inspect", "--files", "oci:out"]).success();
    assert!(
        files.stdout.contains("app/wwwroot/logo.txt"),
        "{}",
        files.stdout
    );
}

#[test]
fn verbs_that_only_talk_to_registries_ask_too() {
    let (user, _, _) = scene();
    let file = user.path("mizzen.toml");
    write(&file, "[registry.\"r.example\"]\ninsecure = true\n");
    for line in [
        &["inspect", "r.example/shop"][..],
        &["pull", "r.example/shop", "oci:out"],
        &["copy", "r.example/shop", "r.example/shop2"],
    ] {
        let said = user.run_bare(line).failure(2);
        assert!(said.contains("without encryption"), "{line:?}: {said}");
    }
    let login = ["login", "r.example", "-u", "me"];
    let said = user.run_with_input(&login, "hunter2\n").failure(2);
    assert!(said.contains("without encryption"), "{said}");
    user.run_bare(&["trust"]).success();
    let said = user.run_bare(&["cache", "dir"]).success();
    assert!(said.stdout.contains("cache"), "{}", said.stdout);
}
