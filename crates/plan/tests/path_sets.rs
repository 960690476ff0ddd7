//! What a path set makes of an edit: another key where a seen path answers otherwise, else the same.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests")]

use fs_err as fs;
use mizzen_oci::Digest;
use mizzen_plan::{Entry, FileInput, Kind, Look, Node, PathSet, SourceTree, Tree};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io;

type Files = BTreeMap<String, FileInput>;

/// A machine with nothing on it.
struct Bare;

impl Tree for Bare {
    fn entry(&self, _: &str) -> io::Result<Entry> {
        Ok(Entry::Node(Node::Absent))
    }

    fn names(&self, _: &str) -> io::Result<Vec<(String, Kind)>> {
        Ok(Vec::new())
    }

    fn is_whole_machine(&self) -> bool {
        true
    }
}

fn file(text: &str) -> FileInput {
    FileInput::File(Digest::of(text.as_bytes()))
}

fn link(target: &str) -> FileInput {
    FileInput::Link(target.to_owned())
}

fn workspace() -> Files {
    [
        ("Directory.Build.props", file("props")),
        ("README.md", file("readme")),
        ("src/Api/Api.csproj", file("api")),
        ("src/Api/Program.cs", file("program")),
        ("src/Api/shared", link("../Lib/content")),
        ("src/Lib/content/a.txt", file("a")),
        ("src/Lib/content/b.txt", file("b")),
        ("src/Other/Other.cs", file("other")),
        ("tool.sh", FileInput::Program(Digest::of(b"tool"))),
    ]
    .map(|(path, fact)| (path.to_owned(), fact))
    .into()
}

fn seen(looks: &[(&str, Look)]) -> PathSet {
    let mut set = PathSet::default();
    for (path, look) in looks {
        set.add_source(*path, *look);
    }
    set
}

fn key(set: &PathSet, files: &Files) -> Digest {
    let weak = Digest::of(b"weak");
    set.strong_key(&weak, &SourceTree::new(files.clone()), &Bare)
        .unwrap()
}

/// Returns whether `edit` changes the key of what was seen.
fn changes(looks: &[(&str, Look)], edit: impl FnOnce(&mut Files)) -> bool {
    let (set, before) = (seen(looks), workspace());
    let mut after = before.clone();
    edit(&mut after);
    assert_ne!(before, after, "the edit does something");
    let is_other = key(&set, &before) != key(&set, &after);
    let (before, after) = (
        SourceTree::new(before.clone()),
        SourceTree::new(after.clone()),
    );
    let named = set.changed_sources(&before, &after).unwrap();
    assert_eq!(!named.is_empty(), is_other, "a reason is named");
    is_other
}

fn insert(path: &str, fact: FileInput) -> impl FnOnce(&mut Files) {
    let path = path.to_owned();
    move |files| drop(files.insert(path, fact))
}

fn remove(path: &str) -> impl FnOnce(&mut Files) {
    let path = path.to_owned();
    move |files| drop(files.remove(&path))
}

#[test]
fn a_file_that_was_read_or_only_asked_for_is_in_the_key_by_content_and_mode() {
    for look in [Look::Probed, Look::Read] {
        let looks = [("src/Api/Program.cs", look), ("tool.sh", look)];
        assert!(changes(
            &looks,
            insert("src/Api/Program.cs", file("edited"))
        ));
        assert!(changes(&looks, remove("src/Api/Program.cs")));
        assert!(changes(&looks, insert("tool.sh", file("tool"))));
        assert!(!changes(&looks, insert("README.md", file("edited"))));
        assert!(!changes(&looks, insert("src/Api/New.cs", file("new"))));
    }
}

#[test]
fn a_path_that_was_absent_is_in_the_key_until_it_appears() {
    let looks = [("src/Directory.Build.props", Look::Probed)];
    assert!(changes(
        &looks,
        insert("src/Directory.Build.props", file(""))
    ));
    assert!(!changes(
        &looks,
        insert("src/directory.build.props", file(""))
    ));
    // A folder that was not there is now, and a file where a folder was looked for.
    let below = [("gen/a/b.txt", Look::Probed)];
    assert!(!changes(&below, insert("gen/a/c.txt", file(""))));
    assert!(!changes(&below, insert("gen", file(""))));
    assert!(changes(&below, insert("gen/a/b.txt", file(""))));
}

#[test]
fn a_listing_is_in_the_key_by_names_and_kinds_and_not_by_content() {
    let looks = [("src/Api", Look::Listed)];
    assert!(changes(&looks, insert("src/Api/New.cs", file(""))));
    assert!(changes(&looks, remove("src/Api/Program.cs")));
    assert!(changes(&looks, insert("src/Api/Models/M.cs", file(""))));
    assert!(changes(&looks, insert("src/Api/Program.cs", link("x"))));
    assert!(!changes(
        &looks,
        insert("src/Api/Program.cs", file("edited"))
    ));
    assert!(!changes(&looks, insert("src/Other/New.cs", file(""))));
    let root = [("", Look::Listed)];
    assert!(changes(&root, insert("new/deep/file", file(""))));
    assert!(!changes(&root, insert("src/new/file", file(""))));
    // A folder that was only asked for is a folder whatever is in it.
    let probed = [("src/Api", Look::Probed)];
    assert!(!changes(&probed, insert("src/Api/New.cs", file(""))));
}

#[test]
fn links_on_the_way_are_part_of_what_was_seen() {
    let looks = [
        ("src/Api/shared/a.txt", Look::Read),
        ("src/Api/shared/../up.txt", Look::Probed),
    ];
    assert!(changes(
        &looks,
        insert("src/Lib/content/a.txt", file("edited"))
    ));
    assert!(changes(&looks, insert("src/Api/shared", link("../Lib"))));
    // `..` goes up from where the link leads, not from where it lies.
    assert!(changes(&looks, insert("src/Lib/up.txt", file(""))));
    assert!(!changes(&looks, insert("src/Api/up.txt", file(""))));
    assert!(!changes(
        &looks,
        insert("src/Lib/content/b.txt", file("edited"))
    ));
}

#[test]
fn links_in_a_circle_and_out_of_the_workspace_end() {
    let mut files = workspace();
    files.insert("a".to_owned(), link("b"));
    files.insert("b".to_owned(), link("a"));
    files.insert("up".to_owned(), link("../elsewhere"));
    files.insert("etc".to_owned(), link("/etc"));
    let tree = SourceTree::new(files.clone());
    assert_eq!(tree.look_up("a/x").unwrap().node, Node::Absent);
    assert_eq!(tree.look_up("up/x").unwrap().node, Node::Outside);
    assert_eq!(tree.look_up("etc/passwd").unwrap().node, Node::Outside);
    assert_eq!(tree.look_up("..").unwrap().node, Node::Outside);
}

#[test]
fn the_key_depends_on_the_weak_key_and_on_which_paths_were_seen() {
    let files = workspace();
    let tree = SourceTree::new(files.clone());
    let (one, two) = (seen(&[("a", Look::Read)]), seen(&[("b", Look::Read)]));
    let strong = |set: &PathSet, weak: &[u8]| {
        let weak = Digest::of(weak);
        set.strong_key(&weak, &tree, &Bare).unwrap()
    };
    assert_ne!(strong(&one, b"w"), strong(&two, b"w"));
    assert_ne!(strong(&one, b"w"), strong(&one, b"v"));
}

#[test]
fn a_path_is_kept_with_the_most_that_was_asked_of_it() {
    let mut set = PathSet::default();
    for look in [Look::Listed, Look::Probed, Look::Read] {
        set.add_machine("/usr", look);
    }
    assert_eq!(set.machine["/usr"], Look::Listed);
    assert_eq!(set.len(), 1);
    let text = serde_json::to_string(&set).unwrap();
    assert_eq!(text, r#"{"sources":{},"machine":{"/usr":"listed"}}"#);
    assert_eq!(serde_json::from_str::<PathSet>(&text).unwrap(), set);
}

/// Paths of a small alphabet, so that they meet.
fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]", 1..4).prop_map(|parts| parts.join("/"))
}

fn fact() -> impl Strategy<Value = FileInput> {
    let target = prop::collection::vec(prop_oneof!["[abc]", Just("..".to_owned())], 1..4);
    prop_oneof![
        3 => "[xy]".prop_map(|text| file(&text)),
        1 => "[xy]".prop_map(|text| FileInput::Program(Digest::of(text.as_bytes()))),
        2 => target.prop_map(|parts| link(&parts.join("/"))),
        1 => Just(FileInput::Folder),
    ]
}

/// Writes `files` to the disk and returns those that fit: a path below a file or a link does not.
fn write(files: Files, root: &std::path::Path) -> Files {
    let mut written = Files::new();
    for (path, fact) in files {
        let at = root.join(&path);
        let above = at.parent().unwrap();
        let is_free = fs::symlink_metadata(&at).is_err();
        let leads_away = path.match_indices('/').any(|(end, _)| {
            fs::symlink_metadata(root.join(&path[..end])).is_ok_and(|found| !found.is_dir())
        });
        if leads_away || !is_free {
            continue;
        }
        fs::create_dir_all(above).unwrap();
        match &fact {
            FileInput::Link(target) => fs::os::unix::fs::symlink(target, &at).unwrap(),
            FileInput::Folder => fs::create_dir(&at).unwrap(),
            FileInput::File(digest) | FileInput::Program(digest) => {
                fs::write(&at, digest.hex()).unwrap();
            }
        }
        written.insert(path, fact);
    }
    written
}

#[test]
fn a_part_that_is_empty_or_a_dot_leads_nowhere_else() {
    let file = FileInput::File(Digest::of(b"end"));
    let files = BTreeMap::from([("a/b".to_owned(), file)]);
    let tree = SourceTree::new(files.clone());
    for path in ["a/b", "a//b", "./a/./b", "/a/b"] {
        assert_eq!(tree.look_up(path).unwrap().end, "a/b", "{path}");
        assert!(matches!(
            tree.look_up(path).unwrap().node,
            Node::File { .. }
        ));
    }
}

/// As many links as the kernel follows lead to what is there, and one more to nothing.
#[test]
fn a_look_up_follows_forty_links_and_no_more() {
    let link = |number: usize| {
        let next = FileInput::Link(format!("l{}", number + 1));
        (format!("l{number}"), next)
    };
    let mut files: BTreeMap<String, FileInput> = (0..41).map(link).collect();
    files.insert("l41".to_owned(), FileInput::File(Digest::of(b"end")));
    let tree = SourceTree::new(files.clone());
    assert_eq!(tree.look_up("l0").unwrap().node, Node::Absent);
    let forty = tree.look_up("l1").unwrap();
    assert_eq!((forty.links.len(), forty.end.as_str()), (40, "l41"));
    assert!(matches!(forty.node, Node::File { .. }));
    // In a circle, too, it ends.
    let circle = BTreeMap::from([("l0".to_owned(), FileInput::Link("l0".to_owned()))]);
    assert_eq!(
        SourceTree::new(circle).look_up("l0").unwrap().node,
        Node::Absent
    );
}

proptest! {
    #[test]
    fn a_look_up_ends_where_the_kernel_ends_it(
        files in prop::collection::btree_map(path(), fact(), 0..8),
        steps in prop::collection::vec(prop_oneof!["[abc]", Just("..".to_owned())], 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("deep/root");
        fs::create_dir_all(&root).unwrap();
        let files = write(files, &root);
        let (tree, asked) = (SourceTree::new(files.clone()), steps.join("/"));
        let ours = tree.look_up(&asked).unwrap();
        let theirs = root.join(&asked).canonicalize();
        match ours.node {
            // The kernel goes on outside of the root; what it finds there, a workspace cannot hold.
            Node::Outside => {}
            Node::Absent => prop_assert!(theirs.is_err(), "{asked}: {theirs:?}"),
            Node::File { digest, .. } => {
                let read = fs::read_to_string(theirs.unwrap()).unwrap();
                prop_assert_eq!(read, digest.hex());
            }
            Node::Folder => {
                let theirs = theirs.unwrap();
                prop_assert_eq!(&root.join(&ours.end), &theirs);
                let mut names: Vec<String> = fs::read_dir(theirs).unwrap()
                    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                    .collect();
                names.sort_unstable();
                let listed = tree.names(&ours.end).unwrap();
                let listed: Vec<String> = listed.into_iter().map(|(name, _)| name).collect();
                prop_assert_eq!(listed, names);
            }
            Node::Other(_) => unreachable!("a workspace has files, folders and links"),
        }
    }

    #[test]
    fn equal_answers_give_equal_keys_and_no_others_do(
        before in prop::collection::btree_map(path(), fact(), 0..8),
        after in prop::collection::btree_map(path(), fact(), 0..8),
        asked in prop::collection::vec(path(), 0..5),
    ) {
        let mut set = PathSet::default();
        for path in asked {
            set.add_source(path, Look::Listed);
        }
        let (first, second) = (SourceTree::new(before.clone()), SourceTree::new(after.clone()));
        let changed = set.changed_sources(&first, &second).unwrap();
        prop_assert_eq!(changed.is_empty(), key(&set, &before) == key(&set, &after));
    }
}
