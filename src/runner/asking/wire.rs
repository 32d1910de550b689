//! Sends judges' requests over the project's own HTTP client: plain HTTP, each on a connection of its own.

use crate::http::{self, HttpFault, Url};
use crate::judges::{Failed, Message, Post, Response};
use crate::model::{
    fault::{Boundary, Fault},
    run::Boxed,
};

/// A longer body is no reply of a judge.
const MOST_BYTES: u64 = 8 << 20;

/// The network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wire;

impl Post for Wire {
    fn post(&self, message: Message) -> Boxed<'_, Result<Response, Failed>> {
        let Message { url, headers, body, timeout } = message;
        let request = http::Request { url, headers, body, timeout, most_bytes: MOST_BYTES };
        Box::pin(async move {
            match http::post(request).await {
                Ok(response) => {
                    Ok(Response { status: response.status, headers: response.headers.0, body: response.body })
                }
                Err(fault) => Err(Failed::from(judged(&fault))),
            }
        })
    }

    fn cannot(&self, url: &str) -> Option<String> {
        Url::parse(url).err().map(|fault| fault.to_string())
    }
}

fn judged(fault: &HttpFault) -> Fault {
    let found = Fault::new(Boundary::Judge, fault.kind(), fault.to_string());
    let found = if fault.is_passing() { found.retryable() } else { found };
    match fault {
        HttpFault::Timeout { .. } => found.hint("`timeout` of the vote is how long a reply may take"),
        HttpFault::Connect { .. } => found.hint("check `base_url`, and that the server runs"),
        HttpFault::Url(_)
        | HttpFault::Request(_)
        | HttpFault::Closed { .. }
        | HttpFault::TooLarge { .. }
        | HttpFault::Malformed { .. } => found,
    }
}
