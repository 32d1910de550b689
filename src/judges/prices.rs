//! What a call costs: the suite's price, else the shipped table's. A model without a price has no known cost.

use crate::model::{
    judge_spec::{Price, VoteSpec},
    trace::Usage,
};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

#[derive(Deserialize)]
struct Table {
    as_of: String,
    #[serde(flatten)]
    providers: BTreeMap<String, BTreeMap<String, Row>>,
}

/// USD for a million tokens.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    input: f64,
    cached: Option<f64>,
    output: f64,
}

static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| serde_yaml::from_str(include_str!("prices.yaml")).ok());

/// The day that the shipped table is of.
pub fn table_date() -> &'static str {
    TABLE.as_ref().map_or("", |table| table.as_of.as_str())
}

/// The price of a vote's tokens, where one is known. A server of one's own costs nothing that we know of.
pub fn price_of(vote: &VoteSpec) -> Option<Price> {
    if vote.price.is_some() {
        return vote.price;
    }
    if !vote.is_paid() {
        return None;
    }
    let model = vote.model.as_deref()?;
    let rows = TABLE.as_ref()?.providers.get(&vote.provider)?;
    let row = rows.get(model).or_else(|| rows.get(undated(model)?))?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let micro = |usd: f64| (usd * 1e6).round().max(0.0) as u64;
    Some(Price { input: micro(row.input), cached: row.cached.map(micro), output: micro(row.output) })
}

/// `gpt-5` for `gpt-5-2025-08-07`, `claude-opus-4-5` for `claude-opus-4-5-20251101`.
fn undated(model: &str) -> Option<&str> {
    let rest = model.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    let tail = &model[rest.len()..];
    let at = tail.rfind("-20").filter(|at| tail.len() - at >= "-20251101".len())?;
    Some(&model[..rest.len() + at])
}

/// Micro-USD, rounded up.
pub fn cost(price: Price, usage: &Usage) -> u64 {
    let cached = usage.cached.min(usage.input);
    let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
    let sum = part(usage.input - cached, price.input)
        + part(cached, price.cached.unwrap_or(price.input))
        + part(usage.output, price.output);
    u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(provider: &str, model: &str) -> VoteSpec {
        VoteSpec { provider: provider.to_owned(), model: Some(model.to_owned()), ..VoteSpec::default() }
    }

    #[test]
    fn the_table_reads_and_has_a_day() {
        assert_eq!(table_date().len(), "2025-12-15".len());
        let price = |model| price_of(&vote("openai", model)).map(|price| price.input);
        assert_eq!(price("gpt-5"), Some(1_250_000));
        assert_eq!(price("gpt-5-2025-08-07"), Some(1_250_000));
        assert_eq!(price("gpt-9"), None);
        assert_eq!(
            price_of(&vote("anthropic", "claude-opus-4-5-20251101")).map(|price| price.output),
            Some(25_000_000)
        );
        let own = VoteSpec { base_url: Some("http://127.0.0.1:1/v1".to_owned()), ..vote("openai", "gpt-5") };
        assert_eq!(price_of(&own), None);
        let said = Price { input: 1, cached: None, output: 2 };
        assert_eq!(price_of(&VoteSpec { price: Some(said), ..own }), Some(said));
    }

    #[test]
    fn cached_tokens_cost_less_and_nothing_overflows() {
        let price = Price { input: 1_250_000, cached: Some(125_000), output: 10_000_000 };
        let usage = |input, cached, output| Usage { input, cached, output, ..Usage::default() };
        assert_eq!(cost(price, &usage(1000, 0, 100)), 1250 + 1000);
        assert_eq!(cost(price, &usage(1000, 800, 100)), 250 + 100 + 1000);
        assert_eq!(cost(price, &usage(1, 0, 0)), 2);
        assert_eq!(cost(price, &usage(u64::MAX, 0, u64::MAX)), u64::MAX);
    }
}
