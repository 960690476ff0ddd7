use crate::calls::{NEWEST, OLD, REFUSED, SHARED};
use libc::{c_long, sock_filter};

/// The one address from which a call about a path is let through: where the instruction of the gate
/// ends that preload/preload.c puts into each process.
#[cfg(target_arch = "x86_64")]
const GATE: u64 = 0x3d_697a_7000 + 6;
#[cfg(target_arch = "aarch64")]
const GATE: u64 = 0x3d_697a_7000 + 8;

/// The native architecture as the filter sees it: a 32-bit program has another.
#[cfg(target_arch = "x86_64")]
pub(crate) const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
pub(crate) const ARCHITECTURE: u32 = 0xc000_00b7;

// Where the kernel's `seccomp_data` has what is looked at.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const POINTER_LOW: u32 = 8;
const POINTER_HIGH: u32 = 12;

/// Returns the program that decides about each call: whether the kernel lets it through, asks the
/// listener, or refuses it.
///
/// Calls without a path are decided by their number alone, and the kernel remembers that: they cost
/// nothing. (Source: `seccomp_cache_prepare` in the kernel's seccomp.c.)
pub(crate) fn program() -> Vec<sock_filter> {
    let mut program = vec![
        load(ARCH),
        jump(libc::BPF_JEQ, ARCHITECTURE, 1, 0),
        answer(libc::SECCOMP_RET_USER_NOTIF),
        load(NUMBER),
        // Also the calls of x32, whose numbers have a high bit.
        jump(libc::BPF_JGT, word(NEWEST), 0, 1),
        answer(libc::SECCOMP_RET_USER_NOTIF),
    ];
    for number in REFUSED {
        program.push(jump(libc::BPF_JEQ, word(number), 0, 1));
        program.push(answer(
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned(),
        ));
    }
    // The most frequent ones first.
    let asked: Vec<c_long> = OLD
        .iter()
        .chain(SHARED)
        .map(|(number, _)| *number)
        .collect();
    for (at, number) in asked.iter().enumerate() {
        let left = u8::try_from(asked.len() - at).expect("fewer than 256 calls");
        program.push(jump(libc::BPF_JEQ, word(*number), left, 0));
    }
    program.extend([
        answer(libc::SECCOMP_RET_ALLOW),
        load(POINTER_LOW),
        jump(libc::BPF_JEQ, (GATE & 0xffff_ffff) as u32, 0, 3),
        load(POINTER_HIGH),
        jump(libc::BPF_JEQ, (GATE >> 32) as u32, 0, 1),
        answer(libc::SECCOMP_RET_ALLOW),
        answer(libc::SECCOMP_RET_USER_NOTIF),
    ]);
    program
}

/// Returns a program that lets every call through.
pub(crate) fn open() -> Vec<sock_filter> {
    vec![answer(libc::SECCOMP_RET_ALLOW)]
}

fn word(number: c_long) -> u32 {
    u32::try_from(number).expect("a call has a small number")
}

fn load(offset: u32) -> sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0)
}

fn jump(test: u32, operand: u32, if_so: u8, if_not: u8) -> sock_filter {
    instruction(libc::BPF_JMP | test | libc::BPF_K, operand, if_so, if_not)
}

fn answer(action: u32) -> sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, action, 0, 0)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    let code = u16::try_from(code).expect("codes have 16 bits");
    sock_filter { code, jt, jf, k }
}
