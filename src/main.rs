//! Reads the arguments, the environment and the clock; everything else is in the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `purge_delay` of mimalloc 3, in milliseconds.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    // A run is short: memory given back to the system would only be asked for, and cleared, again.
    #[expect(unsafe_code, reason = "an option of the allocator, set before any other thread exists")]
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, -1);
    }
    let env = uptake::store::Env::new(std::env::vars_os());
    #[expect(clippy::disallowed_methods, reason = "the one clock of the house")]
    let now = chrono::Utc::now();
    ExitCode::from(uptake::cli::main(std::env::args_os(), &env, now))
}
