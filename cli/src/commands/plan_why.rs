use crate::Process;
use crate::error::CommandError;
use crate::ui::{Lines, age, count};
use mizzen_builder::{FileRole, KnownLooks, OutsideFile, ProjectPlan, StepSight};
use mizzen_plan::{FileInput, Look, Sight, StepName};
use mizzen_store::Store;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How many projects a line names.
const MOST_NAMES: usize = 3;

/// What a file is to the steps of all projects that were asked for.
pub(super) struct Why {
    /// Absolute, the folders' links followed; perhaps not there.
    file: PathBuf,
    is_there: bool,
    now: u64,
    /// The file from the workspace's root, and what it is; once a project was added.
    what: Option<(String, String)>,
    steps: Vec<OfStep>,
    /// What is known of a file that no stage shows.
    notes: Vec<String>,
}

struct OfStep {
    project: String,
    step: StepName,
    answer: Answer,
}

/// The order is that of the lines.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Seen(std::cmp::Reverse<Sight>, Since),
    NotSeen(Since),
    NotKnown(String),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Since {
    at: Option<u64>,
    is_of_today: bool,
}

impl Why {
    /// Begins with `file` as the user names it.
    pub(super) fn new(file: &Path, process: &Process, now: u64) -> Self {
        let file = resolved(&process.absolute(file));
        Self {
            is_there: fs_err::symlink_metadata(&file).is_ok(),
            file,
            now,
            what: None,
            steps: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds what the steps of one project, in the workspace at `root`, have to do with it.
    pub(super) fn add(
        &mut self,
        plan: &ProjectPlan,
        root: &Path,
        store: &Store,
    ) -> Result<(), CommandError> {
        let inside = self.file.strip_prefix(root).ok();
        let path = inside.unwrap_or(&self.file).to_string_lossy().into_owned();
        let role = plan.role_of(&path);
        if self.what.is_none() || role != FileRole::NotStaged {
            let what = self.what_it_is(&path, &role, inside.is_some(), plan);
            self.what = Some((path.clone(), what));
        }
        let sights = plan.sights(&self.file, root, store)?;
        let is_shown = inside.is_some()
            || plan.outside_file(&self.file, root) == OutsideFile::OfTheSystem
            || plan.inputs.files.keys().any(|shown| below(shown, &path))
            || sights.iter().any(|sight| sight.sight.is_some());
        if !is_shown {
            let note = outside(&plan.outside_file(&self.file, root));
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
            return Ok(());
        }
        let of_step = |sight: StepSight<'_>| OfStep {
            project: plan.inputs.project.clone(),
            step: sight.looks.step,
            answer: self.answer(&sight),
        };
        let steps: Vec<OfStep> = sights.into_iter().map(of_step).collect();
        self.steps.extend(steps);
        Ok(())
    }

    fn what_it_is(&self, path: &str, role: &FileRole, inside: bool, plan: &ProjectPlan) -> String {
        let toolchain = &plan.inputs.toolchain;
        match role {
            FileRole::Restore(fact) | FileRole::Publish(fact) => match fact {
                FileInput::File(digest) => digest.to_string(),
                FileInput::Program(digest) => format!("{digest}, executable"),
                FileInput::Link(target) => format!("a link to {target}"),
                FileInput::Folder => "an empty folder".to_owned(),
            },
            FileRole::NotStaged if !self.is_there => "does not exist".to_owned(),
            FileRole::NotStaged if inside => {
                if path.is_empty() {
                    "the root of the workspace".to_owned()
                } else if plan.inputs.files.keys().any(|file| below(file, path)) {
                    "a folder of the workspace".to_owned()
                } else {
                    "left out of the stage".to_owned()
                }
            }
            FileRole::NotStaged
                if [&toolchain.root, &toolchain.sdk]
                    .iter()
                    .any(|sdk| self.file.starts_with(sdk)) =>
            {
                "part of the SDK, whose content is in every key".to_owned()
            }
            FileRole::NotStaged => "outside the workspace".to_owned(),
        }
    }

    fn answer(&self, sight: &StepSight<'_>) -> Answer {
        match &sight.looks.known {
            KnownLooks::Seen {
                at, is_of_today, ..
            } => {
                let since = Since {
                    at: *at,
                    is_of_today: *is_of_today,
                };
                match sight.sight {
                    Some(sight) => Answer::Seen(std::cmp::Reverse(sight), since),
                    None => Answer::NotSeen(since),
                }
            }
            known => Answer::NotKnown(not_known(known, self.now)),
        }
    }

    /// Returns it for people: what the file is, then a line for each answer.
    pub(super) fn lines(&self) -> Lines {
        let mut lines = Lines::default();
        if let Some((path, what)) = &self.what {
            let path = if path.is_empty() { "." } else { path };
            lines.add(format_args!("{path}: {what}"));
        }
        for note in &self.notes {
            lines.add(format_args!("  {note}"));
        }
        let mut groups: BTreeMap<(Answer, StepName), Vec<&OfStep>> = BTreeMap::new();
        let is_seen = |of: &OfStep| !matches!(of.answer, Answer::NotSeen(_));
        let by_none = !self.steps.is_empty() && !self.steps.iter().any(is_seen);
        for of in &self.steps {
            let same = |answer: &Answer| match answer {
                Answer::Seen(sight, since) => Answer::Seen(*sight, alike(*since)),
                Answer::NotSeen(since) => Answer::NotSeen(alike(*since)),
                Answer::NotKnown(why) => Answer::NotKnown(why.clone()),
            };
            groups
                .entry((same(&of.answer), of.step))
                .or_default()
                .push(of);
        }
        if by_none {
            let all: Vec<&OfStep> = self.steps.iter().collect();
            lines.add(format_args!("  seen by no step{}", self.since(&all)));
            return lines;
        }
        for ((answer, step), group) in groups {
            let whom = format!("{step} of {}", named(&group));
            let since = self.since(&group);
            let absent = if self.is_there { "" } else { ", absent" };
            lines.add(match answer {
                Answer::Seen(sight, _) => match sight.0 {
                    Sight::InListing => format!("  listed (its folder) by {whom}{absent}{since}"),
                    Sight::LookUp(Look::Read) if !self.is_there => {
                        format!("  {} by {whom}{absent}{since}", Look::Probed)
                    }
                    Sight::LookUp(look) => format!("  {look} by {whom}{absent}{since}"),
                },
                Answer::NotSeen(_) => format!("  not seen by {whom}{since}"),
                Answer::NotKnown(why) => {
                    format!("  whether {whom} looks for it is not known: {why}")
                }
            });
        }
        lines
    }

    /// Returns how old what is known is: of several steps, from the newest to the oldest.
    fn since(&self, group: &[&OfStep]) -> String {
        let sinces = group.iter().filter_map(|of| match &of.answer {
            Answer::Seen(_, since) | Answer::NotSeen(since) => Some(*since),
            Answer::NotKnown(_) => None,
        });
        let sinces: Vec<Since> = sinces.collect();
        let other = if sinces.iter().all(|since| since.is_of_today) {
            ""
        } else {
            ", with another SDK, other packages or other options"
        };
        let times: Option<Vec<u64>> = sinces.iter().map(|since| since.at).collect();
        let Some(times) = times.filter(|times| !times.is_empty()) else {
            return format!(" (when is not known{other})");
        };
        let of = |at: Option<&u64>| age(self.now, at.copied().unwrap_or_default());
        let (newest, oldest) = (of(times.iter().max()), of(times.iter().min()));
        if newest == oldest {
            format!(" (seen {newest} ago{other})")
        } else {
            format!(" (seen {newest} to {oldest} ago{other})")
        }
    }

    /// Returns it for a machine: an object for each step of each project.
    pub(super) fn json(&self) -> Value {
        let steps = self.steps.iter().map(|of| {
            let (seen, since, why) = match &of.answer {
                Answer::Seen(sight, since) => (json!(word(sight.0)), Some(since), None),
                Answer::NotSeen(since) => (json!("no"), Some(since), None),
                Answer::NotKnown(why) => (Value::Null, None, Some(why)),
            };
            json!({
                "project": of.project,
                "step": of.step.as_str(),
                "seen": seen,
                "seenAt": since.and_then(|since| since.at),
                "ofToday": since.map(|since| since.is_of_today),
                "notKnown": why,
            })
        });
        let (path, what) = self.what.clone().unzip();
        json!({
            "schema": 1,
            "path": path,
            "exists": self.is_there,
            "what": what,
            "notes": self.notes,
            "steps": steps.collect::<Vec<_>>(),
        })
    }
}

/// Returns why it is not known what a step looks up.
pub(super) fn not_known(known: &KnownLooks, now: u64) -> String {
    match known {
        KnownLooks::NotSeen { why, at } => format!(
            "its last run, {} ago, left no list of paths ({why})",
            age(now, *at)
        ),
        _ => "it has not run here".to_owned(),
    }
}

/// Returns the word that results for machines have.
fn word(sight: Sight) -> &'static str {
    match sight {
        Sight::InListing => "in-listing",
        Sight::LookUp(look) => look_word(look),
    }
}

/// Returns the word that results for machines have.
pub(super) fn look_word(look: Look) -> &'static str {
    match look {
        Look::Probed => "probed",
        Look::Read => "read",
        Look::Listed => "listed",
    }
}

/// Steps whose knowledge is of another time are told together, but not those of other settings.
fn alike(since: Since) -> Since {
    Since { at: None, ..since }
}

fn named(group: &[&OfStep]) -> String {
    let mut projects: Vec<&str> = group.iter().map(|of| of.project.as_str()).collect();
    projects.sort_unstable();
    // A project that is published for each platform by itself has each step several times.
    projects.dedup();
    if projects.len() > MOST_NAMES {
        return count(projects.len(), "project");
    }
    let names: Vec<&str> = projects.iter().map(|project| short(project)).collect();
    names.join(", ")
}

/// `Shop.Api` for `src/Shop.Api/Shop.Api.csproj`.
fn short(project: &str) -> &str {
    let file = project.rsplit('/').next().unwrap_or(project);
    file.rsplit_once('.').map_or(file, |(name, _)| name)
}

fn below(file: &str, folder: &str) -> bool {
    let rest = file.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Follows the links of the folders that are there; what is not there has none.
fn resolved(file: &Path) -> PathBuf {
    let mut rest = Vec::new();
    let mut above = file;
    while let (Some(folder), Some(name)) = (above.parent(), above.file_name()) {
        rest.push(name);
        if let Ok(folder) = fs_err::canonicalize(folder) {
            return folder.join(rest.iter().rev().collect::<PathBuf>());
        }
        above = folder;
    }
    file.to_owned()
}

fn outside(file: &OutsideFile) -> String {
    let why = match file {
        OutsideFile::OfTheSystem => "every stage shows it where it is",
        OutsideFile::LookedFor(unshown) => return unshown.to_string(),
        OutsideFile::NotLookedFor => "no stage shows it, and publish did not look for it",
        OutsideFile::Unknown => {
            "no stage shows it; whether plain `dotnet publish` would read it is not known, because publish has not run like this, or could not be watched"
        }
    };
    why.to_owned()
}
