//! Reads the arguments, the environment and the clock; everything else is in the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let env = uptake::store::Env::new(std::env::vars_os());
    #[expect(clippy::disallowed_methods, reason = "the one clock of the house")]
    let now = chrono::Utc::now();
    ExitCode::from(uptake::cli::main(std::env::args_os(), &env, now))
}
