use super::image_settings as settings;
use super::line::{Answer, Becomes, Line, outside};
use super::publish;
use super::stages::Stages;
use super::words::{commands, expanded};
use parse_dockerfile::{Command, Instruction, Source};
use std::collections::BTreeMap;

/// Reads the instructions one after the other, and remembers what the command needs.
pub(super) struct Reader<'a> {
    text: &'a str,
    stages: &'a Stages,
    lines: Vec<Line>,
    /// The working folder of each stage.
    folders: BTreeMap<usize, String>,
    /// The first working folder of the stage that builds: what is copied is laid there.
    sources: Option<String>,
    /// The project that is published, as it is named there, and where that is.
    published: Option<(Option<String>, String)>,
    /// Projects that other commands name, and files that are copied.
    projects: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, stages: &'a Stages) -> Self {
        Self {
            text,
            stages,
            lines: Vec::new(),
            folders: BTreeMap::new(),
            sources: None,
            published: None,
            projects: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, stage: Option<usize>, instruction: &Instruction<'_>) {
        let span = settings::span(instruction);
        let written = &self.text[span.clone()];
        let answers = match instruction {
            Instruction::Run(run) => self.run(stage, &run.arguments),
            other => vec![self.answer(stage, other)],
        };
        let number = self.text[..span.start].matches('\n').count() + 1;
        for (index, (becomes, why)) in answers.into_iter().enumerate() {
            let text = if index == 0 {
                words_of(written)
            } else {
                String::new()
            };
            self.lines.push(Line {
                number,
                text,
                becomes,
                why,
            });
        }
    }

    fn answer(&mut self, stage: Option<usize>, instruction: &Instruction<'_>) -> Answer {
        let is_runtime = self.stages.is_runtime(stage);
        match instruction {
            Instruction::From(_) => self.from(stage.unwrap_or_default()),
            Instruction::Arg(argument) => argument_answer(&argument.arguments.value),
            Instruction::Workdir(folder) => {
                self.workdir(stage.unwrap_or_default(), &folder.arguments.value)
            }
            Instruction::Copy(copy) => {
                let from = copy.options.iter().find(|it| it.name.value == "from");
                let from = from.and_then(|it| it.value.as_ref());
                let sources = copy.src.iter().filter_map(path_of).collect();
                let owner = copy.options.iter().find(|it| it.name.value == "chown");
                let owner = owner.and_then(|it| it.value.as_ref());
                let owner = owner.map(|it| it.value.as_ref());
                self.copy(
                    stage,
                    from.map(|it| it.value.as_ref()),
                    sources,
                    &copy.dest.value,
                    owner,
                )
            }
            Instruction::Add(add) => {
                let sources = add.src.iter().filter_map(path_of).collect();
                self.copy(stage, None, sources, &add.dest.value, None)
            }
            Instruction::Env(_) if !is_runtime => outside(
                "a variable of the build: list it under `[env] pass` in mizzen.toml, or pass -p NAME=VALUE",
            ),
            _ if !is_runtime => (
                Becomes::NotNeeded,
                "it is not in the image, and no build needs it".to_owned(),
            ),
            other => settings::answer(other, &self.stages.arguments),
        }
    }

    fn from(&self, stage: usize) -> Answer {
        let image = self.stages.image(stage);
        if self.stages.named(image).is_some_and(|named| named < stage) {
            return (Becomes::AlreadySo, "there are no stages to name".to_owned());
        }
        if !self.stages.is_runtime(Some(stage)) {
            return if image.contains("/dotnet/sdk") {
                let why = "the SDK on this machine builds, and is not in the image";
                (Becomes::AlreadySo, why.to_owned())
            } else {
                outside(&format!("run what `{image}` is for before mizzen runs"))
            };
        }
        settings::base(image)
    }

    fn workdir(&mut self, stage: usize, folder: &str) -> Answer {
        let folder = expanded(folder.trim_matches(['"', '\'']), &self.stages.arguments);
        let all = joined(
            self.folders.get(&stage).map_or("/", String::as_str),
            &folder,
        );
        self.folders.insert(stage, all.clone());
        if !self.stages.is_runtime(Some(stage)) {
            self.sources.get_or_insert_with(|| all.clone());
            let why = "the workspace is staged as it is";
            return (Becomes::AlreadySo, why.to_owned());
        }
        if all == "/app" {
            return (Becomes::AlreadySo, "the application is in /app".to_owned());
        }
        let options = ["--workdir".to_owned(), all].to_vec();
        let why = "the working folder; the application itself is in /app";
        (Becomes::Options(options), why.to_owned())
    }

    fn copy(
        &mut self,
        stage: Option<usize>,
        from: Option<&str>,
        sources: Vec<String>,
        destination: &str,
        owner: Option<&str>,
    ) -> Answer {
        if !self.stages.is_runtime(stage) {
            self.projects.extend(sources);
            let why =
                "the workspace is staged; what is copied first for the cache's sake need not be";
            return (Becomes::AlreadySo, why.to_owned());
        }
        match from.map(|from| (from, self.stages.named(from))) {
            Some((_, Some(other)))
                if self.stages.image(other).contains("/dotnet/sdk")
                    || self.stages.named(self.stages.image(other)).is_some() =>
            {
                let why = "what publish made is what goes into /app";
                return (Becomes::AlreadySo, why.to_owned());
            }
            Some((from, _)) => {
                let why = format!(
                    "take the files out of `{from}` before, and add them with --add FILE:{destination}"
                );
                return (Becomes::Outside, why);
            }
            None => {}
        }
        if let Some(url) = sources.iter().find(|it| it.contains("://")) {
            let why = format!("fetch `{url}` before, and add it with --add FILE:{destination}");
            return (Becomes::Outside, why);
        }
        let folder = self.folders.get(&stage.unwrap_or_default());
        let folder = folder.map_or("/", String::as_str);
        let destination = joined(folder, &expanded(destination, &self.stages.arguments));
        let owner = owner.map(|owner| match owner.split_once(':') {
            Some((uid, gid)) => format!(":uid={uid},gid={gid}"),
            None => format!(":uid={owner},gid={owner}"),
        });
        let is_number = |it: &String| it.chars().filter(char::is_ascii_alphabetic).count() == 6;
        let owner = owner.filter(is_number).unwrap_or_default();
        let is_folder = destination.ends_with('/') || sources.len() > 1;
        let options = sources.iter().flat_map(|source| {
            let name = source.rsplit('/').next().unwrap_or_default();
            let place = if is_folder && !source.ends_with('/') {
                format!("{}/{name}", destination.trim_end_matches('/'))
            } else {
                destination.clone()
            };
            ["--add".to_owned(), format!("{source}:{place}{owner}")]
        });
        let why = "a layer of its own, owned by root unless said otherwise";
        (Becomes::Options(options.collect()), why.to_owned())
    }

    fn run(&mut self, stage: Option<usize>, command: &Command<'_>) -> Vec<Answer> {
        let all = match command {
            Command::Shell(text) => commands(text.value),
            Command::Exec(words) => {
                vec![words.value.iter().map(|it| it.value.to_string()).collect()]
            }
            _ => Vec::new(),
        };
        let mut answers: Vec<Answer> = Vec::new();
        for words in all {
            // Mounts of caches and secrets come before the command.
            let words: Vec<String> = words
                .into_iter()
                .skip_while(|it| it.starts_with("--"))
                .collect();
            let is_dotnet = words.first().is_some_and(|it| it == "dotnet");
            let answer = if is_dotnet {
                self.dotnet(stage.unwrap_or_default(), &words)
            } else if self.stages.is_runtime(stage) {
                settings::run(&words)
            } else {
                let what = words.first().map_or("", String::as_str);
                if what == "cd" || what == "set" {
                    continue;
                }
                outside(&format!(
                    "`{what}` is for the machine that builds, before mizzen runs"
                ))
            };
            if !answers.contains(&answer) {
                answers.push(answer);
            }
        }
        if answers.is_empty() {
            answers.push((Becomes::NotNeeded, "it does nothing here".to_owned()));
        }
        answers
    }

    fn dotnet(&mut self, stage: usize, words: &[String]) -> Answer {
        let read = publish::read(words, &self.stages.arguments);
        let folder = self.folders.get(&stage).cloned().unwrap_or_default();
        if words.get(1).is_some_and(|verb| verb == "publish") {
            self.published = Some((read.project, folder));
        } else if let Some(project) = read.project {
            self.projects.push(self.in_workspace(&folder, &project));
        }
        (read.becomes, read.why)
    }

    /// Returns a path of the stage as one of the workspace.
    fn in_workspace(&self, folder: &str, path: &str) -> String {
        let whole = joined(folder, path);
        let sources = self.sources.as_deref().unwrap_or("/");
        let below = whole.strip_prefix(sources).unwrap_or(&whole);
        below.trim_start_matches('/').to_owned()
    }

    /// Returns each instruction, and the words of the command that makes the same image.
    pub(super) fn finish(self) -> (Vec<Line>, Vec<String>) {
        let project = match &self.published {
            None => None,
            Some((Some(project), folder)) => {
                let path = self.in_workspace(folder, project);
                // A project that is copied or restored by its whole path tells where it is.
                let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                let is_it = |it: &&String| it.rsplit('/').next() == Some(&name);
                let known = self.projects.iter().filter(is_it);
                let longest = known.max_by_key(|it| it.matches('/').count());
                Some(
                    longest
                        .filter(|it| it.ends_with(&path))
                        .cloned()
                        .unwrap_or(path),
                )
            }
            Some((None, folder)) => Some(self.in_workspace(folder, ".")),
        };
        let project =
            project.map(|it| it.trim_end_matches('/').trim_start_matches("./").to_owned());
        let project = project.filter(|it| !it.is_empty() && it != ".");
        let mut command = ["mizzen", "build"].map(str::to_owned).to_vec();
        command.push(project.unwrap_or_else(|| ".".to_owned()));
        let mut options: Vec<&[String]> = Vec::new();
        for line in &self.lines {
            if let Becomes::Options(words) = &line.becomes {
                // Each option with its value, once; the last of those that have one.
                for option in words.chunk_by(|_, next| !next.starts_with('-')) {
                    let is_single = [
                        "--user",
                        "--workdir",
                        "--base",
                        "--entrypoint",
                        "--cmd",
                        "-c",
                    ];
                    if is_single.contains(&option[0].as_str()) {
                        options.retain(|other| other[0] != option[0]);
                    }
                    if !options.contains(&option) {
                        options.push(option);
                    }
                }
            }
        }
        command.extend(options.into_iter().flatten().cloned());
        (self.lines, command)
    }
}

/// Reads a variable of the build.
fn argument_answer(text: &str) -> Answer {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let value = value.trim_matches(['"', '\'']);
    match name {
        "BUILD_CONFIGURATION" | "CONFIGURATION" if !value.eq_ignore_ascii_case("release") => {
            let options = ["-c", value].map(str::to_owned).to_vec();
            (Becomes::Options(options), "the configuration".to_owned())
        }
        "BUILD_CONFIGURATION" | "CONFIGURATION" => {
            (Becomes::AlreadySo, "mizzen publishes Release".to_owned())
        }
        "TARGETARCH" | "TARGETOS" | "TARGETPLATFORM" | "TARGETVARIANT" | "BUILDPLATFORM"
        | "BUILDARCH" | "BUILDOS" => (
            Becomes::AlreadySo,
            "each platform of --platform is built on this one".to_owned(),
        ),
        _ => (
            Becomes::NotNeeded,
            format!("what `{name}` says is taken where it is used"),
        ),
    }
}

fn path_of(source: &Source<'_>) -> Option<String> {
    match source {
        Source::Path(path) => Some(path.value.to_string()),
        _ => None,
    }
}

/// Writes an instruction of several lines on one.
fn words_of(written: &str) -> String {
    let text = written.replace("\\\n", " ").replace("\\\r\n", " ");
    let first = text.lines().next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns where a path leads from a folder, both of the stage.
fn joined(folder: &str, path: &str) -> String {
    let is_folder = path.ends_with('/') || path == ".";
    let whole = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{folder}/{path}")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let end = if is_folder && !parts.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", parts.join("/")).replace("//", "/")
}

#[cfg(test)]
mod tests {
    use super::{joined, words_of};

    #[test]
    fn paths_of_a_stage_lead_where_docker_takes_them() {
        for (folder, path, want) in [
            ("/src", "Shop.Api", "/src/Shop.Api"),
            ("/src", "./Shop.Api/", "/src/Shop.Api/"),
            ("/src/a", "../b", "/src/b"),
            ("/app", ".", "/app/"),
            ("/", "/x", "/x"),
        ] {
            assert_eq!(joined(folder, path), want, "{folder} {path}");
        }
        assert_eq!(words_of("RUN a \\\n    b"), "RUN a b");
    }
}
