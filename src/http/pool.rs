//! Connections that are kept for the next request to the same server.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

/// Servers close connections that nobody uses, most after 5 s; one that is closed just then would cost a request.
const LONGEST_IDLE: Duration = Duration::from_secs(3);

/// Kept for one server.
const MOST_KEPT: usize = 256;

/// Cheap to clone: a clone is the same pool.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    idle: Arc<Mutex<HashMap<String, Vec<Idle>>>>,
}

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since: Instant,
}

impl Pool {
    /// A connection to `host:port` that still stands.
    pub fn take(&self, at: &str) -> Option<TcpStream> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let all = idle.get_mut(at)?;
        while let Some(Idle { stream, since }) = all.pop() {
            if since.elapsed() > LONGEST_IDLE {
                // The others have waited longer still.
                all.clear();
                return None;
            }
            if stands(&stream) {
                return Some(stream);
            }
        }
        None
    }

    pub fn put(&self, at: &str, stream: TcpStream) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let all = idle.entry(at.to_owned()).or_default();
        if all.len() < MOST_KEPT {
            all.push(Idle { stream, since: Instant::now() });
        }
    }
}

/// Nothing came while it was idle: neither its end nor words that nobody asked for.
fn stands(stream: &TcpStream) -> bool {
    let nothing = stream.try_read(&mut [0; 1]);
    matches!(nothing, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}
