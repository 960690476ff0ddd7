use crate::project::project_xml::ProjectXml;

/// Which folders beside a project are what its earlier builds wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutputFolders {
    bin: bool,
    obj: bool,
}

impl OutputFolders {
    /// Where there is no project: none.
    pub const NONE: Self = Self {
        bin: false,
        obj: false,
    };

    /// Returns those of a project, from the texts of its file and of each `Directory.Build.props` above
    /// it: `bin` and `obj`, but for one that all that is said of it puts elsewhere.
    ///
    /// Plain `dotnet publish` takes such a folder for sources like any other.
    pub fn of(texts: &[String]) -> Self {
        let is_output = |name: &str, property: &str| {
            let values: Vec<_> = texts
                .iter()
                .flat_map(|text| values(text, property))
                .collect();
            values.is_empty() || values.iter().any(|value| !leads_elsewhere(value, name))
        };
        Self {
            bin: is_output("bin", "BaseOutputPath"),
            obj: is_output("obj", "BaseIntermediateOutputPath"),
        }
    }

    /// Returns whether the folder `name` is one of them.
    pub fn has(self, name: &str) -> bool {
        self.bin && name == "bin" || self.obj && name == "obj"
    }
}

/// Returns what a project file gives a property; one that may not apply is as good as empty. What is
/// no XML says nothing: MSBuild itself will speak of it.
fn values(text: &str, property: &str) -> Vec<String> {
    let xml = ProjectXml::read(text);
    let value = |element| {
        if xml.is_conditional(element) {
            return String::new();
        }
        element.text().to_owned()
    };
    xml.properties(property).map(value).collect()
}

/// Returns whether a path certainly does not lead into the folder `name` beside the project: where
/// only an evaluation could tell, it may.
fn leads_elsewhere(path: &str, name: &str) -> bool {
    let path = path.replace('\\', "/");
    // Properties in front are folders of the project or above it. Functions may be anything.
    let mut rest = path.trim();
    while let Some((property, after)) = rest.strip_prefix("$(").and_then(|it| it.split_once(')')) {
        if property.contains('[') {
            return false;
        }
        rest = after;
    }
    let mut parts = rest.split('/').filter(|part| !["", "."].contains(part));
    parts.next().is_some_and(|first| first != name)
}

#[cfg(test)]
mod tests {
    use super::OutputFolders;

    fn outputs(inside: &str) -> [bool; 2] {
        let text = format!("<Project><PropertyGroup>{inside}</PropertyGroup></Project>");
        let folders = OutputFolders::of(&["<Project />".to_owned(), text]);
        ["bin", "obj"].map(|name| folders.has(name))
    }

    #[test]
    fn bin_and_obj_are_outputs_unless_all_that_is_said_puts_them_elsewhere() {
        for (inside, expected) in [
            ("", [true, true]),
            ("<BaseOutputPath>out/</BaseOutputPath>", [false, true]),
            (
                "<baseintermediateoutputpath>..\\left\\</baseintermediateoutputpath>",
                [true, false],
            ),
            (
                "<BaseOutputPath>$(MSBuildProjectDirectory)\\out\\bin\\</BaseOutputPath>",
                [false, true],
            ),
            ("<BaseOutputPath>bin\\x\\</BaseOutputPath>", [true, true]),
            (
                "<BaseOutputPath>$(MSBuildProjectDirectory)/./bin</BaseOutputPath>",
                [true, true],
            ),
            ("<BaseOutputPath></BaseOutputPath>", [true, true]),
            ("<BaseOutputPath>$(Out)</BaseOutputPath>", [true, true]),
            (
                "<BaseOutputPath>$([System.IO.Path]::GetTempPath())x</BaseOutputPath>",
                [true, true],
            ),
            (
                "<BaseOutputPath Condition=\"'$(CI)' != ''\">out/</BaseOutputPath>",
                [true, true],
            ),
            (
                "</PropertyGroup><PropertyGroup Condition=\"'$(CI)' != ''\"><BaseOutputPath>out/</BaseOutputPath>",
                [true, true],
            ),
            (
                "<BaseOutputPath>out/</BaseOutputPath><BaseOutputPath>bin/</BaseOutputPath>",
                [true, true],
            ),
            (
                "<!-- <BaseOutputPath>out/</BaseOutputPath> -->",
                [true, true],
            ),
        ] {
            assert_eq!(outputs(inside), expected, "{inside}");
        }
        assert!(!OutputFolders::of(&[]).has("binary") && !OutputFolders::NONE.has("bin"));
    }
}
