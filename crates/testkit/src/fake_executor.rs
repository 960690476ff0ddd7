use mizzen_oci::Digest;
use mizzen_stage::{
    Action, Capabilities, Executor, LeftFiles, Outcome, OutputLine, OutputSpec, Rung, Seen,
    StageError, Stream,
};
use mizzen_store::{Cancel, Output, Store};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// An executor that starts nothing: it plays a script, and remembers what it was asked for.
///
/// A run that the script does not have ends the test, and so does a look at files that the action did
/// not name as outputs, for an executor elsewhere would not have them.
#[derive(Debug)]
pub struct FakeExecutor {
    store: Arc<Store>,
    rung: Rung,
    script: Mutex<VecDeque<FakeRun>>,
    actions: Mutex<Vec<Action>>,
}

/// What one run prints and leaves.
#[derive(Clone, Debug)]
pub struct FakeRun {
    /// How the command ends; `None` by a signal.
    pub exit_code: Option<i32>,
    /// The lines of its standard output.
    pub lines: Vec<String>,
    /// The files that it leaves, by their paths in the stage.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What it was seen to look up.
    pub seen: Seen,
    /// How long it says that it waited; nobody waits.
    pub waited: Duration,
}

impl FakeRun {
    /// Returns a run that succeeds, prints nothing and leaves these files.
    pub fn leaving<P: Into<String>, T: Into<Vec<u8>>>(
        files: impl IntoIterator<Item = (P, T)>,
    ) -> Self {
        let files = files.into_iter();
        Self {
            exit_code: Some(0),
            lines: Vec::new(),
            files: files
                .map(|(path, bytes)| (path.into(), bytes.into()))
                .collect(),
            seen: Seen::NotWatched("a script is played".to_owned()),
            waited: Duration::ZERO,
        }
    }

    /// Returns a run that fails after these lines.
    pub fn failing(lines: &[&str]) -> Self {
        Self {
            exit_code: Some(1),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            ..Self::leaving([] as [(&str, &str); 0])
        }
    }
}

impl FakeExecutor {
    /// Returns one that stores outputs in `store`, says that it hides the machine, and has no run yet.
    pub fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            rung: Rung::Processes,
            script: Mutex::default(),
            actions: Mutex::default(),
        }
    }

    /// Returns the same on another rung.
    #[must_use]
    pub fn on_rung(self, rung: Rung) -> Self {
        Self { rung, ..self }
    }

    /// Adds a run to the end of the script.
    pub fn will(&self, run: FakeRun) {
        self.script.lock().expect("no run panicked").push_back(run);
    }

    /// Returns how often something ran.
    pub fn runs(&self) -> usize {
        self.actions().len()
    }

    /// Returns what ran, in order.
    pub fn actions(&self) -> Vec<Action> {
        self.actions.lock().expect("no run panicked").clone()
    }

    /// Stores a blob in place of a pack; nobody unpacks it here.
    fn pack(&self, files: &BTreeMap<&str, &Vec<u8>>) -> Result<Output, StageError> {
        let digests = files.iter().map(|(path, bytes)| (*path, Digest::of(bytes)));
        let table: BTreeMap<_, _> = digests.collect();
        let bytes = serde_json::to_vec(&table).expect("a table becomes JSON");
        Ok(Output {
            digest: self.store.put(&bytes)?,
            size_bytes: bytes.len() as u64,
        })
    }
}

impl Executor for FakeExecutor {
    fn run(
        &self,
        action: &Action,
        _cancel: &Cancel,
        on_line: &mut dyn FnMut(&OutputLine),
    ) -> Result<Outcome, StageError> {
        self.actions
            .lock()
            .expect("no run panicked")
            .push(action.clone());
        let run = self.script.lock().expect("no run panicked").pop_front();
        let run = run.unwrap_or_else(|| panic!("nothing was to run: {:?}", action.command));
        for text in run.lines.iter().cloned() {
            let stream = Stream::Output;
            on_line(&OutputLine { stream, text });
        }
        let mut outputs = BTreeMap::new();
        let mut changed = BTreeMap::new();
        let specs = action.outputs.iter().filter(|_| run.exit_code == Some(0));
        for spec in specs {
            match spec {
                OutputSpec::File(_) | OutputSpec::Folder(_) => {}
                OutputSpec::Packages(folder) => {
                    for (name, files) in packages(&below(&run.files, folder)) {
                        outputs.insert(format!("{folder}/{name}"), self.pack(&files)?);
                    }
                }
                OutputSpec::Changes(folder) => {
                    let files = below(&run.files, folder);
                    outputs.insert(folder.clone(), self.pack(&files)?);
                    changed.insert(folder.clone(), names(&files));
                }
                OutputSpec::ChangedPaths(folder) => {
                    changed.insert(folder.clone(), names(&below(&run.files, folder)));
                }
            }
        }
        let folder = tempfile::tempdir()?;
        for (path, bytes) in &run.files {
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().expect("it is below the folder"))?;
            fs_err::write(path, bytes)?;
        }
        Ok(Outcome {
            exit_code: run.exit_code,
            outputs,
            changed,
            rung: self.rung,
            seen: run.seen,
            waited: run.waited,
            files: Box::new(Left {
                folder,
                named: action.outputs.clone(),
            }),
        })
    }

    fn capabilities(&self) -> Result<Capabilities, StageError> {
        Ok(Capabilities { rung: self.rung })
    }

    fn cannot_watch(&self) -> Result<Option<String>, StageError> {
        Ok(None)
    }
}

/// Files in a folder of their own, of which only those are to be had that the action names.
#[derive(Debug)]
struct Left {
    folder: TempDir,
    named: Vec<OutputSpec>,
}

impl LeftFiles for Left {
    fn path(&self, path: &str) -> Result<PathBuf, StageError> {
        let is_named = self.named.iter().any(|spec| match spec {
            OutputSpec::File(file) => file == path,
            OutputSpec::Folder(folder)
            | OutputSpec::Packages(folder)
            | OutputSpec::Changes(folder) => {
                let below = path.strip_prefix(folder.as_str());
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            OutputSpec::ChangedPaths(_) => false,
        });
        assert!(is_named, "`{path}` is no output of the action");
        Ok(self.folder.path().join(path))
    }
}

fn below<'a>(files: &'a BTreeMap<String, Vec<u8>>, folder: &str) -> BTreeMap<&'a str, &'a Vec<u8>> {
    let below = files.iter().filter_map(|(path, bytes)| {
        let path = path.strip_prefix(folder)?.strip_prefix('/')?;
        Some((path, bytes))
    });
    below.collect()
}

fn names(files: &BTreeMap<&str, &Vec<u8>>) -> Vec<String> {
    files.keys().map(|path| (*path).to_owned()).collect()
}

fn packages<'a>(
    files: &BTreeMap<&'a str, &'a Vec<u8>>,
) -> BTreeMap<String, BTreeMap<&'a str, &'a Vec<u8>>> {
    let mut packages = BTreeMap::<String, BTreeMap<_, _>>::new();
    for (path, bytes) in files {
        let mut parts = path.splitn(3, '/');
        if let (Some(id), Some(version), Some(rest)) = (parts.next(), parts.next(), parts.next()) {
            let package = packages.entry(format!("{id}/{version}")).or_default();
            package.insert(rest, *bytes);
        }
    }
    packages
}
