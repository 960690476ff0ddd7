use quick_xml::Reader;
use quick_xml::events::Event;

/// Returns the projects that the project file at `path` (relative, with `/`) refers to, as paths of
/// the same kind; `None` if only an evaluation could tell.
///
/// What is no XML refers to nothing: MSBuild itself will speak of it.
pub fn project_references(path: &str, text: &str) -> Option<Vec<String>> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut references = Vec::new();
    let mut reader = Reader::from_str(text);
    while let Ok(event) = reader.read_event() {
        let element = match event {
            Event::Eof => break,
            Event::Start(element) | Event::Empty(element) => element,
            _ => continue,
        };
        if element.local_name().as_ref() != "ProjectReference" {
            continue;
        }
        for attribute in element.attributes().flatten() {
            if attribute.key.as_ref() != "Include" {
                continue;
            }
            let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
            let value = value.ok()?;
            if ["$(", "@(", "*", "%"]
                .iter()
                .any(|mark| value.contains(mark))
            {
                return None;
            }
            for reference in value.split(';').filter(|part| !part.trim().is_empty()) {
                references.push(joined(folder, reference.trim())?);
            }
        }
    }
    Some(references)
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
    use super::project_references;

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
}
