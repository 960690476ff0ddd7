use crate::project::project_xml::ProjectXml;

const ITEM: &str = "ProjectReference";

/// Returns the projects that the project file at `path` (relative, with `/`) refers to, as paths of
/// the same kind; `None` if only an evaluation could tell.
///
/// What is no XML refers to nothing: MSBuild itself will speak of it.
pub fn project_references(path: &str, text: &str) -> Option<Vec<String>> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let xml = ProjectXml::read(text);
    let mut references = Vec::new();
    for value in xml.named(ITEM).filter_map(|item| item.attribute("Include")) {
        let marks = ["$(", "@(", "*", "%"];
        if marks.iter().any(|mark| value.contains(mark)) {
            return None;
        }
        for reference in value.split(';').filter(|part| !part.trim().is_empty()) {
            references.push(joined(folder, reference.trim())?);
        }
    }
    Some(references)
}

/// Returns whether a file adds to the projects that whatever imports it refers to; `true` where it is
/// no XML.
pub fn adds_project_references(text: &str) -> bool {
    let xml = ProjectXml::read(text);
    xml.error().is_some() || xml.named(ITEM).next().is_some()
}

/// Returns `path` below `folder`, without `.` and `..`; `None` if it leads out of the top.
fn joined(folder: &str, path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{adds_project_references, project_references};

    #[test]
    fn references_are_paths_of_the_workspace_or_not_known() {
        let read = |include: &str| {
            let text = format!(
                "<Project><ItemGroup><ProjectReference Include=\"{include}\" /></ItemGroup></Project>"
            );
            project_references("src/App/App.csproj", &text)
        };
        let want = [
            "src/Lib/Lib.csproj".to_owned(),
            "src/App/B.fsproj".to_owned(),
        ];
        assert_eq!(read("..\\Lib\\Lib.csproj; ./B.fsproj").unwrap(), want);
        for unknown in [
            "$(Root)/x.csproj",
            "../**/*.csproj",
            "/abs/x.csproj",
            "../../../x.csproj",
        ] {
            assert_eq!(read(unknown), None, "{unknown}");
        }
        assert_eq!(
            project_references("a.props", "<Project />"),
            Some(Vec::new())
        );
    }

    #[test]
    fn a_file_that_is_imported_adds_references_unless_they_are_in_a_comment() {
        let adds = |inside: &str| {
            adds_project_references(&format!(
                "<Project><ItemGroup>{inside}</ItemGroup></Project>"
            ))
        };
        assert!(adds("<projectReference Include=\"$(X)\" />") && adds("<x"));
        assert!(!adds(
            "<!-- <ProjectReference Include=\"x\" /> --><Reference />"
        ));
    }
}
