use crate::{Network, Rung};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What the processes of a stage are told: as arguments, because they are the program itself, started
/// again. The environment of the command is their own, so that no secret is in the list of processes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Job {
    pub(crate) rung: Rung,
    pub(crate) network: Network,
    /// The stage's root, as the command sees it.
    pub(crate) root: PathBuf,
    /// The folder of the machine that is there; the root itself where no mount can bring another. None to
    /// try the rung and nothing else.
    pub(crate) place: Option<PathBuf>,
    /// Where the command starts.
    pub(crate) folder: PathBuf,
    /// What of the machine is mounted beside its system folders, absolute.
    pub(crate) mounted: Vec<PathBuf>,
    /// Folders of the machine that are empty but for what `mounted` names below them.
    pub(crate) masked: Vec<PathBuf>,
    /// What of the machine is seen below the root: a path relative to it, and what lies there, in turn.
    pub(crate) shown: Vec<PathBuf>,
    /// Whether what the command looks up is noted; the folder for it is then in the root.
    pub(crate) watched: bool,
    /// What runs beside the command; empty for nothing.
    pub(crate) warm_up: Vec<OsString>,
    /// The program and its arguments; empty to try the rung and nothing else.
    pub(crate) command: Vec<OsString>,
}

impl Job {
    pub(crate) fn to_arguments(&self) -> Vec<OsString> {
        let network = match self.network {
            Network::None => "none",
            Network::Full => "full",
        };
        let mut arguments: Vec<OsString> = vec![
            self.rung.as_str().into(),
            network.into(),
            self.root.clone().into(),
            self.place.clone().unwrap_or_default().into(),
            self.folder.clone().into(),
            if self.watched { "watched" } else { "alone" }.into(),
        ];
        for paths in [&self.mounted, &self.masked, &self.shown] {
            arguments.push(paths.len().to_string().into());
            arguments.extend(paths.iter().map(|path| path.clone().into_os_string()));
        }
        arguments.push(self.warm_up.len().to_string().into());
        arguments.extend(self.warm_up.iter().chain(&self.command).cloned());
        arguments
    }

    /// Reads what [`to_arguments`](Self::to_arguments) gave; `None` for anything else.
    pub(crate) fn parse(arguments: &[OsString]) -> Option<Self> {
        let [rung, network, root, place, folder, watched, rest @ ..] = arguments else {
            return None;
        };
        let (mounted, rest) = counted(rest)?;
        let (masked, rest) = counted(rest)?;
        let (shown, rest) = counted(rest)?;
        let (warm_up, command) = counted(rest)?;
        Some(Self {
            rung: Rung::parse(rung.to_str()?)?,
            network: match network.as_encoded_bytes() {
                b"none" => Network::None,
                b"full" => Network::Full,
                _ => return None,
            },
            root: root.into(),
            place: (!place.is_empty()).then(|| place.into()),
            folder: folder.into(),
            watched: watched == "watched",
            mounted: mounted.iter().map(PathBuf::from).collect(),
            masked: masked.iter().map(PathBuf::from).collect(),
            shown: shown.iter().map(PathBuf::from).collect(),
            warm_up: warm_up.to_vec(),
            command: command.to_vec(),
        })
    }
}

/// Reads a number and so many arguments; returns what follows, too.
fn counted(arguments: &[OsString]) -> Option<(&[OsString], &[OsString])> {
    let (count, rest) = arguments.split_first()?;
    rest.split_at_checked(count.to_str()?.parse().ok()?)
}

/// How a job ended: one line from its processes to the build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// The command ended: its exit code, `None` after a signal.
    Exited(Option<i32>),
    /// The program could not be started: the error's number.
    NotStarted(i32),
    /// The rung could not be had: what failed, and the error's number.
    NotIsolated(String, i32),
}

impl Ending {
    pub(crate) fn to_line(&self) -> String {
        match self {
            Self::Exited(Some(code)) => format!("exited {code}\n"),
            Self::Exited(None) => "signaled\n".to_owned(),
            Self::NotStarted(error) => format!("start {error}\n"),
            Self::NotIsolated(what, error) => {
                // Paths are in it, and a line ends at the first line feed.
                format!("isolation {error} {}\n", what.replace('\n', " "))
            }
        }
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Some(match word {
            "exited" => Self::Exited(Some(rest.parse().ok()?)),
            "signaled" => Self::Exited(None),
            "start" => Self::NotStarted(rest.parse().ok()?),
            "isolation" => {
                let (error, what) = rest.split_once(' ')?;
                Self::NotIsolated(what.to_owned(), error.parse().ok()?)
            }
            _ => return None,
        })
    }
}

/// Splits the arguments of a process of a stage: its part, and its job.
pub(crate) fn split<'a>(
    arguments: &'a [OsString],
    verb: &str,
) -> Option<(&'a OsStr, &'a [OsString])> {
    match arguments {
        [_, first, part, job @ ..] if first == verb => Some((part, job)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Ending, Job};
    use crate::{Network, Rung};

    #[test]
    fn a_job_and_its_ending_survive_the_way_between_processes() {
        let job = Job {
            rung: Rung::Mounts,
            network: Network::None,
            root: "/tmp/mizzen-stage".into(),
            place: Some("/tmp/mizzen-stage/place-0".into()),
            folder: "/tmp/mizzen-stage/src".into(),
            watched: true,
            mounted: vec!["/a b".into(), "/c".into()],
            masked: vec!["/a b/d".into()],
            shown: vec!["dotnet/sdk".into(), "/e".into()],
            warm_up: ["dotnet", "exec"].map(Into::into).to_vec(),
            command: ["dotnet", "-p:A=1", ""].map(Into::into).to_vec(),
        };
        assert_eq!(Job::parse(&job.to_arguments()), Some(job.clone()));
        assert_eq!(Job::parse(&job.to_arguments()[..6]), None);
        for ending in [
            Ending::Exited(Some(3)),
            Ending::Exited(None),
            Ending::NotStarted(2),
            Ending::NotIsolated("mount `/proc`".to_owned(), 1),
        ] {
            assert_eq!(Ending::parse(&ending.to_line()), Some(ending));
        }
        assert_eq!(Ending::parse("exit"), None);
    }
}
