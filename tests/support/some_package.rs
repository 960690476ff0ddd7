use fs_err as fs;
use mizzen_testkit::nuget_package;
use std::path::Path;

/// Publishes version 1.0.0 of `Some.Package`, which is nothing but these props.
pub(crate) fn some_package(feed: &Path, props: &str) {
    let files = [("build/Some.Package.props", props)];
    nuget_package(feed, "Some.Package", "1.0.0", &files);
}

/// Adds a reference to version 1.0.0 of a package to a project.
pub(crate) fn refer_to(project: &Path, package: &str) {
    let text = fs::read_to_string(project).unwrap();
    let text = text.replace("</Project>", &format!("{}</Project>", reference(package)));
    fs::write(project, text).unwrap();
}

/// Makes a project do without the package again.
pub(crate) fn refer_no_more(project: &Path, package: &str) {
    let text = fs::read_to_string(project).unwrap();
    fs::write(project, text.replace(&reference(package), "")).unwrap();
}

fn reference(package: &str) -> String {
    format!("<ItemGroup><PackageReference Include=\"{package}\" Version=\"1.0.0\" /></ItemGroup>")
}
