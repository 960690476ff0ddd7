use crate::inputs::staged::Staged;
use crate::report::Event;
use crate::result::app::App;
use crate::{BuildError, Context, LeftOutFile, ProjectRequest};
use mizzen_dotnet::{ContainerSettings, Libc, RuntimeIdentifier, SdkVersion};
use mizzen_oci::{Digest, Hasher, Platform};
use serde::{Deserialize, Serialize};

/// A project whose output runs on one platform, and the platforms that images are wanted for: it is
/// published once for each.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct EachPlatform {
    /// For which the SDK publishes it where nobody says.
    published_for: String,
    platforms: Vec<Platform>,
    /// Whether it brings its frameworks along then.
    self_contained: bool,
}

/// Publishes for whatever platforms a request names.
type PublishOnce = fn(&Context<'_>, &ProjectRequest) -> Result<App, BuildError>;

/// Where it is kept which projects are so. What it says is checked by what was published.
const NOTES: &str = "each-platform-1";

impl EachPlatform {
    /// Returns what to do about `error`; `None` if it is another one, or the user has chosen the runtime.
    pub(crate) fn instead_of(error: &BuildError, request: &ProjectRequest) -> Option<Self> {
        let BuildError::ForeignApp {
            runtime_identifier,
            wanted,
            self_contained,
            ..
        } = error
        else {
            return None;
        };
        is_free(request).then(|| Self {
            published_for: runtime_identifier.clone(),
            platforms: wanted.clone(),
            self_contained: *self_contained,
        })
    }

    /// Returns what an earlier build of the same project files found.
    ///
    /// # Errors
    /// [`BuildError::Store`] if the cache cannot be asked.
    pub(crate) fn known(staged: &Staged<'_>) -> Result<Option<Self>, BuildError> {
        if !is_free(staged.request) {
            return Ok(None);
        }
        let note = staged.context.store.read_note(NOTES, &note_name(staged))?;
        Ok(note.and_then(|note| serde_json::from_slice(&note).ok()?))
    }

    /// Keeps for the next build what this one found; `None` if it is not so any more.
    ///
    /// # Errors
    /// [`BuildError::Store`] if the cache cannot be written.
    pub(crate) fn keep(found: Option<&Self>, staged: &Staged<'_>) -> Result<(), BuildError> {
        let body = serde_json::to_vec(&found).expect("a table becomes JSON");
        let name = note_name(staged);
        Ok(staged.context.store.write_note(NOTES, &name, &body)?)
    }

    /// Returns what to build for each platform.
    ///
    /// # Errors
    /// [`BuildError::Platform`] if .NET is not for one of them.
    pub(crate) fn requests(
        &self,
        request: &ProjectRequest,
    ) -> Result<Vec<ProjectRequest>, BuildError> {
        let libc = if request.layers.musl {
            Libc::Musl
        } else {
            RuntimeIdentifier::new(self.published_for.as_str()).libc()
        };
        let one = |platform: &Platform| {
            let identifier = RuntimeIdentifier::of(platform, libc)
                .ok_or_else(|| BuildError::Platform(platform.to_string()))?;
            let mut request = request.clone();
            request.options.runtime_identifier = Some(identifier.as_str().to_owned());
            request.layers.platforms = vec![platform.clone()];
            Ok(request)
        };
        self.platforms.iter().map(one).collect()
    }

    /// Publishes once for each platform by `publish_once`, and puts the layers together. All of them are
    /// of one state of the sources: what the builds of one command look at is looked at once.
    ///
    /// # Errors
    /// [`BuildError`] of the first that fails.
    pub(crate) fn publish(
        &self,
        context: &Context<'_>,
        request: &ProjectRequest,
        publish_once: PublishOnce,
    ) -> Result<App, BuildError> {
        let names: Vec<String> = self.platforms.iter().map(ToString::to_string).collect();
        let note = format!(
            "what is published runs on one platform only: it is published once for {}",
            names.join(" and once for ")
        );
        context.reporter.event(&Event::Note(&note));
        let mut all = None;
        for request in self.requests(request)? {
            let app = publish_once(context, &request)?;
            all = Some(match all {
                None => app,
                Some(earlier) => together(earlier, app)?,
            });
        }
        Ok(all.expect("there is at least one platform"))
    }

    /// Returns whether naming a runtime changed nothing but the runtime: for frameworks before .NET 8 it
    /// makes an application bring its frameworks along, which nobody asked for.
    pub(crate) fn is_as_before(&self, app: &App) -> bool {
        app.runtime.self_contained == self.self_contained
    }

    /// Returns whether `app` could not have been published otherwise than by itself for each platform.
    pub(crate) fn is_confirmed(&self, app: &App, request: &ProjectRequest) -> bool {
        let is_for_one = app.runtime.tailored.is_some() || app.runtime.self_contained;
        let engine = request.layers.default_platform.as_ref();
        let named = ContainerSettings::of(&app.project);
        let named = named.map(|settings| settings.platforms_for(engine));
        is_for_one
            && self.is_as_before(app)
            && (request.layers.platforms == self.platforms
                || named.is_ok_and(|named| same(&named, &self.platforms)))
    }
}

/// Returns whether nobody has chosen the runtime, and the SDK takes one without more than that.
fn is_free(request: &ProjectRequest) -> bool {
    let version = request.sdk.version.parse::<SdkVersion>();
    request.options.runtime_identifier.is_none()
        && request
            .options
            .properties
            .get("RuntimeIdentifier")
            .is_none()
        && version.is_ok_and(|version| version.major() >= 8)
}

fn note_name(staged: &Staged<'_>) -> Digest {
    let mut hasher = Hasher::default();
    hasher.field(NOTES.as_bytes());
    hasher.field(staged.note_key.as_bytes());
    for platform in &staged.request.layers.platforms {
        hasher.field(platform.to_string().as_bytes());
    }
    hasher.finish()
}

fn same(one: &[Platform], other: &[Platform]) -> bool {
    one.iter().all(|platform| other.contains(platform))
        && other.iter().all(|platform| one.contains(platform))
}

fn together(mut all: App, next: App) -> Result<App, BuildError> {
    let digest = |app: &App| {
        app.symbols
            .as_ref()
            .map(|layer| layer.layer.descriptor.digest)
    };
    if digest(&all) != digest(&next) {
        return Err(BuildError::SymbolsDiffer);
    }
    let is_new = |file: &LeftOutFile| !all.left_out.contains(file);
    let left_out: Vec<_> = next.left_out.into_iter().filter(is_new).collect();
    all.left_out.extend(left_out);
    let is_new = |file: &crate::GitIgnoredFile| !all.git_ignored.contains(file);
    let ignored: Vec<_> = next.git_ignored.into_iter().filter(is_new).collect();
    all.git_ignored.extend(ignored);
    all.layers.extend(next.layers);
    all.inventories.extend(next.inventories);
    all.steps.extend(next.steps);
    all.dotnet_calls += next.dotnet_calls;
    Ok(all)
}

#[cfg(test)]
mod tests;
