//! Counts what passes between a client and a registry, for benchmarks of clients that do not count.

use clap::Parser;
use mizzen_testkit::FaultProxy;
use std::io::{self, Write};

/// Stands before a registry and counts. Prints its own host; then, for each line on its input, how
/// many requests came since the last one and how many bytes of body they carried.
#[derive(Parser)]
struct Arguments {
    /// Host and port of the registry, on loopback, without TLS
    registry: String,
}

fn main() -> io::Result<()> {
    let proxy = FaultProxy::before(&Arguments::parse().registry);
    #[expect(clippy::disallowed_methods, reason = "a tool of the benchmarks")]
    let mut output = io::stdout();
    writeln!(output, "{}", proxy.host())?;
    for line in io::stdin().lines() {
        line?;
        let requests = proxy.requests();
        proxy.forget_requests();
        let bytes: u64 = requests.iter().map(|request| request.body_bytes).sum();
        writeln!(output, "{} {bytes}", requests.len())?;
    }
    Ok(())
}
