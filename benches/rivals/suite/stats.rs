//! Medians, quantiles and paired ratios.

/// The value below which the share `q` of `values` lies. They are sorted by it.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (q * values.len() as f64).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

pub(crate) fn geometric_mean(values: &[f64]) -> f64 {
    let logs: f64 = values.iter().map(|value| value.ln()).sum();
    (logs / values.len() as f64).exp()
}

/// How many times faster we are, over the rounds.
#[derive(Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Ratio {
    /// Their value by ours, each pair from one round.
    pub(crate) fn paired(theirs: &[f64], ours: &[f64]) -> Ratio {
        let mut ratios: Vec<f64> = theirs.iter().zip(ours).map(|(t, o)| t / o).collect();
        ratios.sort_by(f64::total_cmp);
        Ratio { min: ratios[0], median: median(&ratios), max: ratios[ratios.len() - 1] }
    }
}
