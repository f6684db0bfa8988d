//! The threads on which bytes move and signals are waited for.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use tokio::runtime::Runtime;

use super::error::{Error, Kind, Result};
use super::{IN_FLIGHT, local};

/// Runs a task to its end on the house's own threads. Unlike `Runtime::block_on` it may be called from anywhere.
///
/// # Errors
/// The system gives no threads, or the task panicked.
pub(super) fn block_on<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let failed = |reason: String| Error::new(Kind::Other, "run", "a storage request", reason);
    let runtime = runtime().map_err(|e| failed(e.to_string()))?;
    futures::executor::block_on(runtime.spawn(task)).map_err(|e| failed(e.to_string()))
}

/// The house's own threads, started with the first request.
fn runtime() -> std::io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    match RUNTIME.get() {
        Some(runtime) => Ok(runtime),
        None => {
            // Two threads move bytes; file system calls go to tokio's own blocking threads.
            let built = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .max_blocking_threads(IN_FLIGHT)
                .thread_name("uptake-store")
                .enable_all()
                .build()?;
            Ok(RUNTIME.get_or_init(|| built))
        }
    }
}

/// How a process is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// SIGTERM, from a scheduler.
    Terminated,
    /// SIGINT, from a keyboard.
    Interrupted,
    /// SIGHUP: the terminal is gone.
    HungUp,
}

/// Calls back when the process is asked to end, unless whoever started it has that signal ignored, as `nohup` and `&` do. Lives here
/// because waiting for a signal takes the store's threads.
pub fn on_ending(callback: impl Fn(Ending) + Send + Sync + 'static) {
    #[cfg(unix)]
    if let Ok(runtime) = runtime() {
        use tokio::signal::unix::{SignalKind, signal};
        let callback = Arc::new(callback);
        let ignored = local::ignored_signals();
        for (number, kind, ending) in [
            (15, SignalKind::terminate(), Ending::Terminated),
            (2, SignalKind::interrupt(), Ending::Interrupted),
            (1, SignalKind::hangup(), Ending::HungUp),
        ] {
            if ignored & (1 << (number - 1)) != 0 {
                continue;
            }
            let callback = Arc::clone(&callback);
            runtime.spawn(async move {
                if let Ok(mut asked) = signal(kind) {
                    asked.recv().await;
                    callback(ending);
                }
            });
        }
    }
}
