use crate::VolatilePolicy;
use crate::inputs::host_dependencies::HostDependencies;
use crate::report::{Event, Reporter};
use std::collections::BTreeSet;

/// What a person was told of what decides about a build.
#[derive(Default)]
pub(crate) struct Told(BTreeSet<String>);

impl Told {
    /// Tells what a person should know whether or not something runs, each once.
    pub(crate) fn tell(
        &mut self,
        dependencies: &HostDependencies,
        policy: VolatilePolicy,
        reporter: &dyn Reporter,
    ) {
        for (is_warning, text) in dependencies.notices(policy) {
            if self.0.insert(text.clone()) {
                reporter.event(&if is_warning {
                    Event::Warning(&text)
                } else {
                    Event::Note(&text)
                });
            }
        }
    }
}
