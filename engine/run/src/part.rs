//! What a fidelity asks of a training.

use pleach_spec::{FidelityBy, FidelitySchedule, Training};

/// The part of a training that a fidelity asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    /// The recipe; its epochs are the length of the schedule.
    pub recipe: Training,
    /// The epochs to have trained in the end.
    pub epochs: u32,
    /// The share of the training part that is used.
    pub data_share: f64,
}

impl Part {
    /// The part of a recipe that a fidelity means.
    pub fn of(meaning: &pleach_spec::Fidelity, mut recipe: Training, fidelity: f64) -> Part {
        match (meaning.by, meaning.schedule) {
            (FidelityBy::Data, _) => Part { epochs: recipe.epochs, recipe, data_share: fidelity },
            (FidelityBy::Epochs, schedule) => {
                let epochs = whole_epochs(recipe.epochs, fidelity);
                if schedule == FidelitySchedule::Scaled {
                    recipe.epochs = epochs;
                }
                Part { recipe, epochs, data_share: 1.0 }
            }
        }
    }
}

/// The whole number of epochs nearest to a share of all, at least 1.
pub(crate) fn whole_epochs(all: u32, fidelity: f64) -> u32 {
    ((f64::from(all) * fidelity).round() as u32).clamp(1, all.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn recipe(epochs: u32) -> Training {
        serde_json::from_value(json!({"epochs": epochs})).unwrap()
    }

    #[test]
    fn a_fidelity_is_whole_epochs_or_a_share_of_the_data() {
        let part = |by: FidelityBy, schedule: FidelitySchedule, fidelity: f64| {
            let part = Part::of(&pleach_spec::Fidelity { by, schedule }, recipe(8), fidelity);
            (part.recipe.epochs, part.epochs, part.data_share)
        };
        use FidelityBy::{Data, Epochs};
        use FidelitySchedule::{Full, Scaled};
        assert_eq!(part(Epochs, Full, 0.25), (8, 2, 1.0));
        assert_eq!(part(Epochs, Scaled, 0.25), (2, 2, 1.0));
        assert_eq!(part(Data, Scaled, 0.25), (8, 8, 0.25));
        assert_eq!([0.01, 0.3, 0.99, 1.0].map(|f| whole_epochs(8, f)), [1, 2, 8, 8]);
    }
}
