//! YAML to `Script`: every mistake at once, each with its place.

use super::node::{self, Node, Place, Value};
use super::{Misdeed, OTHERWISE, Part, Pattern, Script, Step, Tag, Turn, VERSION};
use crate::model::id::is_id;

const MOST_BYTES: usize = 1 << 20;
const MOST_TEXT: usize = 256 << 10;
const MOST_PARTS: usize = 100;
const MOST_TURNS: usize = 1_000;
const MOST_STEPS: usize = 20_000;

impl Script {
    /// Reads a script; `name` is what the mistakes call the file.
    ///
    /// # Errors
    /// Every mistake, as `name:line:column: what is wrong`.
    pub fn from_yaml(text: &str, name: &str) -> Result<Script, Vec<String>> {
        let mut decoder = Decoder { name, mistakes: Vec::new(), turns: 0, steps: 0 };
        if text.len() > MOST_BYTES {
            return Err(vec![format!(
                "{name}: larger than {} MiB; split the candidate into several",
                MOST_BYTES >> 20
            )]);
        }
        let script = match node::parse(text) {
            Ok(root) => decoder.script(&root),
            Err((place, what)) => {
                decoder.mistake(place, what);
                None
            }
        };
        match script {
            Some(script) if decoder.mistakes.is_empty() => Ok(script),
            Some(_) | None => Err(decoder.in_order()),
        }
    }
}

/// Collects mistakes while it walks the tree.
pub(super) struct Decoder<'a> {
    name: &'a str,
    mistakes: Vec<(Place, String)>,
    turns: usize,
    steps: usize,
}

/// The entries of a map whose keys were checked.
pub(super) struct Fields<'n> {
    pub at: Place,
    entries: Vec<(&'n str, &'n Node)>,
    /// Known keys that a refused one is probably meant to be; that they are missing is not said again.
    meant: Vec<String>,
    /// No key was refused.
    complete: bool,
}

impl<'n> Fields<'n> {
    pub fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    pub fn is_complete(&self) -> bool {
        self.complete
    }

    pub fn all(&self) -> impl Iterator<Item = (&'n str, &'n Node)> + '_ {
        self.entries.iter().copied()
    }
}

impl Decoder<'_> {
    pub fn mistake(&mut self, at: Place, what: impl AsRef<str>) {
        self.mistakes.push((at, what.as_ref().to_owned()));
    }

    fn in_order(mut self) -> Vec<String> {
        self.mistakes.sort_by_key(|(at, _)| *at);
        self.mistakes.iter().map(|(at, what)| format!("{}{at}: {what}", self.name)).collect()
    }

    fn script(&mut self, root: &Node) -> Option<Script> {
        let known = ["version", "candidate", "about", "otherwise", "faults", "parts"];
        let fields = self.fields(root, "a script", &known)?;
        self.version(&fields);
        let candidate = self.required(&fields, "a script", "candidate").and_then(|node| self.id(node, "candidate"));
        let about = fields.get("about").and_then(|node| self.text(node, "about"));
        let otherwise = fields.get("otherwise").and_then(|node| self.text(node, "otherwise"));
        let faults = fields.get("faults").and_then(|node| self.list(node, "faults", MOST_PARTS)).unwrap_or_default();
        let faults = faults.iter().filter_map(|node| self.fault(node)).collect();
        let parts = self.required(&fields, "a script", "parts").and_then(|node| self.list(node, "parts", MOST_PARTS));
        let parts = self.parts(parts?);
        Some(Script {
            candidate: candidate?,
            about,
            otherwise: otherwise.unwrap_or_else(|| OTHERWISE.to_owned()),
            faults,
            parts,
        })
    }

    fn version(&mut self, fields: &Fields<'_>) {
        let Some(node) = self.required(fields, "a script", "version") else { return };
        if node.value != Value::Whole(u64::from(VERSION)) {
            self.mistake(node.at, format!("`version` is {}; this evalrun reads version {VERSION}", node.value.kind()));
        }
    }

    fn fault(&mut self, node: &Node) -> Option<Misdeed> {
        let text = self.text(node, "faults")?;
        Misdeed::parse(&text).map_err(|why| self.mistake(node.at, why)).ok()
    }

    fn parts(&mut self, nodes: &[Node]) -> Vec<Part> {
        let mut parts = Vec::new();
        for (at, node) in nodes.iter().enumerate() {
            let Some(part) = self.part(node) else { continue };
            if part.on.is_none() && at + 1 < nodes.len() {
                self.mistake(node.at, "a part without `on` matches every interview: put it last, or give it an `on`");
            }
            parts.push(part);
        }
        parts
    }

    fn part(&mut self, node: &Node) -> Option<Part> {
        let fields = self.fields(node, "a part", &["on", "turns"])?;
        let on = fields.get("on").and_then(|node| self.pattern(node));
        let turns = self.required(&fields, "a part", "turns").and_then(|node| self.list(node, "turns", MOST_TURNS))?;
        let turns = turns.iter().filter_map(|node| self.turn(node)).collect();
        Some(Part { on, turns })
    }

    fn turn(&mut self, node: &Node) -> Option<Turn> {
        self.turns += 1;
        if self.turns == MOST_TURNS + 1 {
            self.mistake(node.at, format!("more than {MOST_TURNS} turns"));
        }
        let fields = self.fields(node, "a turn", &["on", "steps", "tag", "instead"])?;
        let on = fields.get("on").and_then(|node| self.pattern(node));
        let tag = self.tag(&fields);
        let steps = self.required(&fields, "a turn", "steps").and_then(|node| self.steps(node, "steps"))?;
        Some(Turn { on, steps, tag })
    }

    pub fn steps(&mut self, node: &Node, what: &str) -> Option<Vec<Step>> {
        let nodes = self.list(node, what, MOST_STEPS)?;
        Some(nodes.iter().filter_map(|node| self.step(node)).collect())
    }

    pub fn count_step(&mut self, at: Place) {
        self.steps += 1;
        if self.steps == MOST_STEPS + 1 {
            self.mistake(at, format!("more than {MOST_STEPS} steps"));
        }
    }

    pub fn tag(&mut self, fields: &Fields<'_>) -> Tag {
        let names = fields.get("tag").map(|node| self.tag_names(node));
        let instead = fields.get("instead").map(|node| self.instead(node));
        if let (None, Some(node)) = (fields.get("tag"), fields.get("instead")) {
            self.mistake(node.at, "`instead` without `tag`: name the behaviour that it is played without");
        }
        Tag { names: names.unwrap_or_default(), instead: instead.unwrap_or_default() }
    }

    fn tag_names(&mut self, node: &Node) -> Vec<String> {
        match &node.value {
            Value::List(nodes) => nodes.iter().filter_map(|node| self.id(node, "tag")).collect(),
            Value::Null | Value::Other(_) | Value::Whole(_) | Value::Text(_) | Value::Map(_) => {
                self.id(node, "tag").into_iter().collect()
            }
        }
    }

    fn instead(&mut self, node: &Node) -> Vec<Step> {
        let nodes = match &node.value {
            Value::List(nodes) => nodes.as_slice(),
            Value::Null | Value::Other(_) | Value::Whole(_) | Value::Text(_) | Value::Map(_) => {
                std::slice::from_ref(node)
            }
        };
        let steps: Vec<Step> = nodes.iter().filter_map(|node| self.step(node)).collect();
        if steps.iter().any(|step| step.tag != Tag::default()) {
            self.mistake(node.at, "steps in `instead` carry no `tag`");
        }
        steps
    }

    /// A map with none but the known keys.
    pub fn fields<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Option<Fields<'n>> {
        let Value::Map(map) = &node.value else {
            self.mistake(node.at, format!("{what} is a map with {}; here is {}", quoted(known), node.value.kind()));
            return None;
        };
        let (mut entries, mut meant) = (Vec::new(), Vec::new());
        for (key, value) in map {
            match &key.value {
                Value::Text(name) if known.contains(&name.as_str()) => entries.push((name.as_str(), value)),
                Value::Text(name) => {
                    let near = near(name, known);
                    self.mistake(key.at, unknown(name, what, (&near, known)));
                    meant.extend(near.into_iter().map(str::to_owned));
                }
                Value::Null | Value::Other(_) | Value::Whole(_) | Value::List(_) | Value::Map(_) => {
                    self.mistake(key.at, format!("a field's name is a text; here is {}", key.value.kind()));
                }
            }
        }
        let complete = entries.len() == map.len();
        Some(Fields { at: node.at, entries, meant, complete })
    }

    pub fn required<'n>(&mut self, fields: &Fields<'n>, what: &str, name: &str) -> Option<&'n Node> {
        let node = fields.get(name);
        if node.is_none() && !fields.meant.iter().any(|meant| meant == name) {
            self.mistake(fields.at, format!("{what} needs `{name}`"));
        }
        node
    }

    /// A list that is not empty and not too long.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str, most: usize) -> Option<&'n [Node]> {
        let Value::List(nodes) = &node.value else {
            self.mistake(node.at, format!("`{what}` is a list; here is {}", node.value.kind()));
            return None;
        };
        if nodes.is_empty() {
            self.mistake(node.at, format!("`{what}` is empty"));
        }
        if nodes.len() > most {
            self.mistake(node.at, format!("`{what}` holds {} entries; at most {most} are read", nodes.len()));
            return None;
        }
        Some(nodes)
    }

    /// A text; `old` and `text` may be empty where the caller allows it.
    pub fn text_or_empty(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.value {
            Value::Text(text) if text.len() > MOST_TEXT => {
                self.mistake(node.at, format!("`{what}` is longer than {} KiB", MOST_TEXT >> 10));
                None
            }
            Value::Text(text) => Some(text.clone()),
            Value::Other(_) | Value::Whole(_) => {
                self.mistake(node.at, format!("`{what}` is a text; YAML reads {} here: quote it", node.value.kind()));
                None
            }
            Value::Null | Value::List(_) | Value::Map(_) => {
                self.mistake(node.at, format!("`{what}` is a text; here is {}", node.value.kind()));
                None
            }
        }
    }

    pub fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text_or_empty(node, what)?;
        if text.trim().is_empty() {
            self.mistake(node.at, format!("`{what}` is empty"));
            return None;
        }
        Some(text)
    }

    fn id(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        if !is_id(&text) {
            self.mistake(node.at, format!("`{text}` is no id: [a-z0-9][a-z0-9._-]{{0,63}}"));
            return None;
        }
        Some(text)
    }

    fn pattern(&mut self, node: &Node) -> Option<Pattern> {
        let text = self.text(node, "on")?;
        match Pattern::new(&text) {
            Ok(pattern) => Some(pattern),
            Err(why) => {
                let why = why.lines().last().unwrap_or_default();
                self.mistake(node.at, format!("pattern `{text}` does not compile: {why}"));
                None
            }
        }
    }
}

pub(super) fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn unknown(name: &str, what: &str, (near, known): (&[&str], &[&str])) -> String {
    let shown: String = name.chars().take(64).collect();
    let hint =
        if near.is_empty() { format!("it has {}", quoted(known)) } else { format!("did you mean {}?", quoted(near)) };
    format!("{what} has no `{shown}`: {hint}")
}

fn near<'k>(name: &str, known: &[&'k str]) -> Vec<&'k str> {
    let name: String = name.chars().take(64).collect();
    known.iter().copied().filter(|word| is_near(&name, word)).collect()
}

fn is_near(name: &str, word: &str) -> bool {
    distance(&name.to_lowercase(), word) <= if word.len() < 5 { 1 } else { 2 }
}

/// Edit distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in right.iter().enumerate() {
            let change = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
