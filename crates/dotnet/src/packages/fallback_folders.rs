use crate::project::project_xml::ProjectXml;

/// The property that names folders of packages that are used where they lie.
pub const FALLBACK_FOLDERS: &str = "RestoreFallbackFolders";

/// Another one, which adds to those of the first.
const ADDITIONAL: &str = "RestoreAdditionalProjectFallbackFolders";

/// Returns the folders of packages that a project file names, as they are written. A condition counts
/// as met.
pub fn fallback_folders(text: &str) -> Vec<String> {
    let xml = ProjectXml::read(text);
    let properties = [FALLBACK_FOLDERS, ADDITIONAL].into_iter();
    let values = properties.flat_map(|name| xml.properties(name));
    let folders = values.flat_map(|value| value.text().split(';'));
    folders.map(|folder| folder.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::fallback_folders;

    #[test]
    fn folders_are_named_by_properties_and_by_no_comment() {
        let folders = |inside: &str| {
            let text = format!("<Project><PropertyGroup>{inside}</PropertyGroup></Project>");
            fallback_folders(&text).join("|")
        };
        let one = "<RestoreFallbackFolders> /a; /b</RestoreFallbackFolders>";
        assert_eq!(folders(one), "/a|/b");
        let other = "<restorefallbackfolders><![CDATA[/c]]></restorefallbackfolders>";
        assert_eq!(folders(other), "/c");
        assert_eq!(folders(&format!("<!-- {one} -->")), "");
    }
}
