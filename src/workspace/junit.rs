//! Per-test results from a JUnit file. Every tool writes it a little differently, an agent may write anything into it, and a
//! killed tool leaves half of it: what can be read is read, up to a limit, and nothing here panics or reads anything else.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::model::trace::CheckStatus;

/// Bytes of a report that are read, and tests that are kept.
pub const MOST_BYTES: u64 = 16 << 20;
const MOST_TESTS: usize = 20_000;
const NAME_BYTES: usize = 300;

/// What a report said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// `class::name` -> how it came out. Of two tests with one name the worse counts.
    pub tests: BTreeMap<String, CheckStatus>,
    /// It broke off or was longer than what is kept.
    pub partial: bool,
}

/// Reads a report as far as it goes.
pub fn read(bytes: &[u8]) -> Report {
    let mut report = Report::default();
    let mut reader = Reader::from_reader(bytes);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    let mut open: Option<(String, CheckStatus)> = None;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Empty(tag)) if tag.local_name().as_ref() == b"testcase" => {
                report.add(name(&tag), given(&tag).unwrap_or(CheckStatus::Passed));
            }
            Ok(Event::Start(tag)) if tag.local_name().as_ref() == b"testcase" => {
                if let Some((test, status)) = open.take() {
                    report.add(test, status);
                }
                open = Some((name(&tag), given(&tag).unwrap_or(CheckStatus::Passed)));
            }
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                if let (Some((_, status)), Some(outcome)) = (&mut open, outcome(tag.local_name().as_ref())) {
                    *status = worse(*status, outcome);
                }
            }
            Ok(Event::End(tag)) if tag.local_name().as_ref() == b"testcase" => {
                if let Some((test, status)) = open.take() {
                    report.add(test, status);
                }
            }
            Ok(Event::Eof) => {
                report.partial |= open.is_some();
                return report;
            }
            Ok(_) => {}
            Err(_) => {
                report.partial = true;
                return report;
            }
        }
    }
}

impl Report {
    fn add(&mut self, test: String, status: CheckStatus) {
        if let Some(there) = self.tests.get_mut(&test) {
            *there = worse(*there, status);
        } else if self.tests.len() < MOST_TESTS {
            self.tests.insert(test, status);
        } else {
            self.partial = true;
        }
    }
}

fn name(tag: &BytesStart<'_>) -> String {
    let part = |key: &str| attribute(tag, key).unwrap_or_default();
    let (class, name) = (part("classname"), part("name"));
    let mut whole = if class.is_empty() { name } else { format!("{class}::{name}") };
    if whole.len() > NAME_BYTES {
        let at = (0..=NAME_BYTES).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
        whole.truncate(at);
    }
    whole
}

/// The `status` some tools put on the test itself.
fn given(tag: &BytesStart<'_>) -> Option<CheckStatus> {
    match attribute(tag, "status").or_else(|| attribute(tag, "result"))?.as_str() {
        "failed" | "fail" | "error" => Some(CheckStatus::Failed),
        "skipped" | "notrun" | "disabled" | "suppressed" => Some(CheckStatus::Skipped),
        _ => None,
    }
}

fn attribute(tag: &BytesStart<'_>, key: &str) -> Option<String> {
    let found = tag.attributes().with_checks(false).flatten().find(|found| found.key.as_ref() == key.as_bytes())?;
    let raw = String::from_utf8_lossy(&found.value).into_owned();
    Some(quick_xml::escape::unescape(&raw).map(std::borrow::Cow::into_owned).unwrap_or(raw))
}

fn outcome(tag: &[u8]) -> Option<CheckStatus> {
    match tag {
        b"failure" | b"error" => Some(CheckStatus::Failed),
        b"skipped" => Some(CheckStatus::Skipped),
        _ => None,
    }
}

fn worse(left: CheckStatus, right: CheckStatus) -> CheckStatus {
    let rank = |status: CheckStatus| match status {
        CheckStatus::Passed => 0,
        CheckStatus::Skipped => 1,
        CheckStatus::Failed => 2,
        CheckStatus::Timeout => 3,
        CheckStatus::Broken => 4,
    };
    if rank(right) > rank(left) { right } else { left }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &str) -> Vec<(String, CheckStatus)> {
        read(text.as_bytes()).tests.into_iter().collect()
    }

    #[test]
    fn what_tools_write() {
        let pytest = r#"<?xml version="1.0"?><testsuites><testsuite name="pytest" tests="3">
            <testcase classname="t.test_a" name="test_ok" time="0.1"/>
            <testcase classname="t.test_a" name="test_bad[&lt;x&gt;]"><failure message="a &lt; b">trace</failure></testcase>
            <testcase classname="t.test_a" name="later"><skipped type="pytest.skip"/></testcase>
            <testcase name="gone"><error/><system-out><![CDATA[<testcase name="no"/>]]></system-out></testcase>
            </testsuite></testsuites>"#;
        let expected = [
            ("gone", CheckStatus::Failed),
            ("t.test_a::later", CheckStatus::Skipped),
            ("t.test_a::test_bad[<x>]", CheckStatus::Failed),
            ("t.test_a::test_ok", CheckStatus::Passed),
        ];
        assert_eq!(told(pytest), expected.map(|(name, status)| (name.to_owned(), status)));
    }

    #[test]
    fn of_two_tests_with_one_name_the_worse_counts() {
        let text = r#"<t><testcase name="a"><failure/></testcase><testcase name="a"/></t>"#;
        assert_eq!(told(text), [("a".to_owned(), CheckStatus::Failed)]);
    }

    #[test]
    fn half_a_report_is_read_as_far_as_it_goes() {
        let report = read(br#"<t><testcase name="a"/><testcase name="b"><fail"#);
        assert_eq!((report.tests.len(), report.partial), (1, true));
        assert_eq!(read(b"<!DOCTYPE x [<!ENTITY a \"b\">]><t><testcase name='&a;'/></t>").tests.len(), 1);
    }

    proptest! {
        #[test]
        fn anything_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..120) {
            let _ = read(&bytes);
            let good = br#"<testsuite><testcase name="a"><failure message="x"/></testcase><testcase name="b"/></testsuite>"#;
            let _ = read(&good[..cut.min(good.len())]);
        }
    }
}
