//! Text -> tree of spanned nodes, within budgets.
//!
//! The parser underneath serde-saphyr is used by its events: only there do keys have places and scalars their style.
//! A file that is over a budget is refused by the name of the budget before it costs time or memory:
//! an alias is counted by the nodes it stands for before it is expanded.

use super::{
    finding::{Code, Notes},
    node::{Entry, Key, Kind, Node, Scalar, Span},
};
use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, options};
use std::collections::BTreeMap;

/// Nesting of lists and maps.
pub const MAX_DEPTH: usize = 64;
/// Nodes that aliases may stand for, all together.
pub const MAX_ALIASED: usize = 50_000;
/// Nodes of one file, and nodes that its anchors hold.
pub const MAX_NODES: usize = 250_000;

/// The tree of one file. `None`: it is no YAML or over a budget, and a finding says so.
pub fn parse(text: &str, file: u32, notes: &mut Notes) -> Option<Node> {
    let mut builder = Builder::new(file, notes);
    // The parser reads ahead: left alone it would go deeper than the nodes it has given so far.
    let options = options! { flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => {
                builder.take(event, (spanned(file, &span), span.tag_span().map(|tag| spanned(file, &tag))))
            }
            Err(error) if *error.kind() == ErrorKind::RecursionLimitExceeded => {
                builder.too_deep(marked(file, *error.marker()))
            }
            Err(error) => {
                let place = marked(file, *error.marker());
                builder.notes.error(Code::Syntax.at(place), format!("this is not YAML: {}", error.info()), "");
                None
            }
        };
        step?;
    }
    if builder.root.is_none() {
        let place = Span { file, line: 1, col: 1, start: 0, end: 0 };
        builder.notes.error(Code::Syntax.at(place), "the file is empty", "`evalrun init` writes a first suite");
    }
    builder.root
}

struct Builder<'a> {
    file: u32,
    notes: &'a mut Notes,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchored>,
    nodes: usize,
    aliased: usize,
    anchored: usize,
    root: Option<Node>,
    documents: usize,
}

struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

/// A list or map whose end has not been seen.
struct Open {
    span: Span,
    anchor: usize,
    /// Nodes seen before it, which gives its size when it closes.
    before: usize,
    what: Collecting,
}

enum Collecting {
    List(Vec<Node>),
    Map(MapSoFar),
}

#[derive(Default)]
struct MapSoFar {
    entries: Vec<Entry>,
    /// The keys of `entries`: wide maps must not cost quadratic time.
    seen: BTreeMap<String, Span>,
    merges: Vec<Node>,
    key: Option<NextKey>,
}

enum NextKey {
    Named(Key),
    Merge,
    /// A list or map as a key: a finding; its value is dropped.
    Refused,
}

impl<'a> Builder<'a> {
    fn new(file: u32, notes: &'a mut Notes) -> Builder<'a> {
        let anchors = BTreeMap::new();
        Builder { file, notes, open: Vec::new(), anchors, nodes: 0, aliased: 0, anchored: 0, root: None, documents: 0 }
    }

    fn take(&mut self, event: Event<'_>, (span, tagged_at): (Span, Option<Span>)) -> Option<()> {
        let tag_at = tagged_at.unwrap_or(span);
        match event {
            Event::DocumentStart(..) => self.document(span),
            Event::Scalar(text, style, anchor, tag) => {
                let tagged = tag.as_ref().is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                if let Some(tag) = tag.filter(|_| !tagged) {
                    self.tag(tag_at, &tag.to_string());
                }
                let plain = style == ScalarStyle::Plain && !tagged;
                self.count(1, span)?;
                self.leaf(Node { kind: Kind::Scalar(Scalar { text: text.into_owned(), plain }), span }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.collection_tag(tag_at, tag.map(|tag| tag.to_string()));
                self.enter(span, anchor, Collecting::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag_at, tag.map(|tag| tag.to_string()));
                self.enter(span, anchor, Collecting::Map(MapSoFar::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(span),
            Event::Alias(id) => self.alias(id, span),
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Some(()),
            // Comments and anchor names are asked for by options that are not set.
            _ => Some(()),
        }
    }

    fn document(&mut self, span: Span) -> Option<()> {
        self.documents += 1;
        if self.documents == 1 {
            return Some(());
        }
        self.notes.error(Code::Syntax.at(span), "a second document in one file", "put it in a file of its own");
        None
    }

    fn tag(&mut self, span: Span, tag: &str) {
        self.notes.error(Code::Syntax.at(span), format!("the tag `{tag}` means nothing here"), "take it out");
    }

    fn count(&mut self, more: usize, span: Span) -> Option<()> {
        self.nodes += more;
        if self.nodes <= MAX_NODES {
            return Some(());
        }
        let what = format!("over the limit of {MAX_NODES} nodes (lists, maps and values) in one file");
        self.notes.error(Code::Limit.at(span), what, "split the suite with `include`, or put many cases into `rows`");
        None
    }

    fn collection_tag(&mut self, span: Span, tag: Option<String>) {
        if let Some(tag) = tag.filter(|tag| !tag.starts_with("tag:yaml.org,2002:")) {
            self.tag(span, &tag);
        }
    }

    fn enter(&mut self, span: Span, anchor: usize, what: Collecting) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            return self.too_deep(span);
        }
        self.count(1, span)?;
        self.open.push(Open { span, anchor, before: self.nodes - 1, what });
        Some(())
    }

    fn too_deep(&mut self, span: Span) -> Option<()> {
        let what = format!("nested deeper than the limit of {MAX_DEPTH} levels");
        self.notes.error(Code::Limit.at(span), what, "a suite needs about ten levels");
        None
    }

    fn leave(&mut self, end: Span) -> Option<()> {
        let Some(open) = self.open.pop() else { return Some(()) };
        let span = Span { end: end.end.max(open.span.end), ..open.span };
        let kind = match open.what {
            Collecting::List(items) => Kind::List(items),
            Collecting::Map(mut map) => {
                for node in std::mem::take(&mut map.merges) {
                    self.merge(&mut map, &node);
                }
                Kind::Map(map.entries)
            }
        };
        let node = Node { kind, span };
        self.anchor(&node, open.anchor, self.nodes - open.before)?;
        self.place(node)
    }

    fn leaf(&mut self, node: Node, anchor: usize) -> Option<()> {
        self.anchor(&node, anchor, 1)?;
        self.place(node)
    }

    /// Keeps a node that has an anchor. Counted, since anchors inside of anchors hold the same nodes again.
    fn anchor(&mut self, node: &Node, id: usize, nodes: usize) -> Option<()> {
        if id == 0 {
            return Some(());
        }
        self.anchored += nodes;
        if self.anchored > MAX_NODES {
            let what = format!("anchors hold more than the limit of {MAX_NODES} nodes");
            self.notes.error(Code::Limit.at(node.span), what, "put anchors on small things only");
            return None;
        }
        self.anchors.insert(id, Anchored { node: node.clone(), nodes, depth: depth(node) });
        Some(())
    }

    fn alias(&mut self, id: usize, span: Span) -> Option<()> {
        let Some((size, depth)) = self.anchors.get(&id).map(|have| (have.nodes, have.depth)) else {
            self.notes.error(Code::Syntax.at(span), "an alias inside of what it stands for", "write the value out");
            return None;
        };
        self.aliased += size;
        if self.aliased > MAX_ALIASED {
            let what = format!("aliases stand for more than the limit of {MAX_ALIASED} nodes");
            self.notes.error(Code::Limit.at(span), what, "write fewer aliases, or put many cases into `rows`");
            return None;
        }
        if self.open.len() + depth > MAX_DEPTH {
            return self.too_deep(span);
        }
        self.count(size, span)?;
        let node = self.anchors.get(&id).map(|have| have.node.clone())?;
        self.place(node)
    }

    /// Puts a finished node where it belongs: the root, an item, a key, a value.
    fn place(&mut self, node: Node) -> Option<()> {
        let Some(top) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        match &mut top.what {
            Collecting::List(items) => items.push(node),
            Collecting::Map(map) => match map.key.take() {
                None => map.key = Some(next_key(node, self.notes)),
                Some(NextKey::Merge) => map.merges.push(node),
                Some(NextKey::Refused) => {}
                Some(NextKey::Named(key)) => add(map, Entry { key, value: node }, self.notes),
            },
        }
        Some(())
    }

    /// `<<`: what the map does not say itself.
    fn merge(&mut self, map: &mut MapSoFar, from: &Node) {
        match &from.kind {
            Kind::Map(more) => {
                for entry in more {
                    if map.seen.insert(entry.key.text.clone(), entry.key.span).is_none() {
                        map.entries.push(entry.clone());
                    }
                }
            }
            Kind::List(maps) if maps.iter().all(|node| matches!(node.kind, Kind::Map(_))) => {
                maps.iter().for_each(|node| self.merge(map, node));
            }
            Kind::List(_) | Kind::Scalar(_) => {
                let span = Span { file: self.file, ..from.span };
                self.notes.error(Code::Syntax.at(span), "`<<` needs a map, or a list of maps", "as in `<<: *defaults`");
            }
        }
    }
}

fn next_key(node: Node, notes: &mut Notes) -> NextKey {
    match node.kind {
        Kind::Scalar(scalar) if scalar.plain && scalar.text == "<<" => NextKey::Merge,
        Kind::Scalar(scalar) => NextKey::Named(Key { text: scalar.text, span: node.span }),
        Kind::List(_) | Kind::Map(_) => {
            notes.error(
                Code::Syntax.at(node.span),
                "a list or a map as a key",
                "quote the key if it is a text that begins with `[` or `{`",
            );
            NextKey::Refused
        }
    }
}

fn add(map: &mut MapSoFar, entry: Entry, notes: &mut Notes) {
    match map.seen.get(&entry.key.text) {
        None => {
            map.seen.insert(entry.key.text.clone(), entry.key.span);
            map.entries.push(entry);
        }
        Some(first) => {
            let what = format!("`{}` stands here twice: first at {}", entry.key.text, notes.at(*first));
            notes.error(Code::Duplicate.at(entry.key.span), what, "keep one of them");
        }
    }
}

/// Levels of lists and maps.
fn depth(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar(_) => 0,
        Kind::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Kind::Map(entries) => 1 + entries.iter().map(|entry| depth(&entry.value)).max().unwrap_or(0),
    }
}

fn marked(file: u32, marker: Marker) -> Span {
    let at = clip(marker.byte_offset().unwrap_or(0));
    Span { file, line: clip(marker.line()), col: clip(marker.col() + 1), start: at, end: at }
}

fn spanned(file: u32, span: &granit_parser::Span) -> Span {
    let range = span.byte_range().unwrap_or(0..0);
    Span {
        file,
        line: clip(span.start.line()),
        col: clip(span.start.col() + 1),
        start: clip(range.start),
        end: clip(range.end),
    }
}

fn clip(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
