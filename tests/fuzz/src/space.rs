//! Spaces: decisions, genotypes, networks, canonical form, costs, encodings.

use pleach_space::{Built, Costs, Shape, Space, View, canonical, fingerprint};
use pleach_spec::{Decide, Diagnostic, Document};
use std::sync::Arc;

/// Genotypes that are drawn, and as many children of them.
const GENOTYPES: usize = 3;
/// Networks of more nodes are built, but not looked at further: runs are to be short.
const MOST_NODES: usize = 3000;

/// A space, or an experiment whose space is taken; a line `#genotype 1, 2` is a genotype.
pub fn space(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let document = Document::load("fuzz.yaml", &text, &none, &[]);
    let base = document.space_pointer();
    let wrong = [document.validate(), document.semantics()].concat();
    if document.is_broken() || wrong.iter().any(|problem| problem.pointer.starts_with(base)) {
        return;
    }
    let Some(section) = document.root().and_then(|root| root.at(base)) else { return };
    let data = Some((Shape::image(3, 16, 16), 10)).filter(|_| section.get("input").is_none());
    let (space, problems) = Space::compile(&section.to_json(), base, data);
    for problem in &problems {
        assert!(document.diagnose_space(problem).line >= 1);
    }
    let Some(space) = space else {
        assert!(problems.iter().any(|problem| !problem.warning), "no space, and nothing is wrong");
        return;
    };
    space.check(4);
    let _ = space.genotypes();
    if space.decisions().len() > 500 {
        return;
    }
    let defaults = space.defaults();
    let view = View::new(Arc::new(space), Decide::All, defaults);
    let seed = bytes.iter().fold(0u64, |sum, &byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut genotypes = view.sample(GENOTYPES, seed);
    genotypes.extend(view.mutate(&genotypes, seed));
    for genotype in &genotypes {
        assert_eq!(view.check(genotype), Ok(()), "what is drawn is valid");
    }
    for line in text.lines().filter_map(|line| line.strip_prefix("#genotype ")) {
        let numbers: Vec<f64> = line.split(',').filter_map(|number| number.trim().parse().ok()).collect();
        for repaired in view.repair(std::slice::from_ref(&numbers), seed) {
            assert_eq!(view.check(&repaired), Ok(()), "what is repaired is valid");
        }
        if view.check(&numbers).is_ok() {
            genotypes.push(numbers);
        }
    }
    for genotype in &genotypes {
        one(&view, genotype);
    }
}

/// What must hold for every genotype that builds a network.
fn one(view: &View, genotype: &[f64]) {
    let columns = view.columns();
    assert_eq!(columns.row(genotype).len(), columns.columns().len());
    let space = view.space();
    if !space.has_network() {
        return;
    }
    let full = view.full(genotype);
    let Ok(declared) = space.network(&full) else { return };
    if declared.nodes.len() > MOST_NODES {
        return;
    }
    let built = view.build(genotype).expect("what has a network is built");
    let Built { network, costs, fingerprint: print } = &built;
    assert_eq!(canonical(network), *network, "the canonical form of a canonical form is itself");
    assert_eq!(fingerprint(network), *print);
    assert_eq!(fingerprint(&canonical(&declared)), *print, "equal networks have equal fingerprints");
    assert_eq!(Costs::of(&declared, network), *costs);
    assert!(
        costs.live_parameters <= costs.parameters,
        "the canonical form has nothing that was not declared: {costs:?}"
    );
    for (index, node) in network.nodes.iter().enumerate() {
        assert!(node.inputs.iter().all(|&input| (input as usize) < index), "inputs stand before");
    }
    let (nodes, edges) = view.graph(genotype);
    assert!(edges.iter().all(|&(from, to)| from < to && (to as usize) < nodes.len()));
    let _ = (view.path_counts(genotype), view.fingerprint(genotype));
    // The network written out without decisions is the same network.
    let section = space.resolved(&full);
    let (again, problems) = Space::compile(&section, "", None);
    let again = again.unwrap_or_else(|| panic!("what was written out is no space: {problems:?}"));
    assert_eq!(again.decisions().len(), 0);
    let again = again.build(&[]).expect("what was written out builds");
    assert_eq!((again.fingerprint, again.costs), (*print, *costs), "what was written out is another network");
}

/// A place of a space as a place in a file.
trait DiagnoseSpace {
    fn diagnose_space(&self, problem: &pleach_space::SpaceProblem) -> Diagnostic;
}

impl DiagnoseSpace for Document {
    fn diagnose_space(&self, problem: &pleach_space::SpaceProblem) -> Diagnostic {
        self.diagnose(&pleach_spec::Problem::error(&*problem.pointer, problem.code, &*problem.message))
    }
}
