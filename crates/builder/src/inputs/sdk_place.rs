use crate::inputs::sdk::SDK;
use crate::request::ProjectRequest;
use std::path::{Path, PathBuf};

/// Where the commands of a build see the SDK: its path ends up in what NuGet writes, and so in keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SdkPlace {
    /// In the stage: at one path, wherever it lies on the machine.
    Stage,
    /// Where it lies on the machine.
    Machine,
}

impl SdkPlace {
    /// Returns where the SDK of `request` is seen on a rung that can show it anywhere.
    pub(crate) fn of(request: &ProjectRequest) -> Self {
        // The stage has no place for two, and a `global.json` that says where one lies means the machine.
        if request.sdk.has_paths || request.sdk.root != request.toolchain.root {
            return Self::Machine;
        }
        Self::Stage
    }

    /// Returns the folder that `dotnet` is seen in.
    pub(crate) fn root(self, request: &ProjectRequest, stage_root: &Path) -> PathBuf {
        match self {
            Self::Stage => stage_root.join(SDK),
            Self::Machine => request.toolchain.root.clone(),
        }
    }

    /// Returns the folder that the chosen SDK is seen in, in `sdk/`.
    pub(crate) fn root_of_sdk(self, request: &ProjectRequest, stage_root: &Path) -> PathBuf {
        match self {
            Self::Stage => stage_root.join(SDK),
            Self::Machine => request.sdk.root.clone(),
        }
    }
}
