pub(crate) mod carry_out;
pub(crate) mod decide;
pub(crate) mod publish_step;
pub(crate) mod published_app;
pub(crate) mod restore_step;
pub(crate) mod run_step;
