//! Words for messages: lists in prose, and what a misspelt word was meant to be.

/// `a`, `b` or `c`, each between back-ticks.
pub(crate) fn alternatives<S: AsRef<str>>(words: &[S]) -> String {
    join(words.iter().map(|word| format!("`{}`", word.as_ref())).collect(), "or")
}

/// The parts in prose: `a, b or c`.
pub(crate) fn join(parts: Vec<String>, last: &str) -> String {
    match parts.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., end] => format!("{} {last} {end}", most.join(", ")),
    }
}

/// The candidate that a misspelt word was most likely meant to be.
///
/// Compared without case and separators: equal, or what others call it ([`crate::foreign`]), or few edits apart (Damerau and
/// Levenshtein), or one a part of the other, as in `kernel_sizes` for `kernel`.
pub fn suggest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let plain =
        |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    let meant = plain(word);
    let length = meant.chars().count();
    if length == 0 || length > 64 {
        return None;
    }
    let known: Vec<&str> = crate::foreign::ours(&meant).collect();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = plain(candidate);
            if other != meant && known.contains(&candidate) {
                return Some((0, candidate));
            }
            let edits = strsim::damerau_levenshtein(&meant, &other);
            let within =
                other.chars().count() >= 4 && (meant.contains(&other) || (length >= 4 && other.contains(&meant)));
            let limit = (length.max(other.chars().count()) / 3).clamp(1, 3);
            let close = edits <= limit && edits < length;
            // A part of the word is a weaker hint than a slip of the finger.
            (close || within).then_some((if close { edits } else { 100 + edits }, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The help for an unknown word: the likely one, and the others where they are few or none is likely.
pub(crate) fn did_you_mean(word: &str, candidates: &[&str]) -> Option<String> {
    const FEW: usize = 12;
    let list = || format!("one of {}", candidates.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", "));
    match (suggest(word, candidates.iter().copied()), candidates) {
        (_, []) => None,
        (None, [only]) => Some(format!("only `{only}` can stand here")),
        (None, _) => Some(list()),
        (Some(likely), _) if candidates.len() == 1 || candidates.len() > FEW => {
            Some(format!("did you mean `{likely}`?"))
        }
        (Some(likely), _) => Some(format!("did you mean `{likely}`? {}", list())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_words_are_recognized() {
        let keys = ["kernel", "channels", "rate", "stride", "global_pool", "one_of"];
        for (word, meant) in [
            ("kernal", Some("kernel")),
            ("Kernel", Some("kernel")),
            ("kernel_size", Some("kernel")),
            ("out_channels", Some("channels")),
            ("learning_rate", Some("rate")),
            ("globalpool", Some("global_pool")),
            ("global-pool", Some("global_pool")),
            ("oneof", Some("one_of")),
            ("srtide", Some("stride")),
            ("lr", Some("rate")),
            ("filters", Some("channels")),
            ("units", Some("channels")),
            ("dropout", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(suggest(word, keys), meant, "{word}");
        }
    }

    #[test]
    fn help_names_the_others_where_they_are_few() {
        assert_eq!(did_you_mean("relo", &["relu", "none"]).unwrap(), "did you mean `relu`? one of `relu`, `none`");
        assert_eq!(did_you_mean("xyz", &["relu", "none"]).unwrap(), "one of `relu`, `none`");
        assert_eq!(did_you_mean("xyz", &["relu"]).unwrap(), "only `relu` can stand here");
        assert_eq!(did_you_mean("xyz", &[]), None);
        assert_eq!(alternatives(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
