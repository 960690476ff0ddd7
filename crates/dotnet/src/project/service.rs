use crate::project::project_text::project_text;
use crate::project::project_xml::{Element, ProjectXml};
use fs_err as fs;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Whether a project of a solution is one that is published on its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// A program: it becomes an image.
    Yes,
    /// It has no program of its own.
    Library,
    /// It runs tests.
    Tests,
    /// It says `IsPublishable=false`.
    NotPublishable,
}

impl Service {
    /// Returns why the project is left out; `None` if it is not.
    pub fn left_out(self) -> Option<&'static str> {
        match self {
            Self::Yes => None,
            Self::Library => Some("a library"),
            Self::Tests => Some("tests"),
            Self::NotPublishable => Some("not publishable"),
        }
    }
}

/// The SDKs whose projects are programs unless they say otherwise.
const SDKS_OF_PROGRAMS: [&str; 2] = ["microsoft.net.sdk.web", "microsoft.net.sdk.worker"];

/// Tells what the project file at `path` is for, by what it and the `Directory.Build` files around it
/// say.
///
/// Nothing is evaluated: a hit starts no process. A condition counts as met, and a value that is made of
/// other properties as unknown; `--project` names what this takes for something else.
///
/// # Errors
/// A file cannot be read.
pub fn service(path: &Path) -> io::Result<Service> {
    let mut said = Said::default();
    let folder = path.parent().expect("a file has a folder");
    for file in around(folder, "Directory.Build.props")? {
        said.read(&read(&file)?);
    }
    said.read(&read(path)?);
    for file in around(folder, "Directory.Build.targets")? {
        said.read(&read(&file)?);
    }
    let is = |property: &str, value: &str| {
        let said = said.properties.get(property);
        said.is_some_and(|said| said.eq_ignore_ascii_case(value))
    };
    let is_program = match said.properties.get("outputtype") {
        Some(kind) => ["exe", "winexe"].contains(&&*kind.to_ascii_lowercase()),
        None => said.sdk_of_programs,
    };
    Ok(if is("istestproject", "true") || said.runs_tests {
        Service::Tests
    } else if !is_program {
        Service::Library
    } else if is("ispublishable", "false") {
        Service::NotPublishable
    } else {
        Service::Yes
    })
}

/// What project files say, the last one last.
#[derive(Default)]
struct Said {
    /// By name in lower case.
    properties: BTreeMap<String, String>,
    sdk_of_programs: bool,
    runs_tests: bool,
}

const PROPERTIES: [&str; 3] = ["outputtype", "istestproject", "ispublishable"];

impl Said {
    // What is no XML says little here; `dotnet` will say what is wrong with it.
    fn read(&mut self, xml: &ProjectXml) {
        for property in PROPERTIES {
            let values = xml.properties(property).map(Element::text);
            if let Some(value) = values.filter(|value| !value.contains("$(")).last() {
                self.properties
                    .insert(property.to_owned(), value.to_owned());
            }
        }
        for element in xml.elements() {
            let name = element.name().to_ascii_lowercase();
            for (attribute, value) in element.attributes() {
                self.attribute(&name, attribute, value);
            }
        }
    }

    fn attribute(&mut self, element: &str, name: &str, value: &str) {
        // `<Project Sdk="Name/1.2.3;Other">`, `<Sdk Name="…"/>`, `<Import Project="…" Sdk="…"/>`
        let names_sdks = (name == "Sdk" && ["project", "import"].contains(&element))
            || (name == "Name" && element == "sdk");
        if names_sdks {
            let sdks = value
                .split(';')
                .map(|sdk| sdk.split('/').next().unwrap_or(sdk));
            for sdk in sdks.map(|sdk| sdk.trim().to_ascii_lowercase()) {
                self.sdk_of_programs |= SDKS_OF_PROGRAMS.contains(&&*sdk);
                self.runs_tests |= sdk == "mstest.sdk";
            }
        }
        // The package sets `IsTestProject` in its props, which are not there before restore.
        if element == "packagereference" && name == "Include" {
            self.runs_tests |= value.eq_ignore_ascii_case("Microsoft.NET.Test.Sdk");
        }
    }
}

pub(crate) fn read(file: &Path) -> io::Result<ProjectXml> {
    Ok(ProjectXml::read(&project_text(&fs::read(file)?)))
}

/// Returns the file that MSBuild takes for `folder`, after those above that it imports itself.
pub(crate) fn around(folder: &Path, name: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for file in folder.ancestors().map(|folder| folder.join(name)) {
        if !file.is_file() {
            continue;
        }
        let imports_above = imports_above(&read(&file)?, name);
        files.insert(0, file);
        if !imports_above {
            break;
        }
    }
    Ok(files)
}

// The path may be that of the import, or of a property that the import names.
fn imports_above(xml: &ProjectXml, name: &str) -> bool {
    let speaks_of_it = |text: &str| {
        text.contains(name) || text.contains("OfFileAbove") && text.contains("$(MSBuildThisFile)")
    };
    xml.elements().any(|element| {
        let mut attributes = element.attributes();
        speaks_of_it(element.text()) || attributes.any(|(_, value)| speaks_of_it(value))
    })
}

#[cfg(test)]
mod tests {
    use super::{Service, service};
    use fs_err as fs;

    fn kind(files: &[(&str, &str)]) -> Service {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        service(&folder.path().join("a/b/P.csproj")).unwrap()
    }

    fn alone(text: &str) -> Service {
        kind(&[("a/b/P.csproj", text)])
    }

    #[test]
    fn a_program_is_told_by_its_sdk_or_its_output_type() {
        let sdk = |name: &str, properties: &str| {
            alone(&format!(
                "<Project Sdk=\"{name}\"><PropertyGroup>{properties}</PropertyGroup></Project>"
            ))
        };
        assert_eq!(sdk("Microsoft.NET.Sdk.Web", ""), Service::Yes);
        assert_eq!(sdk("Microsoft.NET.Sdk.Worker/10.0.0", ""), Service::Yes);
        assert_eq!(sdk("Microsoft.NET.Sdk", ""), Service::Library);
        let program = "<OutputType> Exe </OutputType>";
        assert_eq!(sdk("Microsoft.NET.Sdk", program), Service::Yes);
        let library = "<OutputType>Library</OutputType>";
        assert_eq!(sdk("Microsoft.NET.Sdk.Web", library), Service::Library);
        let not = "<OutputType>Exe</OutputType><IsPublishable>false</IsPublishable>";
        assert_eq!(sdk("Microsoft.NET.Sdk", not), Service::NotPublishable);
        let imported =
            "<Project><Import Project=\"Sdk.props\" Sdk=\"Microsoft.NET.Sdk.Web\" /></Project>";
        assert_eq!(alone(imported), Service::Yes);
    }

    #[test]
    fn tests_are_no_services_though_they_are_programs() {
        for text in [
            "<Project Sdk=\"MSTest.Sdk/3.6.0\"><PropertyGroup><OutputType>Exe</OutputType></PropertyGroup></Project>",
            "<Project Sdk=\"Microsoft.NET.Sdk.Web\"><PropertyGroup><IsTestProject>True</IsTestProject></PropertyGroup></Project>",
            "<Project Sdk=\"Microsoft.NET.Sdk.Web\"><ItemGroup><PackageReference Include=\"Microsoft.NET.Test.Sdk\" /></ItemGroup></Project>",
        ] {
            assert_eq!(alone(text), Service::Tests, "{text}");
        }
    }

    #[test]
    fn the_nearest_directory_build_props_speaks_and_what_it_imports() {
        let program = "<Project Sdk=\"Microsoft.NET.Sdk\"/>";
        let props =
            |text: &str| format!("<Project><PropertyGroup>{text}</PropertyGroup></Project>");
        let (exe, tests) = (
            props("<OutputType>Exe</OutputType>"),
            props("<IsTestProject>true</IsTestProject>"),
        );
        let files = |nearest: &str| {
            kind(&[
                ("Directory.Build.props", &tests),
                ("a/Directory.Build.props", nearest),
                ("a/b/P.csproj", program),
            ])
        };
        assert_eq!(files(&exe), Service::Yes);
        let importing = exe.replace(
            "<PropertyGroup>",
            "<Import Project=\"$([MSBuild]::GetPathOfFileAbove('Directory.Build.props', '..'))\"/><PropertyGroup>",
        );
        assert_eq!(files(&importing), Service::Tests);
        let commented = exe.replace(
            "<PropertyGroup>",
            "<!-- Directory.Build.props --><PropertyGroup>",
        );
        assert_eq!(files(&commented), Service::Yes);
    }
}
