//! Numbers and times as people read them.

/// A number: whole ones with groups of three digits, others with four significant digits.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "–".to_owned() } else { value.to_string() };
    }
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return grouped(value);
    }
    match value.abs() {
        size if !(1e-4..1e15).contains(&size) => format!("{value:.2e}"),
        size if size >= 1000.0 => grouped(value.round()),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 10.0 => format!("{value:.2}"),
        size if size >= 0.1 => format!("{value:.4}"),
        _ => format!("{value:.5}"),
    }
}

fn grouped(whole: f64) -> String {
    let digits = format!("{:.0}", whole.abs());
    let mut text = if whole < 0.0 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A deviation in two significant digits.
pub fn deviation(value: f64) -> String {
    if value == 0.0 || !value.is_finite() || value.abs() >= 100.0 {
        return number(value);
    }
    let digits = (1.0 - value.abs().log10().floor()).clamp(0.0, 8.0) as usize;
    format!("{value:.digits$}")
}

/// A number in few characters, as on an axis: `1.2M`, `30k`, `0.95`.
pub fn brief(value: f64) -> String {
    for (size, suffix) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if value.abs() >= size {
            let part = value / size;
            let digits = if part.abs() >= 100.0 {
                0
            } else if part.abs() >= 10.0 {
                1
            } else {
                2
            };
            return format!("{}{suffix}", trimmed(part, digits));
        }
    }
    if value != 0.0 && value.abs() < 1e-3 { format!("{value:.0e}") } else { trimmed(value, 4) }
}

fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" || text.is_empty() { "0".to_owned() } else { text.to_owned() }
}

/// A time in words.
pub fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 10.0 => format!("{seconds:.1} s"),
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

/// So many of something, `1 trial` or `3 trials`.
pub fn counted(count: u64, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        count => format!("{} {word}s", number(count as f64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_true() {
        let shown = [1234567.0, -1000.0, 12.0, 0.95833333, 123.456, 1234.56, 0.00001234, 0.0321, f64::NAN].map(number);
        assert_eq!(shown, ["1,234,567", "-1,000", "12", "0.9583", "123.5", "1,235", "1.23e-5", "0.03210", "–"]);
        assert_eq!([1_200_000.0, 30_000.0, 0.95, 0.0, 999.0].map(brief), ["1.2M", "30k", "0.95", "0", "999"]);
        assert_eq!([106_664.0, 348_749e6, 1_250_000.0].map(brief), ["107k", "349G", "1.25M"]);
        assert_eq!([0.00278, 0.0149, 3.2, 0.0, 12.34].map(deviation), ["0.0028", "0.015", "3.2", "0", "12"]);
        assert_eq!((counted(1, "trial"), counted(1200, "trial")), ("1 trial".into(), "1,200 trials".into()));
    }
}
