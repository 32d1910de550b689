//! A token that many tasks hold and one of them pulls.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

/// Cancelled once, for ever; a clone is the same token, a `child` is cancelled with its parent and on its own.
#[derive(Clone, Debug)]
pub struct Cancel {
    state: Arc<watch::Sender<bool>>,
    parent: Option<Arc<Cancel>>,
}

impl Cancel {
    pub fn new() -> Cancel {
        Cancel { state: Arc::new(watch::Sender::new(false)), parent: None }
    }

    /// A token for a part of the work: cancelling it leaves the rest alone.
    pub fn child(&self) -> Cancel {
        Cancel { state: Arc::new(watch::Sender::new(false)), parent: Some(Arc::new(self.clone())) }
    }

    pub fn cancel(&self) {
        self.state.send_replace(true);
    }

    pub fn is_cancelled(&self) -> bool {
        *self.state.borrow() || self.parent.as_ref().is_some_and(|parent| parent.is_cancelled())
    }

    /// Waits until the token is cancelled; never returns before.
    pub fn cancelled(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let mut own = self.state.subscribe();
            // The sender lives in `self`, so the wait cannot fail.
            let own = async move { drop(own.wait_for(|cancelled| *cancelled).await) };
            match &self.parent {
                None => own.await,
                Some(parent) => tokio::select! { () = own => {}, () = parent.cancelled() => {} },
            }
        })
    }
}

impl Default for Cancel {
    fn default() -> Cancel {
        Cancel::new()
    }
}
