//! Compiles the library that the programs of a watched step load first; src/library.rs embeds it.

#![expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script in its environment"
)]

use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=preload");
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let library = folder.join("preload.so");
    // The compiler of the target, with none of the flags that a static library would get.
    let compiler = cc::Build::new()
        .no_default_flags(true)
        .cargo_metadata(false)
        .get_compiler();
    let mut command: Command = compiler.to_command();
    command.args([
        "-shared",
        "-fPIC",
        "-O2",
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        // It shares a process with any C library, and may not need one.
        "-nostdlib",
        "-ffreestanding",
        "-fno-stack-protector",
        "-fvisibility=hidden",
        "-Wl,-z,noexecstack",
        "-Wl,-z,now",
    ]);
    command.arg(match std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        // The gate is called from inline assembler, which writes below the stack pointer.
        Ok("x86_64") => "-mno-red-zone",
        // Else atomics are calls of the compiler's own library, which is not there.
        _ => "-mno-outline-atomics",
    });
    let status = command
        .arg("-o")
        .arg(&library)
        .arg("preload/preload.c")
        .status();
    match status {
        Ok(status) if status.success() => {}
        other => panic!("the preloaded library does not compile: {command:?}: {other:?}"),
    }
}
