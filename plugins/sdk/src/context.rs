use crate::{Context, Genotype, Job, Origin, Request, Role, Training};

impl Context {
    /// The fidelity for strategies that use a single one: the last of `fidelities`, which is 1 unless the experiment's
    /// step trains on a share of the budget.
    ///
    /// # Errors
    /// Where the engine offers none.
    pub fn highest_fidelity(&self) -> Result<f64, String> {
        self.fidelities.last().copied().ok_or_else(|| "the engine offers no fidelity to train at".to_owned())
    }

    /// Whether a training can go on from the weights of an earlier one ([`Origin::Resume`]), at the cost of the difference.
    pub fn resumes(&self) -> bool {
        self.signals.iter().any(|signal| signal == "resumed")
    }

    /// The positions of the decisions of one role, rising.
    pub fn positions_of(&self, role: Role) -> Vec<usize> {
        (0..self.decisions.len()).filter(|&position| self.decisions[position].role == role).collect()
    }
}

impl Request {
    /// Training of a freshly initialized network, first repeat.
    pub fn train(id: u64, genotype: Genotype, fidelity: f64, parents: Vec<u64>) -> Self {
        let training = Training { genotype, fidelity, origin: Origin::Fresh, repeat: 0 };
        Self { id, job: Job::Train(training), parents }
    }
}
