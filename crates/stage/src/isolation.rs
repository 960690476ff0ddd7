use std::fmt;

/// How much of the machine the user wants hidden from what runs in a stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Isolation {
    /// The highest rung that this machine allows.
    #[default]
    Auto,
    /// A rung with namespaces, or an error.
    Namespace,
    /// The lowest rung: the user says that this machine is clean.
    Path,
    /// This rung, or an error.
    Exactly(Rung),
}

/// A rung of the ladder, highest first. Every rung has the same canonical root, and a build that
/// reads nothing outside its inputs gives the same bytes on each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rung {
    /// User, mount, network, IPC, host name and process namespaces.
    Processes,
    /// The same without a process namespace, whose `/proc` a container with a masked one denies.
    Mounts,
    /// A canonical path alone: absolute paths elsewhere and the network stay reachable.
    Path,
}

impl Rung {
    const ALL: [Self; 3] = [Self::Processes, Self::Mounts, Self::Path];

    /// Returns the name that records hold.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processes => "processes",
            Self::Mounts => "mounts",
            Self::Path => "path",
        }
    }

    /// Reads a name that [`as_str`](Self::as_str) gave.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rung| rung.as_str() == name)
    }

    /// Returns whether what was not staged was also not to be seen.
    pub fn hides_the_machine(self) -> bool {
        self != Self::Path
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Rung;

    #[test]
    fn rungs_keep_their_names() {
        for rung in Rung::ALL {
            assert_eq!(Rung::parse(rung.as_str()), Some(rung));
        }
        assert_eq!(Rung::parse("cellar"), None);
    }
}
