use super::line::Becomes;
use super::words::expanded;
use std::collections::BTreeMap;

/// Properties that mizzen sets by itself, or that a stage has no use for.
const PASSED_OVER: [&str; 4] = [
    "useapphost",
    "containerfamily",
    "enablesdkcontainersupport",
    "generatedocumentationfile",
];

/// What a `dotnet` command of a Dockerfile becomes.
pub(super) struct Read {
    pub(super) becomes: Becomes,
    pub(super) why: String,
    /// The project that it names.
    pub(super) project: Option<String>,
}

/// Reads a command that begins with `dotnet`.
pub(super) fn read(words: &[String], arguments: &BTreeMap<String, String>) -> Read {
    let verb = words.get(1).map_or("", String::as_str);
    let rest: Vec<String> = words
        .iter()
        .skip(2)
        .map(|it| expanded(it, arguments))
        .collect();
    let is_project = |word: &&String| {
        let is_file = ["csproj", "fsproj", "vbproj", "sln", "slnx"]
            .iter()
            .any(|end| word.ends_with(&format!(".{end}")));
        is_file && !word.starts_with('-')
    };
    let project = rest.iter().find(is_project).cloned();
    let (becomes, why) = match verb {
        "restore" => (Becomes::AlreadySo, "restore is a cached step".to_owned()),
        "build" => (
            Becomes::NotNeeded,
            "publish builds what it needs".to_owned(),
        ),
        "publish" => publish(&rest),
        "test" => (
            Becomes::Outside,
            "run the tests before: dotnet test".to_owned(),
        ),
        _ => (
            Becomes::Outside,
            format!("`dotnet {verb}` is for the machine that builds"),
        ),
    };
    Read {
        becomes,
        why,
        project,
    }
}

/// Reads the options of `dotnet publish`.
fn publish(words: &[String]) -> (Becomes, String) {
    let mut options = Vec::new();
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (word, None),
        };
        let property = ["-p:", "/p:", "--property:", "-property:"]
            .iter()
            .find_map(|start| word.strip_prefix(start));
        if let Some(property) = property {
            let name = property.split('=').next().unwrap_or_default();
            if !PASSED_OVER.contains(&name.to_ascii_lowercase().as_str()) {
                options.extend(["-p".to_owned(), property.to_owned()]);
            }
            continue;
        }
        let mut value = || {
            inline
                .or_else(|| words.next())
                .unwrap_or_default()
                .to_owned()
        };
        match name {
            "-c" | "--configuration" => {
                let value = value();
                if !value.eq_ignore_ascii_case("release") {
                    options.extend(["-c".to_owned(), value]);
                }
            }
            "-f" | "--framework" => options.extend(["-f".to_owned(), value()]),
            "-r" | "--runtime" => options.extend(["-r".to_owned(), value()]),
            "-a" | "--arch" => {
                let value = value();
                if value.starts_with('$') {
                    let both = "linux/amd64,linux/arm64".to_owned();
                    options.extend(["--platform".to_owned(), both]);
                } else {
                    options.extend(["-r".to_owned(), format!("linux-{value}")]);
                }
            }
            "--self-contained" | "--sc" => {
                let is_said = |it: &&str| ["true", "false"].contains(it);
                let said = inline.or_else(|| words.next_if(|it| is_said(it)));
                if said != Some("false") {
                    options.push("--self-contained".to_owned());
                }
            }
            "-o" | "--output" | "-v" | "--verbosity" => drop(value()),
            _ => {}
        }
    }
    if options.is_empty() {
        let why = "publish is a cached step, in Release, into /app of the image";
        (Becomes::AlreadySo, why.to_owned())
    } else {
        let why = "publish is a cached step; the rest of it is already so";
        (Becomes::Options(options), why.to_owned())
    }
}
