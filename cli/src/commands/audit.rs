use crate::consent::open_session;
use crate::error::CommandError;
use crate::places::opened::{ImageArg, Opened};
use crate::session::Invocation;
use crate::ui::{Lines, Ui, count, out, out_json};
use clap::ValueEnum;
use fs_err as fs;
use mizzen_attest::{Advisories, Bill, Finding, Severity};
use mizzen_dotnet::PublishOutput;
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Names the known vulnerabilities of the NuGet packages and of the .NET in an image
#[derive(clap::Args, Debug)]
pub(crate) struct AuditArgs {
    /// A reference, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, or the folder of a `dotnet
    /// publish`
    pub(crate) image: String,

    /// A copy of the advisories in the OSV format: a folder of JSON files, or one of them
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,

    /// Fail with exit code 6 if one is this bad, or worse
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Low)]
    pub(crate) fail_on: FailOn,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) common: ImageArg,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum FailOn {
    /// Never
    None,
    Low,
    Moderate,
    High,
    Critical,
}

/// Names what is known to be vulnerable.
pub(crate) fn run(arguments: &AuditArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let process = invocation.process;
    let advisories = advisories(&process.absolute(&arguments.db), &arguments.db)?;
    let folder = process.absolute(Path::new(&arguments.image));
    let bill = if folder.is_dir() {
        let output = PublishOutput::read(&folder).map_err(mizzen_builder::BuildError::from)?;
        Bill::of_folder(&output).map_err(|error| {
            CommandError::local(format!("`{}` cannot be read", arguments.image), &error)
        })?
    } else {
        let cache_dir = arguments.common.cache_dir.as_deref();
        let session = open_session(invocation, Ui::silent(), cache_dir)?.reading();
        let opened = Opened::open(&arguments.image, &arguments.common, &session)?;
        Bill::of_image(&opened.name, &opened.image()?)?
    };
    let findings = advisories.audit(&bill);
    let audited = bill.components.len();
    if arguments.json {
        out_json(&json!({
            "advisories": advisories.count(), "components": audited, "findings": findings,
        }))?;
    } else {
        print(&findings)?;
        Ui::new(false, false).note(&format!(
            "{} in {}; advisories compared: {}",
            count(findings.len(), "finding"),
            count(audited, "component"),
            advisories.count()
        ));
    }
    let limit = arguments.fail_on.severity();
    let bad: Vec<String> = findings
        .iter()
        .filter(|finding| limit.is_some_and(|limit| finding.severity >= limit))
        .map(|finding| {
            format!(
                "{} in {} {}",
                finding.advisory, finding.package, finding.version
            )
        })
        .collect();
    if bad.is_empty() {
        return Ok(());
    }
    let message = format!("`{}` has known vulnerabilities", arguments.image);
    Err(CommandError::check(message, &bad))
}

impl FailOn {
    fn severity(self) -> Option<Severity> {
        match self {
            Self::None => None,
            Self::Low => Some(Severity::Low),
            Self::Moderate => Some(Severity::Moderate),
            Self::High => Some(Severity::High),
            Self::Critical => Some(Severity::Critical),
        }
    }
}

/// Reads every advisory below `path`. None at all is a mistake: it would find nothing for ever.
fn advisories(path: &Path, written: &Path) -> Result<Advisories, CommandError> {
    let unreadable = |error: &io::Error| {
        CommandError::local(format!("`{}` cannot be read", written.display()), error)
    };
    let mut advisories = Advisories::default();
    for entry in WalkDir::new(path) {
        let entry = entry.map_err(|error| unreadable(&error.into()))?;
        let is_json = entry.path().extension().is_some_and(|it| it == "json");
        if entry.file_type().is_file() && is_json {
            let bytes = fs::read(entry.path()).map_err(|error| unreadable(&error))?;
            advisories.add(&bytes);
        }
    }
    if advisories.count() > 0 {
        return Ok(advisories);
    }
    let message = format!("there is no advisory in `{}`", written.display());
    Err(CommandError::usage(message).hinted(
        "unpack https://osv-vulnerabilities.storage.googleapis.com/NuGet/all.zip into a folder, and name that",
    ))
}

fn print(findings: &[Finding]) -> Result<(), CommandError> {
    let mut lines = Lines::default();
    for finding in findings {
        let Finding {
            severity,
            advisory,
            package,
            version,
            ..
        } = finding;
        let severity = severity.as_str();
        lines.add(format_args!(
            "{severity:<8} {advisory}  {package} {version}"
        ));
        if !finding.summary.is_empty() {
            lines.add(format_args!("         {}", finding.summary));
        }
        let fixed = finding.fixed.as_ref();
        let fixed = fixed.map_or("no version fixes it".to_owned(), |it| {
            format!("fixed in {it}")
        });
        lines.add(format_args!("         {fixed}"));
        lines.add(format_args!("         {}", finding.path.join(" > ")));
        for layer in &finding.layers {
            lines.add(format_args!("         in layer {layer}"));
        }
    }
    out(&lines)
}
