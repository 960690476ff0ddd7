//! What tests stand on: registries, base images, trees, foreign tools.
