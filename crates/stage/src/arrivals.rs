use crate::{Action, OutputSpec};
use fs_err as fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Counts the packages that come into an action's folders of packages while its command runs.
#[derive(Debug)]
pub(crate) struct Arrivals {
    folders: Vec<PathBuf>,
    count: usize,
    looked: Instant,
}

/// So often is looked: each look reads every package's folder.
const LOOK: Duration = Duration::from_millis(250);

impl Arrivals {
    /// Begins to count, in the stage that lies at `root`.
    pub(crate) fn of(action: &Action, root: &Path) -> Self {
        let folders = action.outputs.iter().filter_map(|output| match output {
            OutputSpec::Packages(folder) => Some(root.join(folder)),
            _ => None,
        });
        Self {
            folders: folders.collect(),
            count: 0,
            looked: Instant::now(),
        }
    }

    /// Returns how many there are, if it is time to look and there are more than before.
    pub(crate) fn news(&mut self) -> Option<usize> {
        if self.folders.is_empty() || self.looked.elapsed() < LOOK {
            return None;
        }
        let count = self.folders.iter().map(|folder| packages(folder)).sum();
        self.looked = Instant::now();
        let is_news = count > self.count;
        self.count = count;
        is_news.then_some(count)
    }
}

/// Returns how many packages below `folder` are whole: NuGet writes that file last.
fn packages(folder: &Path) -> usize {
    let whole = |version: &PathBuf| version.join(".nupkg.metadata").exists();
    let versions = entries(folder).into_iter().flat_map(|id| entries(&id));
    versions.filter(whole).count()
}

/// What is not there yet, or not any more, counts for nothing.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::packages;
    use fs_err as fs;

    #[test]
    fn a_package_counts_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(packages(&folder.path().join("none")), 0);
        for name in ["a/1.0.0", "a/2.0.0", "b/1.0.0"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("a/1.0.0/.nupkg.metadata"), "").unwrap();
        fs::write(folder.path().join("b/1.0.0/.nupkg.metadata"), "").unwrap();
        fs::write(folder.path().join("b/1.0.0/b.dll"), "").unwrap();
        assert_eq!(packages(folder.path()), 2);
    }
}
