//! Numbers as JSON text: exact, readable, and whole even where JSON has no such number.
//!
//! Whole numbers are written without a point, others in the shortest form that reads back to the same bits. What JSON lacks
//! is a string, as in the JSON form of Protocol Buffers: `"NaN"`, `"Infinity"`, `"-Infinity"`. All NaNs are one.

use crate::record::Metrics;
use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use std::fmt;

/// Whole numbers up to here have one float each.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

pub(crate) fn write_number(out: &mut Vec<u8>, number: f64) {
    if number.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if number.is_infinite() {
        out.extend_from_slice(if number > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    } else if number.fract() == 0.0 && number.abs() <= LARGEST_WHOLE && !(number == 0.0 && number.is_sign_negative()) {
        write_json(out, &(number as i64));
    } else {
        write_json(out, &number);
    }
}

pub(crate) fn write_numbers(out: &mut Vec<u8>, numbers: &[f64]) {
    write_list(out, numbers, |out, number| write_number(out, *number));
}

pub(crate) fn write_ids(out: &mut Vec<u8>, ids: &[u64]) {
    write_list(out, ids, write_json);
}

pub(crate) fn write_metrics(out: &mut Vec<u8>, metrics: &Metrics) {
    out.push(b'{');
    for (index, (name, value)) in metrics.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_json(out, name.as_str());
        out.push(b':');
        write_number(out, *value);
    }
    out.push(b'}');
}

/// By metric, a value per epoch, `null` where an epoch lacks the metric: shorter than a map per epoch, and what plots need.
pub(crate) fn write_curves(out: &mut Vec<u8>, curves: &[Metrics]) {
    out.push(b'{');
    let mut names: Vec<&str> = Vec::new();
    for (epoch, metrics) in curves.iter().enumerate() {
        for (place, name) in metrics.keys().enumerate() {
            // Nearly always every epoch has the first one's metrics in the first one's order.
            if names.get(place) != Some(&name.as_str()) && (epoch == 0 || !names.contains(&name.as_str())) {
                names.push(name);
            }
        }
    }
    for (place, name) in names.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_json(out, *name);
        out.push(b':');
        write_list(out, curves, |out, metrics| {
            let value = match metrics.get_index(place) {
                Some((at_place, value)) if at_place == name => Some(value),
                _ => metrics.get(*name),
            };
            match value {
                Some(value) => write_number(out, *value),
                None => out.extend_from_slice(b"null"),
            }
        });
    }
    out.push(b'}');
}

fn write_list<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

pub(crate) fn write_json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("numbers, strings and JSON values can be written to memory");
}

pub(crate) fn read_numbers(text: &str) -> serde_json::Result<Vec<f64>> {
    Ok(serde_json::from_str::<Vec<Number>>(text)?.into_iter().map(|number| number.0).collect())
}

pub(crate) fn read_number_lists(text: &str) -> serde_json::Result<Vec<Vec<f64>>> {
    let lists = serde_json::from_str::<Vec<Vec<Number>>>(text)?;
    Ok(lists.into_iter().map(|list| list.into_iter().map(|number| number.0).collect()).collect())
}

pub(crate) fn write_number_lists(out: &mut Vec<u8>, lists: &[Vec<f64>]) {
    write_list(out, lists, |out, list| write_numbers(out, list));
}

pub(crate) fn read_metrics(text: &str) -> serde_json::Result<Metrics> {
    let metrics = serde_json::from_str::<IndexMap<String, Number>>(text)?;
    Ok(metrics.into_iter().map(|(name, number)| (name, number.0)).collect())
}

pub(crate) fn read_curves(text: &str) -> serde_json::Result<Vec<Metrics>> {
    let columns = serde_json::from_str::<IndexMap<String, Vec<Option<Number>>>>(text)?;
    let epochs = columns.values().map(Vec::len).max().unwrap_or(0);
    let mut curves = vec![Metrics::with_capacity(columns.len()); epochs];
    for (name, values) in &columns {
        for (metrics, value) in curves.iter_mut().zip(values) {
            if let Some(value) = value {
                metrics.insert(name.clone(), value.0);
            }
        }
    }
    Ok(curves)
}

/// A number, also where JSON needs a string for it.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a number, \"NaN\", \"Infinity\" or \"-Infinity\"")
            }

            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                match text {
                    "NaN" => Ok(Number(f64::NAN)),
                    "Infinity" => Ok(Number(f64::INFINITY)),
                    "-Infinity" => Ok(Number(f64::NEG_INFINITY)),
                    _ => Err(E::custom(format_args!("`{text}` is no number"))),
                }
            }
        }
        deserializer.deserialize_any(NumberVisitor).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_read_back_to_the_same_bits() {
        let numbers = [
            0.0,
            -0.0,
            1.0,
            -3.0,
            0.1,
            1.0 / 3.0,
            1e-7,
            5e-324,
            f64::MAX,
            f64::MIN_POSITIVE,
            LARGEST_WHOLE,
            LARGEST_WHOLE + 2.0,
            1e300,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        let text = text(|out| write_numbers(out, &numbers));
        assert!(text.starts_with("[0,-0.0,1,-3,0.1,"), "{text}");
        let back = read_numbers(&text).unwrap();
        assert_eq!(back.iter().map(|n| n.to_bits()).collect::<Vec<_>>(), numbers.map(f64::to_bits));
        assert!(read_numbers("[\"NaN\"]").unwrap()[0].is_nan());
        assert!(read_numbers("[\"much\"]").unwrap_err().to_string().contains("`much` is no number"));
    }

    #[test]
    fn curves_are_written_by_metric_and_keep_gaps() {
        let curves: Vec<Metrics> = vec![
            [("loss".to_owned(), 2.5), ("accuracy".to_owned(), 0.25)].into(),
            [("loss".to_owned(), f64::NAN)].into(),
            [("accuracy".to_owned(), 0.75), ("late".to_owned(), 1.0), ("loss".to_owned(), 0.5)].into(),
        ];
        let text = text(|out| write_curves(out, &curves));
        assert_eq!(text, r#"{"loss":[2.5,"NaN",0.5],"accuracy":[0.25,null,0.75],"late":[null,null,1]}"#);
        let back = read_curves(&text).unwrap();
        assert_eq!(back[0], curves[0]);
        assert!(back[1]["loss"].is_nan() && back[1].len() == 1);
        assert_eq!(back[2], curves[2]);
    }
}
