//! Requests of Codex that wait for replies. One may hold several questions: it is answered when all of them are.

use super::{asks, wire};
use crate::model::{
    agent::{AskId, Reply},
    fault::{Boundary, Fault},
};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Questions {
    /// The request of each question, and which of its questions it is.
    asks: BTreeMap<AskId, (u32, usize)>,
    requests: BTreeMap<u32, Request>,
    last: u32,
}

struct Request {
    id: Value,
    method: String,
    params: Value,
    replies: Vec<Option<Reply>>,
}

impl Questions {
    /// Takes a request in; says the numbers of its questions.
    pub fn put(&mut self, (id, method, params): (Value, String, Value), count: usize) -> Vec<AskId> {
        let number = self.last + 1;
        let asks: Vec<AskId> = (0..count)
            .map(|at| {
                self.last += 1;
                self.asks.insert(AskId(self.last), (number, at));
                AskId(self.last)
            })
            .collect();
        self.requests.insert(number, Request { id, method, params, replies: vec![None; count] });
        asks
    }

    /// Takes a reply; says the line that answers the request, once all of it is replied to. A question that was taken back, or whose
    /// turn is over, needs no answer any more.
    ///
    /// # Errors
    /// Where nothing was ever asked by that number.
    pub fn reply(&mut self, to: AskId, reply: Reply) -> Result<Option<String>, Fault> {
        if to.0 == 0 || to.0 > self.last {
            return Err(Fault::new(Boundary::Agent, "no_question", format!("question {} does not wait", to.0)));
        }
        let Some((number, at)) = self.asks.remove(&to) else { return Ok(None) };
        let Some(request) = self.requests.get_mut(&number) else { return Ok(None) };
        if let Some(place) = request.replies.get_mut(at) {
            *place = Some(reply);
        }
        let Some(replies) = request.replies.iter().cloned().collect::<Option<Vec<Reply>>>() else { return Ok(None) };
        let result = asks::answer(&request.method, &request.params, &replies);
        let line = wire::answer(&request.id, &result);
        self.requests.remove(&number);
        Ok(Some(line))
    }

    /// Codex no longer waits for this request.
    pub fn resolved(&mut self, id: &Value) {
        let done = |request: &Request| request.id == *id;
        let numbers: Vec<u32> = self.requests.iter().filter(|(_, one)| done(one)).map(|(number, _)| *number).collect();
        self.requests.retain(|_, request| !done(request));
        self.asks.retain(|_, (number, _)| !numbers.contains(number));
    }

    pub fn clear(&mut self) {
        self.asks.clear();
        self.requests.clear();
    }
}
