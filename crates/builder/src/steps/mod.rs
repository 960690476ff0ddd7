pub(crate) mod carry_out;
pub(crate) mod decide;
pub(crate) mod publish_step;
pub(crate) mod records;
pub(crate) mod restore_step;
pub(crate) mod run_step;
