use std::collections::VecDeque;

use crate::{Genotype, Job, Origin, Request};

/// The numbering of requests, with a note on each that is in flight.
///
/// Ids rise by one from 0, as the contract wants; a note is what the strategy must remember until the outcome arrives
/// (a genotype, a rung, nothing).
#[derive(Debug, Clone)]
pub struct Ledger<T> {
    next: u64,
    /// One place per id up to `next`, the oldest that is in flight first: asking and settling take constant time.
    notes: VecDeque<Option<T>>,
    in_flight: usize,
}

impl<T> Default for Ledger<T> {
    fn default() -> Self {
        Self { next: 0, notes: VecDeque::new(), in_flight: 0 }
    }
}

impl<T> Ledger<T> {
    /// Nothing asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id for a new request, with what to remember of it.
    pub fn issue(&mut self, note: T) -> u64 {
        let id = self.next;
        self.next += 1;
        self.notes.push_back(Some(note));
        self.in_flight += 1;
        id
    }

    /// A new request to train a fresh network, with what to remember of it.
    pub fn train(&mut self, genotype: Genotype, fidelity: f64, parents: Vec<u64>, note: T) -> Request {
        Request::train(self.issue(note), genotype, fidelity, parents)
    }

    /// A new request that goes on with an earlier one, told as measured, at a higher fidelity; it must be of the same
    /// genotype and repeat, and the engine must be able to ([`Context::resumes`](crate::Context::resumes)).
    pub fn resume(&mut self, earlier: u64, genotype: Genotype, fidelity: f64, note: T) -> Request {
        let mut request = self.train(genotype, fidelity, vec![earlier], note);
        if let Job::Train(training) = &mut request.job {
            training.origin = Origin::Resume(earlier);
        }
        request
    }

    /// Takes back the note of a request whose outcome arrived.
    ///
    /// # Errors
    /// Where that request is not in flight.
    pub fn settle(&mut self, id: u64) -> Result<T, String> {
        let first = self.next - self.notes.len() as u64;
        let place = id.checked_sub(first).and_then(|offset| self.notes.get_mut(usize::try_from(offset).ok()?));
        let note = place.and_then(Option::take).ok_or_else(|| format!("request {id} is not in flight"))?;
        self.in_flight -= 1;
        while let Some(None) = self.notes.front() {
            self.notes.pop_front();
        }
        Ok(note)
    }

    /// How many requests were made so far.
    pub fn asked(&self) -> u64 {
        self.next
    }

    /// How many requests are in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The notes of the requests in flight, in the order asked.
    pub fn notes(&self) -> impl Iterator<Item = &T> {
        self.notes.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_notes_come_back_in_any_order() {
        let mut ledger = Ledger::new();
        assert_eq!((ledger.issue('a'), ledger.issue('b'), ledger.issue('c')), (0, 1, 2));
        assert_eq!(ledger.settle(1), Ok('b'));
        assert_eq!(ledger.notes().collect::<String>(), "ac");
        assert_eq!(ledger.settle(0), Ok('a'));
        assert_eq!(ledger.issue('d'), 3);
        assert_eq!(ledger.settle(3), Ok('d'));
        assert_eq!(ledger.settle(2), Ok('c'));
        assert_eq!((ledger.asked(), ledger.in_flight()), (4, 0));
    }

    #[test]
    fn an_unknown_outcome_is_an_error() {
        let mut ledger = Ledger::new();
        ledger.issue(());
        assert_eq!(ledger.settle(1), Err("request 1 is not in flight".to_owned()));
        assert_eq!(ledger.settle(0), Ok(()));
        assert_eq!(ledger.settle(0), Err("request 0 is not in flight".to_owned()));
    }
}
