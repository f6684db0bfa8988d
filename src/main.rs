//! Reads the arguments, the environment and the clock; everything else is in the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let env = uptake::store::Env::new(std::env::vars_os());
    ExitCode::from(uptake::cli::main(std::env::args_os(), &env, chrono::Utc::now()))
}
