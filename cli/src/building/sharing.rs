use super::results::Built;
use crate::error::CommandError;
use crate::session::Session;
use crate::ui::count;
use mizzen_image::Image;

/// Sends what a build has to leave for others, now that `delivered` images are where they should be: their
/// layers need not be sent again.
///
/// # Errors
/// The cache of this machine cannot be read. What a registry does is no error.
pub(crate) fn share(session: &Session<'_>, delivered: &[Built]) -> Result<(), CommandError> {
    let records = session.records()?;
    for image in delivered {
        let places = image.destinations.iter();
        for place in places.filter_map(|place| place.in_registry()) {
            let images = image.what.images().iter();
            for layer in images.flat_map(Image::layers) {
                records.note_blob(&place.repository, &layer.descriptor.digest);
            }
        }
    }
    let sent = records.send()?;
    if sent > 0 {
        let records = count(sent as u64, "record");
        session
            .ui
            .people(&format!("shared   {records} for other machines"));
    }
    tell(session)
}

/// Tells what was wrong with shared caches since this was last called.
///
/// # Errors
/// The cache of this machine cannot be opened.
pub(crate) fn tell(session: &Session<'_>) -> Result<(), CommandError> {
    session.ui.warn_all(&session.records()?.take_told());
    Ok(())
}
