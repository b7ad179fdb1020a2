use pleach_sdk::{Genotype, Score, crowding, fronts};

/// A network that was measured.
#[derive(Debug)]
pub(crate) struct Individual {
    pub id: u64,
    pub genotype: Genotype,
    pub score: Score,
    /// Its front, 0 the best.
    front: usize,
    /// The room around it in its front.
    room: f64,
}

impl Individual {
    pub fn new(id: u64, genotype: Genotype, score: Score) -> Self {
        Self { id, genotype, score, front: 0, room: 0.0 }
    }

    /// The crowded comparison of Deb et al. 2002, section III-B: a better front, or more room in the same.
    pub fn beats(&self, other: &Individual) -> bool {
        self.front < other.front || (self.front == other.front && self.room > other.room)
    }
}

/// The best so far, so many at most.
#[derive(Debug, Default)]
pub(crate) struct Population {
    pub members: Vec<Individual>,
}

impl Population {
    /// Takes new ones in and keeps the best `size`: whole fronts, and of the last that finds place those with most room. Those that
    /// stay keep their order; of equal ones the older stay.
    pub fn admit(&mut self, new: Vec<Individual>, size: usize) {
        if new.is_empty() {
            return;
        }
        self.members.extend(new);
        let scores: Vec<&Score> = self.members.iter().map(|member| &member.score).collect();
        let numbers = fronts(&scores);
        let mut room = vec![0.0; scores.len()];
        for number in 0..scores.len() {
            let front: Vec<usize> = (0..scores.len()).filter(|&each| numbers[each] == number).collect();
            if front.is_empty() {
                break;
            }
            let of_front: Vec<&Score> = front.iter().map(|&each| scores[each]).collect();
            for (&each, space) in front.iter().zip(crowding(&of_front)) {
                room[each] = space;
            }
        }
        for ((member, front), room) in self.members.iter_mut().zip(numbers).zip(room) {
            (member.front, member.room) = (front, room);
        }
        if self.members.len() > size {
            self.members.sort_by(|one, two| one.front.cmp(&two.front).then(two.room.total_cmp(&one.room)));
            self.members.truncate(size);
            self.members.sort_by_key(|member| member.id);
        }
    }
}
