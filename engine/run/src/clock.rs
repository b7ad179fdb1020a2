//! The virtual clock: it orders outcomes by what requests cost, never by when results arrive.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A discrete-event simulation of `concurrency` virtual workers, from time 0.
///
/// A request ends at its start plus its cost; equal ends are ordered by request.
#[derive(Debug, Clone)]
pub struct Clock {
    now: f64,
    concurrency: u32,
    running: BinaryHeap<Reverse<Due>>,
}

#[derive(Debug, Clone, Copy)]
struct Due {
    end: f64,
    id: u64,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        self.end.total_cmp(&other.end).then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl Clock {
    /// A clock at 0 with so many free virtual workers.
    pub fn new(concurrency: u32) -> Self {
        Self { now: 0.0, concurrency, running: BinaryHeap::with_capacity(concurrency as usize) }
    }

    /// The present instant.
    pub fn now(&self) -> f64 {
        self.now
    }

    /// Free virtual workers.
    pub fn room(&self) -> u32 {
        self.concurrency.saturating_sub(self.running.len() as u32)
    }

    /// Whether nothing runs.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Starts a request on a free virtual worker, at the present instant; returns when it ends.
    ///
    /// `cost` must be a number, not below 0.
    pub fn start(&mut self, id: u64, cost: f64) -> f64 {
        debug_assert!(cost >= 0.0 && self.room() > 0);
        let end = self.now + cost;
        self.running.push(Reverse(Due { end, id }));
        end
    }

    /// Moves to the next instant at which something ends, and fills `ended` with all that end then, by request.
    pub fn advance(&mut self, ended: &mut Vec<u64>) {
        ended.clear();
        let Some(Reverse(first)) = self.running.peek().copied() else { return };
        self.now = first.end;
        while let Some(Reverse(due)) = self.running.peek() {
            if due.end.total_cmp(&first.end) != Ordering::Equal {
                break;
            }
            ended.push(due.id);
            self.running.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs requests of these costs, in order, as workers become free; what ended when.
    fn simulate(costs: &[f64], concurrency: u32) -> Vec<(f64, Vec<u64>)> {
        let mut clock = Clock::new(concurrency);
        let (mut next, mut instants, mut ended) = (0, Vec::new(), Vec::new());
        loop {
            while clock.room() > 0 && next < costs.len() {
                clock.start(next as u64, costs[next]);
                next += 1;
            }
            if clock.is_idle() {
                return instants;
            }
            clock.advance(&mut ended);
            instants.push((clock.now(), ended.clone()));
        }
    }

    #[test]
    fn equal_ends_come_together_by_request() {
        let instants = simulate(&[2.0, 1.0, 1.0, 1.0, 3.0], 2);
        // 1 ends at 1 and frees a worker for 2, which ends with 0 at 2; then 3 ends at 3 and 4 at 5.
        assert_eq!(instants, [(1.0, vec![1]), (2.0, vec![0, 2]), (3.0, vec![3]), (5.0, vec![4])]);
    }

    #[test]
    fn nothing_costs_nothing() {
        assert_eq!(simulate(&[0.0, 0.0, 0.0], 2), [(0.0, vec![0, 1]), (0.0, vec![2])]);
    }

    proptest! {
        #[test]
        fn one_worker_takes_all_in_order(costs in proptest::collection::vec(0.0f64..10.0, 0..40)) {
            let order: Vec<u64> = simulate(&costs, 1).into_iter().flat_map(|(_, ids)| ids).collect();
            prop_assert_eq!(order, (0..costs.len() as u64).collect::<Vec<_>>());
        }

        #[test]
        fn every_request_ends_once_and_time_never_goes_back(
            costs in proptest::collection::vec((0u32..5).prop_map(f64::from), 0..60),
            concurrency in 1u32..10,
        ) {
            let instants = simulate(&costs, concurrency);
            prop_assert!(instants.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            prop_assert!(instants.iter().all(|(_, ids)| ids.windows(2).all(|pair| pair[0] < pair[1])));
            let mut ids: Vec<u64> = instants.iter().flat_map(|(_, ids)| ids.clone()).collect();
            ids.sort_unstable();
            prop_assert_eq!(ids, (0..costs.len() as u64).collect::<Vec<_>>());
            // No schedule is shorter than the work by worker, and greedy scheduling at most adds the longest request.
            let total: f64 = costs.iter().sum();
            let longest = costs.iter().copied().fold(0.0, f64::max);
            let end = instants.last().map_or(0.0, |(now, _)| *now);
            prop_assert!(end + 1e-9 >= total / f64::from(concurrency));
            prop_assert!(end <= total / f64::from(concurrency) + longest + 1e-9);
        }
    }
}
