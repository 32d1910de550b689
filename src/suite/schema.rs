//! The JSON Schema of suites, written from the same tables as the decoder's findings, so that an editor completes and
//! underlines what `evalrun check` would say.
//!
//! A schema sees shapes: fields, types, units, words, ids. Names that do not exist, paths, patterns and stages that
//! can never run are for the decoder alone.

use super::{
    names::{DriverDoc, Names},
    shape::{Record, Shape},
    tables::{AGENT, SUITE},
};
use crate::suite::tables_task::FILE;
use serde_json::{Map, Value, json};

const ID: &str = "^[a-z0-9][a-z0-9._-]{0,63}$";

/// The schema of a whole suite, `include` already followed.
pub fn schema(names: &Names<'_>) -> Value {
    let mut writer = Writer { names, defs: Map::new() };
    let Value::Object(root) = writer.record(&SUITE) else { return Value::Null };
    let mut out = Map::new();
    out.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    out.insert("title".to_owned(), json!("evalrun suite"));
    out.extend(root);
    writer.defs.sort_keys();
    out.insert("$defs".to_owned(), Value::Object(writer.defs));
    Value::Object(out)
}

struct Writer<'a> {
    names: &'a Names<'a>,
    defs: Map<String, Value>,
}

impl Writer<'_> {
    fn shape(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Text => json!({"anyOf": [{"type": "string"}, self.reference(&FILE, "file")]}),
            Shape::Line | Shape::Path => json!({"type": "string"}),
            Shape::Id => json!({"type": "string", "pattern": ID}),
            Shape::Flag => json!({"type": "boolean"}),
            Shape::Whole(least) => json!({"type": "integer", "minimum": least, "maximum": u32::MAX}),
            Shape::Number { least, most } => json!({"type": "number", "minimum": least, "maximum": most}),
            Shape::Quantity(units) if units.bare => {
                json!({"anyOf": [{"type": "integer", "minimum": u8::from(!units.zero), "maximum": 9_007_199_254_740_992_u64}, {"type": "string", "pattern": units.pattern()}]})
            }
            Shape::Quantity(units) => {
                json!({"type": "string", "pattern": units.pattern(), "examples": [units.example]})
            }
            Shape::Word { words, .. } => json!({"enum": words}),
            Shape::Version => json!({"const": 1}),
            Shape::Permits => {
                json!({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1_000_000}, {"const": "adaptive"}]})
            }
            Shape::List { of, least: 0 } => json!({"type": "array", "items": self.shape(of)}),
            Shape::List { of, least } => json!({"type": "array", "items": self.shape(of), "minItems": least}),
            Shape::Map { ids, of } => {
                let of = self.shape(of);
                let keys = if *ids { json!({"pattern": ID}) } else { json!(true) };
                json!({"type": "object", "propertyNames": keys, "additionalProperties": of})
            }
            Shape::Record(record) => self.reference(record, record.name),
            Shape::Choice(records) => {
                let choices: Vec<Value> = records.iter().map(|record| self.choice(record)).collect();
                json!({ "anyOf": choices })
            }
            Shape::Either(shapes) => json!({"anyOf": shapes.iter().map(|shape| self.shape(shape)).collect::<Vec<_>>()}),
            Shape::Agent => self.agent(),
            Shape::Any => json!({}),
        }
    }

    /// Records of a choice share their name: the first field tells them apart.
    fn choice(&mut self, record: &Record) -> Value {
        let first = record.fields.first().map_or("", |field| field.name);
        let name =
            if record.name == first { first.to_owned() } else { format!("{}.{first}", record.name.replace(' ', "_")) };
        self.reference(record, &name)
    }

    fn reference(&mut self, record: &Record, name: &str) -> Value {
        let name = name.replace(' ', "_");
        if !self.defs.contains_key(&name) {
            // Held while it is written: a record may hold itself.
            self.defs.insert(name.clone(), Value::Null);
            let written = self.record(record);
            self.defs.insert(name.clone(), written);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    fn record(&mut self, record: &Record) -> Value {
        let mut properties = Map::new();
        for field in record.all() {
            let mut shape = self.shape(&field.shape);
            let default =
                if field.default.is_empty() { String::new() } else { format!(" Default: {}.", field.default) };
            shape["description"] = Value::String(format!("{}{default}", field.doc));
            properties.insert(field.name.to_owned(), shape);
        }
        let required: Vec<&str> = record.all().filter(|field| field.required).map(|field| field.name).collect();
        json!({
            "type": "object",
            "description": record.doc,
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }

    fn agent(&mut self) -> Value {
        let drivers: Vec<&str> = self.names.drivers.iter().map(|driver| driver.name).collect();
        let mut agent = self.record(&AGENT);
        agent["properties"]["driver"]["enum"] = json!(drivers);
        for driver in self.names.drivers {
            for field in driver.fields {
                let mut shape = self.shape(&field.shape());
                shape["description"] = Value::String(format!("{} (driver `{}`)", field.doc, driver.name));
                let properties = &mut agent["properties"];
                if properties.get(field.name).is_none() {
                    properties[field.name] = shape;
                }
            }
        }
        agent["anyOf"] = json!([{"required": ["driver"]}, {"required": ["like"]}]);
        agent["allOf"] = self.names.drivers.iter().flat_map(rules_of).collect();
        self.defs.insert("agent".to_owned(), agent);
        json!({"$ref": "#/$defs/agent"})
    }
}

/// What a driver allows, and what it needs unless another agent gives it.
fn rules_of(driver: &DriverDoc<'_>) -> Vec<Value> {
    let named = json!({"properties": {"driver": {"const": driver.name}}, "required": ["driver"]});
    let own = driver.fields.iter().map(|field| field.name);
    let allowed: Vec<&str> = AGENT.all().map(|field| field.name).chain(own).collect();
    let needed: Vec<&str> = driver.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut rules = vec![json!({"if": named, "then": {"propertyNames": {"enum": allowed}}})];
    if !needed.is_empty() {
        let alone = json!({"allOf": [named, {"not": {"required": ["like"]}}]});
        rules.push(json!({"if": alone, "then": {"required": needed}}));
    }
    rules
}
