use super::run::Run;
use fs_err as fs;
use std::path::PathBuf;
use std::process::Child;

/// A build that goes on.
pub(crate) struct Going {
    pub(super) child: Child,
    pub(super) metadata: PathBuf,
}

impl Going {
    /// Ends it as nothing can keep from; what it started is left to itself.
    pub(crate) fn kill(mut self) -> Run {
        self.child.kill().unwrap();
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> Run {
        let output = self.child.wait_with_output().unwrap();
        let metadata = fs::read_to_string(self.metadata).unwrap_or_else(|_| "null".to_owned());
        Run::of(output, serde_json::from_str(&metadata).unwrap())
    }
}
