use crate::ProjectRequest;
use crate::bench::request;
use crate::inputs::key_inputs::key_inputs;
use crate::inputs::observed::Observed;
use crate::inputs::sdk_place::SdkPlace;
use crate::inputs::{git_view::GitView, host_dependencies::HostDependencies, injected::Injected};
use crate::inputs::{nuget::StagedNuget, workspace_scan::WorkspaceScan};
use mizzen_dotnet::GitReads;
use mizzen_oci::{Digest, Platform};
use mizzen_plan::FileInput;
use mizzen_stage::Content;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A build, of which a test changes one thing.
pub(super) struct Build {
    pub(super) request: ProjectRequest,
    pub(super) stage_root: PathBuf,
    pub(super) observed: Observed,
}

/// The keys of a build, over packages that are the same each time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Keys {
    pub(super) restore: Digest,
    pub(super) weak: Digest,
    pub(super) whole: Digest,
    pub(super) publish: Digest,
}

pub(super) fn text(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

pub(super) fn file(text: &str) -> Content {
    Content::File {
        source: PathBuf::from("/anywhere"),
        digest: Digest::of(text.as_bytes()),
        executable: false,
    }
}

pub(super) fn bytes(text: &str) -> Content {
    Content::Bytes(text.as_bytes().into())
}

pub(super) fn table<V>(name: &str, value: V) -> BTreeMap<String, V> {
    BTreeMap::from([(name.to_owned(), value)])
}

/// Returns a build in which everything is there that can be.
pub(super) fn build() -> Build {
    let mut request = request("/home/me/shop".as_ref(), "/usr/lib/dotnet".as_ref());
    request.icu = Some("libicuuc.so.72".to_owned());
    request.sdk.global_json = Some("global.json".to_owned());
    request.layers.platforms = vec![Platform::linux("amd64".into())];
    let contents = [
        ("src/Api/Api.csproj", file("project")),
        ("src/Api/Program.cs", file("code")),
        ("src/Api/link", Content::Link("Program.cs".to_owned())),
        ("global.json", file("global")),
        ("nuget.config", file("config")),
        ("empty", Content::Folder),
    ];
    let observed = Observed {
        architecture: "x86_64".to_owned(),
        toolchain: text("toolchain"),
        workspace: Arc::new(WorkspaceScan {
            contents: contents
                .map(|(path, content)| (path.to_owned(), content))
                .into(),
            mounted: vec![PathBuf::from("/srv/keys")],
            mounted_files: table("/srv/keys/key.snk", FileInput::File(text("key"))),
            ..WorkspaceScan::default()
        }),
        global_json: Some(("global.json".to_owned(), bytes("global of the stage"))),
        injected: Injected {
            contents: table("home/targets", bytes("targets")),
            keyed: table("injected targets", text("targets")),
        },
        directives: Some(("directives of x.cs".to_owned(), text("directives"))),
        nuget: StagedNuget {
            keyed: table("NuGet configuration nuget.config", text("keyed")),
            replaced: table("nuget.config", b"replaced".to_vec()),
            variables: table("NUGET_COMMON_APPLICATION_DATA", "/stage/home".to_owned()),
            ..StagedNuget::default()
        },
        fallback_packages: table("fallback folder /srv/packages", text("packages")),
        passed: table("BUILD_NUMBER", text("7")),
        dependencies: HostDependencies {
            programs: vec![PathBuf::from("/opt/node")],
            git: GitView {
                reads: Some(GitReads::Everything),
                keyed: table(".git/HEAD", bytes("ref: refs/heads/main\n")),
                unkeyed: table(".git/objects/info/alternates", bytes("/home/me/objects")),
                facts: table(".git/objects 0", FileInput::File(text("objects"))),
                ..GitView::default()
            },
            ..HostDependencies::default()
        },
    };
    Build {
        request,
        stage_root: PathBuf::from("/tmp/mizzen-stage/s"),
        observed,
    }
}

impl Build {
    /// Returns the workspace, to be changed.
    pub(super) fn workspace(&mut self) -> &mut WorkspaceScan {
        Arc::get_mut(&mut self.observed.workspace).expect("nobody else has it")
    }

    pub(super) fn file(&mut self, path: &str, content: Content) {
        let contents = &mut self.workspace().contents;
        contents.insert(path.to_owned(), content);
    }

    pub(super) fn keys(&self) -> Keys {
        let inputs = key_inputs(
            &self.request,
            (&self.stage_root, SdkPlace::of(&self.request)),
            &self.observed,
        );
        let resolved = table("packages/serilog/4.3.0", text("serilog"));
        Keys {
            restore: inputs.restore_key(),
            weak: inputs.weak_publish_key(&resolved),
            whole: inputs.whole_key(),
            publish: inputs.publish_key(&resolved),
        }
    }
}
