/// The volume that points dominate below a reference point, lower being better in every objective: the hypervolume of Zitzler and
/// Thiele, "Multiobjective optimization using evolutionary algorithms - a comparative case study" (PPSN 1998), by slicing along the last
/// objective (While, Hingston, Barone and Huband, "A faster algorithm for calculating hypervolume", IEEE TEVC 2006).
///
/// Points that do not lie below the reference in every objective add nothing. All points must have as many objectives as the
/// reference. Exact; meant for the fronts of a search: time grows with the number of points to the number of objectives less one.
pub fn hypervolume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let inside: Vec<&[f64]> = points
        .iter()
        .map(Vec::as_slice)
        .filter(|point| point.iter().zip(reference).all(|(value, bound)| value < bound))
        .collect();
    volume(inside, reference)
}

fn volume(mut points: Vec<&[f64]>, reference: &[f64]) -> f64 {
    let Some((&bound, below)) = reference.split_last() else { return 0.0 };
    let last = below.len();
    if last == 0 {
        let best = points.iter().map(|point| point[0]).fold(f64::INFINITY, f64::min);
        return if points.is_empty() { 0.0 } else { bound - best };
    }
    points.sort_by(|one, other| one[last].total_cmp(&other[last]));
    let mut sum = 0.0;
    for (place, point) in points.iter().enumerate() {
        let next = points.get(place + 1).map_or(bound, |next| next[last]);
        if next > point[last] {
            sum += (next - point[last]) * volume(points[..=place].iter().map(|point| &point[..last]).collect(), below);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_counted_once() {
        let reference = [4.0, 4.0];
        assert_eq!(hypervolume(&[], &reference), 0.0);
        assert_eq!(hypervolume(&[vec![1.0, 2.0]], &reference), 6.0);
        let front = [vec![1.0, 3.0], vec![2.0, 2.0], vec![3.0, 1.0]];
        assert_eq!(hypervolume(&front, &reference), 6.0);
        let dominated = [front.as_slice(), &[vec![3.0, 3.0], vec![5.0, 0.0], vec![2.0, 2.0]]].concat();
        assert_eq!(hypervolume(&dominated, &reference), 6.0);
    }

    #[test]
    fn three_objectives_are_volumes() {
        let reference = [2.0, 2.0, 2.0];
        assert_eq!(hypervolume(&[vec![1.0, 1.0, 1.0]], &reference), 1.0);
        // Two boxes of 1 x 1 x 2 that share a cube.
        let two = [vec![1.0, 1.0, 0.0], vec![0.0, 1.0, 1.0]];
        assert_eq!(hypervolume(&two, &reference), 3.0);
        assert_eq!(hypervolume(&[vec![0.5]], &[2.0]), 1.5);
    }
}
