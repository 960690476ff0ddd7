use mizzen_oci::Digest;
use std::path::Path;

/// Returns whether `project` is a C# file that is a program by itself (SDK 10 and later), and no
/// project file.
pub fn is_file_based(project: &str) -> bool {
    Path::new(project)
        .extension()
        .is_some_and(|extension| extension == "cs")
}

/// Returns the lines of a file-based app by which it says what it is made of, `#:package` and the like.
pub fn file_based_directives(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| line.starts_with("#:"));
    lines.fold(String::new(), |all, line| all + line + "\n")
}

/// Returns the text of a project that asks for the same packages and projects, and has the same
/// properties, as the file-based app of this text.
pub fn file_based_project(text: &str) -> String {
    let escaped = |value: &str| quick_xml::escape::escape(value).into_owned();
    let element = |line: &str| {
        let (kind, value) = line.strip_prefix("#:")?.split_once(char::is_whitespace)?;
        let value = value.trim();
        Some(match kind {
            "package" => {
                let id = value.split('@').next().unwrap_or(value);
                format!("<PackageReference Include=\"{}\" />", escaped(id))
            }
            "project" if value.ends_with("proj") => {
                format!("<ProjectReference Include=\"{}\" />", escaped(value))
            }
            // A folder, whose project only a look into it could name.
            "project" => format!("<ProjectReference Include=\"{}/*\" />", escaped(value)),
            "property" => {
                let (name, value) = value.split_once('=')?;
                format!("<{name}>{}</{name}>", escaped(value.trim()))
            }
            _ => return None,
        })
    };
    let directives = file_based_directives(text);
    let elements: String = directives.lines().filter_map(element).collect();
    format!("<Project>{elements}</Project>")
}

/// Returns the folder, below `HOME`, in which the SDK keeps `obj` and `bin` of the file-based app at
/// `path`, absolute.
///
/// Beside it lies a file with the time of the SDK's last cleaning, so the folder above is not an output of
/// any step.
///
/// Source: the SDK, `VirtualProjectBuildingCommand.GetArtifactsPath`.
pub fn file_based_artifacts(path: &str) -> String {
    let upper: String = path.chars().map(upper).collect();
    let name = Path::new(path).file_stem().unwrap_or_default();
    let hash = Digest::of(upper.as_bytes()).hex();
    format!(
        ".local/share/dotnet/runfile/{}-{hash}",
        name.to_string_lossy()
    )
}

// As .NET's invariant culture has it: one letter for one.
fn upper(letter: char) -> char {
    let mut letters = letter.to_uppercase();
    match (letters.next(), letters.next()) {
        (Some(upper), None) => upper,
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::{file_based_artifacts, file_based_directives, file_based_project, is_file_based};

    #[test]
    fn artifacts_lie_where_the_sdk_puts_them() {
        // As SDK 10.0.401 names it.
        assert_eq!(
            file_based_artifacts("/tmp/mizzen-stage/src/app.cs"),
            ".local/share/dotnet/runfile/app-6bd5c2950aa1bc4964e7771e55590394ae340a62a6ecabdfb2a7c230690ac0e1"
        );
    }

    #[test]
    fn directives_are_told_from_code() {
        let text =
            "#!/usr/bin/env dotnet\n#:package Serilog@4.3.0\n #:sdk A\r\nvar x = 1; // #:no\n";
        let directives = "#:package Serilog@4.3.0\n#:sdk A\n";
        assert_eq!(file_based_directives(text), directives);
    }

    #[test]
    fn a_file_based_app_is_told_by_its_extension() {
        assert!(is_file_based("tools/app.cs"));
        assert!(!is_file_based("src/App.csproj") && !is_file_based("src.cs/App.fsproj"));
    }

    #[test]
    fn directives_are_what_a_project_says() {
        let text = "#:package MinVer@8.0.0\n#:property Deterministic=false\n#:project ../Lib\n\
                    #:project b.csproj\n#:sdk Microsoft.NET.Sdk.Web\nvar x = 1;\n";
        assert_eq!(
            file_based_project(text),
            "<Project><PackageReference Include=\"MinVer\" /><Deterministic>false</Deterministic>\
             <ProjectReference Include=\"../Lib/*\" /><ProjectReference Include=\"b.csproj\" /></Project>"
        );
    }
}
