//! Work beside each other, results in order: nobody waits for the slowest of a group, and what is under way stays bounded.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvError, TryRecvError, channel};

use crate::error::{Error, Result};

/// How much may be under way at once.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Tasks that run, or whose results wait for their turn.
    pub tasks: usize,
    /// Results that may wait for their turn beside these: where they are small, nobody stands idle behind a slow task.
    pub waiting: usize,
    /// In the unit of the tasks' weights, those of waiting results included; one task always runs.
    pub weight: u64,
}

/// Runs `work` on the house's threads for each task, and `take` on this one, in the order of the tasks. Tasks are asked for as room
/// is there, on this thread too.
///
/// # Errors
/// The first error, in order, of the tasks or of `take`; nothing later is taken then.
pub fn in_order<T: Send, R: Send>(
    bounds: Bounds,
    tasks: impl Iterator<Item = Result<(T, u64)>>,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<()>,
) -> Result<()> {
    let (sender, receiver) = channel::<(usize, R)>();
    let work = &work;
    rayon::in_place_scope(|scope| {
        let mut tasks = tasks.fuse().peekable();
        let mut weights: BTreeMap<usize, u64> = BTreeMap::new();
        let mut done: BTreeMap<usize, R> = BTreeMap::new();
        let (mut next, mut taken) = (0, 0);
        loop {
            loop {
                let under_way: u64 = weights.values().sum();
                let running = weights.len() - done.len();
                let is_room = running < bounds.tasks && weights.len() < bounds.tasks.saturating_add(bounds.waiting);
                let fits = match tasks.peek() {
                    None => false,
                    Some(Err(_)) => weights.is_empty(),
                    Some(Ok((_, weight))) => {
                        weights.is_empty() || is_room && under_way.saturating_add(*weight) <= bounds.weight
                    }
                };
                let Some(task) = tasks.next_if(|_| fits) else { break };
                let (task, weight) = task?;
                let (at, sender) = (next, sender.clone());
                weights.insert(at, weight);
                next += 1;
                scope.spawn(move |_| {
                    // Nobody listens any more after an error.
                    let _ = sender.send((at, work(task)));
                });
            }
            if weights.is_empty() {
                return Ok(());
            }
            // Whichever task ended: it may make room for another.
            let (at, result) = wait(&receiver).map_err(|_| Error::bug("a task ended without a result"))?;
            done.insert(at, result);
            while let Some(result) = done.remove(&taken) {
                weights.remove(&taken);
                taken += 1;
                take(result)?;
            }
        }
    })
}

/// The next result; a thread of the pool works meanwhile instead of holding its place.
fn wait<R>(receiver: &Receiver<R>) -> std::result::Result<R, RecvError> {
    if rayon::current_thread_index().is_none() {
        return receiver.recv();
    }
    loop {
        match receiver.try_recv() {
            Ok(result) => return Ok(result),
            Err(TryRecvError::Disconnected) => return Err(RecvError),
            Err(TryRecvError::Empty) => {
                rayon::yield_now();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn run(bounds: Bounds, tasks: Vec<Result<(u64, u64)>>) -> (Vec<u64>, u64, Result<()>) {
        let (weight, most) = (AtomicU64::new(0), AtomicU64::new(0));
        let mut taken = Vec::new();
        let asked = tasks.into_iter().inspect(|task| {
            if let Ok((_, task)) = task {
                most.fetch_max(weight.fetch_add(*task, Ordering::SeqCst) + task, Ordering::SeqCst);
            }
        });
        let result = in_order(
            bounds,
            asked,
            |task| {
                // Later tasks end first.
                std::thread::sleep(std::time::Duration::from_millis(20 - task.min(20)));
                task
            },
            |task| {
                weight.fetch_sub(3, Ordering::SeqCst);
                if task == 13 {
                    return Err(Error::bug("thirteen"));
                }
                taken.push(task);
                Ok(())
            },
        );
        (taken, most.into_inner(), result)
    }

    #[test]
    fn results_come_in_order_and_no_more_than_allowed_is_under_way() {
        let tasks = || (0..12).map(|task| Ok((task, 3))).collect();
        for (bounds, most) in [
            (Bounds { tasks: 4, waiting: 0, weight: 1_000 }, 15),
            (Bounds { tasks: 100, waiting: 0, weight: 7 }, 9),
            (Bounds { tasks: 0, waiting: 0, weight: 0 }, 6),
        ] {
            let (taken, seen, result) = run(bounds, tasks());
            assert!(result.is_ok());
            assert_eq!(taken, (0..12).collect::<Vec<_>>());
            // One more is asked for than may begin.
            assert!(seen <= most, "{seen} under way, {most} allowed");
        }
        assert_eq!(run(Bounds { tasks: 4, waiting: 0, weight: 9 }, Vec::new()).0, Vec::<u64>::new());
    }

    #[test]
    fn the_first_error_ends_it_after_what_came_before() {
        let (taken, _, result) =
            run(Bounds { tasks: 3, waiting: 0, weight: 1_000 }, (8..20).map(|task| Ok((task, 3))).collect());
        assert_eq!((taken, result.is_err()), ((8..13).collect(), true));
        let broken = vec![Ok((1, 3)), Ok((2, 3)), Err(Error::bug("broken")), Ok((3, 3))];
        let (taken, _, result) = run(Bounds { tasks: 3, waiting: 0, weight: 1_000 }, broken);
        assert_eq!((taken, result.is_err()), (vec![1, 2], true));
    }

    #[test]
    fn nobody_stands_idle_behind_a_slow_task_whose_successors_may_wait() {
        let alone = rayon::current_num_threads() < 2;
        let (ended, mut taken) = (AtomicU64::new(0), Vec::new());
        // The first task ends when eight others have, or gives up.
        let work = |task: u64| {
            let began = std::time::Instant::now();
            while task == 0 && !alone && ended.load(Ordering::SeqCst) < 8 && began.elapsed().as_secs() < 10 {
                std::thread::yield_now();
            }
            (task, ended.fetch_add(1, Ordering::SeqCst))
        };
        let bounds = Bounds { tasks: 2, waiting: usize::MAX, weight: u64::MAX };
        let take = |result| {
            taken.push(result);
            Ok(())
        };
        in_order(bounds, (0..12).map(|task| Ok((task, 1))), work, take).expect("no error");
        assert_eq!(taken.iter().map(|(task, _)| *task).collect::<Vec<_>>(), (0..12).collect::<Vec<_>>());
        assert!(alone || taken[0].1 >= 8, "the first task was waited for after {} others", taken[0].1);
    }

    #[test]
    fn a_thread_of_a_pool_of_one_gets_its_results_too() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
        let tasks = || (0..5).map(|task| Ok((task, 3))).collect();
        let taken = pool.install(|| run(Bounds { tasks: 3, waiting: 0, weight: 1_000 }, tasks()).0);
        assert_eq!(taken, (0..5).collect::<Vec<_>>());
    }
}
