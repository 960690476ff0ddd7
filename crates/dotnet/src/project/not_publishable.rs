use crate::ProjectFacts;
use crate::project::service::{around, read};
use std::io;
use std::path::Path;

/// A project says that it is not published: `dotnet publish` of it does nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{name}` is not publishable (`{PROPERTY}` is false{})",
    file.as_ref().map_or_else(String::new, |file| format!(" in {file}"))
)]
pub struct NotPublishable {
    /// The project's name.
    pub name: String,
    /// The file that says so, relative to the workspace; `None` if only the evaluated project does.
    pub file: Option<String>,
}

const PROPERTY: &str = "IsPublishable";

impl NotPublishable {
    /// Checks what the file of `project` (relative to `root`) and the `Directory.Build` files around it
    /// say. What a condition or another property decides is left to the evaluation.
    ///
    /// # Errors
    /// A file cannot be read; inside, [`NotPublishable`].
    pub fn check(root: &Path, project: &str) -> io::Result<Result<(), Self>> {
        let path = root.join(project);
        let folder = path.parent().expect("a file has a folder");
        let mut files = around(folder, "Directory.Build.props")?;
        files.push(path.clone());
        files.extend(around(folder, "Directory.Build.targets")?);
        let mut said_by = None;
        for file in files {
            let xml = read(&file)?;
            for property in xml.properties(PROPERTY) {
                let is_false = property.text().eq_ignore_ascii_case("false");
                let is_certain = is_false && !xml.is_conditional(property);
                said_by = is_certain.then(|| file.clone());
            }
        }
        Ok(match said_by {
            None => Ok(()),
            Some(file) => Err(Self {
                name: name_of(project),
                file: Some(
                    file.strip_prefix(root)
                        .unwrap_or(&file)
                        .display()
                        .to_string(),
                ),
            }),
        })
    }

    /// Checks what the evaluated project said.
    ///
    /// # Errors
    /// [`NotPublishable`].
    pub fn check_evaluated(project: &str, facts: &ProjectFacts) -> Result<(), Self> {
        match facts.property(PROPERTY) {
            Some(value) if value.eq_ignore_ascii_case("false") => Err(Self {
                name: name_of(project),
                file: None,
            }),
            _ => Ok(()),
        }
    }
}

fn name_of(project: &str) -> String {
    let name = Path::new(project).file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::NotPublishable;
    use crate::ProjectFacts;
    use fs_err as fs;

    #[test]
    fn the_file_that_says_so_last_is_named_and_conditions_are_left_to_the_evaluation() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        let said = |props: &str, project: &str| {
            for (path, inside) in [("Directory.Build.props", props), ("a/A.csproj", project)] {
                let text = format!("<Project><PropertyGroup>{inside}</PropertyGroup></Project>");
                fs::write(folder.path().join(path), text).unwrap();
            }
            let checked = NotPublishable::check(folder.path(), "a/A.csproj").unwrap();
            checked.map_or_else(|error| error.to_string(), |()| String::new())
        };
        let no = "<isPublishable>False</isPublishable>";
        let yes = "<IsPublishable>true</IsPublishable>";
        assert_eq!(
            said("", no),
            "`A` is not publishable (`IsPublishable` is false in a/A.csproj)"
        );
        assert!(said(no, "").ends_with("in Directory.Build.props)"));
        assert_eq!(said(no, yes), "");
        assert_eq!(
            said(
                "",
                &no.replace('>', " Condition=\"x\">")
                    .replace("</isPublishable Condition=\"x\">", "</isPublishable>")
            ),
            ""
        );
        assert_eq!(
            said("", &format!("{no}<IsPublishable>$(X)</IsPublishable>")),
            ""
        );
    }

    #[test]
    fn the_evaluated_project_has_the_last_word() {
        let facts = ProjectFacts::of_records(&["property|IsPublishable|false"]);
        let error = NotPublishable::check_evaluated("a/A.fsproj", &facts).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`A` is not publishable (`IsPublishable` is false)"
        );
        assert!(NotPublishable::check_evaluated("A.cs", &ProjectFacts::default()).is_ok());
    }
}
