use crate::file_edits::{FILE_EDITS, outside};
use crate::project_edits::{ANYWHERE_EDITS, GENERATED_EDITS};
use crate::support::{Run, User, is_set, prepared};
use crate::tree::{self, Entry, Snapshot};
use crate::workspace::{Shape, Workspace};
use fs_err as fs;
use mizzen_oci::{Digest, Hasher};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

/// A workspace on its way, and what a person would have set around it.
pub(crate) struct State {
    pub(crate) root: PathBuf,
    pub(crate) feed: PathBuf,
    pub(crate) shape: Shape,
    pub(crate) random: fastrand::Rng,
    /// Counts up, for names and texts that were not there before.
    pub(crate) number: usize,
    /// Variables of the user's shell; they may change nothing.
    pub(crate) environment: BTreeMap<String, String>,
    /// Options of the command line.
    pub(crate) options: Vec<String>,
    /// Trees that were built and can be gone back to.
    pub(crate) earlier: Vec<Snapshot>,
}

/// Changes something and says what; `None` if there was nothing of the kind to change.
pub(crate) type Edit = fn(&mut State) -> Option<String>;

/// What a build gave.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Given {
    Image {
        digest: String,
        layers: BTreeMap<String, String>,
    },
    Failure(i32),
}

impl Given {
    fn of(run: &Run) -> Self {
        if run.code != 0 {
            return Self::Failure(run.code);
        }
        let (digest, layers) = (run.digest().to_owned(), run.layers());
        Self::Image { digest, layers }
    }
}

/// What happened on a walk.
#[derive(Default)]
struct Tally {
    hits: usize,
    failed: usize,
    clean_builds: usize,
    restored: usize,
    published: usize,
    /// Publishes that gave what the kept cache had already, by what made them run.
    needless: BTreeMap<String, usize>,
}

/// Edits the workspace `steps` times at random, and after each edit compares what the kept cache
/// gives with what a user elsewhere gets, who has a copy of the workspace, another home, an empty
/// cache and no variables.
///
/// # Panics
/// With the seed, the step and the edits so far at the first difference.
pub(crate) fn walk(workspace: Workspace, seed: u64, steps: usize) {
    if steps == 0 {
        return;
    }
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let mut state = State {
        root: workspace.make(&user),
        feed: user.path("feed"),
        shape: workspace.shape(),
        random: fastrand::Rng::with_seed(seed),
        number: 0,
        environment: BTreeMap::new(),
        options: Vec::new(),
        earlier: Vec::new(),
    };
    let mut edits: Vec<(&str, Edit)> = [FILE_EDITS, ANYWHERE_EDITS].concat();
    if workspace == Workspace::Generated {
        edits.extend(GENERATED_EDITS);
    }
    know_the_sdk(&user);
    let mut tally = Tally::default();
    let mut clean: BTreeMap<Digest, Given> = BTreeMap::new();
    let mut known = BTreeSet::new();
    let mut story = String::new();
    let mut kind = "the start";
    for step in 0..=steps {
        if step > 0 {
            let (name, told) = edit(&mut state, &edits);
            kind = name;
            writeln!(story, "{step}. {name}: {told}").unwrap();
        }
        let kept = build(&user, &state, &user.environment, "work", true);
        let given = Given::of(&kept);
        let snapshot = tree::read(&state.root);
        let expected = clean.entry(state.world(&snapshot)).or_insert_with(|| {
            tally.clean_builds += 1;
            tree::write(&user.path("elsewhere"), &snapshot);
            empty(&user, "clean-cache");
            let run = build(&user, &state, &user.elsewhere("clean"), "elsewhere", false);
            Given::of(&run)
        });
        assert_eq!(
            given, *expected,
            "seed {seed}, step {step} of {workspace:?}: not what an empty cache gives\n{story}\n{}",
            kept.stderr
        );
        if is_set("MIZZEN_ORACLE_STEPS") {
            say(&format!("{step}. {kind}: {}\n", outcome(&kept)));
        }
        match &given {
            Given::Failure(_) => {
                assert_ne!(step, 0, "{}", kept.stderr);
                tally.failed += 1;
                // Nothing is learnt from a tree that stays broken.
                state.back(0);
            }
            Given::Image { digest, .. } => {
                let ran = kept.steps();
                tally.restored += usize::from(ran.contains("restore=ran"));
                let is_known = !known.insert(digest.clone());
                if ran.contains("publish=ran") {
                    tally.published += 1;
                    if is_known {
                        *tally.needless.entry(kind.to_owned()).or_default() += 1;
                    }
                } else {
                    tally.hits += 1;
                }
                state.earlier.insert(0, snapshot);
                state.earlier.truncate(4);
            }
        }
    }
    tell(&tally, workspace, seed, steps);
}

impl State {
    /// Makes the workspace an earlier one again; 0 is the newest.
    pub(crate) fn back(&mut self, which: usize) {
        tree::write(&self.root, &self.earlier[which]);
    }

    /// Names everything that decides about a clean build: the tree, what it links to, the packages of
    /// the feed, the options.
    fn world(&self, snapshot: &Snapshot) -> Digest {
        let mut hasher = Hasher::default();
        for (path, entry) in snapshot {
            hasher.field(path.as_bytes());
            match entry {
                Entry::File { bytes, mode } => {
                    hasher.field(format!("file {mode:o}").as_bytes());
                    hasher.field(bytes);
                }
                Entry::Link(target) => {
                    hasher.field(format!("link {}", target.display()).as_bytes());
                }
                Entry::Folder => hasher.field(b"folder"),
            }
        }
        hasher.field(&fs::read(outside(self)).unwrap_or_default());
        for package in tree::files(&self.feed, |_| true) {
            hasher.field(package.as_bytes());
        }
        for option in &self.options {
            hasher.field(option.as_bytes());
        }
        hasher.finish()
    }

    pub(crate) fn next(&mut self) -> usize {
        self.number += 1;
        self.number
    }
}

/// Makes a cache in which nothing was ever built, but which knows the digests of the SDK's files: no
/// edit touches them, and to read them again would be most of each clean build.
fn know_the_sdk(user: &User) {
    let project = user.path("unrelated/Unrelated.csproj");
    fs::create_dir_all(project.parent().unwrap()).unwrap();
    fs::write(&project, "<Project />").unwrap();
    let [project, cache] =
        [project, user.path("empty-cache")].map(|path| path.display().to_string());
    user.run_bare(&["plan", &project, "--cache-dir", &cache])
        .success();
}

/// Makes the user's folder `name` such a cache.
fn empty(user: &User, name: &str) {
    let [from, to] = ["empty-cache", name].map(|name| user.path(name));
    drop(fs::remove_dir_all(&to));
    user.tool("cp", &["-a", from.to_str().unwrap(), to.to_str().unwrap()]);
}

fn edit<'a>(state: &mut State, edits: &[(&'a str, Edit)]) -> (&'a str, String) {
    loop {
        let (name, edit) = edits[state.random.usize(..edits.len())];
        if let Some(told) = edit(state) {
            return (name, told);
        }
    }
}

fn build(
    user: &User,
    state: &State,
    environment: &BTreeMap<String, String>,
    folder: &str,
    as_the_user: bool,
) -> Run {
    let project = format!("{folder}/{}", state.shape.app);
    let output = format!("oci:{folder}-out");
    let mut arguments = vec![project.as_str(), "-o", &output, "--base", "oci:base"];
    arguments.extend(state.options.iter().map(String::as_str));
    let mut environment = environment.clone();
    if as_the_user {
        environment.extend(state.environment.clone());
        return user.build_under_umask(&environment, "077", &arguments);
    }
    user.build_as(&environment, &arguments)
}

/// Says what the walk was like.
fn tell(tally: &Tally, workspace: Workspace, seed: u64, steps: usize) {
    let needless: usize = tally.needless.values().sum();
    let mut text = format!(
        "oracle: {workspace:?}, seed {seed}, {steps} steps: 0 unsound; {} hits, restore ran {}, \
         publish ran {}, {} failed alike, {} clean builds; {needless} needless publishes\n",
        tally.hits, tally.restored, tally.published, tally.failed, tally.clean_builds
    );
    for (cause, times) in &tally.needless {
        writeln!(text, "  {times} {cause}").unwrap();
    }
    say(&text);
}

fn outcome(run: &Run) -> String {
    if run.code == 0 {
        run.steps()
    } else {
        format!("exit code {}", run.code)
    }
}

/// Says it past the capture of test output: a long walk is made for it.
fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}
