use std::rc::Rc;

use pleach_sdk::{Genotype, Score};

/// A candidate that was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub id: u64,
    pub genotype: Genotype,
    pub score: Score,
}

/// What a climb does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// One of its random starts is to be drawn.
    Start,
    /// This neighbour is to be measured if nobody did.
    Neighbour(u64, Genotype),
    /// It goes there, and needs the neighbours of it.
    Move(Rc<Measured>),
    /// It waits for outcomes.
    Wait,
    /// Nothing around is better.
    Over,
}

/// One climb: random starts, then from the best of them to better neighbours, until there is none.
#[derive(Debug)]
pub(crate) struct Climb {
    /// Where it stands; nowhere before its starts were told.
    at: Option<Rc<Measured>>,
    /// The best that was told since it stands there, if better.
    better: Option<Rc<Measured>>,
    starts: u32,
    open: Vec<(u64, Genotype)>,
    in_flight: u32,
}

impl Climb {
    pub fn new(starts: u32) -> Self {
        Self { at: None, better: None, starts, open: Vec::new(), in_flight: 0 }
    }

    pub fn at(&self) -> Option<&Rc<Measured>> {
        self.at.as_ref()
    }

    /// The best that it knows.
    pub fn best(&self) -> Option<&Rc<Measured>> {
        self.better.as_ref().or(self.at.as_ref())
    }

    /// What is next; `first` goes to a better neighbour at once, not when all of them are told.
    pub fn next(&mut self, first: bool) -> Next {
        let told = self.starts == 0 && self.open.is_empty() && self.in_flight == 0;
        let ready = told || (first && self.at.is_some());
        if let Some(better) = self.better.take_if(|_| ready) {
            return Next::Move(better);
        }
        match self.open.pop() {
            _ if self.starts > 0 => {
                self.starts -= 1;
                Next::Start
            }
            Some((identity, neighbour)) => Next::Neighbour(identity, neighbour),
            None if self.in_flight > 0 => Next::Wait,
            None => Next::Over,
        }
    }

    /// It goes there, to look around among these.
    pub fn go(&mut self, to: Rc<Measured>, neighbours: Vec<(u64, Genotype)>) {
        self.at = Some(to);
        self.open = neighbours;
    }

    pub fn asked(&mut self) {
        self.in_flight += 1;
    }

    /// One that it asked for failed, or was measured.
    pub fn told(&mut self, measured: Option<&Rc<Measured>>) {
        self.in_flight -= 1;
        if let Some(measured) = measured {
            self.consider(measured);
        }
    }

    /// One that is known anyway.
    pub fn consider(&mut self, measured: &Rc<Measured>) {
        if self.best().is_none_or(|best| measured.score < best.score) {
            self.better = Some(Rc::clone(measured));
        }
    }
}
