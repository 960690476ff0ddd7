use super::found::Found;
use std::fmt::Write;

/// Returns a `mizzen.toml` in which everything is said by a comment: without these it is the defaults.
pub(super) fn config_text(found: &Found) -> String {
    let mut text = "\
# Defaults for mizzen in this repository; the command line overrides them.
# `mizzen plan --config` shows each setting and where it came from.

[build]
# Take the base images from a mirror.
# base-registry = \"mirror.example/mcr\"

# One image for two kinds of machine.
# platform = [\"linux/amd64\", \"linux/arm64\"]

# Labels and variables of every image.
# label = { team = \"shop\" }
# env = { DOTNET_gcServer = \"1\" }
"
    .to_owned();
    for service in &found.services {
        write!(
            text,
            "\n# The same for one project.\n# [images.\"{service}\"]\n# port = [8080]\n"
        )
        .expect("text takes text");
    }
    text += "
# A cache in a registry that CI and developers share.
# [cache]
# from = [\"registry.example/shop/cache\"]

# Variables of the machine that a build may see: in the key, or secret and for restore alone.
# [env]
# pass = [\"BUILD_NUMBER\"]
# secret = [\"FEED_TOKEN\"]

# The commit as labels of the image.
[labels]
git = true

# Versions of packages that float are an error, so that a build is the same tomorrow.
# [policy]
# floats = \"error\"
";
    text
}
