//! The rules of the contract that an answer must keep, as far as they can be checked without the space.

use std::collections::HashMap;

use crate::contract::{Answer, Context, Genotype, Job, Origin, Outcome, RESUMED, Request, Sharing, Training};
use crate::imports::check_shape;
use crate::{Fault, Manifest, Need};

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    InFlight,
    Measured,
    Failed,
}

/// What was asked and told so far in a search.
#[derive(Debug)]
pub(crate) struct Rules {
    decisions: usize,
    blocks: usize,
    fidelities: Vec<f64>,
    needs: Vec<Need>,
    resumes: bool,
    /// By id.
    standings: Vec<Standing>,
    in_flight: usize,
    /// What each training trains, kept only for plugins that resume.
    trainings: HashMap<u64, (Genotype, u32, f64)>,
}

impl Rules {
    pub fn new(context: &Context, manifest: &Manifest) -> Self {
        Self {
            decisions: context.decisions.len(),
            blocks: context.blocks.len(),
            fidelities: context.fidelities.clone(),
            needs: manifest.needs.clone(),
            resumes: context.signals.iter().any(|signal| signal == RESUMED),
            standings: Vec::new(),
            in_flight: 0,
            trainings: HashMap::new(),
        }
    }

    /// Checks an answer and takes its requests as asked.
    pub fn asked(
        &mut self,
        answer: &Answer,
        room: u32,
        check_genotype: &dyn Fn(&[f64]) -> Result<(), String>,
    ) -> Result<(), Fault> {
        match answer {
            Answer::Wait if self.in_flight == 0 => Err(Fault::WaitsForNothing),
            Answer::Wait | Answer::Finished => Ok(()),
            Answer::Requests(requests) if requests.is_empty() => Err(Fault::NoRequests),
            Answer::Requests(requests) if requests.len() > room as usize => {
                Err(Fault::TooManyRequests { requests: requests.len(), room })
            }
            Answer::Requests(requests) => {
                for request in requests {
                    self.check_request(request, check_genotype)?;
                    self.standings.push(Standing::InFlight);
                    self.in_flight += 1;
                }
                Ok(())
            }
        }
    }

    /// Checks that outcomes belong to requests in flight, and takes them as told.
    pub fn told(&mut self, outcomes: &[Outcome]) -> Result<(), Fault> {
        for outcome in outcomes {
            let standing = usize::try_from(outcome.id).ok().and_then(|id| self.standings.get_mut(id));
            match standing {
                Some(standing @ Standing::InFlight) => {
                    *standing = if outcome.measured.is_ok() { Standing::Measured } else { Standing::Failed };
                    self.in_flight -= 1;
                }
                _ => return Err(Fault::NotInFlight { request: outcome.id }),
            }
        }
        Ok(())
    }

    /// Checks what is recommended.
    pub fn recommended(
        &self,
        genotypes: &[Genotype],
        check_genotype: &dyn Fn(&[f64]) -> Result<(), String>,
    ) -> Result<(), Fault> {
        genotypes.iter().try_for_each(|genotype| self.check_genotype(None, genotype, check_genotype))
    }

    fn check_genotype(
        &self,
        request: Option<u64>,
        genotype: &[f64],
        check_genotype: &dyn Fn(&[f64]) -> Result<(), String>,
    ) -> Result<(), Fault> {
        let checked = check_shape(genotype, self.decisions).and_then(|()| check_genotype(genotype));
        checked.map_err(|message| Fault::Genotype { request, message })
    }

    fn check_request(
        &mut self,
        request: &Request,
        check_genotype: &dyn Fn(&[f64]) -> Result<(), String>,
    ) -> Result<(), Fault> {
        let id = request.id;
        let expected = self.standings.len() as u64;
        if id != expected {
            return Err(Fault::RequestId { expected, found: id });
        }
        if let Some(parent) = request.parents.iter().find(|&&parent| parent >= id) {
            return Err(wrong(id, format!("its parent {parent} was not asked before it")));
        }
        match &request.job {
            Job::Train(training) => {
                self.need(id, Need::Train)?;
                self.check_genotype(Some(id), &training.genotype, check_genotype)?;
                self.check_training(id, training)?;
            }
            Job::Proxies(genotype) => {
                self.need(id, Need::Proxies)?;
                self.check_genotype(Some(id), genotype, check_genotype)?;
            }
            Job::Share(share) => {
                self.need(id, Need::Share)?;
                self.check_block(id, share.block)?;
                self.check_sharing(id, &share.how, check_genotype)?;
                check_mixture(id, share.gradient_at.as_deref().unwrap_or_default())?;
            }
            Job::Score(score) => {
                self.need(id, Need::Score)?;
                self.check_block(id, score.block)?;
                self.check_sharing(id, &score.how, check_genotype)?;
            }
        }
        Ok(())
    }

    fn check_training(&mut self, id: u64, training: &Training) -> Result<(), Fault> {
        if !self.fidelities.contains(&training.fidelity) {
            let message = format!("its fidelity {} is none of {:?}", training.fidelity, self.fidelities);
            return Err(wrong(id, message));
        }
        match &training.origin {
            Origin::Fresh | Origin::Given => {}
            Origin::Resume(earlier) => {
                self.need(id, Need::Resume)?;
                if !self.resumes {
                    return Err(wrong(id, format!("resumes request {earlier}, but here no training can be resumed")));
                }
                self.check_measured(id, *earlier, "resume")?;
                let Some((genotype, repeat, fidelity)) = self.trainings.get(earlier) else {
                    return Err(wrong(id, format!("resumes request {earlier}, which is no training")));
                };
                if *genotype != training.genotype || *repeat != training.repeat {
                    let message = format!("resumes request {earlier}, which has another genotype or repeat");
                    return Err(wrong(id, message));
                }
                if training.fidelity <= *fidelity {
                    let message = format!("resumes request {earlier} at a fidelity that is not above {fidelity}");
                    return Err(wrong(id, message));
                }
            }
            Origin::Inherit(sources) => {
                self.need(id, Need::Inherit)?;
                sources.iter().try_for_each(|&earlier| self.check_measured(id, earlier, "inherit from"))?;
            }
            Origin::Shared(_) => self.need(id, Need::Share)?,
        }
        if self.needs.contains(&Need::Resume) {
            self.trainings.insert(id, (training.genotype.clone(), training.repeat, training.fidelity));
        }
        Ok(())
    }

    fn check_measured(&self, id: u64, earlier: u64, verb: &str) -> Result<(), Fault> {
        let standing = usize::try_from(earlier).ok().and_then(|earlier| self.standings.get(earlier));
        match standing {
            Some(Standing::Measured) => Ok(()),
            Some(Standing::Failed) => Err(wrong(id, format!("wants to {verb} request {earlier}, which failed"))),
            _ => Err(wrong(id, format!("wants to {verb} request {earlier}, which was not told yet"))),
        }
    }

    fn check_block(&self, id: u64, block: Option<u32>) -> Result<(), Fault> {
        match block {
            Some(block) if block as usize >= self.blocks => {
                Err(wrong(id, format!("names block {block} where there are {}", self.blocks)))
            }
            _ => Ok(()),
        }
    }

    fn check_sharing(
        &self,
        id: u64,
        how: &Sharing,
        check_genotype: &dyn Fn(&[f64]) -> Result<(), String>,
    ) -> Result<(), Fault> {
        match how {
            Sharing::Sampled(_) => Ok(()),
            Sharing::Paths(batches) if batches.iter().any(Vec::is_empty) || batches.is_empty() => {
                Err(wrong(id, "has a batch without paths".to_owned()))
            }
            Sharing::Paths(batches) => {
                let mut paths = batches.iter().flatten();
                paths.try_for_each(|path| self.check_genotype(Some(id), path, check_genotype))
            }
            Sharing::Mixtures(mixtures) if mixtures.is_empty() => Err(wrong(id, "has no mixture".to_owned())),
            Sharing::Mixtures(mixtures) => mixtures.iter().try_for_each(|mixture| check_mixture(id, mixture)),
        }
    }

    fn need(&self, request: u64, need: Need) -> Result<(), Fault> {
        if self.needs.contains(&need) { Ok(()) } else { Err(Fault::Undeclared { request, need }) }
    }
}

fn check_mixture(id: u64, mixture: &[f32]) -> Result<(), Fault> {
    match mixture.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
        Some(weight) => Err(wrong(id, format!("a weight of its mixture is {weight}"))),
        None => Ok(()),
    }
}

fn wrong(request: u64, message: String) -> Fault {
    Fault::Request { request, message }
}

#[cfg(test)]
mod tests;
