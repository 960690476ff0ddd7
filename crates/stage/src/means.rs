use fs_err as fs;

/// What one publish of a service takes at its peak, MSBuild and the compiler's server together.
const BYTES_A_PLACE: u64 = 1 << 30;

/// Returns how many actions may run at once: one a processor, as far as there is memory for them.
pub fn places() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let machine = rustix::system::sysinfo();
    let memory = u64::from(machine.mem_unit).saturating_mul(machine.totalram);
    places_of(processors, memory.min(control_group().unwrap_or(memory)))
}

fn places_of(processors: usize, memory_bytes: u64) -> usize {
    let by_memory = usize::try_from(memory_bytes / BYTES_A_PLACE).unwrap_or(usize::MAX);
    processors.min(by_memory).max(1)
}

/// Returns the memory that a container may have, in bytes; `None` without a limit.
///
/// Source: `Documentation/admin-guide/cgroup-v2.rst`, "memory.max".
fn control_group() -> Option<u64> {
    let limit = fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?;
    limit.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::places_of;

    #[test]
    fn processors_and_memory_bound_what_runs_at_once_and_one_thing_always_may() {
        assert_eq!(places_of(2, 24 << 30), 2);
        assert_eq!(places_of(64, 4 << 30), 4);
        assert_eq!(places_of(8, 100 << 20), 1);
    }
}
