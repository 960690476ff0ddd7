//! The distribution protocol: pull, push, mount, authenticate, retry.
