pub(super) const NAME: &str = "mizzen.toml";
