//! A judge's binary verdicts against the truth.

/// How often what was said met what is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    pub true_pass: u64,
    pub false_pass: u64,
    pub false_fail: u64,
    pub true_fail: u64,
}

impl Confusion {
    /// From pairs (truth, said).
    pub fn of_pairs(pairs: &[(bool, bool)]) -> Confusion {
        let mut counts = Confusion::default();
        for pair in pairs {
            match pair {
                (true, true) => counts.true_pass += 1,
                (false, true) => counts.false_pass += 1,
                (true, false) => counts.false_fail += 1,
                (false, false) => counts.true_fail += 1,
            }
        }
        counts
    }

    pub fn items(&self) -> u64 {
        self.true_pass + self.false_pass + self.false_fail + self.true_fail
    }

    /// True passes among what is true to pass, 0..=1; `None` where nothing is.
    pub fn sensitivity(&self) -> Option<f64> {
        share(self.true_pass, self.true_pass + self.false_fail)
    }

    /// True fails among what is true to fail, 0..=1; `None` where nothing is.
    pub fn specificity(&self) -> Option<f64> {
        share(self.true_fail, self.true_fail + self.false_pass)
    }

    /// True passes among what was said to pass, 0..=1; `None` where nothing was.
    pub fn precision(&self) -> Option<f64> {
        share(self.true_pass, self.true_pass + self.false_pass)
    }

    /// `2 tp / (2 tp + fp + fn)`; `None` where nothing passes in either.
    pub fn f1(&self) -> Option<f64> {
        share(2 * self.true_pass, 2 * self.true_pass + self.false_pass + self.false_fail)
    }

    /// Mean of the F1 of passes and of fails; `None` where one of them has none.
    pub fn macro_f1(&self) -> Option<f64> {
        let fails = share(2 * self.true_fail, 2 * self.true_fail + self.false_pass + self.false_fail)?;
        Some((self.f1()? + fails) / 2.0)
    }

    /// Mean of sensitivity and specificity.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        Some((self.sensitivity()? + self.specificity()?) / 2.0)
    }

    /// Sensitivity + specificity - 1 (Youden 1950), -1..=1.
    pub fn youden_j(&self) -> Option<f64> {
        Some(self.sensitivity()? + self.specificity()? - 1.0)
    }

    /// Matthews' correlation coefficient, -1..=1; `None` where a row or column is empty.
    pub fn mcc(&self) -> Option<f64> {
        let [tp, fp, miss, tn] = [self.true_pass, self.false_pass, self.false_fail, self.true_fail].map(|n| n as f64);
        let scale = ((tp + fp) * (tp + miss) * (tn + fp) * (tn + miss)).sqrt();
        (scale > 0.0).then(|| (tp * tn - fp * miss) / scale)
    }

    /// Share said to pass less share that is true to pass, -1..=1: above 0, the judge is lenient. `None` for no item.
    pub fn bias(&self) -> Option<f64> {
        let items = self.items();
        (items > 0).then(|| (self.false_pass as f64 - self.false_fail as f64) / items as f64)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
