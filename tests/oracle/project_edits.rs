//! Edits of what projects say, and of what is around them.

use crate::state::{Edit, State};
use crate::support::monorepo::assembly;
use fs_err as fs;
use std::path::Path;

/// Edits that any workspace bears.
pub(crate) const ANYWHERE_EDITS: &[(&str, Edit)] = &[
    ("a property of a project", project_property),
    ("white space in a project", project_space),
    ("Directory.Build.props", directory_props),
    ("nested Directory.Build.props", nested_props),
    ("Directory.Build.targets", directory_targets),
    ("Directory.Build.rsp", response_file),
    ("a project's .user file", user_file),
    (".editorconfig", editor_config),
    ("a comment in nuget.config", nuget_comment),
    ("runtimeconfig.template.json", runtime_template),
    ("options", options),
];

/// Edits of what only the generated workspace has.
pub(crate) const GENERATED_EDITS: &[(&str, Edit)] = &[
    ("a text that a project reads", title),
    ("a referenced dll", referenced_dll),
    ("another project", another_project),
];

/// Puts `text` before the end of a project, or of a file like one that may not be there yet.
pub(crate) fn insert(path: &Path, text: &str) {
    let old = fs::read_to_string(path).unwrap_or_else(|_| "<Project></Project>\n".to_owned());
    fs::write(
        path,
        old.replace("</Project>", &format!("{text}</Project>")),
    )
    .unwrap();
}

pub(crate) fn property(name: &str, value: usize) -> String {
    format!("<PropertyGroup><{name}>{value}</{name}></PropertyGroup>")
}

pub(crate) fn project(state: &mut State) -> &'static str {
    state.random.choice(state.shape.projects).unwrap()
}

/// Writes a file, or removes it if it is there, half of the time.
pub(crate) fn toggle(state: &mut State, file: &str, text: &str) -> Option<String> {
    let path = state.root.join(file);
    if path.exists() && state.random.bool() {
        fs::remove_file(path).unwrap();
        return Some(format!("{file} deleted"));
    }
    fs::write(path, text).unwrap();
    Some(format!("{file}: {}", text.trim_end()))
}

fn project_property(state: &mut State) -> Option<String> {
    let (file, number) = (project(state), state.next());
    let name = state
        .random
        .choice(["Description", "Product", "Copyright"])?;
    insert(&state.root.join(file), &property(name, number));
    Some(format!("{file} {name} {number}"))
}

fn project_space(state: &mut State) -> Option<String> {
    let file = project(state);
    insert(&state.root.join(file), "\n");
    Some(file.to_owned())
}

fn directory_props(state: &mut State) -> Option<String> {
    let path = state.root.join("Directory.Build.props");
    let text = fs::read_to_string(&path).unwrap();
    let (name, value) = state.shape.property;
    // As long as before: `Acme` becomes `Bcme`.
    let mut other = value.to_owned();
    other.replace_range(..1, if name == "Version" { "2" } else { "B" });
    let [from, to] = [value, &other].map(|value| format!("<{name}>{value}</{name}>"));
    let new = if text.contains(&from) {
        text.replace(&from, &to)
    } else {
        text.replace(&to, &from)
    };
    fs::write(path, new).unwrap();
    Some(name.to_owned())
}

fn nested_props(state: &mut State) -> Option<String> {
    let (folder, number) = (project(state).rsplit_once('/')?.0, state.next());
    let text = format!(
        "<Project><Import Project=\"$([MSBuild]::GetPathOfFileAbove('Directory.Build.props', \
         '$(MSBuildThisFileDirectory)../'))\" />{}</Project>\n",
        property("Trademark", number)
    );
    toggle(state, &format!("{folder}/Directory.Build.props"), &text)
}

fn directory_targets(state: &mut State) -> Option<String> {
    let text = format!("<Project>{}</Project>\n", property("Product", state.next()));
    toggle(state, "Directory.Build.targets", &text)
}

fn response_file(state: &mut State) -> Option<String> {
    let text = format!("-p:Copyright={}\n", state.next());
    toggle(state, "Directory.Build.rsp", &text)
}

fn user_file(state: &mut State) -> Option<String> {
    let file = format!("{}.user", project(state));
    let text = format!(
        "<Project>{}</Project>\n",
        property("Description", state.next())
    );
    toggle(state, &file, &text)
}

fn editor_config(state: &mut State) -> Option<String> {
    let number = state.next();
    let rule = if state.random.u8(..4) == 0 {
        "error"
    } else {
        "none"
    };
    let text =
        format!("[*.cs]\nindent_size = {number}\ndotnet_diagnostic.CS1587.severity = {rule}\n");
    toggle(state, ".editorconfig", &text)
}

fn nuget_comment(state: &mut State) -> Option<String> {
    let path = state.root.join("nuget.config");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{text}<!-- {} -->\n", state.next())).unwrap();
    Some("nuget.config".to_owned())
}

fn runtime_template(state: &mut State) -> Option<String> {
    let text = format!(
        "{{ \"configProperties\": {{ \"Number\": {} }} }}\n",
        state.next()
    );
    let file = format!("{}/runtimeconfig.template.json", state.shape.app);
    toggle(state, &file, &text)
}

fn options(state: &mut State) -> Option<String> {
    let choices: [&[&str]; 6] = [
        &[],
        &[],
        &["-p", "Copyright=command"],
        &["-c", "Debug"],
        &["-e", "A=b"],
        &["--layers", "single"],
    ];
    let options = state
        .random
        .choice(choices)?
        .iter()
        .map(|option| (*option).to_owned());
    state.options = options.collect();
    Some(state.options.join(" "))
}

fn title(state: &mut State) -> Option<String> {
    let text = state.next().to_string();
    fs::write(state.root.join("src/App/title.txt"), &text).unwrap();
    Some(text)
}

fn referenced_dll(state: &mut State) -> Option<String> {
    let number = state.next();
    fs::write(state.root.join("libs/Ext.dll"), assembly(number)).unwrap();
    Some((number % 2).to_string())
}

fn another_project(state: &mut State) -> Option<String> {
    insert(
        &state.root.join("src/Service/Service.csproj"),
        &property("Product", state.next()),
    );
    Some("src/Service/Service.csproj".to_owned())
}
