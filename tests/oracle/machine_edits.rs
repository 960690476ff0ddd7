//! Edits of the machine: of a folder that lies over `/usr/local/share` while builds run.

use crate::file_edits::write;
use crate::state::{Edit, State};
use crate::tree::files;
use fs_err as fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Where the machine's folder lies for a build.
pub(crate) const PLACE: &str = "/usr/local/share";

/// The edits that change what a build makes.
pub(crate) const MACHINE_EDITS: &[(&str, Edit)] = &[
    ("a text of the machine", text),
    ("properties of the machine", properties),
    ("one more file in a folder of the machine", part),
    ("one file less in a folder of the machine", no_part),
    ("a link of the machine", link),
];

/// Those that change nothing.
pub(crate) const SAME_MACHINE_EDITS: &[(&str, Edit)] = &[
    ("the same text of the machine", same_text),
    ("a file of the machine that nobody reads", unrelated),
];

/// What the projects of a workspace read of the machine: a file, properties that may be there, a folder
/// by a program.
const READS: &str = "<Project>
  <Import Project=\"/usr/local/share/acme/extra.props\" Condition=\"Exists('/usr/local/share/acme/extra.props')\" />
  <PropertyGroup>
    <Description>$(AcmeExtra) $([System.IO.File]::ReadAllText('/usr/local/share/acme/text').Trim())</Description>
  </PropertyGroup>
  <Target Name=\"ReadParts\" BeforeTargets=\"ComputeResolvedFilesToPublishList\">
    <Exec Command=\"cat /usr/local/share/acme/parts/* > $(IntermediateOutputPath)parts.txt\" />
    <ItemGroup>
      <ResolvedFileToPublish Include=\"$(IntermediateOutputPath)parts.txt\" RelativePath=\"parts.txt\" />
    </ItemGroup>
  </Target>
</Project>
";

/// Makes the machine's folder, and a workspace that reads it.
pub(crate) fn prepare(state: &State) {
    write(&state.root.join("Directory.Build.targets"), READS);
    let acme = state.machine.join("acme");
    for name in ["text-1", "text-2"] {
        write(&acme.join(name), name);
    }
    symlink("text-1", acme.join("text")).unwrap();
    write(&acme.join("parts/0"), "0\n");
}

fn text(state: &mut State) -> Option<String> {
    let text = format!("text {}", state.next());
    let file = state.machine.join("acme/text");
    // Through the link, to where it leads.
    fs::write(file, &text).unwrap();
    Some(text)
}

fn properties(state: &mut State) -> Option<String> {
    let file = state.machine.join("acme/extra.props");
    if file.exists() {
        fs::remove_file(file).unwrap();
        return Some("none".to_owned());
    }
    let extra = state.next();
    let text = format!(
        "<Project><PropertyGroup><AcmeExtra>{extra}</AcmeExtra></PropertyGroup></Project>\n"
    );
    write(&file, &text);
    Some(extra.to_string())
}

fn part(state: &mut State) -> Option<String> {
    let name = state.next().to_string();
    write(
        &state.machine.join("acme/parts").join(&name),
        &format!("{name}\n"),
    );
    Some(name)
}

fn no_part(state: &mut State) -> Option<String> {
    let folder = state.machine.join("acme/parts");
    let parts = files(&folder, |_| true);
    // The pattern of the shell stands for itself where nothing is.
    if parts.len() < 2 {
        return None;
    }
    let name = state.random.choice(parts)?;
    fs::remove_file(folder.join(&name)).unwrap();
    Some(name)
}

fn link(state: &mut State) -> Option<String> {
    let link = state.machine.join("acme/text");
    let other = if fs::read_link(&link).unwrap() == Path::new("text-1") {
        "text-2"
    } else {
        "text-1"
    };
    fs::remove_file(&link).unwrap();
    symlink(other, link).unwrap();
    Some(other.to_owned())
}

fn same_text(state: &mut State) -> Option<String> {
    let file = state.machine.join("acme/text");
    let text = fs::read(&file).unwrap();
    fs::write(&file, text).unwrap();
    Some("written anew".to_owned())
}

fn unrelated(state: &mut State) -> Option<String> {
    let name = format!("other/{}", state.next());
    write(&state.machine.join(&name), "other");
    Some(name)
}
