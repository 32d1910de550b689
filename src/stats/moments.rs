//! Means and variances.

/// `None` for no value.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sum of squared distances from the mean; 0 for no value.
pub fn squares(values: &[f64]) -> f64 {
    let Some(mean) = mean(values) else { return 0.0 };
    let sum: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    // Values that differ by rounding alone are equal.
    let rounding = 1e-24 * values.len() as f64 * (1.0 + mean * mean);
    if sum <= rounding { 0.0 } else { sum }
}

/// Sample variance, n - 1 below. `None` for fewer than two values.
pub fn variance(values: &[f64]) -> Option<f64> {
    (values.len() > 1).then(|| squares(values) / (values.len() - 1) as f64)
}

/// Standard error of the mean of independent values. `None` for fewer than two.
pub fn standard_error(values: &[f64]) -> Option<f64> {
    variance(values).map(|variance| (variance / values.len() as f64).sqrt())
}
