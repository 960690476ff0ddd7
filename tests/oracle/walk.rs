use crate::choice::Choice;
use crate::machine_edits;
use crate::state::State;
use crate::support::{Run, User, is_set, prepared};
use crate::tree;
use crate::workspace::Workspace;
use fs_err as fs;
use mizzen_oci::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

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
    /// Steps at which publish was reused, and with it restore or what floats was restored the same.
    hits: usize,
    /// Steps at which restore was reused and publish ran.
    restore_hits: usize,
    failed: usize,
    clean_builds: usize,
    restored: usize,
    published: usize,
    /// Publishes that gave what the kept cache had already, by what made them run.
    needless: BTreeMap<String, usize>,
}

impl Tally {
    /// Counts an image that the kept cache gave after an edit of this `kind`.
    fn count(&mut self, ran: &str, kind: &str, is_known: bool) {
        let has_restored = ran.contains("restore=ran");
        self.restored += usize::from(has_restored);
        if !ran.contains("publish=ran") {
            self.hits += 1;
            return;
        }
        self.published += 1;
        self.restore_hits += usize::from(!has_restored);
        if is_known {
            *self.needless.entry(kind.to_owned()).or_default() += 1;
        }
    }
}

/// Edits the workspace `steps` times at random, and after each edit compares what the kept cache
/// gives with what a user elsewhere gets, who has a copy of the workspace, another home, an empty
/// cache and no variables, and takes no shortcuts.
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
        machine: user.path("machine"),
        shape: workspace.shape(),
        random: fastrand::Rng::with_seed(seed),
        number: 0,
        environment: BTreeMap::new(),
        options: Vec::new(),
        earlier: Vec::new(),
    };
    machine_edits::prepare(&state);
    let mut choice = Choice::of(workspace);
    know_the_sdk(&user);
    let mut tally = Tally::default();
    let mut clean: BTreeMap<Digest, Given> = BTreeMap::new();
    let mut known = BTreeSet::new();
    let mut story = String::new();
    let mut kind = "the start";
    for step in 0..=steps {
        if step > 0 {
            let (name, told) = choice.edit(&mut state);
            kind = name;
            writeln!(story, "{step}. {name}: {told}").unwrap();
        }
        let kept = build(&user, &state, &user.environment, true);
        let given = Given::of(&kept);
        let snapshot = tree::read(&state.root);
        let expected = clean.entry(state.world(&snapshot)).or_insert_with(|| {
            tally.clean_builds += 1;
            tree::write(&user.path("elsewhere"), &snapshot);
            empty(&user, "clean-cache");
            Given::of(&build(&user, &state, &user.elsewhere("clean"), false))
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
                let is_known = !known.insert(digest.clone());
                tally.count(&kept.steps(), kind, is_known);
                state.keep(snapshot);
            }
        }
    }
    tell(&tally, workspace, seed, steps);
}

/// Makes a cache in which nothing was ever built, but which knows the digests of the SDK's files: no
/// edit touches them, and to read them again would be most of each clean build.
fn know_the_sdk(user: &User) {
    let project = user.path("unrelated/Unrelated.csproj");
    fs::create_dir_all(project.parent().unwrap()).unwrap();
    fs::write(&project, "<Project />").unwrap();
    let [project, cache] =
        [project, user.path("empty-cache")].map(|path| path.display().to_string());
    // To plan makes no cache; in one that is there it keeps what it has read.
    drop(mizzen_store::Store::open(Path::new(&cache)).unwrap());
    user.run_bare(&["plan", &project, "--cache-dir", &cache])
        .success();
}

/// Makes the user's folder `name` such a cache.
fn empty(user: &User, name: &str) {
    let [from, to] = ["empty-cache", name].map(|name| user.path(name));
    drop(fs::remove_dir_all(&to));
    user.tool("cp", &["-a", from.to_str().unwrap(), to.to_str().unwrap()]);
}

fn build(
    user: &User,
    state: &State,
    environment: &BTreeMap<String, String>,
    as_the_user: bool,
) -> Run {
    let (root, output) = if as_the_user {
        (state.root.clone(), "oci:out")
    } else {
        (user.path("elsewhere"), "oci:elsewhere-out")
    };
    let project = root.join(state.shape.app).display().to_string();
    let mut arguments = vec![project.as_str(), "-o", output, "--base", "oci:base"];
    arguments.extend(state.options.iter().map(String::as_str));
    let mut environment = environment.clone();
    if as_the_user {
        environment.extend(state.environment.clone());
    } else {
        // As plain dotnet would: with nothing left out.
        arguments.push("--no-shortcuts");
    }
    let machine = [(state.machine.to_str().unwrap(), machine_edits::PLACE)];
    let umask = if as_the_user { "077" } else { "022" };
    user.build_below_under_umask(&environment, umask, &machine, &arguments)
}

/// Says what the walk was like.
fn tell(tally: &Tally, workspace: Workspace, seed: u64, steps: usize) {
    let needless: usize = tally.needless.values().sum();
    let mut text = format!(
        "oracle: {workspace:?}, seed {seed}, {steps} steps: 0 unsound; {} hits and {} of \
         restore alone, restore ran {}, publish ran {}, {} failed alike, {} clean builds; {needless} \
         needless publishes\n",
        tally.hits,
        tally.restore_hits,
        tally.restored,
        tally.published,
        tally.failed,
        tally.clean_builds
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
    #[expect(
        clippy::disallowed_methods,
        reason = "a long walk is followed as it goes"
    )]
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}
