//! Answers with requests, as they lie in a guest's memory.

use crate::guest::bytes;

/// Where the answer, the requests, and what they point to lie.
const ANSWER: u32 = 1024;
const REQUESTS: u32 = 1040;
const LISTS: u32 = 2048;

/// A request to train; the fields that tests change.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub id: u64,
    pub genotype: &'a [f64],
    pub fidelity: f64,
    /// The case of `origin` and its number: `(0, 0)` is fresh, `(1, n)` resumes request n.
    pub origin: (u32, u64),
    pub repeat: u32,
    pub parents: &'a [u64],
    /// Asks for training-free scores instead.
    pub proxies: bool,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Self {
            id: 0,
            genotype: &[0.0, 0.0, 0.05],
            fidelity: 1.0,
            origin: (0, 0),
            repeat: 0,
            parents: &[],
            proxies: false,
        }
    }
}

/// The data of an answer with these requests, which lies at 1024.
pub fn answer(requests: &[Asked<'_>]) -> String {
    let mut at = LISTS;
    let mut text = format!("(data (i32.const {ANSWER}) \"{}\")", bytes(&[0, 0, REQUESTS, requests.len() as u32]));
    for (index, asked) in requests.iter().enumerate() {
        let mut list = |words: Vec<u64>| {
            let from = at;
            at += words.len() as u32 * 8;
            text +=
                &format!("(data (i32.const {from}) \"{}\")", words.iter().map(|word| wide(*word)).collect::<String>());
            from
        };
        let genotype = list(asked.genotype.iter().map(|value| value.to_bits()).collect());
        let parents = list(asked.parents.to_vec());
        // The id, the kind of job, the job in 48 bytes, the parents.
        let record = [
            wide(asked.id),
            bytes(&[u32::from(asked.proxies), 0]),
            bytes(&[genotype, asked.genotype.len() as u32]),
            wide(asked.fidelity.to_bits()),
            bytes(&[asked.origin.0, 0]),
            wide(asked.origin.1),
            bytes(&[asked.repeat, 0]),
            wide(0),
            bytes(&[parents, asked.parents.len() as u32]),
        ];
        text += &format!("(data (i32.const {}) \"{}\")", REQUESTS + 72 * index as u32, record.concat());
    }
    assert!(REQUESTS + 72 * requests.len() as u32 <= LISTS && at <= 4096, "the requests overlap");
    text
}

fn wide(number: u64) -> String {
    bytes(&[number as u32, (number >> 32) as u32])
}
