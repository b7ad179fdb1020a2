//! Drawing, changing and listing genotypes of a list of decisions. Hard requirements are the caller's.

use crate::decision::{Decision, Domain, Genotype};
use pleach_random::Generator;

/// Whether a decision counts in a genotype. Earlier decisions must already hold their values.
pub fn is_active(decisions: &[Decision], genotype: &[f64], index: usize) -> bool {
    let mut next = index;
    while let Some(condition) = &decisions[next].active_when {
        if !condition.values.contains(&genotype[condition.decision]) {
            return false;
        }
        next = condition.decision;
    }
    true
}

/// Sets every decision that does not count to 0.
pub(crate) fn clear_inactive(decisions: &[Decision], genotype: &mut [f64]) {
    for index in 0..decisions.len() {
        if !is_active(decisions, genotype, index) {
            genotype[index] = 0.0;
        }
    }
}

/// A value drawn uniformly, in logarithms where the domain is logarithmic.
fn draw_value(domain: &Domain, generator: &mut Generator) -> f64 {
    match domain {
        Domain::Choice(options) => generator.below(options.len() as u64) as f64,
        Domain::Levels(levels) => generator.below(levels.len() as u64) as f64,
        Domain::Integer { low, high, log: false } => *low as f64 + generator.below(high.abs_diff(*low) + 1) as f64,
        ranged => ranged.at(generator.unit()),
    }
}

/// A genotype drawn decision by decision.
pub(crate) fn draw(decisions: &[Decision], generator: &mut Generator) -> Genotype {
    let mut genotype = vec![0.0; decisions.len()];
    for index in 0..decisions.len() {
        if is_active(decisions, &genotype, index) {
            genotype[index] = draw_value(&decisions[index].domain, generator);
        }
    }
    genotype
}

/// Makes a genotype valid: clears what does not count, draws what counts and holds no value of its domain. A decision that
/// did not count in `before` is drawn too.
pub(crate) fn repair(
    decisions: &[Decision],
    genotype: &mut Genotype,
    before: Option<&[f64]>,
    generator: &mut Generator,
) {
    genotype.resize(decisions.len(), 0.0);
    for index in 0..decisions.len() {
        if !is_active(decisions, genotype, index) {
            genotype[index] = 0.0;
            continue;
        }
        let counted = before.is_none_or(|before| is_active(decisions, before, index));
        if !counted || !decisions[index].domain.contains(genotype[index]) {
            genotype[index] = draw_value(&decisions[index].domain, generator);
        }
    }
}

/// A genotype in which exactly one decision that counts holds another value; decisions that begin to count are drawn.
/// Nothing where no decision has another value.
pub(crate) fn mutate(decisions: &[Decision], parent: &[f64], generator: &mut Generator) -> Option<Genotype> {
    let candidates: Vec<usize> = (0..decisions.len())
        .filter(|&index| decisions[index].domain.size() != Some(1) && is_active(decisions, parent, index))
        .collect();
    if candidates.is_empty() {
        return None;
    }
    let index = candidates[generator.below(candidates.len() as u64) as usize];
    let mut child = parent.to_vec();
    child[index] = another(&decisions[index].domain, parent[index], generator);
    repair(decisions, &mut child, Some(parent), generator);
    Some(child)
}

/// Another value of a domain: uniform among options, a normal step of a fifth of the range for numbers (half of the time
/// anywhere in it).
fn another(domain: &Domain, value: f64, generator: &mut Generator) -> f64 {
    match domain {
        Domain::Choice(_) | Domain::Levels(_) => {
            let count = domain.size().expect("options are finite");
            let drawn = generator.below(count - 1) as f64;
            if drawn >= value { drawn + 1.0 } else { drawn }
        }
        ranged => loop {
            let local = generator.below(2) == 0;
            let unit = if local { ranged.unit(value) + 0.2 * generator.normal() } else { generator.unit() };
            if (0.0..=1.0).contains(&unit) {
                let drawn = ranged.at(unit);
                if drawn != value {
                    return drawn;
                }
            }
        },
    }
}

/// Every genotype that differs in one decision that counts; decisions that begin to count hold their defaults.
pub(crate) fn neighbours(decisions: &[Decision], genotype: &[f64]) -> Vec<Genotype> {
    let mut neighbours = Vec::new();
    for index in 0..decisions.len() {
        if !is_active(decisions, genotype, index) {
            continue;
        }
        for value in steps(&decisions[index].domain, genotype[index]) {
            neighbours.push(with_value(decisions, genotype, index, value));
        }
    }
    neighbours
}

/// The genotype with another value of an active decision; what becomes active holds its default.
pub(crate) fn with_value(decisions: &[Decision], genotype: &[f64], index: usize, value: f64) -> Genotype {
    let mut changed = genotype.to_vec();
    changed[index] = value;
    for later in index + 1..decisions.len() {
        if !is_active(decisions, &changed, later) {
            changed[later] = 0.0;
        } else if !is_active(decisions, genotype, later) {
            changed[later] = decisions[later].default;
        }
    }
    changed
}

/// The other values of options and of short ranges; elsewhere steps of a tenth and of three tenths either way.
fn steps(domain: &Domain, value: f64) -> Vec<f64> {
    if let Some(values) =
        values(domain).filter(|values| values.len() <= 10 || !matches!(domain, Domain::Integer { .. }))
    {
        return values.into_iter().filter(|other| *other != value).collect();
    }
    let unit = domain.unit(value);
    let mut steps: Vec<f64> = [-0.3, -0.1, 0.1, 0.3]
        .iter()
        .map(|step| unit + step)
        .filter(|unit| (0.0..=1.0).contains(unit))
        .map(|unit| domain.at(unit))
        .filter(|other| *other != value)
        .collect();
    steps.dedup();
    steps
}

/// All values of a finite domain of at most a million.
fn values(domain: &Domain) -> Option<Vec<f64>> {
    let size = domain.size().filter(|size| *size <= 1_000_000)?;
    Some(match domain {
        Domain::Integer { low, high, .. } => (*low..=*high).map(|value| value as f64).collect(),
        Domain::Real { low, .. } => vec![*low],
        _ => (0..size).map(|value| value as f64).collect(),
    })
}

/// The number of genotypes; none where it is not finite.
pub(crate) fn count(decisions: &[Decision]) -> Option<f64> {
    // From the last decision to the first: what counts only under a decision is already counted when it is reached.
    let mut under: Vec<Vec<(usize, f64)>> = vec![Vec::new(); decisions.len()];
    let mut total = 1.0;
    for index in (0..decisions.len()).rev() {
        let domain = &decisions[index].domain;
        let size = domain.size()?;
        let own = if under[index].is_empty() {
            size as f64
        } else {
            values(domain)?
                .into_iter()
                .map(|value| {
                    under[index]
                        .iter()
                        .filter(|(child, _)| {
                            decisions[*child].active_when.as_ref().is_some_and(|c| c.values.contains(&value))
                        })
                        .map(|(_, count)| count)
                        .product::<f64>()
                })
                .sum()
        };
        match &decisions[index].active_when {
            Some(condition) => under[condition.decision].push((index, own)),
            None => total *= own,
        }
    }
    Some(total)
}

/// Every genotype, in order, the last decision changing fastest. The decisions must be finite.
pub(crate) fn all(decisions: &[Decision]) -> impl Iterator<Item = Genotype> + '_ {
    let domains: Option<Vec<Vec<f64>>> = decisions.iter().map(|decision| values(&decision.domain)).collect();
    let mut places: Option<Vec<usize>> = domains.as_ref().map(|domains| vec![0; domains.len()]);
    std::iter::from_fn(move || {
        let domains = domains.as_ref()?;
        let current = places.as_mut()?;
        let mut genotype = vec![0.0; decisions.len()];
        for index in 0..decisions.len() {
            if is_active(decisions, &genotype, index) {
                genotype[index] = domains[index][current[index]];
            }
        }
        // The next one: raise the last decision that counts and can be raised; what follows begins anew.
        let raised = (0..decisions.len())
            .rev()
            .find(|&index| is_active(decisions, &genotype, index) && current[index] + 1 < domains[index].len());
        match raised {
            Some(index) => {
                current[index] += 1;
                current[index + 1..].fill(0);
            }
            None => places = None,
        }
        Some(genotype)
    })
}

/// Genotypes in which every option stands at least once, and both ends of every range: one a value, the others at their
/// defaults and what the value depends on made to count.
pub(crate) fn every_option(decisions: &[Decision]) -> impl Iterator<Item = Genotype> {
    let ends = |decision: &Decision| match &decision.domain {
        Domain::Integer { low, high, .. } => vec![*low as f64, *high as f64],
        Domain::Real { low, high, .. } => vec![*low, *high],
        options => (0..options.size().unwrap_or(0)).map(|value| value as f64).collect(),
    };
    let values = decisions.iter().enumerate();
    let values = values.flat_map(move |(index, decision)| ends(decision).into_iter().map(move |value| (index, value)));
    values.map(|(index, value)| {
        let mut wanted: Vec<Option<f64>> = vec![None; decisions.len()];
        wanted[index] = Some(value);
        let mut next = index;
        while let Some(condition) = &decisions[next].active_when {
            wanted[condition.decision] = condition.values.first().copied();
            next = condition.decision;
        }
        let mut genotype = vec![0.0; decisions.len()];
        for other in 0..decisions.len() {
            if is_active(decisions, &genotype, other) {
                genotype[other] = wanted[other].unwrap_or(decisions[other].default);
            }
        }
        genotype
    })
}
