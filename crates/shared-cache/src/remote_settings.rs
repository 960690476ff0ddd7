use mizzen_registry::{RetrySettings, Settings, Silent};
use std::sync::Arc;
use std::time::Duration;

/// Returns `settings` with as much patience as a shared cache deserves: what it would save is seconds.
///
/// Mirrors are for images: a record is asked for where it was sent.
pub fn remote_settings(settings: Settings) -> Settings {
    let mut hosts = settings.hosts;
    for host in hosts.values_mut() {
        host.mirrors.clear();
    }
    Settings {
        hosts,
        retry: RetrySettings {
            attempts: 2,
            unreached_attempts: 2,
            first_delay: Duration::from_millis(200),
            longest_delay: Duration::from_secs(1),
            longest_retry_after: Duration::from_secs(2),
            patience: Duration::from_secs(3),
        },
        connect_timeout: Duration::from_secs(5),
        silence_timeout: Duration::from_secs(10),
        document_timeout: Duration::from_secs(10),
        least_bytes_per_second: 64 * 1024,
        // A line for each package would hide those of the image.
        reporter: Arc::new(Silent),
        ..settings
    }
}
