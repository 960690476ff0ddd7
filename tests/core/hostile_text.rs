//! Whatever a label, a file's name, a registry or a compiler says: no verb lets it reach into the
//! terminal, or say a line in mizzen's name.

use crate::support::{Run, User, copy, prepared, testdata};
use fs_err as fs;
use mizzen_image::{Addendum, Entry, Image, LayerBuilder, Layout, Sink, Taggable};
use mizzen_oci::History;
use mizzen_store::{Cancel, Store};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

/// Clears the screen, changes a colour by C1, turns the direction of reading, and says lines.
const HOSTILE: &str =
    "x\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{7f}\r\nerror: forged\nhint: forged\nlayer forged\ty";

/// Checks what a run said, and returns its exit code.
fn tame(run: &Run) -> i32 {
    for said in [&run.stdout, &run.stderr] {
        let raw = said
            .chars()
            .find(|it| it.is_control() && *it != '\n' || ('\u{2028}'..'\u{206f}').contains(it));
        assert_eq!(raw, None, "{said:?}");
        let forged = said
            .lines()
            .find(|line| ["error: forged", "hint: forged", "layer forged"].contains(line));
        assert_eq!(forged, None, "{said:?}");
    }
    run.code
}

/// An image that says such things wherever one can say something.
fn image(folder: &Path, content: &str) {
    let cache = tempfile::tempdir().unwrap();
    let store = Store::open(cache.path()).unwrap();
    let entries = [
        Entry::bytes(format!("app/{HOSTILE}"), content.as_bytes()),
        Entry::symlink("app/link", HOSTILE),
    ];
    let layer = entries.into_iter().collect::<LayerBuilder>();
    let layer = layer.write(&store, &Cancel::default()).unwrap();
    let history = History {
        created_by: Some(HOSTILE.to_owned()),
        comment: Some(HOSTILE.to_owned()),
        ..History::default()
    };
    let text = format!("{HOSTILE}{content}");
    let image = Image::scratch(&"linux/amd64".parse().unwrap())
        .append(Addendum { layer, history })
        .with_config(|config| {
            config.set("created", json!(HOSTILE));
            config.run_set("User", json!(text));
            config.run_set("Env", json!([format!("A={text}")]));
            config.run_set("Labels", json!({ HOSTILE: text }));
            config.run_set(HOSTILE, json!(text));
        })
        .with_annotations([(HOSTILE.to_owned(), text.clone())].into());
    let layout = Layout::new(folder, Some("latest"));
    layout.write(&Taggable::Image(Box::new(image))).unwrap();
}

#[test]
fn no_verb_that_reads_images_lets_their_text_reach_the_terminal() {
    let user = User::without_sdk();
    image(&user.path("one"), "1");
    image(&user.path("two"), "2");
    let [one, two] = ["one", "two"].map(|name| format!("oci:{}", user.path(name).display()));
    let mut shown = 0;
    for (line, code) in [
        (&["inspect", &one][..], 0),
        (&["inspect", "--files", &one], 0),
        (&["inspect", "--json", "--files", &one], 0),
        (&["diff", &one, &two], 0),
        (&["diff", "--json", &one, &two], 0),
        (&["validate", &one], 6),
        (&["inspect", &format!("{one}:{HOSTILE}")], 2),
        (&["inspect", &format!("registry.example/{HOSTILE}")], 2),
        (&["push", &one, HOSTILE], 2),
        (&["copy", HOSTILE, HOSTILE], 2),
        (&["pull", "registry.example/x", HOSTILE], 2),
        (&["inspect", HOSTILE], 2),
        (&[HOSTILE], 2),
        (&["cache", "dir", "--cache-dir", HOSTILE], 0),
        (&["cache", "size", "--cache-dir", HOSTILE], 0),
        (
            &["login", HOSTILE, "--username", HOSTILE, "--password-stdin"],
            2,
        ),
    ] {
        let run = user.run_bare(line);
        assert_eq!(tame(&run), code, "{line:?}: {}", run.stderr);
        shown += usize::from(run.stdout.contains("\\u{1b}[2J"));
    }
    assert!(shown >= 3, "it is shown, escaped");
    // Machines get exactly what is there.
    let json = user.run_bare(&["inspect", "--json", &one]).success();
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        json["config"]["config"]["Labels"][HOSTILE],
        format!("{HOSTILE}1")
    );
}

#[test]
fn no_name_in_a_publish_folder_or_in_a_configuration_reaches_the_terminal() {
    let user = User::without_sdk();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    copy(&testdata("publish/portable"), &user.path("out"));
    fs::write(user.path("out").join(HOSTILE), "x").unwrap();
    fs::write(user.path("out").join(format!("{HOSTILE}.dbg")), "x").unwrap();
    let build = |more: &[&str]| {
        let arguments = ["--from-publish", "out", "--base", "oci:base", "-v"];
        tame(&user.build(&[&arguments, more].concat()))
    };
    assert_eq!(build(&["-o", "oci:made"]), 0);
    assert_eq!(build(&["-o", &format!("oci:{HOSTILE}")]), 0);
    assert_eq!(build(&["-o", "oci:made", "--progress", "json"]), 0);
    assert_eq!(
        build(&["-o", "oci:made", "--add", &format!("no{HOSTILE}:/x")]),
        2
    );
    assert_eq!(build(&["-o", "oci:made", "-e", &format!("={HOSTILE}")]), 2);
    for text in [
        format!(
            "[build]\n\"{}\" = 1\n",
            "a\\u001b[2J\\u009b\\nerror: forged"
        ),
        format!("[build]\nbase = \"\u{202e}{}\"\n", "\\u001b[2J"),
        "[build]\nbase = \"\u{1b}[2J\"\n".to_owned(),
        "[env]\npass = [\"MIZZEN_\\u001b[2J\\nerror: forged\"]\n".to_owned(),
    ] {
        fs::write(user.path("mizzen.toml"), &text).unwrap();
        let arguments = ["--from-publish", "out", "-o", "oci:made"];
        assert_eq!(tame(&user.build(&arguments)), 2, "{text:?}");
    }
}

#[test]
fn what_a_registry_answers_does_not_reach_the_terminal() {
    let host = registry_that_says_such_things();
    let user = User::without_sdk();
    image(&user.path("one"), "1");
    let one = format!("oci:{}", user.path("one").display());
    let reference = format!("{host}/a/b:1");
    for line in [
        &["inspect", &reference][..],
        &["pull", &reference, "oci:pulled", "-v"],
        &["pull", &reference, "oci:pulled", "--progress", "json"],
        &["push", &one, &reference, "-v"],
        &["copy", &reference, &format!("{host}/c"), "-v"],
    ] {
        let run = user.run_bare(line);
        assert_eq!(tame(&run), 4, "{line:?}: {}", run.stderr);
    }
    let login = ["login", &host, "--username", "u", "--password-stdin"];
    assert_ne!(tame(&user.run_with_input(&login, "p")), 0);
}

#[test]
fn what_a_compiler_says_and_how_a_project_is_called_do_not_reach_the_terminal() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    // XML and MSBuild take no control of ASCII in a name, and C1 and what turns the reading they do.
    let name = "hello\u{9b}31m\u{202e}";
    fs::rename(
        folder.join("hello-web.csproj"),
        folder.join(format!("{name}.csproj")),
    )
    .unwrap();
    let source = fs::read_to_string(folder.join("Program.cs")).unwrap();
    let said = "#warning w\u{1b}[2J\u{9b}31m\u{202e}\n#error e\u{1b}[2J\u{9b}31m\u{202e}\n";
    fs::write(folder.join("Program.cs"), format!("{said}{source}")).unwrap();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    for more in [&["-v"][..], &["--progress", "json"]] {
        let arguments = ["hello", "--base", "oci:base", "-o", "oci:made"];
        let run = user.build(&[&arguments, more].concat());
        assert_eq!(tame(&run), 3, "{}", run.stderr);
        assert!(run.stderr.contains("CS1029"), "{}", run.stderr);
    }
    let hello = user.path("hello");
    let hello = hello.to_str().unwrap();
    assert_eq!(tame(&user.run_bare(&["plan", hello])), 0);
    assert_eq!(tame(&user.run_bare(&["plan", hello, "--why", HOSTILE])), 0);
}

/// Starts a registry that refuses everything, in such words; returns its host.
fn registry_that_says_such_things() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let body = json!({ "errors": [{ "code": HOSTILE, "message": HOSTILE, "detail": HOSTILE }] });
    let headers = "Warning: 299 - \"w\u{9b}31m\u{202e}\"\r\n\
                   Docker-Content-Digest: sha256:\u{9b}31m\r\n\
                   Content-Type: application/json\r\n";
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 403 No\u{9b}31m\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (mut connection, mut request) = (connection, [0; 8192]);
            if connection.read(&mut request).is_ok() {
                let is_head = request.starts_with(b"HEAD ");
                let end = answer.len() - if is_head { body.len() } else { 0 };
                drop(connection.write_all(&answer.as_bytes()[..end]));
            }
        }
    });
    host
}
