use super::found::Found;
use super::new_file::NewFile;
use clap::ValueEnum;
use std::path::Path;

/// A system that builds the repository.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ci {
    Github,
    Gitlab,
    Azure,
}

/// The SDK where the repository names none.
const SDK: &str = "10.0";

impl Ci {
    /// Returns the one that a repository has files of, or whose server it was cloned from.
    pub(crate) fn of(root: &Path, source: Option<&str>) -> Option<Self> {
        let has = |name: &str| root.join(name).exists();
        if has(".github") {
            Some(Self::Github)
        } else if has(".gitlab-ci.yml") {
            Some(Self::Gitlab)
        } else if has("azure-pipelines.yml") {
            Some(Self::Azure)
        } else {
            let source = source?;
            let servers = [
                ("github.com", Self::Github),
                ("gitlab", Self::Gitlab),
                ("dev.azure.com", Self::Azure),
            ];
            let server = servers.iter().find(|(name, _)| source.contains(name))?;
            Some(server.1)
        }
    }

    /// Returns the file that has it build the images.
    pub(crate) fn file(self, found: &Found) -> NewFile {
        let sdk = found.sdk().unwrap_or_else(|| SDK.to_owned());
        let target = &found.target;
        // A solution's images each have a repository of their own.
        let name = if found.is_solution { "/{project}" } else { "" };
        match self {
            Self::Github => NewFile {
                path: ".github/workflows/images.yml".into(),
                text: github(target, name, &sdk),
                note: None,
            },
            Self::Gitlab if found.root.join(".gitlab-ci.yml").exists() => NewFile {
                path: ".gitlab/images.yml".into(),
                text: gitlab(target, name, &sdk),
                note: Some(
                    "include it from .gitlab-ci.yml: include: [{ local: .gitlab/images.yml }]"
                        .to_owned(),
                ),
            },
            Self::Gitlab => NewFile {
                path: ".gitlab-ci.yml".into(),
                text: gitlab(target, name, &sdk),
                note: None,
            },
            Self::Azure => NewFile {
                path: "azure-pipelines-images.yml".into(),
                text: azure(target, name, &sdk),
                note: Some(
                    "make a pipeline of it, and replace `registry.example` and `registry` by your registry and its service connection"
                        .to_owned(),
                ),
            },
        }
    }
}

fn github(target: &str, name: &str, sdk: &str) -> String {
    format!(
        r#"# Builds the images in pull requests, and pushes them from main.
name: images
on:
  push:
    branches: [main]
  pull_request:
permissions:
  contents: read
  packages: write
env:
  IMAGE: ghcr.io/${{{{ github.repository }}}}
jobs:
  images:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-dotnet@v4
        with:
          dotnet-version: {sdk}.x
      - run: dotnet tool install --global mizzen
      - run: echo "${{{{ github.token }}}}" | mizzen login ghcr.io --username "${{{{ github.actor }}}}" --password-stdin
      - if: github.event_name == 'pull_request'
        run: mizzen build {target} --cache-from "${{IMAGE,,}}/cache"
      - if: github.event_name == 'push'
        run: mizzen build {target} -t "${{IMAGE,,}}{name}:${{GITHUB_SHA::12}}" --cache-from "${{IMAGE,,}}/cache" --cache-to "${{IMAGE,,}}/cache"
"#
    )
}

fn gitlab(target: &str, name: &str, sdk: &str) -> String {
    format!(
        r#"# Builds the images in merge requests, and pushes them from the default branch.
images:
  image: mcr.microsoft.com/dotnet/sdk:{sdk}
  before_script:
    - dotnet tool install --tool-path /usr/local/bin mizzen
    - echo "$CI_REGISTRY_PASSWORD" | mizzen login "$CI_REGISTRY" --username "$CI_REGISTRY_USER" --password-stdin
  script:
    - |
      if [ "$CI_COMMIT_BRANCH" = "$CI_DEFAULT_BRANCH" ]; then
        mizzen build {target} -t "$CI_REGISTRY_IMAGE{name}:$CI_COMMIT_SHORT_SHA" --cache-from "$CI_REGISTRY_IMAGE/cache" --cache-to "$CI_REGISTRY_IMAGE/cache"
      else
        mizzen build {target} --cache-from "$CI_REGISTRY_IMAGE/cache"
      fi
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
"#
    )
}

fn azure(target: &str, name: &str, sdk: &str) -> String {
    format!(
        r###"# Builds the images in pull requests, and pushes them from main.
trigger: [main]
pr: [main]
pool:
  vmImage: ubuntu-latest
variables:
  IMAGE: registry.example/shop
steps:
  - task: UseDotNet@2
    inputs:
      version: {sdk}.x
  - script: dotnet tool install --tool-path "$(Agent.ToolsDirectory)/mizzen" mizzen
  - script: echo "##vso[task.prependpath]$(Agent.ToolsDirectory)/mizzen"
  - task: Docker@2
    inputs:
      command: login
      containerRegistry: registry
  - script: mizzen build {target} --cache-from "$(IMAGE)/cache"
    condition: eq(variables['Build.Reason'], 'PullRequest')
  - script: mizzen build {target} -t "$(IMAGE){name}:$(Build.BuildId)" --cache-from "$(IMAGE)/cache" --cache-to "$(IMAGE)/cache"
    condition: ne(variables['Build.Reason'], 'PullRequest')
"###
    )
}
